/// Output that was meant for the author's eyes while the change was made.
/// Source: flake8-print T201, ESLint no-console; narrowed to what a program does not print on purpose.
struct LeftoverPrint: LineRule {
  let name = "leftover-print"
  let summary = "Debugging output left in library code"
  let category = "leftover"
  let severity = Severity.note
  let confidence = 0.6
  let triggers: [Needle] = ["print", "console.", "dump(", "println", "var_dump"]

  private let words: [Needle] = [
    "debug", "here", "xxx", ">>>", "!!!", "###", "***", "asdf", "foo", "got here", "test",
  ]

  func applies(to file: RuleFile) -> Bool { !file.kind.isTest && !file.kind.isTool }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    guard leftOver(line, in: file) else { return nil }
    return RuleFinding(
      at: index,
      "This looks like debugging output. Delete it, or use the logger if it is worth keeping.")
  }

  private func leftOver(_ line: CodeLine, in file: RuleFile) -> Bool {
    let code = line.code
    switch file.language {
    case .python:
      guard let open = code.call("print") else { return false }
      return debugging(line, open)
    case .javascript, .typescript:
      for name in ["console.log", "console.dir", "console.trace"] as [Needle] {
        if code.call(name) != nil { return true }
      }
      return false
    case .swift:
      if let open = code.call("dump") { return code.slice(0, open - 4).isBlank }
      guard let open = code.call("print"), code.slice(0, open - 5).isBlank else { return false }
      return debugging(line, open)
    case .go:
      guard let open = code.call("fmt.Println") ?? code.call("println") else { return false }
      return debugging(line, open)
    default: return false
    }
  }

  /// A marker text, or an f-string that names its own expression.
  private func debugging(_ line: CodeLine, _ open: Int) -> Bool {
    let close = line.code.closing(of: open)
    let argument = line.text.slice(open + 1, close).trimmed
    guard !argument.isEmpty else { return false }
    if argument.has("=}"), argument.starts(with: "f") { return true }
    guard argument[0].is("\"") || argument[0].is("'") else { return false }
    let low = argument.lowered
    return words.contains { word in low.find(word) == 1 }
      && (low.count <= 24 || low.find("debug") == 1)
  }
}
