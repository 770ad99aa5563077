import Domain

/// A text whose secrets are replaced by numbered placeholders, and the way back.
///
/// `SecretMask` alone cannot be undone: two secrets of a kind get the same mask. Here each stands
/// once, as `[masked:KIND:NUMBER]`, and an answer in which one is missing, changed, doubled or
/// invented is refused: a mask must never be written where a secret was.
struct SecretPlaceholders: Sendable {
  private static let opening = Array("[masked:".utf8)
  private static let longest = 80

  /// Without its secrets.
  let text: String
  /// By the raw value of their kind, as a run records them.
  let counts: [String: Int]
  private let secrets: [[UInt8]: ArraySlice<UInt8>]
  /// Texts in the original that begin like a placeholder.
  private let lookalikes: Int

  init(masking text: String) {
    let bytes = Array(text.utf8)
    let matches = SecretScanner.matches(in: bytes)
    let taken = Set(
      Self.places(in: bytes).compactMap { Self.word(in: bytes, at: $0).map(Array.init) })
    var output: [UInt8] = []
    var counts: [String: Int] = [:]
    var secrets: [[UInt8]: ArraySlice<UInt8>] = [:]
    var copied = 0
    var number = 0
    for match in matches {
      var placeholder: [UInt8]
      repeat {
        number += 1
        placeholder = Array("[masked:\(match.kind.rawValue):\(number)]".utf8)
      } while taken.contains(placeholder)
      output += bytes[copied..<match.range.lowerBound]
      output += placeholder
      secrets[placeholder] = bytes[match.range]
      counts[match.kind.rawValue, default: 0] += 1
      copied = match.range.upperBound
    }
    output += bytes[copied...]
    self.text = String(decoding: output, as: UTF8.self)
    self.counts = counts
    self.secrets = secrets
    lookalikes = Self.places(in: output).count - secrets.count
  }

  var isEmpty: Bool { secrets.isEmpty }

  /// - Returns: `nil` where a placeholder does not stand exactly once as it was.
  func restored(_ text: String) -> String? {
    let bytes = Array(text.utf8)
    var output: [UInt8] = []
    var copied = 0
    var left = secrets
    var others = 0
    for place in Self.places(in: bytes) {
      guard let word = Self.word(in: bytes, at: place), secrets[Array(word)] != nil else {
        others += 1
        continue
      }
      guard let secret = left.removeValue(forKey: Array(word)) else { return nil }
      output += bytes[copied..<place]
      output += secret
      copied = word.endIndex
    }
    guard left.isEmpty, others <= lookalikes else { return nil }
    output += bytes[copied...]
    return String(decoding: output, as: UTF8.self)
  }

  private static func places(in bytes: [UInt8]) -> [Int] {
    var places: [Int] = []
    var index = 0
    while index + opening.count <= bytes.count {
      if bytes[index] == opening[0], bytes[index...].starts(with: opening) { places.append(index) }
      index += 1
    }
    return places
  }

  /// From the opening to the bracket that closes it, where that is near.
  private static func word(in bytes: [UInt8], at place: Int) -> ArraySlice<UInt8>? {
    let end = min(bytes.count, place + longest)
    guard let close = bytes[place..<end].firstIndex(of: UInt8(ascii: "]")) else { return nil }
    return bytes[place...close]
  }
}
