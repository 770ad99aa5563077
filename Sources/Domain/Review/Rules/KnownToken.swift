/// Keys whose shape their vendors publish, so that a match is all but certain.
/// Source: CWE-798; the vendors' pages on secret scanning and token prefixes.
struct KnownToken: ReviewRule {
  let name = "known-token"
  let summary = "A token or key of a known service"
  let category = "committed-secret"
  let severity = Severity.error
  let confidence = 0.95

  struct Shape: Sendable {
    let prefix: Needle
    let service: String
    /// Bytes that must follow the prefix.
    let minimum: Int
    var exact = false
    let alphabet: @Sendable (UInt8) -> Bool

    init(
      _ prefix: Needle, _ service: String, _ minimum: Int, exact: Bool = false,
      _ alphabet: @escaping @Sendable (UInt8) -> Bool
    ) {
      self.prefix = prefix
      self.service = service
      self.minimum = minimum
      self.exact = exact
      self.alphabet = alphabet
    }
  }

  private static let plain: @Sendable (UInt8) -> Bool = { $0.isLetter || $0.isDigit }
  private static let dashed: @Sendable (UInt8) -> Bool = {
    $0.isLetter || $0.isDigit || $0 == 45 || $0 == 95
  }
  private static let capital: @Sendable (UInt8) -> Bool = { $0 &- 65 < 26 || $0.isDigit }

  static let shapes: [Shape] = [
    Shape("AKIA", "AWS", 16, exact: true, capital),
    Shape("ASIA", "AWS", 16, exact: true, capital),
    Shape("ghp_", "GitHub", 36, exact: true, plain),
    Shape("gho_", "GitHub", 36, exact: true, plain),
    Shape("ghu_", "GitHub", 36, exact: true, plain),
    Shape("ghs_", "GitHub", 36, plain),
    Shape("ghr_", "GitHub", 36, plain),
    Shape("github_pat_", "GitHub", 60) { $0.isLetter || $0.isDigit || $0 == 95 },
    Shape("glpat-", "GitLab", 20, dashed),
    Shape("gldt-", "GitLab", 20, dashed),
    Shape("glrt-", "GitLab", 20, dashed),
    Shape("xoxb-", "Slack", 20, dashed),
    Shape("xoxp-", "Slack", 20, dashed),
    Shape("xoxa-", "Slack", 20, dashed),
    Shape("xapp-", "Slack", 20, dashed),
    Shape("hooks.slack.com/services/T", "Slack", 30) { $0.isLetter || $0.isDigit || $0 == 47 },
    Shape("AIza", "Google", 35, exact: true, dashed),
    Shape("GOCSPX-", "Google", 28, dashed),
    Shape("sk-ant-", "Anthropic", 32, dashed),
    Shape("sk-proj-", "OpenAI", 40, dashed),
    Shape("sk-svcacct-", "OpenAI", 40, dashed),
    Shape("sk-", "OpenAI", 48, exact: true, plain),
    Shape("sk_live_", "Stripe", 20, plain),
    Shape("rk_live_", "Stripe", 20, plain),
    Shape("npm_", "npm", 36, exact: true, plain),
    Shape("pypi-AgEIcHlwaS5vcmc", "PyPI", 50, dashed),
    Shape("hf_", "Hugging Face", 34, exact: true, plain),
    Shape("SG.", "SendGrid", 60) { dashed($0) || $0 == 46 },
    Shape("dop_v1_", "DigitalOcean", 64, exact: true, plain),
    Shape("shpat_", "Shopify", 32, exact: true, plain),
    Shape("eyJhbGciOi", "JSON Web Token", 60) { dashed($0) || $0 == 46 },
  ]

  func findings(in file: RuleFile) -> [RuleFinding] {
    var found: [RuleFinding] = []
    for index in file.allAdded {
      let line = file.lines[index]
      for shape in Self.shapes where Self.holds(line, shape) {
        let test = file.kind.isTest
        found.append(
          RuleFinding(
            at: index,
            "What looks like a real \(shape.service) credential is committed here. Revoke it, and "
              + "read it from the environment or a secret store.",
            severity: test ? .warning : nil, confidence: test ? 0.6 : nil))
        break
      }
    }
    return found
  }

  private static func holds(_ line: CodeLine, _ shape: Shape) -> Bool {
    guard line.filter.mayContain(shape.prefix.filter) else { return false }
    let text = line.text
    var from = 0
    while let at = text.find(shape.prefix, from: from) {
      from = at + 1
      if at > 0, text[at - 1].isWordByte || text[at - 1] == 45 { continue }
      let start = at + shape.prefix.bytes.count
      var end = start
      while end < text.count, shape.alphabet(text[end]) { end += 1 }
      let length = end - start
      guard shape.exact ? length == shape.minimum : length >= shape.minimum else { continue }
      if end < text.count, text[end].isWordByte { continue }
      if SecretText.isPlaceholder(text.slice(start, end)) { continue }
      if shape.service == "JSON Web Token", text.slice(start, end).filter({ $0 == 46 }).count != 2 {
        continue
      }
      return true
    }
    return false
  }
}
