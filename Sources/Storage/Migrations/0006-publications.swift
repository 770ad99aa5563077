extension Migration {
  /// One row for each pull request that Stet has posted on. The repository is in lower case.
  static let publications0006 = Migration(
    number: 6, name: "publications",
    statements: [
      """
      CREATE TABLE publications (
        forge TEXT NOT NULL,
        repository TEXT NOT NULL,
        number BIGINT NOT NULL,
        version BIGINT NOT NULL,
        updated_at DOUBLE PRECISION NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (forge, repository, number)
      )
      """
    ])
}
