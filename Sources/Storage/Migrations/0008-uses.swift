extension Migration {
  /// What was done by whom, for limits. Times are whole microseconds since 1970, so that a wait is
  /// exact.
  static let uses0008 = Migration(
    number: 8, name: "uses",
    statements: [
      """
      CREATE TABLE limits (
        key TEXT NOT NULL PRIMARY KEY,
        expires_microseconds BIGINT NOT NULL
      )
      """,
      "CREATE INDEX limits_by_expiry ON limits (expires_microseconds)",
      """
      CREATE TABLE uses (
        key TEXT NOT NULL,
        name TEXT NOT NULL,
        at_microseconds BIGINT NOT NULL,
        expires_microseconds BIGINT NOT NULL,
        PRIMARY KEY (key, name)
      )
      """,
      "CREATE INDEX uses_by_time ON uses (key, at_microseconds)",
      "CREATE INDEX uses_by_expiry ON uses (expires_microseconds)",
    ])
}
