import Domain

/// As much of a hunk as a model is shown at once: a person reads a long one in parts too.
struct HunkPart: Sendable {
  var lines: [DiffLine]
  /// As a unified diff prints it, without its last newline.
  var text: String

  /// Parts of about the same length, each short enough to be shown whole.
  static func parts(of hunk: Hunk) -> [HunkPart] {
    let lines = Array(hunk.lines)
    let most = ReviewChat.mostLines - 1
    let count = max(1, (lines.count + most - 1) / most)
    var (old, new) = (hunk.oldStart, hunk.newStart)
    return (0..<count).map { part in
      let piece = Array(lines[lines.count * part / count..<lines.count * (part + 1) / count])
      let oldCount = piece.count { $0.kind != .added }
      let newCount = piece.count { $0.kind != .removed }
      let heading = part > 0 || hunk.heading.isEmpty ? "" : " " + hunk.heading
      let header = "@@ -\(old),\(oldCount) +\(new),\(newCount) @@" + heading
      (old, new) = (old + oldCount, new + newCount)
      return HunkPart(
        lines: piece,
        text: ([header] + piece.map { $0.marker + $0.text.withoutFinalCR }).joined(separator: "\n"))
    }
  }
}
