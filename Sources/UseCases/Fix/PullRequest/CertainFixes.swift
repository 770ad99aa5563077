import Domain

/// What can be mended in a file without asking a model: suggestions of the review that were proved,
/// the built-in rules, and what ruff calls safe.
struct CertainFixes: Sendable {
  let proof: FileProof

  func candidate(for file: FixFile) async -> FixCandidate? {
    var text = file.bytes
    var made: [String] = []
    apply(file.findings, to: &text, &made)
    let rules = await RuleFixes(syntax: proof.syntax).fix(text, path: file.path)
    // Where a line of the change is not touched, its author has nothing to do with it.
    if let kept = within(file, rules.text) {
      text = kept
      made += rules.applied.map { "\($0.rule) at line \($0.line)" }
    }
    if file.language == .python, let sandbox = proof.sandbox,
      let linted = try? await RuffLint(sandbox: sandbox).fixed(
        text, path: file.path, time: min(.seconds(20), proof.end - .now)),
      linted.text != text, let kept = within(file, linted.text)
    {
      text = kept
      made += linted.rules.map { "ruff's \($0)" }
    }
    guard text != file.bytes else { return nil }
    guard case .success(let shown) = await proof.hold(text, of: file, isCertain: true) else {
      return nil
    }
    let listed = made.prefix(6).joined(separator: ", ")
    return FixCandidate(
      path: file.path, before: file.bytes, after: text,
      reason: "Certain fixes: \(listed)\(made.count > 6 ? " and \(made.count - 6) more" : "").",
      source: .rule("certain-fixes"), proofs: shown.proofs, notes: shown.notes)
  }

  /// From the last line up, so that the numbers of the lines above stay true.
  private func apply(_ findings: [Finding], to text: inout [UInt8], _ made: inout [String]) {
    var above = Int.max
    for finding in findings.sorted(by: { ($1.startLine, $1.line) < ($0.startLine, $0.line) }) {
      guard finding.side == .new, finding.line < above, finding.verified.contains(.applies),
        let suggestion = finding.suggestion, finding.startLine >= 1,
        standing(finding.startLine...finding.line, in: text) == finding.quote,
        let next = try? TextLines(text).replacing(
          finding.startLine...finding.line, with: Array(suggestion.utf8)), next != text
      else { continue }
      text = next
      above = finding.startLine
      made.insert("the suggestion at line \(finding.startLine)", at: 0)
    }
  }

  private func standing(_ range: ClosedRange<Int>, in text: [UInt8]) -> String? {
    let lines = TextLines(text)
    var texts: [String] = []
    for number in range {
      guard var line = lines.line(number) else { return nil }
      while let last = line.last, last == 0x0A || last == 0x0D { line.removeLast() }
      texts.append(String(decoding: line, as: UTF8.self))
    }
    return texts.joined(separator: "\n")
  }

  /// Only where all that was changed lies among the lines of the pull request's own change, or near
  /// them; a file that was named is mended whole.
  private func within(_ file: FixFile, _ text: [UInt8]) -> [UInt8]? {
    guard text != file.bytes else { return nil }
    guard !file.isNamed, file.diff != nil else { return text }
    guard let diff = FileDiff.comparing(old: file.bytes, new: text, path: file.path, context: 0)
    else { return nil }
    let changed = file.changed
    let isOwn = diff.hunks.allSatisfy { hunk in
      let lines = max(1, hunk.oldStart)...max(1, hunk.oldStart + max(0, hunk.oldCount - 1))
      return changed.contains { $0.overlaps(lines) }
        || file.findings.contains { ($0.startLine...max($0.startLine, $0.line)).overlaps(lines) }
    }
    return isOwn ? text : nil
  }
}
