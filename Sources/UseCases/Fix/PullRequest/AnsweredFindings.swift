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
        // What it quoted no longer stands; an inserted check is known only by who asked for it.
        let isGone = lines.contains { comparison.newLine(forOld: $0) == nil }
        if isGone || finding.fingerprint == asked { fingerprints.append(finding.fingerprint) }
      }
    }
    return fingerprints
  }
}
