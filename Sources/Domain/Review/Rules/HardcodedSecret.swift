/// A literal given to a name that says it is secret.
/// Source: CWE-798; OWASP ASVS 2.10.4.
struct HardcodedSecret: LineRule {
  let name = "hardcoded-secret"
  let summary = "A literal password, key or token"
  let category = "committed-secret"
  let severity = Severity.error
  let confidence = 0.75
  let triggers: [Needle] = [
    "password", "passwd", "secret", "token", "api_key", "apikey", "api-key", "private_key",
    "access_key", "accesskey", "credential", "auth_key", "encryption_key", "signing_key",
  ]
  private let names: [Needle] = [
    "password", "passwd", "secret", "token", "api_key", "apikey", "api-key", "private_key",
    "access_key", "accesskey", "credential", "auth_key", "encryption_key", "signing_key",
  ]
  /// Names that hold such a word and mean something that may be read by all.
  private let harmless: [Needle] = [
    "public", "token_type", "tokentype", "tokenizer", "token_url", "tokenurl", "secretname",
    "secret_name", "password_field", "hash", "digest", "checksum", "_id", "header", "regex",
    "pattern", "endpoint", "csrf", "xsrf", "cache", "integrity", "sha",
  ]

  func applies(to file: RuleFile) -> Bool { !file.kind.isTest && file.language != .markdown }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let text = line.uncommented
    let low = text.lowered
    for name in names {
      guard let at = low.find(name) else { continue }
      var end = at + name.bytes.count
      while end < low.count, low[end].isWordByte || low[end].is("-") { end += 1 }
      var start = at
      while start > 0, low[start - 1].isWordByte || low[start - 1].is("-") { start -= 1 }
      let whole = low.slice(start, end)
      if harmless.contains(where: { whole.has($0) }) { continue }
      guard let value = value(text, after: end, in: file) else { continue }
      if SecretText.isPlaceholder(value) || !SecretText.looksGenerated(value) { continue }
      // A path, an address and a dotted name are not secrets.
      if value.has("://") || value.has("/.") || value.filter({ $0 == 46 }).count > 2 { continue }
      return RuleFinding(
        at: index,
        "The value given to `\(text.slice(start, end).string)` looks like a real secret. Revoke it, "
          + "and read it from the environment or a secret store.")
    }
    return nil
  }

  /// The literal after `name` and `=` or `:`, without its quotes.
  private func value(_ text: [UInt8], after end: Int, in file: RuleFile) -> [UInt8]? {
    var i = end
    if i < text.count, text[i].is("\"") || text[i].is("'") { i += 1 }
    i = text.skipBlanks(i)
    // A type annotation may stand between: `token: String = "…"`.
    guard i < text.count, text[i].is("=") || text[i].is(":") else {
      // `ENV PASSWORD value` of a Dockerfile.
      guard file.language == .dockerfile, i > end, text.trimmed.starts(with: "ENV") else {
        return nil
      }
      return text.slice(i, text.count).trimmed
    }
    if text[i].is(":"), i + 1 < text.count, text[i + 1].is("=") { i += 1 }
    if text[i].is("="), i + 1 < text.count, text[i + 1].is("=") { return nil }
    i = text.skipBlanks(i + 1)
    if let equals = text.find("= \"", from: i), text.slice(i, equals).allSatisfy({ !$0.is("\"") }) {
      i = equals + 2
    }
    guard i < text.count else { return nil }
    if text[i].is("\"") || text[i].is("'") || text[i].is("`") {
      let quote = text[i]
      var close = i + 1
      while close < text.count, text[close] != quote { close += 1 }
      return close < text.count ? text.slice(i + 1, close) : nil
    }
    switch file.language {
    case .yaml, .shell, .dockerfile, .toml, nil:
      return text.slice(i, text.count).trimmed
    default: return nil
    }
  }
}
