/// `==` asks the other object, which may answer anything; there is one None.
/// Source: pycodestyle E711, PEP 8 "Programming Recommendations".
struct NoneComparison: LineRule {
  let name = "none-comparison"
  let summary = "None compared with `==` or `!=`"
  let category = "bug"
  let severity = Severity.note
  let confidence = 0.7
  let triggers: [Needle] = ["None"]

  func applies(to file: RuleFile) -> Bool { file.language == .python }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code
    // Query builders overload `==`, and there `is None` would be the bug.
    if code.hasAny(["filter(", "where(", "having(", "and_(", "or_(", ".join("]) { return nil }
    for (mark, fixed) in [("==", "is"), ("!=", "is not")] {
      guard let at = code.find(Needle(mark)) else { continue }
      let value = code.skipBlanks(at + 2)
      guard code.findWord("None", from: value) == value else { continue }
      return RuleFinding(
        at: index,
        "Compare with None by `\(fixed)`: `\(mark)` calls the object's own `__eq__`, which may lie.",
        suggestion: line.text.replacing(
          at, at + 2,
          with: (at > 0 && code[at - 1].isBlank ? "" : " ") + fixed
            + (value == at + 2 ? " " : "")))
    }
    return nil
  }
}
