import Crypto
public import Domain
import Foundation

/// Seals what a database keeps of people: AES-256-GCM under `STET_SECRET_KEY`, the first of whose
/// keys seals while every one of them opens.
///
/// A sealed value is `1`, the length of the key's id, the id, a random nonce of 12 bytes, the
/// ciphertext and a tag of 16 bytes. What stands before the nonce and the purpose are associated
/// data, so that a value of one column, row or person does not open as that of another.
public struct Vault: Sendable {
  private let current: SealingKey?
  private let keys: [String: SealingKey]

  private struct SealingKey: Sendable {
    let id: String
    let key: SymmetricKey
  }

  private static let version: UInt8 = 1
  private static let nonceLength = 12
  private static let tagLength = 16

  /// - Parameter keys: the one to seal with first; the others open what was sealed before a
  ///   rotation.
  public init(keys: [SecretKey]) {
    // A key of its own, since sessions and cookies are signed with others of the same secret.
    let sealing = keys.map {
      SealingKey(id: $0.id, key: SymmetricKey(data: Data($0.derived(for: "stet-vault"))))
    }
    current = sealing.first
    self.keys = Dictionary(sealing.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// - Parameter purpose: what it is and whose, such as `account-link github 4711`; the same is
  ///   needed to open it. It is not stored.
  /// - Throws: `.refused` where there is no key to seal with: nothing is stored in the clear instead.
  public func seal(_ plain: [UInt8], for purpose: String) throws(StoreError) -> [UInt8] {
    guard let current else {
      throw StoreError(
        code: .refused,
        detail: "there is no secret key to encrypt with; set STET_SECRET_KEY, such as "
          + "`openssl rand -base64 32` makes it.")
    }
    let id = [UInt8](current.id.utf8)
    guard let length = UInt8(exactly: id.count) else {
      throw StoreError(
        code: .refused, detail: "an id of STET_SECRET_KEY is longer than 255 bytes; shorten it.")
    }
    let header = [Self.version, length] + id
    do {
      let box = try AES.GCM.seal(
        Data(plain), using: current.key,
        authenticating: Self.associatedData(header: header, purpose: purpose))
      return header + Array(box.nonce) + Array(box.ciphertext) + Array(box.tag)
    } catch {
      throw StoreError(code: .failed, detail: "a value could not be encrypted: \(error)")
    }
  }

  /// - Throws: `.refused` where it was sealed with a key that is not among these, `.corrupt` where
  ///   it was changed or sealed for another purpose.
  public func open(_ sealed: [UInt8], for purpose: String) throws(StoreError) -> [UInt8] {
    guard let header = Self.header(of: sealed), let id = keyID(of: sealed) else {
      throw StoreError(
        code: .corrupt,
        detail: "an encrypted value is stored in a form that this Stet cannot read; a newer one "
          + "may have written it.")
    }
    guard let key = keys[id] else {
      throw StoreError(
        code: .refused,
        detail: "a value was encrypted with the key \(id), which STET_SECRET_KEY does not hold. "
          + "Give that one too, after the one to write with: NEW_ID:KEY,\(id):KEY.")
    }
    do {
      let box = try AES.GCM.SealedBox(combined: Data(sealed[header.count...]))
      let plain = try AES.GCM.open(
        box, using: key.key,
        authenticating: Self.associatedData(header: Array(header), purpose: purpose))
      return Array(plain)
    } catch {
      throw StoreError(
        code: .corrupt,
        detail: "an encrypted value was changed after it was stored, or the key \(id) is another "
          + "than the one that it was encrypted with.")
    }
  }

  /// Which key it was sealed with; `nil` where it is no sealed value.
  public func keyID(of sealed: [UInt8]) -> String? {
    Self.header(of: sealed).flatMap { String(validating: $0.dropFirst(2), as: UTF8.self) }
  }

  /// Whether it was sealed with the key that new values are sealed with. What was not is opened and
  /// sealed again, so that the older key can be taken away.
  public func isCurrent(_ sealed: [UInt8]) -> Bool {
    current.map { $0.id == keyID(of: sealed) } ?? false
  }

  private static func header(of sealed: [UInt8]) -> ArraySlice<UInt8>? {
    guard sealed.count > 2, sealed[0] == version else { return nil }
    let count = 2 + Int(sealed[1])
    return sealed.count >= count + nonceLength + tagLength ? sealed[..<count] : nil
  }

  private static func associatedData(header: [UInt8], purpose: String) -> Data {
    Data(header) + Data(purpose.utf8)
  }
}
