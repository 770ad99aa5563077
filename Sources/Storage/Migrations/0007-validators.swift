extension Migration {
  /// Answers of forges with their validators. The body is compressed, `body_bytes` is its length
  /// before that, and `bytes` what the row takes.
  static let validators0007 = Migration(
    number: 7, name: "validators",
    statements: [
      """
      CREATE TABLE validators (
        key TEXT NOT NULL PRIMARY KEY,
        last_used_at DOUBLE PRECISION NOT NULL,
        bytes BIGINT NOT NULL,
        etag TEXT NOT NULL,
        headers TEXT NOT NULL,
        body_bytes BIGINT NOT NULL,
        body BYTEA NOT NULL
      )
      """,
      "CREATE INDEX validators_by_use ON validators (last_used_at, bytes)",
    ])
}
