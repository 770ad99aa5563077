extension Migration {
  /// In which words issues were answered, and the vectors of texts; both can be had again.
  static let likeness0018 = Migration(
    number: 18, name: "likeness",
    statements: [
      """
      CREATE TABLE wordings (
        key TEXT NOT NULL PRIMARY KEY,
        scope TEXT NOT NULL,
        last_used_at DOUBLE PRECISION NOT NULL,
        bytes BIGINT NOT NULL,
        body BYTEA NOT NULL
      )
      """,
      "CREATE INDEX wordings_by_use ON wordings (last_used_at, bytes)",
      "CREATE INDEX wordings_by_scope ON wordings (scope, last_used_at)",
      """
      CREATE TABLE vectors (
        key TEXT NOT NULL PRIMARY KEY,
        last_used_at DOUBLE PRECISION NOT NULL,
        bytes BIGINT NOT NULL,
        body BYTEA NOT NULL
      )
      """,
      "CREATE INDEX vectors_by_use ON vectors (last_used_at, bytes)",
    ])
}
