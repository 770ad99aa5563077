import Crypto
import Domain

/// SHA-256 of content, lower-case hex.
public enum ContentHash {
  public static func of(_ bytes: [UInt8]) -> String { Hexadecimal.of(SHA256.hash(data: bytes)) }

  /// Parts are told apart by their lengths, so that no two lists share a hash.
  public static func of(parts: [String]) -> String {
    var hasher = SHA256()
    for part in parts {
      var length = UInt64(part.utf8.count).littleEndian
      withUnsafeBytes(of: &length) { hasher.update(bufferPointer: $0) }
      hasher.update(data: Array(part.utf8))
    }
    return Hexadecimal.of(hasher.finalize())
  }
}
