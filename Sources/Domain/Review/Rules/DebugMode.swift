/// Flask's and Django's debug pages show the source and run code that a visitor types.
/// Source: CWE-489, Bandit B201, the Flask documentation on the debugger.
struct DebugMode: LineRule {
  let name = "debug-mode"
  let summary = "A web server started in debug mode"
  let category = "security"
  let severity = Severity.warning
  let confidence = 0.75
  let triggers: [Needle] = ["debug"]

  func applies(to file: RuleFile) -> Bool {
    file.language == .python && !file.kind.isTest && !file.path.bytes.has("example")
      && !file.path.bytes.has("docs/")
  }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code
    let flask = code.has(".run(") && code.hasWord("debug=True")
    let django =
      file.path.name.hasPrefix("settings") && code.trimmed == Array("DEBUG = True".utf8)
    guard flask || django else { return nil }
    return RuleFinding(
      at: index,
      "In debug mode an error page can show secrets, or run code that a visitor types. Read this from "
        + "the environment, off by default.")
  }
}
