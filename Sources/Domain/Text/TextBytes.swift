/// Classes of ASCII bytes for the scanners of this folder.
enum TextBytes {
  enum Charset {
    case upperAlphanumeric, alphanumeric, word, base64URL, dotted, lowerHex

    @inline(__always) func contains(_ byte: UInt8) -> Bool {
      switch self {
      case .upperAlphanumeric: TextBytes.isUpper(byte) || TextBytes.isDigit(byte)
      case .alphanumeric: TextBytes.isAlphanumeric(byte)
      case .word: TextBytes.isAlphanumeric(byte) || byte == UInt8(ascii: "_")
      case .base64URL:
        TextBytes.isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
      case .dotted:
        TextBytes.isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
          || byte == UInt8(ascii: ".")
      case .lowerHex: TextBytes.isDigit(byte) || (byte >= 0x61 && byte <= 0x66)
      }
    }
  }

  @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
  @inline(__always) static func isUpper(_ byte: UInt8) -> Bool { byte &- 0x41 < 26 }
  @inline(__always) static func isLower(_ byte: UInt8) -> Bool { byte &- 0x61 < 26 }
  @inline(__always) static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }
  @inline(__always) static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte)
  }
  @inline(__always) static func isHex(_ byte: UInt8) -> Bool {
    isDigit(byte) || (byte | 0x20) &- 0x61 < 6
  }
  @inline(__always) static func isBase64(_ byte: UInt8) -> Bool {
    isAlphanumeric(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/")
      || byte == UInt8(ascii: "=")
  }
  @inline(__always) static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
  @inline(__always) static func lowered(_ byte: UInt8) -> UInt8 {
    isUpper(byte) ? byte | 0x20 : byte
  }

  /// Whether `bytes` continue with `text` at `start`; `text` is lower case where case is ignored.
  static func starts(
    _ bytes: [UInt8], at start: Int, with text: [UInt8], ignoringCase: Bool = false
  ) -> Bool {
    guard start >= 0, start + text.count <= bytes.count else { return false }
    for offset in text.indices {
      let byte = bytes[start + offset]
      if (ignoringCase ? lowered(byte) : byte) != text[offset] { return false }
    }
    return true
  }

  /// First place of `text` in `bytes[range]`.
  static func find(_ text: [UInt8], in bytes: [UInt8], _ range: Range<Int>) -> Int? {
    guard let first = text.first else { return range.lowerBound }
    var at = range.lowerBound
    while at + text.count <= range.upperBound {
      if bytes[at] == first, starts(bytes, at: at, with: text) { return at }
      at += 1
    }
    return nil
  }
}
