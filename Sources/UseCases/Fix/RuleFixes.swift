import Domain

/// What can be mended without a model: the suggestions of the built-in rules, which are made only
/// where the fix is certain.
struct RuleFixes: Sendable {
  struct Applied: Sendable, Equatable {
    var rule: String
    var line: Int
  }

  let syntax: any SyntaxChecker

  /// - Returns: the text after the fixes, what was applied in order of line, and what was proved.
  func fix(
    _ text: [UInt8], path: SourcePath
  ) async -> (text: [UInt8], applied: [Applied], proofs: [Proof]) {
    let nothing = (text: text, applied: [Applied](), proofs: [Proof]())
    guard let file = FileDiff.comparing(old: nil, new: text, path: path) else { return nothing }
    let findings = BuiltInRules.findings(in: Diff(files: [file]))
      .filter { $0.suggestion != nil && $0.side == .new && $0.startLine >= 1 }
      .sorted { ($1.startLine, $1.line) < ($0.startLine, $0.line) }
    var fixed = text
    var applied: [Applied] = []
    var above = Int.max
    // From the last line up, so that the numbers of the lines above stay true.
    for finding in findings where finding.line < above {
      guard case .rule(let rule) = finding.source, let suggestion = finding.suggestion,
        let next = try? TextLines(fixed).replacing(
          finding.startLine...finding.line, with: Array(suggestion.utf8)), next != fixed
      else { continue }
      fixed = next
      above = finding.startLine
      applied.insert(Applied(rule: rule, line: finding.startLine), at: 0)
    }
    guard !applied.isEmpty else { return nothing }
    guard let language = Language(path: path) else { return (fixed, applied, [.applies]) }
    switch await syntax.check(fixed, language: language, path: path) {
    case .parses: return (fixed, applied, [.applies, .parses])
    case .unknown: return (fixed, applied, [.applies])
    case .broken:
      // A text that the parser refused before says nothing about the fixes.
      guard case .broken = await syntax.check(text, language: language, path: path) else {
        return nothing
      }
      return (fixed, applied, [.applies])
    }
  }
}
