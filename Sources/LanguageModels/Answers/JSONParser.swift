import Domain

/// Where and why a text is not JSON.
struct JSONParseError: Error, Equatable {
  /// Bytes before the fault.
  var offset: Int
  var reason: String
  /// The text ended inside a value: more of the same answer could have made it whole.
  var truncated = false
}

/// Parses one JSON value from bytes that a model or a server sent. Source: RFC 8259.
///
/// Nesting deeper than 64 is refused, so that no answer can exhaust the stack. Of members of one
/// name the last counts. An escaped lone surrogate becomes U+FFFD.
/// - Complexity: O(bytes), one pass.
struct JSONParser {
  private static let deepest = 64

  private let bytes: UnsafeBufferPointer<UInt8>
  private var at: Int

  /// Parses a whole text; only white space may stand around the value.
  static func value(of text: [UInt8]) throws(JSONParseError) -> JSONValue {
    let (value, end) = try firstValue(of: text, from: 0)
    var at = end
    while at < text.count {
      guard isSpace(text[at]) else {
        throw JSONParseError(offset: at, reason: "text after the value")
      }
      at += 1
    }
    return value
  }

  /// Parses the value that begins at `start` and says where it ends; what follows is not read.
  static func firstValue(
    of text: [UInt8], from start: Int
  ) throws(JSONParseError) -> (value: JSONValue, end: Int) {
    let result: Result<(JSONValue, Int), JSONParseError> = text.withUnsafeBufferPointer { bytes in
      var parser = JSONParser(bytes: bytes, at: start)
      do throws(JSONParseError) {
        let value = try parser.parse(depth: 0)
        return .success((value, parser.at))
      } catch {
        return .failure(error)
      }
    }
    let (value, end) = try result.get()
    return (value, end)
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }

  private mutating func skipSpace() {
    while at < bytes.count, Self.isSpace(bytes[at]) { at += 1 }
  }

  private func failure(_ reason: String) -> JSONParseError {
    if at >= bytes.count {
      return JSONParseError(offset: bytes.count, reason: "the text ends too early", truncated: true)
    }
    return JSONParseError(offset: at, reason: reason)
  }

  private mutating func parse(depth: Int) throws(JSONParseError) -> JSONValue {
    guard depth < Self.deepest else { throw failure("nested deeper than \(Self.deepest)") }
    skipSpace()
    guard at < bytes.count else { throw failure("no value") }
    switch bytes[at] {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw failure("no JSON value begins like this")
    }
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(JSONParseError) -> JSONValue
  {
    for byte in word.utf8 {
      guard at < bytes.count, bytes[at] == byte else { throw failure("expected \(word)") }
      at += 1
    }
    return value
  }

  private mutating func object(depth: Int) throws(JSONParseError) -> JSONValue {
    var members: [String: JSONValue] = [:]
    at += 1
    skipSpace()
    if at < bytes.count, bytes[at] == UInt8(ascii: "}") {
      at += 1
      return .object(members)
    }
    while true {
      skipSpace()
      guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else {
        throw failure("expected a member's name")
      }
      let name = try string()
      skipSpace()
      guard at < bytes.count, bytes[at] == UInt8(ascii: ":") else { throw failure("expected :") }
      at += 1
      members[name] = try parse(depth: depth + 1)
      skipSpace()
      guard at < bytes.count else { throw failure("expected , or }") }
      let byte = bytes[at]
      guard byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") else {
        throw failure("expected , or }")
      }
      at += 1
      if byte == UInt8(ascii: "}") { return .object(members) }
    }
  }

  private mutating func array(depth: Int) throws(JSONParseError) -> JSONValue {
    var values: [JSONValue] = []
    at += 1
    skipSpace()
    if at < bytes.count, bytes[at] == UInt8(ascii: "]") {
      at += 1
      return .array(values)
    }
    while true {
      values.append(try parse(depth: depth + 1))
      skipSpace()
      guard at < bytes.count else { throw failure("expected , or ]") }
      let byte = bytes[at]
      guard byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") else {
        throw failure("expected , or ]")
      }
      at += 1
      if byte == UInt8(ascii: "]") { return .array(values) }
    }
  }

  private mutating func number() throws(JSONParseError) -> JSONValue {
    let start = at
    var whole = true
    if bytes[at] == UInt8(ascii: "-") { at += 1 }
    let digits = at
    while at < bytes.count, isDigit(bytes[at]) { at += 1 }
    guard at > digits else { throw failure("expected a digit") }
    guard at - digits == 1 || bytes[digits] != UInt8(ascii: "0") else {
      throw JSONParseError(offset: digits, reason: "a number may not begin with 0")
    }
    if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
      whole = false
      at += 1
      let fraction = at
      while at < bytes.count, isDigit(bytes[at]) { at += 1 }
      guard at > fraction else { throw failure("expected a digit") }
    }
    if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
      whole = false
      at += 1
      if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") {
        at += 1
      }
      let exponent = at
      while at < bytes.count, isDigit(bytes[at]) { at += 1 }
      guard at > exponent else { throw failure("expected a digit") }
    }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    if whole, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw JSONParseError(offset: start, reason: "the number is too large")
    }
    return .number(value)
  }

  private func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  private mutating func string() throws(JSONParseError) -> String {
    at += 1
    let start = at
    while at < bytes.count, bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\"),
      bytes[at] >= 0x20
    { at += 1 }
    guard at < bytes.count else { throw failure("the string does not end") }
    if bytes[at] == UInt8(ascii: "\"") {
      defer { at += 1 }
      return try utf8(Array(bytes[start..<at]), start)
    }
    var out = Array(bytes[start..<at])
    while true {
      guard at < bytes.count else { throw failure("the string does not end") }
      let byte = bytes[at]
      switch byte {
      case UInt8(ascii: "\""):
        at += 1
        return try utf8(out, start)
      case UInt8(ascii: "\\"):
        at += 1
        try escape(into: &out)
      case 0..<0x20: throw failure("a control character inside a string")
      default:
        out.append(byte)
        at += 1
      }
    }
  }

  private func utf8(_ bytes: [UInt8], _ start: Int) throws(JSONParseError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw JSONParseError(offset: start, reason: "the string is not UTF-8")
    }
    return text
  }

  private mutating func escape(into out: inout [UInt8]) throws(JSONParseError) {
    guard at < bytes.count else { throw failure("the string does not end") }
    let byte = bytes[at]
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0C)
    case UInt8(ascii: "n"): out.append(0x0A)
    case UInt8(ascii: "r"): out.append(0x0D)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "u"):
      var unit = try hexUnit()
      if (0xD800..<0xDC00).contains(unit), at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"),
        bytes[at + 1] == UInt8(ascii: "u")
      {
        let back = at
        at += 2
        let low = try hexUnit()
        if (0xDC00..<0xE000).contains(low) {
          unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
        } else {
          at = back
        }
      }
      out.append(contentsOf: String(Unicode.Scalar(unit) ?? "\u{FFFD}").utf8)
    default:
      at -= 1
      throw failure("unknown escape in a string")
    }
  }

  private mutating func hexUnit() throws(JSONParseError) -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard at < bytes.count else { throw failure("the string does not end") }
      let byte = bytes[at]
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 | UInt32(byte - 0x30)
      case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
        unit = unit << 4 | UInt32((byte | 0x20) - UInt8(ascii: "a") + 10)
      default: throw failure("expected a hexadecimal digit")
      }
      at += 1
    }
    return unit
  }
}
