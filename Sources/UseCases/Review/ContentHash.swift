import Crypto
import Foundation

/// SHA-256 of content, lower-case hex.
enum ContentHash {
  static func of(_ bytes: [UInt8]) -> String { Fingerprint.hex(SHA256.hash(data: bytes)) }

  /// Parts are told apart by their lengths, so that no two lists share a hash.
  static func of(parts: [String]) -> String {
    var hasher = SHA256()
    for part in parts {
      var length = UInt64(part.utf8.count).littleEndian
      withUnsafeBytes(of: &length) { hasher.update(bufferPointer: $0) }
      hasher.update(data: Array(part.utf8))
    }
    return Fingerprint.hex(hasher.finalize())
  }
}

/// Identifiers of runs: UUID version 7, so that they sort by time.
enum RunID {
  static func next(_ now: Date) -> String {
    var generator = SystemRandomNumberGenerator()
    var bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let milliseconds = UInt64(max(0, now.timeIntervalSince1970 * 1_000))
    for index in 0..<6 {
      bytes[index] = UInt8(truncatingIfNeeded: milliseconds >> (40 - 8 * index))
    }
    bytes[6] = bytes[6] & 0x0F | 0x70
    bytes[8] = bytes[8] & 0x3F | 0x80
    let hex = Array(Fingerprint.hex(bytes))
    return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(hex[$0]) }
      .joined(separator: "-")
  }
}
