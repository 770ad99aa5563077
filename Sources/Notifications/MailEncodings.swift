/// Text in headers. Source: RFC 2047, encoded words in UTF-8 and base64.
enum HeaderText {
  /// Unstructured text, in lines that are folded where it is long.
  /// - Parameter used: bytes of the line that stand before it.
  static func encoded(_ text: String, after used: Int) -> String {
    let plain = oneLine(text)
    let isPlain = plain.utf8.allSatisfy { (0x20...0x7E).contains($0) } && !plain.contains("=?")
    return isPlain && plain.utf8.count + used <= 76 ? plain : words(plain)
  }

  /// A name before an address.
  static func phrase(_ text: String) -> String {
    let plain = oneLine(text)
    let isAtoms = plain.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) && $0 < 0x80 || $0 == 0x20
        || $0 == 0x2D
    }
    return isAtoms && plain.utf8.count <= 40 ? plain : words(plain)
  }

  /// Nothing in it ends a line: a header could be put in behind it otherwise.
  private static func oneLine(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
      result.unicodeScalars.append(
        isControl || scalar.value == 0x2028 || scalar.value == 0x2029 ? " " : scalar)
    }
    return result
  }

  /// Each word holds whole characters and has at most 75 bytes.
  private static func words(_ text: String) -> String {
    var words: [String] = []
    var bytes: [UInt8] = []
    for scalar in text.unicodeScalars {
      let next = Array(String(scalar).utf8)
      if bytes.count + next.count > 42 {
        words.append(word(bytes))
        bytes = []
      }
      bytes += next
    }
    if !bytes.isEmpty || words.isEmpty { words.append(word(bytes)) }
    return words.joined(separator: "\r\n ")
  }

  private static func word(_ bytes: [UInt8]) -> String { "=?utf-8?B?\(base64(bytes))?=" }

  private static func base64(_ bytes: [UInt8]) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var result: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let number = (0..<3).reduce(0) { $0 << 8 | ($1 < group.count ? Int(group[start + $1]) : 0) }
      for place in 0..<4 {
        result.append(
          place <= group.count ? letters[number >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}

/// Source: RFC 2045, 6.7.
enum QuotedPrintable {
  /// - Parameter text: its lines end in LF or CRLF. - Returns: lines of at most 76 bytes in CRLF.
  static func encoded(_ text: String) -> String {
    var lines: [String] = []
    for line in text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
      .split(separator: "\n", omittingEmptySubsequences: false)
    {
      lines += encodedLine(Array(line.utf8))
    }
    return lines.joined(separator: "\r\n")
  }

  private static func encodedLine(_ bytes: [UInt8]) -> [String] {
    var lines: [String] = []
    var current = ""
    for (index, byte) in bytes.enumerated() {
      let isLast = index == bytes.count - 1
      let isPlain =
        (0x21...0x7E).contains(byte) && byte != 0x3D || (byte == 0x20 || byte == 0x09) && !isLast
      let piece = isPlain ? String(Unicode.Scalar(byte)) : "=" + hex(byte)
      // A soft end takes one byte of its own.
      if current.utf8.count + piece.utf8.count > 75 {
        lines.append(current + "=")
        current = ""
      }
      current += piece
    }
    return lines + [current]
  }

  private static func hex(_ byte: UInt8) -> String {
    let digits = Array("0123456789ABCDEF")
    return String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
  }
}
