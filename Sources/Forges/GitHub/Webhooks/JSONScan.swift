/// Walks a JSON text. The checking part believes nothing; the passing part walks text that was
/// checked, and only keeps within bounds.
struct JSONScan {
  private static let deepest = 128

  let bytes: UnsafeBufferPointer<UInt8>
  var at: Int

  static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || (byte | 0x20) &- 0x61 < 6
  }

  /// The byte here, or 0, which stands nowhere in JSON outside a fault, at the end.
  @inline(__always) private var byte: UInt8 { at < bytes.count ? bytes[at] : 0 }

  @inline(__always) private mutating func skipSpace() {
    while at < bytes.count {
      let byte = bytes[at]
      guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else {
        return
      }
      at += 1
    }
  }

  // MARK: Checking

  mutating func wholeText() throws(RawJSONFault) -> Range<Int> {
    skipSpace()
    let start = at
    try checkValue(depth: 0)
    let end = at
    skipSpace()
    guard at == bytes.count else { throw fault("text after the value") }
    return start..<end
  }

  private func fault(_ reason: String) -> RawJSONFault {
    RawJSONFault(offset: at, reason: at < bytes.count ? reason : "the text ends too early")
  }

  private mutating func checkValue(depth: Int) throws(RawJSONFault) {
    switch byte {
    case UInt8(ascii: "\""): try checkString()
    case UInt8(ascii: "{"): try checkObject(depth: depth)
    case UInt8(ascii: "["): try checkArray(depth: depth)
    case UInt8(ascii: "t"): try checkWord("true")
    case UInt8(ascii: "f"): try checkWord("false")
    case UInt8(ascii: "n"): try checkWord("null")
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try checkNumber()
    default: throw fault("no value begins so")
    }
  }

  private mutating func checkObject(depth: Int) throws(RawJSONFault) {
    guard depth < Self.deepest else { throw fault("values nest too deep") }
    at += 1
    skipSpace()
    if byte == UInt8(ascii: "}") {
      at += 1
      return
    }
    while true {
      guard byte == UInt8(ascii: "\"") else { throw fault("a member has no name") }
      try checkString()
      skipSpace()
      guard byte == UInt8(ascii: ":") else { throw fault("a colon is missing") }
      at += 1
      skipSpace()
      try checkValue(depth: depth + 1)
      skipSpace()
      if byte == UInt8(ascii: ",") {
        at += 1
        skipSpace()
      } else if byte == UInt8(ascii: "}") {
        at += 1
        return
      } else {
        throw fault("an object is not closed")
      }
    }
  }

  private mutating func checkArray(depth: Int) throws(RawJSONFault) {
    guard depth < Self.deepest else { throw fault("values nest too deep") }
    at += 1
    skipSpace()
    if byte == UInt8(ascii: "]") {
      at += 1
      return
    }
    while true {
      try checkValue(depth: depth + 1)
      skipSpace()
      if byte == UInt8(ascii: ",") {
        at += 1
        skipSpace()
      } else if byte == UInt8(ascii: "]") {
        at += 1
        return
      } else {
        throw fault("an array is not closed")
      }
    }
  }

  private mutating func checkWord(_ word: StaticString) throws(RawJSONFault) {
    for offset in 0..<word.utf8CodeUnitCount {
      guard byte == word.utf8Start[offset] else { throw fault("no value begins so") }
      at += 1
    }
  }

  private mutating func checkNumber() throws(RawJSONFault) {
    if byte == UInt8(ascii: "-") { at += 1 }
    if byte == UInt8(ascii: "0") { at += 1 } else { try checkDigits() }
    if byte == UInt8(ascii: ".") {
      at += 1
      try checkDigits()
    }
    if byte | 0x20 == UInt8(ascii: "e") {
      at += 1
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { at += 1 }
      try checkDigits()
    }
  }

  private mutating func checkDigits() throws(RawJSONFault) {
    guard Self.isDigit(byte) else { throw fault("a digit is missing") }
    while Self.isDigit(byte) { at += 1 }
  }

  private mutating func checkString() throws(RawJSONFault) {
    at += 1
    while true {
      skipPlain()
      switch byte {
      case UInt8(ascii: "\""):
        at += 1
        return
      case UInt8(ascii: "\\"):
        at += 1
        try checkEscape()
      case let other where other >= 0x20: at += 1
      default: throw fault("a control character in a string")
      }
    }
  }

  private mutating func checkEscape() throws(RawJSONFault) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      at += 1
    case UInt8(ascii: "u"):
      at += 1
      for _ in 0..<4 {
        guard Self.isHexDigit(byte) else { throw fault("an escape lacks a digit") }
        at += 1
      }
    default: throw fault("no escape is written so")
    }
  }

  /// Goes on by eight bytes while none of them is a quote, a backslash or a control character:
  /// strings are most of a webhook. Source: "Bit Twiddling Hacks", determine if a word has a byte
  /// equal to n, or less than n.
  @inline(__always) private mutating func skipPlain() {
    guard let base = UnsafeRawPointer(bytes.baseAddress) else { return }
    let high: UInt64 = 0x8080_8080_8080_8080
    let ones: UInt64 = 0x0101_0101_0101_0101
    while at + 8 <= bytes.count {
      let word = base.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      let quote = word ^ (ones &* 0x22)
      let slash = word ^ (ones &* 0x5C)
      let hits =
        ((quote &- ones) & ~quote) | ((slash &- ones) & ~slash) | ((word &- ones &* 0x20) & ~word)
      let found = UInt64(littleEndian: hits & high)
      if found != 0 {
        at += found.trailingZeroBitCount >> 3
        return
      }
      at += 8
    }
  }

  // MARK: Passing over text that was checked

  /// The name of the next member, without its quotes; then `at` is where its value begins.
  mutating func nextKey() -> Range<Int>? {
    skipSpace()
    if byte == UInt8(ascii: ",") {
      at += 1
      skipSpace()
    }
    guard byte == UInt8(ascii: "\"") else { return nil }
    let key = passString()
    skipSpace()
    at += 1
    skipSpace()
    return (key.lowerBound + 1)..<(key.upperBound - 1)
  }

  mutating func hasElement() -> Bool {
    skipSpace()
    if byte == UInt8(ascii: ",") {
      at += 1
      skipSpace()
    }
    return at < bytes.count && byte != UInt8(ascii: "]")
  }

  mutating func passValue() -> Range<Int> {
    let start = at
    var depth = 0
    repeat {
      switch byte {
      case UInt8(ascii: "\""):
        _ = passString()
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x0A, 0x0D, 0x09: break
      default:
        passScalar()
        continue
      }
      at += 1
    } while depth > 0 && at < bytes.count
    return start..<at
  }

  private mutating func passScalar() {
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 0x20, 0x0A, 0x0D, 0x09: return
      default: at += 1
      }
    }
  }

  private mutating func passString() -> Range<Int> {
    let start = at
    at += 1
    while at < bytes.count {
      skipPlain()
      switch byte {
      case UInt8(ascii: "\""):
        at += 1
        return start..<at
      case UInt8(ascii: "\\"): at += 2
      default: at += 1
      }
    }
    return start..<at
  }
}
