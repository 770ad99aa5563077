import Domain

/// Where the forge takes comments: on lines that the change shows, in one hunk.
struct DiffPlaces: Sendable {
  private let sections: [String: [LineIndex]]

  /// Only files that `paths` names are indexed.
  init(_ diff: Diff, paths: Set<String>) {
    var sections: [String: [LineIndex]] = [:]
    for file in diff.files {
      let path = file.path.description
      if paths.contains(path) { sections[path, default: []].append(LineIndex(file)) }
    }
    self.sections = sections
  }

  func takesComment(_ finding: Finding) -> Bool {
    // A path that is not UTF-8 cannot be named in JSON.
    guard !finding.path.unicodeScalars.contains("\u{FFFD}"), finding.startLine >= 1 else {
      return false
    }
    let range = LineRange(side: finding.side, start: finding.startLine, end: finding.line)
    return sections[finding.path, default: []].contains { $0.canComment(on: range) }
  }
}
