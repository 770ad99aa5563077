import Crypto
import Domain

/// What makes two findings the same: where (path and side), what about (category) and the code that
/// is meant, white space aside. Neither wording nor line numbers enter, so a finding is recognised
/// when it is said otherwise and when its lines moved.
enum Fingerprint {
  static func of(path: String, side: Side, category: String, code: String) -> String {
    var hasher = SHA256()
    for part in ["stet-fingerprint-1", path, side.rawValue, category, folded(code)] {
      hasher.update(data: Array(part.utf8))
      hasher.update(data: [0])
    }
    return Hexadecimal.of(hasher.finalize())
  }

  /// For the second and later findings of the same kind on the same code in one file.
  static func repeated(_ fingerprint: String, times: Int) -> String {
    times == 0
      ? fingerprint : Hexadecimal.of(SHA256.hash(data: Array("\(fingerprint)#\(times)".utf8)))
  }

  /// Runs of white space become one space; ends are trimmed; empty lines vanish.
  static func folded(_ code: String) -> String {
    code.split(whereSeparator: \.isNewline)
      .map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
      .filter { !$0.isEmpty }
      .joined(separator: "\n")
  }
}
