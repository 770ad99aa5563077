extension Migration {
  /// Model answers by the hash of what was asked. The index carries the sizes, so that adding them
  /// up does not read the answers themselves.
  static let responses0002 = Migration(
    number: 2, name: "responses",
    statements: [
      """
      CREATE TABLE responses (
        key TEXT NOT NULL PRIMARY KEY,
        created_at DOUBLE PRECISION NOT NULL,
        last_used_at DOUBLE PRECISION NOT NULL,
        bytes BIGINT NOT NULL,
        body TEXT NOT NULL
      )
      """,
      "CREATE INDEX responses_by_use ON responses (last_used_at, bytes)",
    ])
}
