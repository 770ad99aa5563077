/// A validating scanner for JSON (RFC 8259): it keeps nothing and nests at most `deepest`.
public struct JSONSyntax {
  public struct Failure: Sendable {
    /// 1-based.
    public var line: Int
    /// In bytes, 1-based.
    public var column: Int
    public var message: String
  }

  private static let deepest = 512

  private let bytes: [UInt8]
  private var index = 0
  /// What stands open: `}` or `]`.
  private var open: [UInt8] = []

  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
  }

  /// - Complexity: O(bytes), without recursion.
  public mutating func firstFailure() -> Failure? {
    guard String(validating: bytes, as: UTF8.self) != nil else { return fail("not UTF-8") }
    skipBlanks()
    var expectsValue = true
    while true {
      if expectsValue {
        if let failure = value(&expectsValue) { return failure }
      } else {
        skipBlanks()
        guard let closing = open.last else {
          return index == bytes.count ? nil : fail("text after the end of the document")
        }
        if peek() == closing {
          index += 1
          open.removeLast()
        } else if peek() == UInt8(ascii: ",") {
          index += 1
          skipBlanks()
          if closing == UInt8(ascii: "}") {
            if let failure = name() { return failure }
          } else if peek() == closing {
            return fail("a comma before ']'")
          }
          expectsValue = true
        } else {
          return fail("expected ',' or '\(closing == UInt8(ascii: "}") ? "}" : "]")'")
        }
      }
    }
  }

  /// Reads a value, or the opening of one.
  private mutating func value(_ expectsValue: inout Bool) -> Failure? {
    skipBlanks()
    expectsValue = false
    switch peek() {
    case UInt8(ascii: "{"):
      index += 1
      guard push(UInt8(ascii: "}")) else { return fail("nested too deeply") }
      skipBlanks()
      if peek() == UInt8(ascii: "}") { return nil }
      expectsValue = true
      return name()
    case UInt8(ascii: "["):
      index += 1
      guard push(UInt8(ascii: "]")) else { return fail("nested too deeply") }
      skipBlanks()
      expectsValue = peek() != UInt8(ascii: "]")
      return nil
    case UInt8(ascii: "\""): return string()
    case UInt8(ascii: "t"): return word("true")
    case UInt8(ascii: "f"): return word("false")
    case UInt8(ascii: "n"): return word("null")
    case let byte? where byte == UInt8(ascii: "-") || isDigit(byte): return number()
    case nil: return fail("the document ends where a value is expected")
    default: return fail("expected a value")
    }
  }

  private mutating func push(_ closing: UInt8) -> Bool {
    open.append(closing)
    return open.count <= Self.deepest
  }

  private mutating func name() -> Failure? {
    guard peek() == UInt8(ascii: "\"") else {
      return fail(
        peek() == UInt8(ascii: "}") ? "a comma before '}'" : "expected a name in double quotes")
    }
    if let failure = string() { return failure }
    skipBlanks()
    guard peek() == UInt8(ascii: ":") else { return fail("expected ':' after a name") }
    index += 1
    return nil
  }

  private mutating func string() -> Failure? {
    index += 1
    while let byte = peek() {
      index += 1
      switch byte {
      case UInt8(ascii: "\""): return nil
      case UInt8(ascii: "\\"):
        guard let escaped = peek() else { return fail("a string without its closing quote") }
        index += 1
        if escaped == UInt8(ascii: "u") {
          for _ in 0..<4 {
            guard let digit = peek(), isHex(digit) else {
              return fail("'\\u' wants four hex digits")
            }
            index += 1
          }
        } else if !"\"\\/bfnrt".utf8.contains(escaped) {
          return fail("no such escape in JSON")
        }
      case 0..<0x20:
        index -= 1
        return fail("a control character or line break within a string")
      default: break
      }
    }
    return fail("a string without its closing quote")
  }

  private mutating func number() -> Failure? {
    if peek() == UInt8(ascii: "-") { index += 1 }
    if peek() == UInt8(ascii: "0") {
      index += 1
      if let byte = peek(), isDigit(byte) { return fail("a number may not begin with 0") }
    } else if !digits() {
      return fail("expected a digit")
    }
    if peek() == UInt8(ascii: ".") {
      index += 1
      if !digits() { return fail("expected a digit after '.'") }
    }
    if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
      index += 1
      if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { index += 1 }
      if !digits() { return fail("expected a digit in the exponent") }
    }
    return nil
  }

  private mutating func digits() -> Bool {
    let start = index
    while let byte = peek(), isDigit(byte) { index += 1 }
    return index > start
  }

  private mutating func word(_ word: String) -> Failure? {
    guard bytes[index...].starts(with: word.utf8) else { return fail("expected a value") }
    index += word.utf8.count
    return nil
  }

  private mutating func skipBlanks() {
    while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      index += 1
    }
  }

  private func peek() -> UInt8? { index < bytes.count ? bytes[index] : nil }
  private func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
  private func isHex(_ byte: UInt8) -> Bool { isDigit(byte) || (byte | 0x20) &- 0x61 < 6 }

  private func fail(_ message: String) -> Failure {
    let before = bytes[..<min(index, bytes.count)]
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return Failure(
      line: 1 + before.count { $0 == 0x0A }, column: 1 + before.count - lineStart,
      message: message)
  }
}
