import Crypto
import Domain
import Foundation

/// The text of an API token, which is shown once, and the hash that is stored for it.
public enum TokenText {
  /// `stet_` and 32 random bytes in base64url, 48 characters in all.
  public static func make() -> String {
    var generator = SystemRandomNumberGenerator()
    let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let text = Data(bytes).base64EncodedString()
    return "stet_"
      + text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }

  /// SHA-256 of the text, lower-case hex. A text of 32 random bytes needs no slower hash.
  public static func hash(_ text: String) -> String {
    Hexadecimal.of(SHA256.hash(data: Data(text.utf8)))
  }
}
