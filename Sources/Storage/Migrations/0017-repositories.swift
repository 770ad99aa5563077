extension Migration {
  /// Repositories that Stet has heard of.
  static let repositories0017 = Migration(
    number: 17, name: "repositories",
    statements: [
      """
      CREATE TABLE repositories (
        key TEXT NOT NULL PRIMARY KEY,
        forge TEXT NOT NULL,
        name TEXT NOT NULL,
        installation BIGINT,
        seen_at DOUBLE PRECISION NOT NULL
      )
      """
    ])
}
