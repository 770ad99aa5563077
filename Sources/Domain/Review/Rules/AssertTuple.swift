/// A tuple that is not empty is true, so the assertion never fails.
/// Source: Pyflakes F631, CWE-570.
struct AssertTuple: LineRule {
  let name = "assert-tuple"
  let summary = "An assertion on a tuple, which always passes"
  let category = "bug"
  let severity = Severity.error
  let confidence = 0.97
  let triggers: [Needle] = ["assert"]

  func applies(to file: RuleFile) -> Bool { file.language == .python }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code
    let start = code.indentation
    guard code.findWord("assert", from: start) == start else { return nil }
    let open = code.skipBlanks(start + 6)
    guard open < code.count, code[open].is("(") else { return nil }
    let close = code.closing(of: open)
    guard close < code.count, code.slice(close + 1, code.count).isBlank else { return nil }
    var depth = 0
    for i in open..<close {
      if code[i].is("(") || code[i].is("[") || code[i].is("{") { depth += 1 }
      if code[i].is(")") || code[i].is("]") || code[i].is("}") { depth -= 1 }
      guard depth == 1, code[i].is(",") else { continue }
      // `(yield_ for a, b in c)` and a lambda have commas that make no tuple.
      if code.slice(open, close).hasAnyWord(["for", "lambda"]) { return nil }
      let inside = line.text.slice(open + 1, close).string
      return RuleFinding(
        at: index,
        "The parentheses make a tuple, which is always true, so this assertion never fails. Remove "
          + "them.", suggestion: line.text.replacing(start, close + 1, with: "assert " + inside))
    }
    return nil
  }
}
