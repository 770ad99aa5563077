import Crypto
import CryptoExtras
public import Domain
public import Foundation

/// Opens what an older installation has encrypted: AES-128-CBC with an HMAC over all of it. Nothing
/// is sealed by it. Source: the Fernet specification, github.com/fernet/spec.
public struct Fernet: Sendable, CustomStringConvertible, CustomReflectable {
  private let signing: SymmetricKey
  private let encryption: SymmetricKey

  /// - Parameter key: 32 bytes in base64url, as `Fernet.generate_key()` of Python gives them.
  /// - Returns: `nil` for any other text.
  public init?(key: String) {
    guard let bytes = Self.bytes(key), bytes.count == 32 else { return nil }
    signing = SymmetricKey(data: bytes.prefix(16))
    encryption = SymmetricKey(data: bytes.suffix(16))
  }

  public var description: String { "a Fernet key" }
  public var customMirror: Mirror { Mirror(self, children: []) }

  private static let version: UInt8 = 0x80
  /// Version, time, vector.
  private static let head = 1 + 8 + 16
  private static let tag = 32

  /// - Returns: the text, and when it was sealed.
  /// - Throws: `.corrupt` where it is no token, or one of another key.
  public func open(_ token: String) throws(StoreError) -> (text: [UInt8], sealedAt: Date) {
    guard let bytes = Self.bytes(token), bytes.first == Self.version,
      bytes.count >= Self.head + 16 + Self.tag, (bytes.count - Self.head - Self.tag) % 16 == 0
    else {
      throw StoreError(code: .corrupt, detail: "it is no Fernet token.")
    }
    let signed = bytes.dropLast(Self.tag)
    // Nothing of it is looked at before it is known to be whole.
    guard
      HMAC<SHA256>.isValidAuthenticationCode(
        bytes.suffix(Self.tag), authenticating: signed, using: signing)
    else {
      throw StoreError(
        code: .corrupt, detail: "it was changed, or encrypted with another Fernet key.")
    }
    let seconds = signed.dropFirst().prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    do {
      let vector = try AES._CBC.IV(ivBytes: Array(signed.dropFirst(9).prefix(16)))
      let plain = try AES._CBC.decrypt(
        Array(signed.dropFirst(Self.head)), using: encryption, iv: vector)
      return (Array(plain), Date(timeIntervalSince1970: Double(seconds)))
    } catch {
      throw StoreError(code: .corrupt, detail: "it was not made by Fernet.")
    }
  }

  private static func bytes(_ text: String) -> Data? {
    let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard !text.isEmpty, !text.contains(where: { "+/".contains($0) }) else { return nil }
    var plain = text.replacing("-", with: "+").replacing("_", with: "/")
    while plain.hasSuffix("=") { plain.removeLast() }
    plain += String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
    return Data(base64Encoded: plain).map { Data(Array($0)) }
  }
}
