/// A stop for a debugger, which hangs a server that nobody watches.
/// Source: CWE-489, flake8-debugger T100, ESLint no-debugger.
struct DebuggerCall: LineRule {
  let name = "debugger-call"
  let summary = "A call of a debugger left in the code"
  let category = "leftover"
  let severity = Severity.error
  let confidence = 0.95
  let triggers: [Needle] = [
    "breakpoint", "set_trace", "pdb", "debugger", "binding.", "dbg!", "pudb", "embed(",
    "runtime.Breakpoint", "byebug", "spew.Dump",
  ]

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code
    let hit: Bool
    switch file.language {
    case .python:
      hit =
        code.call("breakpoint") != nil && !code.hasWord("def")
        || code.hasAny([
          "pdb.set_trace(", "ipdb.set_trace(", "pudb.set_trace(", "web_pdb.set_trace(",
        ])
        || ["import pdb", "import ipdb", "import pudb", "from pdb import", "from ipdb import"]
          .contains { code.hasWord($0) }
    case .javascript, .typescript:
      let trimmed = code.trimmed
      hit = trimmed == Array("debugger;".utf8) || trimmed == Array("debugger".utf8)
    case .ruby: hit = code.hasAny(["binding.pry", "binding.irb"]) || code.hasWord("byebug")
    case .rust: hit = code.has("dbg!(")
    case .go: hit = code.has("runtime.Breakpoint()") || code.has("spew.Dump(")
    default: hit = false
    }
    guard hit else { return nil }
    return RuleFinding(at: index, "A debugger call was left in the code. Delete this line.")
  }
}
