extension Migration {
  /// Learned reviewers, their examples and vectors, and what gatherings that are under way have
  /// read. Every `body` is encrypted by the `Vault`.
  static let reviewers0019 = Migration(
    number: 19, name: "reviewers",
    statements: [
      """
      CREATE TABLE reviewers (
        forge TEXT NOT NULL,
        repository TEXT NOT NULL,
        account BIGINT NOT NULL,
        id TEXT NOT NULL,
        version BIGINT NOT NULL,
        gathered_at DOUBLE PRECISION,
        body BYTEA NOT NULL,
        PRIMARY KEY (forge, repository, account)
      )
      """,
      """
      CREATE TABLE reviewer_examples (
        reviewer TEXT NOT NULL,
        id TEXT NOT NULL,
        body BYTEA NOT NULL,
        PRIMARY KEY (reviewer, id)
      )
      """,
      """
      CREATE TABLE reviewer_vectors (
        scope TEXT NOT NULL,
        key TEXT NOT NULL,
        body BYTEA NOT NULL,
        PRIMARY KEY (scope, key)
      )
      """,
      """
      CREATE TABLE vector_scopes (
        scope TEXT NOT NULL PRIMARY KEY,
        mark BIGINT NOT NULL,
        dimension BIGINT NOT NULL
      )
      """,
      """
      CREATE TABLE gatherings (
        gathering TEXT NOT NULL,
        number BIGINT NOT NULL,
        at DOUBLE PRECISION NOT NULL,
        body BYTEA NOT NULL,
        PRIMARY KEY (gathering, number)
      )
      """,
    ])
}
