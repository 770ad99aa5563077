import Domain

/// `--format markdown`: a summary as it is posted, with the ledger of what was not looked at.
enum MarkdownFormat {
  private static let longestLedger = 50

  static func render(_ review: Review) -> String {
    var parts = [
      "## Stet: \(title(review.verdict))", Defanged.forMarkdown(review.summary, oneLine: true),
    ]
    parts += review.findings.map(finding)
    parts.append(coverage(review.coverage))
    parts.append(footer(review))
    return parts.filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n"
  }

  private static func title(_ verdict: Verdict) -> String {
    switch verdict {
    case .approve: "nothing to object"
    case .comment: "comments"
    case .requestChanges: "changes requested"
    }
  }

  private static func finding(_ finding: Finding) -> String {
    let info = Language(path: SourcePath(finding.path))?.rawValue ?? ""
    let old = finding.side == .old ? " (removed)" : ""
    var text = """
      ### \(finding.severity.rawValue): \(Defanged.codeSpan("\(finding.path):\(finding.lines)"))\(old)

      \(Defanged.forMarkdown(finding.message, oneLine: true))

      \(Defanged.codeBlock(finding.quote, info: info))
      """
    if let suggestion = finding.suggestion {
      let body =
        suggestion.isEmpty ? "Delete these lines." : Defanged.codeBlock(suggestion, info: info)
      text += "\n\nSuggestion:\n\n\(body)"
    }
    let sure = finding.confidence.percent
    return text
      + "\n\n\(Defanged.codeSpan(finding.category)), \(Defanged.codeSpan(finding.source.description)), \(sure)% sure"
  }

  private static func coverage(_ coverage: Coverage) -> String {
    var text =
      "### Coverage\n\n\(coverage.hunksReviewed) of "
      + "\(ReviewSummary.count(coverage.hunks, "hunk")) in "
      + "\(ReviewSummary.count(coverage.files, "file")) looked at."
    guard !coverage.skipped.isEmpty else { return text }
    text += "\n\n| not looked at | reason |\n|---|---|"
    for part in coverage.skipped.prefix(longestLedger) {
      let hunk = part.hunk.map { ", hunk \($0)" } ?? ""
      let path = Defanged.codeSpan(part.path.replacing("|", with: "¦"))
      text += "\n| \(path)\(hunk) | \(part.reason.words) |"
    }
    let more = coverage.skipped.count - longestLedger
    if more > 0 { text += "\n| … and \(more) more | |" }
    return text
  }

  private static func footer(_ review: Review) -> String {
    let cost = CostLine.text(review.usage)
    return [cost, "Run \(Defanged.codeSpan(review.run))."].filter { !$0.isEmpty }
      .joined(separator: " ")
  }
}
