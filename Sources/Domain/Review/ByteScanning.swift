/// A byte string to look for, with the filter bits that tell most lines apart without a search.
struct Needle: Sendable, ExpressibleByStringLiteral {
  let bytes: [UInt8]
  let filter: LineFilter

  init(stringLiteral value: String) { self.init(value) }
  init(_ value: String) {
    bytes = Array(value.utf8)
    filter = LineFilter(bytes)
  }
}

/// A small Bloom filter over the lower-cased three-byte windows of a line. A needle whose bits are
/// not all in a line's filter cannot stand in that line, in any case of its letters.
///
/// Windows with white space are left out on both sides, because blanking strings puts spaces where
/// the source has none.
struct LineFilter: Sendable {
  private var low: UInt64 = 0
  private var high: UInt64 = 0

  init(_ bytes: [UInt8]) {
    guard bytes.count >= 3 else { return }
    bytes.withUnsafeBufferPointer { buffer in
      var a = Self.folded(buffer[0])
      var b = Self.folded(buffer[1])
      for i in 2..<buffer.count {
        let c = Self.folded(buffer[i])
        if a > 32, b > 32, c > 32 {
          let hash = ((a &* 0x9E37_79B1) ^ (b &* 0x85EB_CA6B) ^ (c &* 0xC2B2_AE35)) &* 0x27D4_EB2F
          let bit = (hash >> 20) & 127
          if bit < 64 { low |= 1 << UInt64(bit) } else { high |= 1 << UInt64(bit - 64) }
        }
        a = b
        b = c
      }
    }
  }

  @inline(__always) private static func folded(_ byte: UInt8) -> UInt32 {
    UInt32(byte &- 65 < 26 ? byte | 32 : byte)
  }

  @inline(__always) func mayContain(_ other: LineFilter) -> Bool {
    low & other.low == other.low && high & other.high == other.high
  }
}

extension UInt8 {
  @inline(__always) var isWordByte: Bool {
    (self | 32) &- 97 < 26 || self &- 48 < 10 || self == 95 || self == 36 || self >= 128
  }
  @inline(__always) var isDigit: Bool { self &- 48 < 10 }
  @inline(__always) var isLetter: Bool { (self | 32) &- 97 < 26 }
  @inline(__always) var isBlank: Bool { self == 32 || self == 9 }
  @inline(__always) var lowered: UInt8 { self &- 65 < 26 ? self | 32 : self }
  @inline(__always) func `is`(_ scalar: Unicode.Scalar) -> Bool { self == UInt8(ascii: scalar) }
}

/// Scanners over the bytes of one line. Indices count bytes from 0.
extension Array where Element == UInt8 {
  /// - Complexity: O(count × needle) at worst; one comparison per byte in practice.
  func find(_ needle: Needle, from start: Int = 0) -> Int? {
    let wanted = needle.bytes
    guard let first = wanted.first, count >= wanted.count else { return nil }
    let last = count - wanted.count
    guard start <= last else { return nil }
    return withUnsafeBufferPointer { here in
      wanted.withUnsafeBufferPointer { there in
        var i = start
        while i <= last {
          if here[i] == first {
            var k = 1
            while k < there.count, here[i + k] == there[k] { k += 1 }
            if k == there.count { return i }
          }
          i += 1
        }
        return nil
      }
    }
  }

  func has(_ needle: Needle) -> Bool { find(needle) != nil }
  func hasAny(_ needles: [Needle]) -> Bool { needles.contains { find($0) != nil } }

  /// The needle with no identifier byte on either side.
  func findWord(_ needle: Needle, from start: Int = 0) -> Int? {
    var from = start
    while let at = find(needle, from: from) {
      let end = at + needle.bytes.count
      let opens = at == 0 || !self[at - 1].isWordByte
      let closes = end == count || !self[end].isWordByte
      if opens, closes { return at }
      from = at + 1
    }
    return nil
  }

  func hasWord(_ needle: Needle) -> Bool { findWord(needle) != nil }
  func hasAnyWord(_ needles: [Needle]) -> Bool { needles.contains { findWord($0) != nil } }

  /// Index of the `(` of a call of `name`; a free function unless `name` itself holds the dot.
  func call(_ name: Needle, from start: Int = 0, method: Bool = false) -> Int? {
    var from = start
    while let at = findWord(name, from: from) {
      from = at + 1
      if !method, at > 0, self[at - 1].is(".") { continue }
      let open = skipBlanks(at + name.bytes.count)
      if open < count, self[open].is("(") { return open }
    }
    return nil
  }

  func skipBlanks(_ start: Int) -> Int {
    var i = start
    while i < count, self[i].isBlank { i += 1 }
    return i
  }

  /// Index of the bracket that closes the one at `open`, or `count` where it is not on this line.
  /// Meant for blanked code, where no bracket stands inside a string.
  func closing(of open: Int) -> Int {
    var depth = 0
    for i in open..<count {
      switch self[i] {
      case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
        depth -= 1
        if depth == 0 { return i }
      default: break
      }
    }
    return count
  }

  /// Brackets opened minus brackets closed.
  var bracketBalance: Int {
    var depth = 0
    for byte in self {
      switch byte {
      case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      default: break
      }
    }
    return depth
  }

  func starts(with text: StaticString, at index: Int = 0) -> Bool {
    guard index >= 0, index + text.utf8CodeUnitCount <= count else { return false }
    for k in 0..<text.utf8CodeUnitCount where self[index + k] != text.utf8Start[k] { return false }
    return true
  }

  /// Number of leading spaces and tabs.
  var indentation: Int { skipBlanks(0) }

  var trimmed: [UInt8] {
    var end = count
    while end > 0, self[end - 1].isBlank || self[end - 1] == 13 { end -= 1 }
    let start = Swift.min(indentation, end)
    return Array(self[start..<end])
  }

  var isBlank: Bool { allSatisfy { $0.isBlank || $0 == 13 } }
  var lowered: [UInt8] { map(\.lowered) }

  func slice(_ from: Int, _ to: Int) -> [UInt8] {
    let low = Swift.max(0, Swift.min(from, count))
    return Array(self[low..<Swift.max(low, Swift.min(to, count))])
  }

  /// The identifier, dots included, that ends just before `end`.
  func path(before end: Int) -> [UInt8] {
    var start = end
    while start > 0, self[start - 1].isWordByte || self[start - 1].is(".") { start -= 1 }
    return slice(start, end)
  }

  /// The identifier, dots included, that starts at `start`.
  func path(from start: Int) -> [UInt8] {
    var end = start
    while end < count, self[end].isWordByte || self[end].is(".") { end += 1 }
    return slice(start, end)
  }

  var string: String { String(decoding: self, as: UTF8.self) }

  /// The line with `range` replaced: a suggestion for the whole line.
  func replacing(_ from: Int, _ to: Int, with text: String) -> String {
    (slice(0, from) + Array(text.utf8) + slice(to, count)).string
  }
}
