public import Domain

/// People's own tokens of a forge, in a database, encrypted.
public struct SQLAccountLinkStore: AccountLinkStore {
  private let database: any SQLDatabase
  private let vault: Vault

  public init(_ database: any SQLDatabase, vault: Vault) {
    self.database = database
    self.vault = vault
  }

  private static let upsert = """
    INSERT INTO account_links (forge, account, body) VALUES ($1, $2, $3)
    ON CONFLICT (forge, account) DO UPDATE SET body = excluded.body
    """
  private static let one = "SELECT body FROM account_links WHERE forge = $1 AND account = $2"
  private static let delete = "DELETE FROM account_links WHERE forge = $1 AND account = $2"

  static func purpose(_ forge: String, _ user: Int64) -> String { "account-link \(forge) \(user)" }

  public func save(_ link: AccountLink) async throws(StoreError) {
    let text = try StoredJSON.text(link, named: "the sign-in of \(link.user.id)")
    let sealed = try vault.seal(Array(text.utf8), for: Self.purpose(link.forge, link.user.id))
    try await database.change([
      SQLStatement(
        Self.upsert, [.plain(link.forge), .integer(link.user.id), .bytes(sealed)])
    ])
  }

  public func link(forge: String, user: Int64) async throws(StoreError) -> AccountLink? {
    let rows = try await database.query(
      SQLStatement(Self.one, [.plain(forge), .integer(user)]))
    guard let sealed = rows.first?.bytes(0) else { return nil }
    let text = try vault.open(sealed, for: Self.purpose(forge, user))
    return try StoredJSON.value(
      String(decoding: text, as: UTF8.self), named: "the sign-in of \(user)")
  }

  public func remove(_ link: AccountLink) async throws(StoreError) {
    let key: [SQLValue] = [.plain(link.forge), .integer(link.user.id)]
    let rows = try await database.query(SQLStatement(Self.one, key))
    guard let sealed = rows.first?.bytes(0) else { return }
    let text = try vault.open(sealed, for: Self.purpose(link.forge, link.user.id))
    let kept: AccountLink = try StoredJSON.value(
      String(decoding: text, as: UTF8.self), named: "the sign-in of \(link.user.id)")
    guard kept.token == link.token else { return }
    // The very bytes that were read: one that came since is sealed otherwise.
    try await database.change([
      SQLStatement(Self.delete + " AND body = $3", key + [.bytes(sealed)])
    ])
  }

  public func remove(forge: String, user: Int64) async throws(StoreError) {
    try await database.change([SQLStatement(Self.delete, [.plain(forge), .integer(user)])])
  }
}
