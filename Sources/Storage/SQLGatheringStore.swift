public import Domain

/// What gatherings that are under way have read, in a database, encrypted.
public struct SQLGatheringStore: GatheringStore {
  private let database: any SQLDatabase
  private let vault: Vault

  public init(_ database: any SQLDatabase, vault: Vault) {
    self.database = database
    self.vault = vault
  }

  private static let all = """
    SELECT number, body FROM gatherings WHERE gathering = $1 AND number > $2
    ORDER BY number LIMIT 20
    """

  static func purpose(_ gathering: String, _ number: Int64) -> String {
    "gathering \(gathering) \(number)"
  }

  public func pages(of gathering: String) async throws(StoreError) -> [GatheredPage] {
    var pages: [GatheredPage] = []
    var last: Int64 = -1
    while true {
      let rows = try await database.query(
        SQLStatement(Self.all, [.plain(gathering), .integer(last)]))
      for row in rows {
        last = row.integer(0) ?? 0
        let text = try vault.open(row.bytes(1) ?? [], for: Self.purpose(gathering, last))
        pages.append(
          try StoredJSON.value(String(decoding: text, as: UTF8.self), named: "a gathered page"))
      }
      if rows.count < 20 { return pages }
    }
  }

  public func add(
    _ page: GatheredPage, number: Int, to gathering: String
  ) async throws(StoreError) {
    let text = try StoredJSON.text(page, named: "a gathered page")
    let sealed = try vault.seal(
      Array(text.utf8), for: Self.purpose(gathering, Int64(number)))
    try await database.change([
      SQLStatement(
        """
        INSERT INTO gatherings (gathering, number, at, body)
        VALUES ($1, $2, \(database.dialect.now), $3)
        ON CONFLICT (gathering, number) DO UPDATE SET at = excluded.at, body = excluded.body
        """, [.plain(gathering), .number(number), .bytes(sealed)])
    ])
  }

  public func remove(_ gathering: String) async throws(StoreError) {
    _ = try await erase("gathering = $1", [.plain(gathering)])
  }

  public func removeAll(olderThan age: Duration) async throws(StoreError) -> Int {
    try await erase("at < \(database.dialect.now) - $1", [.real(age.inSeconds)])
  }

  private func erase(
    _ condition: String, _ values: [SQLValue]
  ) async throws(StoreError) -> Int {
    let removal = SQLStatement("DELETE FROM gatherings WHERE \(condition)", values)
    let count = try await database.transaction {
      [erasing = database.dialect.erasing] transaction throws(StoreError) in
      for statement in erasing { _ = try transaction.query(SQLStatement(statement)) }
      return try transaction.change(removal)
    }
    if count > 0 { try await database.eraseFreed() }
    return count
  }
}
