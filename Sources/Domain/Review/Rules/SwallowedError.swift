/// A failure that nobody will ever hear of.
/// Source: CWE-390, CWE-391, Bandit B110, ESLint no-empty.
struct SwallowedError: LineRule {
  let name = "swallowed-error"
  let summary = "An error caught and dropped without a word"
  let category = "error-handling"
  let severity = Severity.warning
  let confidence = 0.75
  let triggers: [Needle] = ["except", "catch"]

  func applies(to file: RuleFile) -> Bool { !file.kind.isTest }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let hit: Bool
    switch file.language {
    case .python: hit = python(line, index, file)
    case .javascript, .typescript, .swift, .java: hit = braces(line, index, file)
    default: hit = false
    }
    guard hit else { return nil }
    return RuleFinding(
      at: index,
      "Every error is caught here and dropped without a word. Handle it, log it, or say in a "
        + "comment why it can be ignored.")
  }

  /// Only the broad forms: `except KeyError: pass` is a decision.
  private func python(_ line: CodeLine, _ index: Int, _ file: RuleFile) -> Bool {
    let code = line.code.trimmed
    guard !line.hasComment, code.starts(with: "except") else { return false }
    guard let colon = code.find(":") else { return false }
    let caught = code.slice(6, colon).trimmed
    let broad =
      caught.isEmpty || caught.starts(with: "Exception") || caught.starts(with: "BaseException")
    guard broad else { return false }
    let inline = code.slice(colon + 1, code.count).trimmed
    if !inline.isEmpty { return Self.doesNothing(inline) }
    guard let body = file.next(after: index), !file.lines[body].hasComment,
      Self.doesNothing(file.lines[body].code.trimmed)
    else { return false }
    // The block ends there.
    guard let after = file.next(after: body) else { return true }
    return file.lines[after].code.indentation < file.lines[body].code.indentation
  }

  private static func doesNothing(_ code: [UInt8]) -> Bool {
    code == Array("pass".utf8) || code == Array("...".utf8) || code == Array("continue".utf8)
  }

  private func braces(_ line: CodeLine, _ index: Int, _ file: RuleFile) -> Bool {
    let code = line.code
    guard let at = code.findWord("catch") else { return false }
    // `.catch(() => {})` of a promise.
    if at > 0, code[at - 1].is(".") {
      guard let arrow = code.find("=>", from: at) else { return false }
      let body = code.slice(code.skipBlanks(arrow + 2), code.count)
      return body.starts(with: "{})") && !line.hasComment
    }
    guard let open = code.find("{", from: at) else { return false }
    let rest = line.text.slice(open + 1, line.text.count).trimmed
    if rest.first?.is("}") == true { return true }
    guard rest.isEmpty, let next = file.next(after: index) else { return false }
    return file.lines[next].text.trimmed.starts(with: "}")
  }
}
