/// The words of an issue as numbers, for what is learned from words and for what is alike in them.
///
/// A word is a run of letters, digits and underscores in lower case; bytes of other scripts belong
/// to words. Numbers count as one word, so do long ones in hexadecimal: each of them stands in one
/// issue only. A word is told by a hash of 64 bits (FNV-1a), so that no text of others is kept.
public enum IssueWords {
  /// Bytes of a text that are looked at: reports say at their beginning what they are about.
  public static let mostBytes = 8_000

  /// The words of a text in their order.
  /// - Parameters:
  ///   - keepingNumbers: whether each number is a word of its own.
  ///   - readsPrefix: whether `0x` begins a number.
  /// - Complexity: O(bytes).
  public static func hashes(
    of text: String, keepingNumbers: Bool = false, readsPrefix: Bool = false,
    mostBytes: Int = IssueWords.mostBytes
  ) -> [UInt64] {
    var words: [UInt64] = []
    var hash = offset
    var length = 0
    var digits = 0
    var isHexadecimal = true
    func flush() {
      defer { (hash, length, digits, isHexadecimal) = (offset, 0, 0, true) }
      guard length > 0 else { return }
      if keepingNumbers && digits > 0 {
        words.append(hash)
      } else if digits == length || (isHexadecimal && digits > 0 && length >= 7) {
        words.append(number)
      } else if length > 1 {
        words.append(hash)
      }
    }
    for byte in text.utf8.prefix(mostBytes) {
      let lower = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
      guard TextBytes.isAlphanumeric(lower) || lower == UInt8(ascii: "_") || lower >= 0x80 else {
        flush()
        continue
      }
      hash = (hash ^ UInt64(lower)) &* prime
      length += 1
      let isDigit = lower >= 0x30 && lower <= 0x39
      if isDigit { digits += 1 }
      let isPrefix = readsPrefix && lower == UInt8(ascii: "x") && length == 2 && digits == 1
      if !isDigit, !isPrefix, !(lower >= 0x61 && lower <= 0x66) { isHexadecimal = false }
    }
    flush()
    return words
  }

  /// What a classifier looks at, in parts that are weighed apart: words and pairs of words of the
  /// title, of the description, of both, and of the description's beginning, where reports say what
  /// they are about; and runs of three to five letters of the title. How often each stands there.
  public static func features(title: String, description: String) -> [[UInt64: Int]] {
    let (first, second) = (hashes(of: title), hashes(of: description))
    let (own, others) = (counts(first), counts(second))
    let beginning = counts(hashes(of: description, mostBytes: beginningBytes))
    return [own, others, letters(of: title), own.merging(others, uniquingKeysWith: +), beginning]
  }

  /// Of each part of `features`.
  static let shares: [Float] = [0.5, 0.7, 0.5, 1, 0.7]
  private static let beginningBytes = 400

  private static func counts(_ words: [UInt64]) -> [UInt64: Int] {
    var counts: [UInt64: Int] = [:]
    for word in words { counts[word, default: 0] += 1 }
    for (first, second) in zip(words, words.dropFirst()) {
      counts[joined(first, second), default: 0] += 1
    }
    return counts
  }

  private static func letters(of text: String) -> [UInt64: Int] {
    let blank = UInt8(ascii: " ")
    var plain = [blank]
    for byte in text.utf8.prefix(300) {
      let lower = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
      if lower >= 0x30 && lower <= 0x39 {
        plain.append(UInt8(ascii: "0"))
      } else if TextBytes.isAlphanumeric(lower) || lower >= 0x80 {
        plain.append(lower)
      } else if plain.last != blank {
        plain.append(blank)
      }
    }
    plain.append(blank)
    var counts: [UInt64: Int] = [:]
    for length in 3...5 where plain.count >= length {
      for start in 0...(plain.count - length) {
        var hash = offset &+ UInt64(length)
        for byte in plain[start..<start + length] { hash = (hash ^ UInt64(byte)) &* prime }
        counts[hash, default: 0] += 1
      }
    }
    return counts
  }

  static func joined(_ first: UInt64, _ second: UInt64) -> UInt64 {
    var hash = (first ^ 0x9E37_79B9_7F4A_7C15) &* prime
    hash = (hash ^ (hash >> 29) ^ second) &* 0xBF58_476D_1CE4_E5B9
    return hash ^ (hash >> 32)
  }

  private static let offset: UInt64 = 0xCBF2_9CE4_8422_2325
  private static let prime: UInt64 = 0x100_0000_01B3
  private static let number: UInt64 = 1
}
