public import Domain

/// Who agreed to be learned, in a database, encrypted. Repositories are known in lower case, people
/// by their numbers.
public struct SQLConsentStore: ConsentStore {
  private let database: any SQLDatabase
  private let vault: Vault

  public init(_ database: any SQLDatabase, vault: Vault) {
    self.database = database
    self.vault = vault
  }

  private static let upsert = """
    INSERT INTO consents (forge, repository, account, body) VALUES ($1, $2, $3, $4)
    ON CONFLICT (forge, repository, account) DO UPDATE SET body = excluded.body
    """
  private static let place = "WHERE forge = $1 AND repository = $2 AND account = $3"
  private static let one = "SELECT body FROM consents \(place)"
  private static let delete = "DELETE FROM consents \(place)"
  private static let deleteAll = "DELETE FROM consents WHERE forge = $1 AND account = $2"

  static func purpose(_ forge: String, _ repository: String, _ user: Int64) -> String {
    "consent \(forge) \(repository) \(user)"
  }

  private static func repository(_ identity: ReviewerIdentity) -> String {
    identity.repository.description.lowercased()
  }

  private static func key(_ identity: ReviewerIdentity) -> [SQLValue] {
    [.plain(identity.forge), .plain(repository(identity)), .integer(identity.user.id)]
  }

  private static func purpose(_ identity: ReviewerIdentity) -> String {
    purpose(identity.forge, repository(identity), identity.user.id)
  }

  public func save(_ consent: ReviewerConsent) async throws(StoreError) {
    let text = try StoredJSON.text(consent, named: "the consent of \(consent.identity.user.id)")
    let sealed = try vault.seal(Array(text.utf8), for: Self.purpose(consent.identity))
    try await database.change([
      SQLStatement(Self.upsert, Self.key(consent.identity) + [.bytes(sealed)])
    ])
  }

  public func consent(
    of identity: ReviewerIdentity
  ) async throws(StoreError) -> ReviewerConsent? {
    let rows = try await database.query(SQLStatement(Self.one, Self.key(identity)))
    guard let sealed = rows.first?.bytes(0) else { return nil }
    let text = try vault.open(sealed, for: Self.purpose(identity))
    return try StoredJSON.value(
      String(decoding: text, as: UTF8.self), named: "the consent of \(identity.user.id)")
  }

  public func forget(_ identity: ReviewerIdentity) async throws(StoreError) {
    try await database.change([SQLStatement(Self.delete, Self.key(identity))])
  }

  public func forgetAll(forge: String, user: Int64) async throws(StoreError) {
    try await database.change([SQLStatement(Self.deleteAll, [.plain(forge), .integer(user)])])
  }
}
