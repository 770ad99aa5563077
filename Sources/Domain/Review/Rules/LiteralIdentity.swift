/// Whether two equal literals are one object is up to the interpreter.
/// Source: Pyflakes F632; a SyntaxWarning since Python 3.8.
struct LiteralIdentity: LineRule {
  let name = "literal-identity"
  let summary = "A literal compared with `is`"
  let category = "bug"
  let severity = Severity.error
  let confidence = 0.95
  let triggers: [Needle] = [" is ", "is \"", "is '", "is not"]

  func applies(to file: RuleFile) -> Bool { file.language == .python }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code
    var from = 0
    while let at = code.findWord("is", from: from) {
      from = at + 1
      guard at > 0, code[at - 1].isBlank || code[at - 1].is(")") else { continue }
      var value = code.skipBlanks(at + 2)
      var fixed = "=="
      if code.findWord("not", from: value) == value {
        value = code.skipBlanks(value + 3)
        fixed = "!="
      }
      guard value < code.count, value > at + 2 else { continue }
      let byte = code[value]
      let literal =
        byte.is("\"") || byte.is("'") || byte.isDigit
        || (byte.is("-") && value + 1 < code.count && code[value + 1].isDigit)
        || code.starts(with: "()", at: value) || code.starts(with: "[]", at: value)
        || code.starts(with: "{}", at: value)
      guard literal else { continue }
      return RuleFinding(
        at: index,
        "`is` asks for the same object, not for an equal value, so the answer depends on the "
          + "interpreter. Use `\(fixed)`.",
        suggestion: line.text.replacing(at, value, with: fixed + " "))
    }
    return nil
  }
}
