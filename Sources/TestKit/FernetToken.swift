import Crypto
import CryptoExtras
public import Foundation

/// What Python's `cryptography.fernet` makes: an older installation's tokens, for tests of the way
/// from it. Source: the Fernet specification.
public enum FernetToken {
  /// 32 random bytes in base64url.
  public static func key() -> String {
    base64((0..<32).map { _ in UInt8.random(in: 0...255) })
  }

  /// - Parameter key: as `key()` gives them.
  public static func seal(_ text: String, key: String, at date: Date = Date()) throws -> String {
    let plain = key.replacing("-", with: "+").replacing("_", with: "/")
    let bytes = Array(Data(base64Encoded: plain) ?? Data())
    let vector = (0..<16).map { _ in UInt8.random(in: 0...255) }
    let sealed = try AES._CBC.encrypt(
      Array(text.utf8), using: SymmetricKey(data: Data(bytes.suffix(16))),
      iv: AES._CBC.IV(ivBytes: vector))
    let seconds = UInt64(date.timeIntervalSince1970)
    var token: [UInt8] = [0x80]
    for shift in stride(from: 56, through: 0, by: -8) {
      token.append(UInt8(truncatingIfNeeded: seconds >> UInt64(shift)))
    }
    token += vector + Array(sealed)
    let code = HMAC<SHA256>.authenticationCode(
      for: Data(token), using: SymmetricKey(data: Data(bytes.prefix(16))))
    return base64(token + Array(code))
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
  }
}
