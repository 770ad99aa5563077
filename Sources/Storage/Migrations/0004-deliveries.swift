extension Migration {
  /// Raw messages from outside, compressed. `BYTEA` is PostgreSQL's word; SQLite keeps bytes as
  /// they are in a column of any type.
  static let deliveries0004 = Migration(
    number: 4, name: "deliveries",
    statements: [
      """
      CREATE TABLE deliveries (
        id TEXT NOT NULL PRIMARY KEY,
        event TEXT NOT NULL,
        meaning TEXT NOT NULL UNIQUE,
        received_at DOUBLE PRECISION NOT NULL,
        job TEXT NOT NULL,
        bytes BIGINT NOT NULL,
        sha256 TEXT NOT NULL,
        body BYTEA NOT NULL
      )
      """,
      "CREATE INDEX deliveries_by_time ON deliveries (received_at)",
    ])
}
