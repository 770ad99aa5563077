extension Migration {
  /// The tracker's issues, and API tokens by their hashes.
  static let issuesAndTokens0010 = Migration(
    number: 10, name: "issues and tokens",
    statements: [
      """
      CREATE TABLE issues (
        id TEXT NOT NULL PRIMARY KEY,
        status TEXT NOT NULL,
        priority TEXT,
        created_at DOUBLE PRECISION NOT NULL,
        updated_at DOUBLE PRECISION NOT NULL,
        body TEXT NOT NULL
      )
      """,
      """
      CREATE TABLE tokens (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        scope TEXT NOT NULL,
        hash TEXT NOT NULL UNIQUE,
        created_at DOUBLE PRECISION NOT NULL,
        expires_at DOUBLE PRECISION,
        revoked_at DOUBLE PRECISION
      )
      """,
    ])
}
