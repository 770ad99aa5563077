/// Unquoted, an argument with a blank becomes two.
/// Source: ShellCheck SC2068 and SC2048.
struct UnquotedArguments: ReviewRule {
  let name = "unquoted-arguments"
  let summary = "`$@` without quotes: arguments with blanks fall apart"
  let category = "bug"
  let severity = Severity.warning
  let confidence = 0.85

  func applies(to file: RuleFile) -> Bool { file.language == .shell }

  func findings(in file: RuleFile) -> [RuleFinding] {
    guard applies(to: file) else { return [] }
    return file.added.compactMap { check(file.lines[$0], at: $0, in: file) }
  }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    // Strings are blanked in `code`, so what is left stands outside of quotes.
    let code = line.code
    var from = 0
    while let at = code.find("$@", from: from) {
      from = at + 2
      guard at == 0 || code[at - 1].isBlank, from == code.count || code[from].isBlank else {
        continue
      }
      // An assignment and `[[ … ]]` do not split.
      if code.has("[[") { continue }
      return RuleFinding(
        at: index,
        "Without quotes, an argument that holds a blank is split in two. Write `\"$@\"`.",
        suggestion: line.text.replacing(at, at + 2, with: "\"$@\""))
    }
    return nil
  }
}
