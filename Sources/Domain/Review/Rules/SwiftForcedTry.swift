/// An error or a wrong type ends the whole process.
/// Source: swift-format NeverUseForceTry, SwiftLint force_try and force_cast; CWE-248.
struct SwiftForcedTry: LineRule {
  let name = "swift-forced-try"
  let summary = "`try!` or `as!`: a failure ends the process"
  let category = "error-handling"
  let severity = Severity.warning
  let confidence = 0.75
  let triggers: [Needle] = ["try!", "as! "]

  func applies(to file: RuleFile) -> Bool {
    file.language == .swift && !file.kind.isTest && !file.kind.isTool
  }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code
    let tries = code.has("try!")
    guard tries || code.has(" as! ") else { return nil }
    // A constant pattern or address that the author wrote cannot fail later.
    if tries, code.hasAny(["NSRegularExpression(", "Regex("]) { return nil }
    if explained(line, index, in: file) { return nil }
    return RuleFinding(
      at: index,
      "A failure here ends the whole process. Handle it with `\(tries ? "try" : "as?")`, or say in a "
        + "comment why it cannot happen.")
  }

  private func explained(_ line: CodeLine, _ index: Int, in file: RuleFile) -> Bool {
    if line.hasComment { return true }
    return file.preceding(index, limit: 1).contains {
      file.lines[$0].text.trimmed.starts(with: "//")
    }
  }
}
