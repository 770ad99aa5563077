import Crypto
public import Domain
public import Foundation

/// Sign-ins that are under way, in a database, encrypted. A state itself is never stored: who reads
/// the database can end no sign-in.
public struct SQLSignInStore: SignInStore {
  private let database: any SQLDatabase
  private let vault: Vault

  public init(_ database: any SQLDatabase, vault: Vault) {
    self.database = database
    self.vault = vault
  }

  /// Seconds after its end for which a state is known as one that is over.
  static let memory: TimeInterval = 86_400

  private static let sweep = "DELETE FROM sign_ins WHERE expires_at < $1"
  private static let insert = """
    INSERT INTO sign_ins (state, expires_at, tries, body) VALUES ($1, $2, 0, $3)
    """
  private static let count = "UPDATE sign_ins SET tries = tries + 1 WHERE state = $1"
  /// What it held goes at once.
  private static let end = """
    UPDATE sign_ins SET used_at = $1, body = $2
    WHERE state = $3 AND used_at IS NULL AND expires_at > $4
    """

  static func purpose(_ hash: String) -> String { "sign-in \(hash)" }

  static func hash(_ state: String) -> String {
    Hexadecimal.of(SHA256.hash(data: Data(state.utf8)))
  }

  public func begin(
    _ signIn: PendingSignIn, state: String, at now: Date
  ) async throws(StoreError) {
    let hash = Self.hash(state)
    let text = try StoredJSON.text(signIn, named: "a sign-in")
    let sealed = try vault.seal(Array(text.utf8), for: Self.purpose(hash))
    try await database.change([
      SQLStatement(Self.sweep, [.time(now.addingTimeInterval(-Self.memory))]),
      SQLStatement(Self.insert, [.text(hash), .time(signIn.expiresAt), .bytes(sealed)]),
    ])
  }

  public func attempt(
    _ state: String, tries: Int, at now: Date
  ) async throws(StoreError) -> FoundSignIn? {
    let hash = Self.hash(state)
    let one = "SELECT expires_at, used_at, tries, body FROM sign_ins WHERE state = $1"
    let look = SQLStatement(one + database.dialect.lockingRows, [.text(hash)])
    let row = try await database.transaction { transaction throws(StoreError) -> SQLRow? in
      guard let row = try transaction.query(look).first else { return nil }
      let isOpen = row.time(1) == nil && (row.time(0) ?? now) > now
      if isOpen { try transaction.change(SQLStatement(Self.count, [.text(hash)])) }
      return row
    }
    guard let row, let end = row.time(0), let tried = row.integer(2) else { return nil }
    if row.time(1) != nil { return .used }
    let text = try vault.open(row.bytes(3) ?? [], for: Self.purpose(hash))
    let signIn: PendingSignIn = try StoredJSON.value(
      String(decoding: text, as: UTF8.self), named: "a sign-in")
    if end <= now { return .expired(signIn) }
    return tried >= Int64(tries) ? .wornOut(signIn) : .open(signIn)
  }

  public func finish(_ state: String, at now: Date) async throws(StoreError) -> Bool {
    let changed = try await database.change([
      SQLStatement(
        Self.end, [.time(now), .bytes([]), .text(Self.hash(state)), .time(now)])
    ])
    return changed.first == 1
  }
}
