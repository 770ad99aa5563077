import Domain

/// Which findings of a review a change answers.
enum AnsweredFindings {
  /// - Parameter asked: the finding in whose thread the fix was asked for.
  static func fingerprints(
    _ chosen: [FixCandidate], of files: [FixFile], asked: String?
  ) -> [String] {
    var fingerprints: [String] = []
    for candidate in chosen {
      guard let file = files.first(where: { $0.path == candidate.path }) else { continue }
      let comparison = LineComparison(old: candidate.before, new: candidate.after)
      for finding in file.findings {
        let lines = finding.startLine...max(finding.startLine, finding.line)
        // Nothing of what it quoted stands any more; that one line of it was touched shows little.
        let isGone = lines.allSatisfy { comparison.newLine(forOld: $0) == nil }
        if isGone || finding.fingerprint == asked || isFollowed(finding, lines, candidate) {
          fingerprints.append(finding.fingerprint)
        }
      }
    }
    return fingerprints
  }

  /// Whether the text is what the finding suggested, at its lines.
  private static func isFollowed(
    _ finding: Finding, _ lines: ClosedRange<Int>, _ candidate: FixCandidate
  ) -> Bool {
    guard lines.lowerBound >= 1, let suggestion = finding.suggestion,
      let suggested = try? TextLines(candidate.before).replacing(
        lines, with: Array(suggestion.utf8)), suggested != candidate.before
    else { return false }
    let comparison = LineComparison(old: suggested, new: candidate.after)
    let count = max(1, TextLines(Array(suggestion.utf8)).count)
    return (lines.lowerBound..<(lines.lowerBound + count)).allSatisfy {
      comparison.newLine(forOld: $0) != nil
    }
  }
}
