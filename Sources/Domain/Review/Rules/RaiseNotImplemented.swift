/// `NotImplemented` is a value for operators; raising it gives a TypeError instead.
/// Source: Pyflakes F901, the Python library reference on NotImplemented.
struct RaiseNotImplemented: LineRule {
  let name = "raise-not-implemented"
  let summary = "`raise NotImplemented` instead of NotImplementedError"
  let category = "bug"
  let severity = Severity.error
  let confidence = 0.98
  let triggers: [Needle] = ["NotImplemented"]

  func applies(to file: RuleFile) -> Bool { file.language == .python }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    guard let at = line.code.findWord("raise") else { return nil }
    let value = line.code.skipBlanks(at + 5)
    guard line.code.findWord("NotImplemented", from: value) == value else { return nil }
    return RuleFinding(
      at: index,
      "NotImplemented is not an exception, so this raises a TypeError. Raise NotImplementedError.",
      suggestion: line.text.replacing(value, value + 14, with: "NotImplementedError"))
  }
}
