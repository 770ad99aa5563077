/// Keys whose shape their vendors publish, so that a match is all but certain. The shapes are the
/// ones that are masked before text leaves for a model.
/// Source: CWE-798; the vendors' pages on secret scanning and token prefixes.
struct KnownToken: ReviewRule {
  let name = "known-token"
  let summary = "A token or key of a known service"
  let category = "committed-secret"
  let severity = Severity.error
  let confidence = 0.95

  /// By whom each kind is issued; kinds that a name or an address gives away are other rules'.
  private static let services: [SecretKind: String] = [
    .awsAccessKey: "AWS", .githubToken: "GitHub", .gitlabToken: "GitLab", .slackToken: "Slack",
    .slackWebhook: "Slack", .googleKey: "Google", .openAIKey: "OpenAI", .anthropicKey: "Anthropic",
    .stripeKey: "Stripe", .npmToken: "npm", .pypiToken: "PyPI",
    .huggingFaceToken: "Hugging Face", .vendorToken: "service", .jsonWebToken: "JSON Web Token",
  ]
  private static let testKeys: [Needle] = ["sk_test_", "rk_test_"]

  func findings(in file: RuleFile) -> [RuleFinding] {
    var found: [RuleFinding] = []
    for index in file.allAdded {
      guard let service = Self.service(in: file.lines[index].text) else { continue }
      let test = file.kind.isTest
      found.append(
        RuleFinding(
          at: index,
          "What looks like a real \(service) credential is committed here. Revoke it, and read it "
            + "from the environment or a secret store.",
          severity: test ? .warning : nil, confidence: test ? 0.6 : nil))
    }
    return found
  }

  private static func service(in text: [UInt8]) -> String? {
    // No shape is shorter than this, and most lines are.
    guard text.count >= 20 else { return nil }
    for match in SecretScanner.matches(in: text) {
      guard let service = services[match.kind] else { continue }
      let value = text.slice(match.range.lowerBound, match.range.upperBound)
      // What hides too much costs nothing; what accuses wrongly costs trust.
      if SecretText.isPlaceholder(value) || testKeys.contains(where: { value.has($0) }) { continue }
      if match.kind == .jsonWebToken, value.count(where: { $0 == UInt8(ascii: ".") }) != 2 {
        continue
      }
      return service
    }
    return nil
  }
}
