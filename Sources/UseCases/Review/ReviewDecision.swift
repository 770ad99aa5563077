import Domain

/// Decides by rule what is published: the policy's severities, its confidence threshold, one finding
/// per cause, the most important ones first.
struct ReviewDecision: Sendable {
  let policy: ReviewPolicy

  struct Decided: Sendable {
    var findings: [Finding]
    var dropped: [DroppedClaim]
    let approvesClean: Bool

    /// `approve` is never said on a model's word: only a policy that asks for it gets it, and only
    /// when nothing was found and nothing was left out.
    func verdict(_ coverage: Coverage) -> Verdict {
      if findings.contains(where: { $0.severity == .error }) { return .requestChanges }
      // What a change can bring about itself, such as a header that says "generated", settles
      // nothing; what the base's policy excludes does.
      let settled: Set<SkipReason> = [.excluded, .noTextChange]
      let whole = coverage.skipped.allSatisfy { settled.contains($0.reason) }
      return approvesClean && findings.isEmpty && whole ? .approve : .comment
    }
  }

  func decide(_ findings: [Finding], dropped: [DroppedClaim]) -> Decided {
    var decided = Decided(
      findings: [], dropped: dropped, approvesClean: policy.approveWhenClean)
    func drop(_ finding: Finding, _ reason: DropReason) {
      decided.dropped.append(
        DroppedClaim(
          reason: reason, path: finding.path, line: finding.line, message: finding.message,
          source: finding.source))
    }

    var seen: [Place: [Finding]] = [:]
    for finding in findings.compactMap(underPolicy).sorted(by: Self.reliableFirst) {
      if case .model = finding.source, finding.confidence < policy.minConfidence {
        drop(finding, .belowConfidence)
        continue
      }
      let place = Place(path: finding.path, side: finding.side)
      if seen[place, default: []].contains(where: { Self.sameCause($0, finding) }) {
        drop(finding, .duplicate)
        continue
      }
      seen[place, default: []].append(finding)
      decided.findings.append(finding)
    }

    decided.findings.sort(by: Self.importantFirst)
    for finding in decided.findings.dropFirst(max(0, policy.maxFindings)) {
      drop(finding, .overLimit)
    }
    decided.findings = Array(decided.findings.prefix(max(0, policy.maxFindings)))
    decided.findings.sort { ($0.path, $0.startLine, $0.line) < ($1.path, $1.startLine, $1.line) }
    Self.identify(&decided.findings)
    return decided
  }

  private struct Place: Hashable {
    let path: String
    let side: Side
  }

  private func underPolicy(_ finding: Finding) -> Finding? {
    var names = [finding.category]
    switch finding.source {
    case .rule(let name), .tool(let name): names.insert(name, at: 0)
    case .model: break
    }
    guard let override = names.lazy.compactMap({ policy.severity[$0] }).first else {
      return finding
    }
    guard let severity = Severity(rawValue: override.rawValue) else { return nil }
    var finding = finding
    finding.severity = severity
    return finding
  }

  /// The same lines and the same category, or the same code and category within the same lines, is
  /// one cause however it is worded. Whoever is more reliable keeps it.
  private static func sameCause(_ a: Finding, _ b: Finding) -> Bool {
    let overlap = a.startLine <= b.line && b.startLine <= a.line
    guard overlap else { return false }
    switch (a.source, b.source) {
    // Two rules, or two checks of one tool, are two causes, whatever they are filed under.
    case (.rule(let x), .rule(let y)) where x != y: return false
    case (.tool, .tool): return a.category == b.category && a.message == b.message
    // Nobody files a cause under the very word that another uses: on the same lines, what a rule
    // has said is not said again by a tool or a model, nor what a tool has said by a model.
    case (.rule, .tool), (.rule, .model), (.tool, .model):
      return a.category == b.category || a.startLine == b.startLine && a.line == b.line
    default: return a.category == b.category
    }
  }

  private static func reliableFirst(_ a: Finding, _ b: Finding) -> Bool {
    if rank(a.source) != rank(b.source) { return rank(a.source) < rank(b.source) }
    if a.confidence != b.confidence { return a.confidence > b.confidence }
    return (a.path, a.startLine, a.line, a.category, a.message)
      < (b.path, b.startLine, b.line, b.category, b.message)
  }

  private static func rank(_ source: FindingSource) -> Int {
    switch source {
    case .rule: 0
    case .tool: 1
    case .model: 2
    }
  }

  private static func importantFirst(_ a: Finding, _ b: Finding) -> Bool {
    if a.severity != b.severity { return a.severity > b.severity }
    if a.confidence != b.confidence { return a.confidence > b.confidence }
    return (a.path, a.startLine) < (b.path, b.startLine)
  }

  private static func identify(_ findings: inout [Finding]) {
    var times: [String: Int] = [:]
    for index in findings.indices {
      let finding = findings[index]
      let base = Fingerprint.of(
        path: finding.path, side: finding.side, category: finding.category, code: finding.quote)
      let fingerprint = Fingerprint.repeated(base, times: times[base, default: 0])
      times[base, default: 0] += 1
      findings[index].fingerprint = fingerprint
      findings[index].id = String(fingerprint.prefix(12))
    }
  }
}
