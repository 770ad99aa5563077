extension Migration {
  /// Notices that wait for their digest, and what was learned of which findings people ignore.
  static let notices0016 = Migration(
    number: 16, name: "notices",
    statements: [
      """
      CREATE TABLE notices (
        digest TEXT NOT NULL,
        id TEXT NOT NULL,
        at DOUBLE PRECISION NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (digest, id)
      )
      """,
      """
      CREATE TABLE outcome_filters (
        repository TEXT NOT NULL,
        version BIGINT NOT NULL,
        used BIGINT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (repository, version)
      )
      """,
    ])
}
