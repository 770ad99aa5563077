/// Tells a secret from a word, a placeholder, a lookup or a hash.
enum SecretValue {
  private static let placeholders: [[UInt8]] = [
    "example", "changeme", "change_me", "change-me", "placeholder", "dummy", "sample", "your-",
    "your_", "yourkey", "redacted", "xxxx", "****", "....", "todo", "fixme", "insert", "replace",
    "notasecret", "not-a-secret", "masked", "fake", "mock", "12345678", "abcdef",
  ].map { Array($0.utf8) }

  /// `xxxx…`, `YOUR_KEY`, AWS's own `…EXAMPLE` and the like.
  static func isPlaceholder(_ value: ArraySlice<UInt8>) -> Bool {
    let lowered = value.map(TextBytes.lowered)
    if Set(lowered).count < 5 { return true }
    return placeholders.contains { word in
      TextBytes.find(word, in: lowered, 0..<lowered.count) != nil
    }
  }

  /// `${NAME}`, `{{ secrets.name }}`, `%(name)s`, `<token>`, `os.environ[…]`, `$NAME`.
  static func isLookup(_ value: ArraySlice<UInt8>) -> Bool {
    guard let first = value.first, let last = value.last else { return true }
    if first == UInt8(ascii: "$") || first == UInt8(ascii: "<") && last == UInt8(ascii: ">") {
      return true
    }
    var previous: UInt8 = 0
    for byte in value {
      if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") { return true }
      if byte == UInt8(ascii: "("), previous == UInt8(ascii: "$") || previous == UInt8(ascii: "%") {
        return true
      }
      previous = byte
    }
    return false
  }

  /// 8-4-4-4-12 hexadecimal digits.
  static func isUUID(_ value: ArraySlice<UInt8>) -> Bool {
    guard value.count == 36 else { return false }
    for (offset, byte) in value.enumerated() {
      let dash = offset == 8 || offset == 13 || offset == 18 || offset == 23
      if dash != (byte == UInt8(ascii: "-")) || !dash && !TextBytes.isHex(byte) { return false }
    }
    return true
  }

  /// `sha256:…`, `sha512-…`: what lock files hold.
  static func isDigest(_ value: ArraySlice<UInt8>) -> Bool {
    let bytes = Array(value.prefix(8))
    return TextBytes.starts(bytes, at: 0, with: Array("sha".utf8), ignoringCase: true)
      && bytes.count > 3 && TextBytes.isDigit(bytes[3])
      || TextBytes.starts(bytes, at: 0, with: Array("md5".utf8), ignoringCase: true)
  }

  /// Shannon entropy in bits per byte.
  static func entropy(_ value: ArraySlice<UInt8>) -> Double {
    var counts = [Int](repeating: 0, count: 256)
    for byte in value { counts[Int(byte)] += 1 }
    var sum = 0.0
    for count in counts where count > 1 { sum += Double(count) * log2(Double(count)) }
    return value.isEmpty ? 0 : log2(Double(value.count)) - sum / Double(value.count)
  }

  /// What a value is made of, in one pass.
  struct Makeup {
    var lower = 0
    var upper = 0
    var digits = 0
    var symbols = 0
    /// Changes between letters and digits, and between cases, without `Capitalised` words.
    var changes = 0
    var allHex = true
    var spaces = 0

    var classes: Int {
      (lower > 0 ? 1 : 0) + (upper > 0 ? 1 : 0) + (digits > 0 ? 1 : 0) + (symbols > 0 ? 1 : 0)
    }

    init(_ value: ArraySlice<UInt8>) {
      var previous = 0
      for byte in value {
        let now: Int
        if TextBytes.isLower(byte) {
          lower += 1
          now = 1
        } else if TextBytes.isUpper(byte) {
          upper += 1
          now = 2
        } else if TextBytes.isDigit(byte) {
          digits += 1
          now = 3
        } else {
          if byte == 0x20 { spaces += 1 } else { symbols += 1 }
          now = 0
        }
        if !TextBytes.isHex(byte) { allHex = false }
        let capitalised = previous == 2 && now == 1
        if previous != 0, now != 0, now != previous, !capitalised { changes += 1 }
        previous = now
      }
    }
  }

  /// - Parameters:
  ///   - password: the name says password: shorter values of mixed classes count.
  ///   - quoted: a bare word is more often an identifier, so more is asked of it.
  ///   - weakName: the name is a mere `key`.
  static func looksSecret(
    _ value: ArraySlice<UInt8>, password: Bool, quoted: Bool, weakName: Bool
  ) -> Bool {
    if value.count < 8 || value.count > 4096 { return false }
    if isLookup(value) || isPlaceholder(value) || isUUID(value) || isDigest(value) { return false }
    let makeup = Makeup(value)
    if makeup.spaces > 0 || makeup.lower + makeup.upper == 0 { return false }
    let bits = entropy(value)
    if password, quoted, makeup.classes >= 3, bits >= 2.5 { return true }
    if value.count < (quoted && !weakName ? 16 : 20) { return false }
    if makeup.allHex { return !weakName && makeup.digits > 2 && bits >= 3 }
    if makeup.digits >= 2, makeup.changes >= 4, bits >= 3.4 { return true }
    // Letters only: many changes of case, as no name has them.
    return value.count >= 24 && makeup.lower > 0 && makeup.upper > 0 && makeup.changes >= 6
      && bits >= 4.3
  }

  /// Exact to 2⁻¹⁶, without a C library. `value` is positive.
  private static func log2(_ value: Double) -> Double {
    var result = Double(value.exponent)
    var rest = value.significand
    var bit = 0.5
    for _ in 0..<16 {
      rest *= rest
      if rest >= 2 {
        rest /= 2
        result += bit
      }
      bit /= 2
    }
    return result
  }
}
