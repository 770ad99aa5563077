import Domain

/// A finding as a comment at its lines.
enum FindingComment {
  static func body(_ finding: Finding) -> String {
    var parts = [
      HiddenMarker.finding(finding.fingerprint).text,
      "**\(finding.severity.rawValue)** (\(Defanged.codeSpan(finding.category))): "
        + Defanged.forMarkdown(finding.message, oneLine: true),
    ]
    if let suggestion = suggestion(of: finding) { parts.append(suggestion) }
    parts.append("<sub>\(source(of: finding))</sub>")
    return parts.joined(separator: "\n\n")
  }

  static func draft(_ finding: Finding) -> ReviewDraft.Comment {
    ReviewDraft.Comment(
      path: finding.path, side: finding.side, startLine: finding.startLine, line: finding.line,
      body: body(finding))
  }

  /// The forge's own form, which a click applies as it stands: so only what was proved to apply,
  /// and nothing that a reader does not see.
  static func suggestion(of finding: Finding) -> String? {
    guard let text = finding.suggestion, finding.side == .new, finding.verified.contains(.applies),
      text.utf8.count <= 20_000, HiddenText.stripped(text).removed == 0,
      SecretMask.masked(text).counts.isEmpty
    else { return nil }
    let fence = String(repeating: "`", count: max(3, longestRun(in: text) + 1))
    return "\(fence)suggestion\n\(text.isEmpty ? "" : text + "\n")\(fence)"
  }

  private static func longestRun(in text: String) -> Int {
    var longest = 0
    var run = 0
    for byte in text.utf8 {
      run = byte == UInt8(ascii: "`") ? run + 1 : 0
      longest = max(longest, run)
    }
    return longest
  }

  /// One line for a list: where, how bad, what.
  static func line(_ finding: Finding) -> String {
    let place = Defanged.codeSpan("\(finding.path):\(finding.lines)")
    let old = finding.side == .old ? " (removed)" : ""
    return "- **\(finding.severity.rawValue)** \(place)\(old): "
      + Defanged.forMarkdown(finding.message, oneLine: true, limit: 500)
  }

  static func source(of finding: Finding) -> String {
    let proofs = finding.verified.map(\.words).joined(separator: ", ")
    let sure = "\(finding.confidence.percent)% sure"
    return [Defanged.codeSpan(finding.source.description), sure, proofs].filter { !$0.isEmpty }
      .joined(separator: "; ")
  }
}

extension Proof {
  /// What was shown, for people.
  var words: String {
    switch self {
    case .anchor: "stands at a line of this change"
    case .quote: "the quoted code stands there"
    case .applies: "the suggestion applies"
    case .parses: "the file still parses with it"
    case .lints: "linters find no more than before"
    case .tests: "the tests pass with it"
    }
  }
}
