/// A merge that was committed before it was resolved.
/// Source: git-merge(1), "How conflicts are presented".
struct ConflictMarker: ReviewRule {
  let name = "conflict-marker"
  let summary = "A left-over merge conflict marker"
  let category = "bug"
  let severity = Severity.error
  let confidence = 0.97

  func findings(in file: RuleFile) -> [RuleFinding] {
    var found: [RuleFinding] = []
    var opened: Int?
    for index in file.added {
      let text = file.lines[index].text
      guard let first = text.first, first.is("<") || first.is(">") || first.is("|") else {
        continue
      }
      if Self.isMarker(text, "<<<<<<<") {
        opened = file.lines[index].hunk
      } else if Self.isMarker(text, ">>>>>>>") || Self.isMarker(text, "|||||||") {
        // The opening marker already stands for the whole conflict.
        if opened == file.lines[index].hunk { continue }
      } else {
        continue
      }
      found.append(
        RuleFinding(
          at: index,
          "A merge conflict marker was left in the file. Choose one side, or merge both, and delete "
            + "the markers."))
    }
    return found
  }

  private static func isMarker(_ text: [UInt8], _ mark: StaticString) -> Bool {
    guard text.starts(with: mark) else { return false }
    return text.count == 7 || (text.count > 8 && text[7] == 32 && text[8] != 32)
  }
}
