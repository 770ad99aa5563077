import Crypto
public import Domain
import Foundation

/// A secret key of 32 bytes under its id. It shows nobody what it holds.
public struct SecretKey: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
  public let id: String
  let bytes: [UInt8]

  /// - Parameter id: made of a hash of the key where none is given.
  /// - Returns: `nil` where there are not 32 bytes.
  public init?(id: String? = nil, bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    self.id = id ?? String(Self.hash(bytes, "stet-key-id").prefix(8))
    self.bytes = bytes
  }

  public var description: String { id }
  public var customMirror: Mirror { Mirror(self, children: ["id": id]) }

  /// 32 bytes for one purpose, from which neither the key nor those of another can be found.
  public func derived(for purpose: String) -> [UInt8] {
    HKDF<SHA256>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: bytes), info: Data(purpose.utf8), outputByteCount: 32
    ).withUnsafeBytes { Array($0) }
  }

  /// Tells this key from another of the same id. 32 random bytes cannot be found from it.
  var proof: String { Self.hash(bytes, "stet-key-proof") }

  private static func hash(_ bytes: [UInt8], _ purpose: String) -> String {
    Hexadecimal.of(SHA256.hash(data: Data(purpose.utf8) + Data([0]) + Data(bytes)))
  }
}

/// Notes which secret key a database belongs to, so that a process with another one does not begin
/// to write what the rest cannot read.
public struct SQLKeyRegister: Sendable {
  private let database: any SQLDatabase

  public init(_ database: any SQLDatabase) { self.database = database }

  /// - Parameters:
  ///   - keys: the first is the one to write with; the others were before it.
  ///   - file: where they were read; `nil` where `STET_SECRET_KEY` gave them.
  /// - Throws: `.refused` where none of them is the newest that this database knows.
  public func check(_ keys: [SecretKey], file: String? = nil) async throws(StoreError) {
    guard let current = keys.first else { return }
    let now = database.dialect.now
    let place = database.place
    try await database.transaction { transaction throws(StoreError) in
      let rows = try transaction.query(
        SQLStatement("SELECT id, proof FROM keys ORDER BY created_at DESC, id"))
      if let newest = rows.first, let id = newest.text(0) {
        guard let same = keys.first(where: { $0.id == id }) else {
          throw StoreError(
            code: .refused,
            detail: "\(file ?? "STET_SECRET_KEY") holds the key "
              + "\(keys.map(\.id).joined(separator: ", ")), and \(place) belongs to the key \(id). "
              + Self.remedy(id, file))
        }
        guard newest.text(1) == same.proof else {
          throw StoreError(
            code: .refused,
            detail: "the key \(id) of \(file ?? "STET_SECRET_KEY") is another than the key \(id) "
              + "that \(place) belongs to. " + Self.remedy(id, file))
        }
      }
      for row in rows where row.text(0) == current.id && row.text(1) != current.proof {
        throw StoreError(
          code: .refused,
          detail: "\(place) knows another key of the id \(current.id); give the new key an id of "
            + "its own.")
      }
      try transaction.change(
        SQLStatement(
          """
          INSERT INTO keys (id, proof, created_at) VALUES ($1, $2, \(now))
          ON CONFLICT (id) DO NOTHING
          """, [.text(current.id), .text(current.proof)]))
    }
  }

  private static func remedy(_ id: String, _ file: String?) -> String {
    let given =
      file.map {
        "Put the file \($0) there that holds that one; it is in the data folder of the machine that "
          + "served from this database."
      } ?? "Give that one, or both, the new one first: NEW_ID:KEY,\(id):KEY."
    return given
      + " Where it is lost, what was encrypted with it is lost, too: `stet migrate --new-key` "
      + "removes that and lets the next start bring another."
  }

  /// The ids of the keys that this database belongs to, the newest first.
  public func known() async throws(StoreError) -> [String] {
    try await database.query(
      SQLStatement("SELECT id FROM keys ORDER BY created_at DESC, id")
    ).map { $0.text(0) ?? "" }
  }

  /// Makes the database belong to this key alone, or to none until the next `check`. Nothing may be
  /// encrypted with another.
  public func replaceAll(with key: SecretKey?) async throws(StoreError) {
    var statements = [SQLStatement("DELETE FROM keys")]
    if let key {
      statements.append(
        SQLStatement(
          "INSERT INTO keys (id, proof, created_at) VALUES ($1, $2, \(database.dialect.now))",
          [.text(key.id), .text(key.proof)]))
    }
    try await database.change(statements)
  }
}
