import Domain

/// A finding as it stands on the forge.
struct PostedFinding: Sendable {
  var fingerprint: String
  var comment: ForgeComment
}

/// Says more about a finding: by the model, or by the rule that it came from.
struct ExplainFinding: Sendable {
  let model: (any LanguageModel)?
  let callDeadline: Duration

  /// - Parameter known: the finding as its run recorded it, where that is still kept.
  func explain(_ posted: PostedFinding, known: Finding?) async throws -> String {
    var parts: [String] = []
    if let known { parts.append(facts(known)) }
    if let text = await modelWords(posted, known) {
      parts.append(Defanged.forMarkdown(text, limit: 3_000))
    } else if known == nil {
      parts.append(
        "This finding is no longer on record; `review` looks at the change again.")
    }
    return parts.joined(separator: "\n\n")
  }

  /// What is certain: which rule or model said it, and what was shown.
  private func facts(_ finding: Finding) -> String {
    switch finding.source {
    case .rule(let name):
      let rule = BuiltInRules.all.first { $0.name == name }
      let about = rule.map { Defanged.forMarkdown($0.summary, oneLine: true) } ?? ""
      return "The built-in rule \(Defanged.codeSpan(name)): \(about) "
        + "Severity \(finding.severity.rawValue), category \(Defanged.codeSpan(finding.category)). "
        + "Shown: \(proofs(finding))."
    case .model(let name), .tool(let name):
      return "Said by \(Defanged.codeSpan(name)), \(finding.confidence.percent)% sure. "
        + "Shown: \(proofs(finding)). That it matters is a judgement."
    }
  }

  private func proofs(_ finding: Finding) -> String {
    finding.verified.map(\.words).joined(separator: ", ")
  }

  /// - Returns: `nil` without a model, and where it fails: the facts stand for themselves.
  private func modelWords(_ posted: PostedFinding, _ known: Finding?) async -> String? {
    guard let model, let hunk = posted.comment.place?.diffHunk, !hunk.isEmpty else { return nil }
    let code = clean(String(hunk.suffix(6_000)))
    let claim = clean(known?.message ?? String(posted.comment.body.prefix(1_000)))
    var generator = SystemRandomNumberGenerator()
    let fence = UntrustedFence(
      [(name: "finding", text: claim), (name: "hunk", text: code)], using: &generator)
    let request = ModelRequest(
      turns: [
        .init(
          .system,
          """
          You explain a finding of a code review to the author of the change. Say in at most \
          eight short sentences what can go wrong, for which input, and how to mend it. Speak of \
          the code that is shown, and say so where it does not suffice to tell.
          \(fence.rule)
          """),
        .init(.user, fence.wrapped),
      ], answer: .text, maxOutput: TokenCount(min(600, model.profile.maxOutput.value)),
      deadline: callDeadline)
    guard let reply = try? await model.reply(to: request), reply.finish == .complete,
      !reply.text.isEmpty
    else { return nil }
    return reply.text
  }

  private func clean(_ text: String) -> String {
    SecretMask.masked(HiddenText.stripped(text).text).text
  }
}
