/// Text run as code: whoever controls the text controls the program.
/// Source: CWE-95, Bandit B307 and B102, ESLint no-eval.
struct EvalCall: LineRule {
  let name = "eval-call"
  let summary = "Text that is run as code"
  let category = "security"
  let severity = Severity.warning
  let confidence = 0.75
  let triggers: [Needle] = ["eval", "exec(", "Function("]

  func applies(to file: RuleFile) -> Bool { !file.kind.isTest }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let names: [Needle]
    switch file.language {
    case .python: names = ["eval", "exec"]
    case .javascript, .typescript: names = ["eval", "new Function"]
    default: return nil
    }
    let code = line.code
    for name in names {
      guard let open = code.call(name), !code.hasWord("def"), !code.hasWord("function") else {
        continue
      }
      let argument = line.text.slice(open + 1, code.closing(of: open)).trimmed
      guard let first = argument.first else { continue }
      // A literal is the author's own code.
      if first.is("\"") || first.is("'") { continue }
      return RuleFinding(
        at: index,
        "`\(name.bytes.string)` runs whatever this text says. Parse the input instead, or show in a "
          + "comment why nobody else can choose it.")
    }
    return nil
  }
}
