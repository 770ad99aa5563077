/// Finds `name = "value"`, `name: value` and the like where the name says that the value is secret.
enum SecretAssignments {
  private static let passwordWords: Set<String> = [
    "password", "passwd", "pwd", "passphrase", "pass", "passcode",
  ]
  private static let strongWords: Set<String> = [
    "secret", "secrets", "token", "apikey", "credential", "credentials", "accesskey", "secretkey",
    "authtoken", "privatekey", "accountkey", "authkey",
  ]
  private static let keyCompanions: Set<String> = [
    "api", "access", "private", "encryption", "signing", "auth", "account", "master", "client",
    "app", "service", "storage", "shared",
  ]
  /// With one of these the name says where a secret is kept, or that it is none.
  private static let harmlessWords: Set<String> = [
    "public", "foreign", "primary", "sort", "partition", "cache", "id", "name", "path", "file",
    "url", "uri", "endpoint", "type", "count", "length", "field", "regex", "pattern", "prefix",
    "header", "label", "sha", "commit", "integrity", "checksum", "digest",
  ]

  private static let longestName = 80
  private static let longestValue = 4096

  /// - Parameter at: where `=` or `:` stands.
  /// - Returns: the range of the value. Complexity: bounded by the constants above.
  static func value(in bytes: [UInt8], at: Int) -> Range<Int>? {
    let operatorByte = bytes[at]
    var next = at + 1
    if operatorByte == UInt8(ascii: ":") {
      if next < bytes.count, bytes[next] == UInt8(ascii: ":") || bytes[next] == UInt8(ascii: "/") {
        return nil
      }
      // `:=` and the type in `name: Type = value` are met at their `=`.
      if next < bytes.count, bytes[next] == UInt8(ascii: "=") { return nil }
    }
    while next < bytes.count, bytes[next] == UInt8(ascii: "=") || bytes[next] == UInt8(ascii: ">") {
      next += 1
    }
    guard let name = name(in: bytes, before: at), let strength = strength(of: name) else {
      return nil
    }
    while next < bytes.count, TextBytes.isBlank(bytes[next]) { next += 1 }
    var opening = next
    while opening < bytes.count, opening - next < 3,
      TextBytes.isLetter(bytes[opening]) || bytes[opening] == UInt8(ascii: "@")
    {
      opening += 1
    }
    if opening < bytes.count, isQuote(bytes[opening]) {
      guard let end = closingQuote(in: bytes, from: opening) else { return nil }
      let range = opening + 1..<end
      return SecretValue.looksSecret(
        bytes[range], password: strength == .password, quoted: true, weakName: strength == .weak)
        ? range : nil
    }
    guard strength != .weak else { return nil }
    var end = next
    while end < bytes.count, end - next <= longestValue, isBare(bytes[end]) { end += 1 }
    // Padding only: in `a=b=c` each is an assignment of its own.
    while end < bytes.count, end > next, bytes[end] == UInt8(ascii: "=") { end += 1 }
    if end < bytes.count, bytes[end] == UInt8(ascii: "(") || bytes[end] == UInt8(ascii: "[") {
      return nil
    }
    return SecretValue.looksSecret(
      bytes[next..<end], password: false, quoted: false, weakName: false) ? next..<end : nil
  }

  private enum Strength { case weak, strong, password }

  private static func strength(of name: ArraySlice<UInt8>) -> Strength? {
    let words = words(of: name)
    guard let last = words.last else { return nil }
    if harmlessWords.contains(last) || words.contains("public") { return nil }
    if words.contains(where: passwordWords.contains) { return .password }
    if words.contains(where: strongWords.contains) { return .strong }
    guard last == "key" || last == "keys" else { return nil }
    if words.contains(where: keyCompanions.contains) { return .strong }
    return words.contains(where: harmlessWords.contains) ? nil : .weak
  }

  /// `awsSecretKey`, `AWS_SECRET_KEY` and `aws-secret-key` are three words each.
  private static func words(of name: ArraySlice<UInt8>) -> [String] {
    var words: [String] = []
    var word: [UInt8] = []
    var previous: UInt8 = 0
    func end() {
      if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
      word = []
    }
    for byte in name {
      if !TextBytes.isAlphanumeric(byte) {
        end()
      } else {
        if TextBytes.isUpper(byte), TextBytes.isLower(previous) { end() }
        word.append(TextBytes.lowered(byte))
      }
      previous = byte
    }
    end()
    return words
  }

  /// The identifier before an operator, past a closing quote, a bracket or a type.
  private static func name(in bytes: [UInt8], before at: Int) -> ArraySlice<UInt8>? {
    guard let first = identifier(in: bytes, before: at) else { return nil }
    if strength(of: bytes[first]) != nil { return bytes[first] }
    // `let apiKey: String = …`
    var cursor = first.lowerBound
    while cursor > 0, TextBytes.isBlank(bytes[cursor - 1]) { cursor -= 1 }
    guard cursor > 0, bytes[cursor - 1] == UInt8(ascii: ":"), bytes[at] == UInt8(ascii: "="),
      let typed = identifier(in: bytes, before: cursor - 1)
    else { return nil }
    return bytes[typed]
  }

  private static func identifier(in bytes: [UInt8], before at: Int) -> Range<Int>? {
    var end = at
    let floor = max(0, at - longestName)
    while end > floor, isBetweenNameAndOperator(bytes[end - 1]) { end -= 1 }
    var start = end
    while start > floor, isName(bytes[start - 1]) { start -= 1 }
    return start < end ? start..<end : nil
  }

  private static func isBetweenNameAndOperator(_ byte: UInt8) -> Bool {
    TextBytes.isBlank(byte) || isQuote(byte) || byte == UInt8(ascii: "]")
      || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "!") || byte == UInt8(ascii: ":")
  }

  private static func isName(_ byte: UInt8) -> Bool {
    TextBytes.isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
      || byte == UInt8(ascii: ".")
  }

  private static func isQuote(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") || byte == UInt8(ascii: "`")
  }

  private static func isBare(_ byte: UInt8) -> Bool {
    TextBytes.isAlphanumeric(byte)
      || [
        UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "_"),
        UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "~"), UInt8(ascii: "!"),
        UInt8(ascii: "@"), UInt8(ascii: "%"), UInt8(ascii: "^"), UInt8(ascii: "*"),
      ].contains(byte)
  }

  private static func closingQuote(in bytes: [UInt8], from opening: Int) -> Int? {
    var cursor = opening + 1
    let limit = min(bytes.count, cursor + longestValue + 1)
    while cursor < limit, bytes[cursor] != 0x0A {
      if bytes[cursor] == UInt8(ascii: "\\") {
        cursor += 2
        continue
      }
      if bytes[cursor] == bytes[opening] { return cursor }
      cursor += 1
    }
    return nil
  }
}
