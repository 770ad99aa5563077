import Domain
import Foundation

/// The change of a pull request as it was merged or stands: which hunks somebody let pass, and what
/// became of code that they spoke about.
struct PastChange: Sendable {
  private let number: Int
  private let diff: Diff
  private let kept: [Int]

  /// - Returns: `nil` where it cannot be read.
  init?(_ number: Int, diff bytes: [UInt8]) {
    guard let diff = try? Diff(parsing: bytes) else { return nil }
    self.number = number
    self.diff = diff
    // What nobody reviews, such as lock files, is no silence.
    kept = ReviewSelection(diff, policy: ReviewPolicy()).kept
  }

  /// Hunks of files at which they said nothing. - Parameter at: when they had spoken last.
  func silences(besides spoken: Set<String>, count: Int, at: Date) -> [ReviewExample] {
    var silences: [ReviewExample] = []
    for file in kept {
      let path = diff.files[file].path.description
      guard !spoken.contains(path) else { continue }
      for part in diff.files[file].hunks.flatMap({ HunkPart.parts(of: $0) }) {
        let text = part.text
        silences.append(
          ReviewExample(
            id: "silence " + ContentHash.of(parts: ["\(number)", path, text]).prefix(32),
            pullRequest: number, at: at, path: path, line: nil, commit: "", hunk: text,
            comment: nil))
      }
    }
    // Spread over the change, not its first files alone; the same ones each time.
    return Array(silences.sorted { $0.id < $1.id }.prefix(count))
  }

  /// What stands now where the comment was written, a few lines of it; `nil` where the change does
  /// not show the place any more.
  func became(_ place: ForgeComment.Place, line: Int?) -> String? {
    guard place.side == .new, let line,
      let file = diff.files.first(where: { $0.path.description == place.path })
    else { return nil }
    let said = place.diffHunk.split(separator: "\n").last.map { String($0.dropFirst()) } ?? ""
    for hunk in file.hunks {
      let lines = hunk.lines.filter { $0.kind != .removed }.map { $0.text.withoutFinalCR }
      // Later pushes have moved it: the line itself is looked for first.
      let known = lines.firstIndex(of: said)
      let shifted =
        (hunk.newStart..<(hunk.newStart + hunk.newCount)).contains(line)
        ? line - hunk.newStart : nil
      guard let middle = known ?? shifted, lines.indices.contains(middle) else { continue }
      let range = max(0, middle - 3)...min(lines.count - 1, middle + 3)
      return lines[range].joined(separator: "\n")
    }
    return nil
  }
}

extension DiffLine {
  /// As a unified diff begins it.
  var marker: String {
    switch kind {
    case .added: "+"
    case .removed: "-"
    case .context: " "
    }
  }
}
