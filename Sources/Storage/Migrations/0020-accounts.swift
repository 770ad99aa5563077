extension Migration {
  /// People who signed in on a forge, sign-ins that are under way, and who agreed to be learned.
  /// Every `body` is encrypted by the `Vault`.
  static let accounts0020 = Migration(
    number: 20, name: "accounts",
    statements: [
      // `state` is the SHA-256 of what the link holds.
      """
      CREATE TABLE sign_ins (
        state TEXT NOT NULL PRIMARY KEY,
        expires_at DOUBLE PRECISION NOT NULL,
        used_at DOUBLE PRECISION,
        tries BIGINT NOT NULL,
        body BYTEA NOT NULL
      )
      """,
      "CREATE INDEX sign_ins_by_end ON sign_ins (expires_at)",
      """
      CREATE TABLE account_links (
        forge TEXT NOT NULL,
        account BIGINT NOT NULL,
        body BYTEA NOT NULL,
        PRIMARY KEY (forge, account)
      )
      """,
      """
      CREATE TABLE consents (
        forge TEXT NOT NULL,
        repository TEXT NOT NULL,
        account BIGINT NOT NULL,
        body BYTEA NOT NULL,
        PRIMARY KEY (forge, repository, account)
      )
      """,
    ])
}
