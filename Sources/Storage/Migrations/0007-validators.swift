extension Migration {
  /// Answers of forges with their validators. `BYTEA` is PostgreSQL's word for bytes; SQLite keeps
  /// bytes as they are under any word.
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
        body BYTEA NOT NULL
      )
      """,
      "CREATE INDEX validators_by_use ON validators (last_used_at, bytes)",
    ])
}
