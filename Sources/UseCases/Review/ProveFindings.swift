import Domain

/// Holds findings that name their lines themselves, a rule's or another tool's, against the change:
/// the same proof that a model's claims pass.
struct ProveFindings: Sendable {
  let diff: Diff
  let suggestions: ProveSuggestion

  /// A finding of another tool is kept where it begins on a changed line, cut to the changed lines
  /// that follow; its quote is taken from there.
  func prove(_ findings: [Finding]) async -> ProveClaims.Proved {
    var proved = ProveClaims.Proved()
    let sections = sections(of: Set(findings.map(\.path)))
    for finding in findings {
      guard let places = sections[finding.path], let last = places.last else {
        if case .tool = finding.source { continue }
        proved.drop(finding, .noSuchPath)
        continue
      }
      // A series of patches, or a type change, has several sections of one path.
      let place = places.last { Self.holds(finding, in: $0.lines) } ?? last
      await prove(finding, in: diff.files[place.file], place.lines, into: &proved)
    }
    return proved
  }

  private func sections(of paths: Set<String>) -> [String: [(file: Int, lines: LineIndex)]] {
    var sections: [String: [(file: Int, lines: LineIndex)]] = [:]
    for (index, file) in diff.files.enumerated() {
      let path = file.path.description
      if paths.contains(path) { sections[path, default: []].append((index, LineIndex(file))) }
    }
    return sections
  }

  private static func holds(_ finding: Finding, in lines: LineIndex) -> Bool {
    guard finding.startLine >= 1, finding.startLine <= finding.line else { return false }
    if case .tool = finding.source {
      return lines.line(.new, finding.startLine)?.kind == .added
    }
    return text(lines, finding.side, finding.startLine...finding.line) == finding.quote
  }

  private func prove(
    _ finding: Finding, in file: FileDiff, _ lines: LineIndex, into proved: inout ProveClaims.Proved
  ) async {
    var finding = finding
    if case .tool = finding.source {
      // A report speaks of whole files; what is not about the change is no claim about it.
      guard lines.line(.new, finding.startLine)?.kind == .added else { return }
      var end = finding.startLine
      while end < finding.line, lines.line(.new, end + 1)?.kind == .added { end += 1 }
      if end < finding.line { finding.suggestion = nil }
      finding.line = end
      finding.quote = Self.text(lines, .new, finding.startLine...end) ?? ""
    }
    guard finding.startLine >= 1, finding.startLine <= finding.line,
      let standing = Self.text(lines, finding.side, finding.startLine...finding.line)
    else {
      // What concerns a file as a whole, such as its size, quotes nothing and stands at its top.
      guard finding.quote.isEmpty, finding.startLine <= 1 else {
        return proved.drop(finding, .noSuchLine)
      }
      finding.verified = [.anchor]
      proved.findings.append(finding)
      return
    }
    guard standing == finding.quote else { return proved.drop(finding, .quoteMismatch) }
    finding.verified = [.anchor, .quote]
    if let suggestion = finding.suggestion {
      finding.suggestion = nil
      switch await suggestions.prove(suggestion, for: finding, file: file) {
      case .holds(let text, let proofs):
        finding.suggestion = text
        finding.verified += proofs
      case .fails(let reason): proved.drop(finding, reason, suggestionOnly: true)
      }
    }
    proved.findings.append(finding)
  }

  private static func text(_ lines: LineIndex, _ side: Side, _ range: ClosedRange<Int>) -> String? {
    var texts: [String] = []
    for number in range {
      guard let line = lines.line(side, number) else { return nil }
      texts.append(line.text.withoutFinalCR)
    }
    return texts.joined(separator: "\n")
  }
}

extension ProveClaims.Proved {
  mutating func drop(_ finding: Finding, _ reason: DropReason, suggestionOnly: Bool = false) {
    dropped.append(
      DroppedClaim(
        reason: reason, path: finding.path, line: finding.line, message: finding.message,
        source: finding.source, suggestionOnly: suggestionOnly))
  }
}
