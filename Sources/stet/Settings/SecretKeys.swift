import Foundation
import Storage

/// `STET_SECRET_KEY`: a key of 32 bytes in base64, or a list of such with an id before each.
enum SecretKeys {
  /// - Throws: what is wrong with it, without any part of a key.
  static func keys(_ text: String) throws(CommandFailure) -> [SecretKey] {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    var keys: [SecretKey] = []
    for part in parts {
      let pair = part.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let id = pair.count == 2 ? String(pair[0]) : nil
      if parts.count > 1, id == nil {
        throw .misuse("of several keys each needs an id before it: ID:KEY,ID:KEY.")
      }
      if let id, !isID(id) {
        throw .misuse("an id of a key is 1 to 32 letters, digits, dashes, points or underscores.")
      }
      guard let last = pair.last, let bytes = Data(base64Encoded: String(last)),
        let key = SecretKey(id: id, bytes: [UInt8](bytes))
      else {
        throw .misuse(
          "\(id.map { "the key \($0)" } ?? "it") is not 32 bytes in base64; `openssl rand -base64 "
            + "32` makes one.")
      }
      if keys.contains(where: { $0.id == key.id }) {
        throw .misuse("two keys have the id \(key.id).")
      }
      keys.append(key)
    }
    return keys
  }

  private static func isID(_ text: String) -> Bool {
    (1...32).contains(text.utf8.count)
      && text.unicodeScalars.allSatisfy {
        $0.isASCII
          && ($0.properties.isAlphabetic || ("0"..."9").contains($0)
            || "-._".unicodeScalars.contains($0))
      }
  }
}
