import Domain

/// A change as suggestions on lines of the pull request, for a head that cannot be pushed to.
struct FixSuggestions: Sendable {
  var comments: [ReviewDraft.Comment] = []
  /// What stands at no line that the forge takes a comment on.
  var rest: [FileDiff] = []

  init(_ chosen: [FixCandidate], change: Diff, run: String) {
    let places = DiffPlaces(change, paths: Set(chosen.map(\.path.description)))
    for candidate in chosen {
      guard
        let diff = FileDiff.comparing(
          old: candidate.before, new: candidate.after, path: candidate.path, context: 0)
      else { continue }
      let first = self.comments.count + 1
      let comments = diff.hunks.enumerated().compactMap { index, hunk in
        Self.comment(hunk, candidate, places, .suggestion(run: run, number: first + index))
      }
      if comments.count == diff.hunks.count {
        self.comments += comments
      } else if let whole = candidate.diff {
        // Half of a change may be worse than none.
        rest.append(whole)
      }
    }
  }

  private static func comment(
    _ hunk: Hunk, _ candidate: FixCandidate, _ places: DiffPlaces, _ marker: HiddenMarker
  ) -> ReviewDraft.Comment? {
    let lines = TextLines(candidate.before)
    var start = hunk.oldStart
    var end = hunk.oldStart + hunk.oldCount - 1
    var added = hunk.lines.filter { $0.kind == .added }.map(\.text)
    if hunk.oldCount == 0 {
      // An insertion is told as the line above it with what follows.
      (start, end) = (max(1, hunk.oldStart), max(1, hunk.oldStart))
      guard var line = lines.line(start) else { return nil }
      while let last = line.last, last == 0x0A || last == 0x0D { line.removeLast() }
      let standing = String(decoding: line, as: UTF8.self)
      added = hunk.oldStart == 0 ? added + [standing] : [standing] + added
    }
    let finding = Finding(
      path: candidate.path.description, side: .new, startLine: start, line: end,
      severity: .note, category: "fix", message: candidate.reason, quote: "",
      suggestion: added.joined(separator: "\n"), confidence: 1, source: candidate.source,
      verified: [.applies])
    guard places.takesComment(finding), let block = FindingComment.suggestion(of: finding) else {
      return nil
    }
    return ReviewDraft.Comment(
      path: finding.path, side: .new, startLine: start, line: end,
      body: [
        marker.text,
        Defanged.forMarkdown(candidate.reason, oneLine: true, limit: 500), block,
      ].joined(separator: "\n\n"))
  }
}
