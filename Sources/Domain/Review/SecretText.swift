/// Tells a secret from the stand-ins that examples and tests use.
enum SecretText {
  private static let words: [Needle] = [
    "example", "placeholder", "changeme", "change_me", "change-me", "your", "dummy", "fake",
    "xxxx", "redacted", "sample", "insert", "replace", "todo", "1234567890", "abcdefgh",
    "0123456789", "todo", "secret_key", "password", "test", "foobar", "default", "...", "****",
    "deadbeef", "<", "{{", "${", "$(", "%(", "%s", "process.env", "environ", "getenv",
  ]

  /// Words that mark a stand-in, or too few different characters for a generated secret.
  static func isPlaceholder(_ value: [UInt8]) -> Bool {
    let low = value.lowered
    if words.contains(where: { low.find($0) != nil }) { return true }
    return Set(low).count < min(8, max(4, value.count / 4))
  }

  /// Letters and digits mixed, without white space, as a generator makes them.
  static func looksGenerated(_ value: [UInt8]) -> Bool {
    guard value.count >= 16, value.count <= 512 else { return false }
    var letters = 0
    var digits = 0
    for byte in value {
      if byte.isLetter { letters += 1 } else if byte.isDigit { digits += 1 }
      if byte <= 32 || byte >= 127 { return false }
    }
    guard letters >= 4, digits >= 3, letters + digits >= value.count * 3 / 4 else { return false }
    return SecretValue.entropy(value[...]) >= 3.3
  }
}
