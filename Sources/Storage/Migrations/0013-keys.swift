extension Migration {
  /// Which secret key a database belongs to, and a copy into it that is not finished.
  static let keys0013 = Migration(
    number: 13, name: "keys",
    statements: [
      // `proof` is a hash that tells a key from another and is of no use to find it.
      """
      CREATE TABLE keys (
        id TEXT NOT NULL PRIMARY KEY,
        proof TEXT NOT NULL,
        created_at DOUBLE PRECISION NOT NULL
      )
      """,
      // One row for each table that is copied into this database, while it is.
      """
      CREATE TABLE copying (
        name TEXT NOT NULL PRIMARY KEY,
        source TEXT NOT NULL,
        state TEXT NOT NULL,
        after_key TEXT,
        copied BIGINT NOT NULL
      )
      """,
    ])
}
