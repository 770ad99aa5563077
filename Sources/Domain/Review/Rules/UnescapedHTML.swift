/// Text put into a page as markup.
/// Source: CWE-79, Bandit B703, eslint-plugin-react no-danger.
struct UnescapedHTML: LineRule {
  let name = "unescaped-html"
  let summary = "A value put into a page as markup"
  let category = "security"
  let severity = Severity.warning
  let confidence = 0.65
  let triggers: [Needle] = [
    "innerHTML", "outerHTML", "document.write", "mark_safe", "template.HTML", "v-html",
    "insertAdjacentHTML", "Markup(",
  ]

  func applies(to file: RuleFile) -> Bool { !file.kind.isTest }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code
    let hit: Bool
    switch file.language {
    case .javascript, .typescript:
      hit =
        assigned(line, ".innerHTML") || assigned(line, ".outerHTML")
        || code.hasWord("dangerouslySetInnerHTML") && !code.hasAny(["sanitize", "DOMPurify"])
        || passesValue(line, code.call("document.write"))
        || passesValue(line, code.call("document.writeln"))
    case .python:
      hit = passesValue(line, code.call("mark_safe")) || formatted(line, code.call("Markup"))
    case .go: hit = passesValue(line, code.call("template.HTML", method: true))
    default: hit = false
    }
    guard hit else { return nil }
    return RuleFinding(
      at: index,
      "This value becomes markup, so text from outside can run script in the page. Insert it as "
        + "text, or sanitise it first.")
  }

  private func assigned(_ line: CodeLine, _ property: Needle) -> Bool {
    guard let at = line.code.find(property) else { return false }
    var equals = line.code.skipBlanks(at + property.bytes.count)
    if equals < line.code.count, line.code[equals].is("+") { equals += 1 }
    guard equals + 1 < line.code.count, line.code[equals].is("="), !line.code[equals + 1].is("=")
    else { return false }
    return isValue(line.text.slice(equals + 1, line.text.count).trimmed)
  }

  private func passesValue(_ line: CodeLine, _ open: Int?) -> Bool {
    guard let open, !line.code.hasAnyWord(["def", "func", "function"]) else { return false }
    return isValue(line.text.slice(open + 1, line.code.closing(of: open)).trimmed)
  }

  private func formatted(_ line: CodeLine, _ open: Int?) -> Bool {
    guard let open else { return false }
    let argument = line.text.slice(open + 1, line.text.count).trimmed
    return argument.starts(with: "f\"") || argument.starts(with: "f'")
  }

  /// Not one literal with nothing put into it.
  private func isValue(_ text: [UInt8]) -> Bool {
    guard let first = text.first else { return false }
    if first.is("`") { return text.has("${") }
    if first.is("\"") || first.is("'") { return text.hasAny(["\" +", "' +", "\"+", "'+"]) }
    return first.isWordByte || first.is("{")
  }
}
