public import Domain

/// The repositories that Stet has heard of, in a database.
public struct SQLRepositoryRegister: RepositoryRegister {
  private let database: any SQLDatabase
  private let known: String
  private let upsert: String

  public init(_ database: any SQLDatabase) {
    self.database = database
    let now = database.dialect.now
    // Once a day is enough.
    known = """
      SELECT COALESCE(installation, 0), name FROM repositories
      WHERE key = $1 AND seen_at > \(now) - 86400
      """
    upsert = """
      INSERT INTO repositories (key, forge, name, installation, seen_at)
      VALUES ($1, $2, $3, $4, \(now))
      ON CONFLICT (key) DO UPDATE SET name = excluded.name,
        installation = excluded.installation, seen_at = excluded.seen_at
      """
  }

  private static let page = """
    SELECT forge, name, installation FROM repositories WHERE key > $1 ORDER BY key LIMIT $2
    """
  private static let delete = "DELETE FROM repositories WHERE key = $1"

  public func note(_ repository: KnownRepository) async throws(StoreError) {
    let name = "\(repository.repository)"
    let row = try await database.query(SQLStatement(known, [.plain(repository.key)])).first
    if let row, row.integer(0) == repository.installation ?? 0, row.text(1) == name { return }
    _ = try await database.change([
      SQLStatement(
        upsert,
        [
          .plain(repository.key), .plain(repository.forge), .plain(name),
          repository.installation.map { .integer($0) } ?? .null,
        ])
    ])
  }

  public func repositories(
    after: String?, limit: Int
  ) async throws(StoreError) -> [KnownRepository] {
    let rows = try await database.query(
      SQLStatement(Self.page, [.plain(after ?? ""), .number(limit)]))
    return rows.compactMap { row in
      guard let forge = row.text(0), let name = row.text(1).flatMap({ RepositoryName($0) }) else {
        return nil
      }
      return KnownRepository(forge: forge, repository: name, installation: row.integer(2))
    }
  }

  public func forget(_ repository: KnownRepository) async throws(StoreError) {
    _ = try await database.change([SQLStatement(Self.delete, [.plain(repository.key)])])
  }
}
