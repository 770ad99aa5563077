/// SQL put together from values instead of parameters.
/// Source: CWE-89, Bandit B608, OWASP SQL Injection Prevention Cheat Sheet.
struct SQLConcatenation: LineRule {
  let name = "sql-concatenation"
  let summary = "SQL built by putting values into its text"
  let category = "security"
  let severity = Severity.error
  let confidence = 0.75
  let triggers: [Needle] = ["select", "insert", "update", "delete", "replace"]
  /// Parts of SQL that cannot be a parameter, and lists of placeholders.
  private let structural: [Needle] = [
    "table", "column", "placeholder", "schema", "field", "order", "where", "clause", "dialect",
    "quote", "escape", "ident", "cols", "params", "marks", "qmark", "condition", "limit", "prefix",
  ]

  func applies(to file: RuleFile) -> Bool {
    switch file.language {
    case .python, .javascript, .typescript, .go, .swift, .java, .ruby: return !file.kind.isTest
    default: return false
    }
  }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    guard !line.startsInside, let start = statement(line) else { return nil }
    guard let value = inserted(line, from: start, file.language) else { return nil }
    let low = value.lowered
    if structural.contains(where: { low.has($0) }) { return nil }
    // An upper-case name is a constant of the program.
    if !value.isEmpty, !value.contains(where: { $0 &- 97 < 26 }) { return nil }
    return RuleFinding(
      at: index,
      "A value is put into the text of this SQL, so a quote in it changes the statement. Use a "
        + "placeholder and pass the value as a parameter.")
  }

  /// Where a string that is a SQL statement begins.
  private func statement(_ line: CodeLine) -> Int? {
    let low = line.uncommented.lowered
    let pairs: [(Needle, Needle)] = [
      ("select ", " from "), ("insert into ", ""), ("update ", " set "), ("delete from ", ""),
      ("replace into ", ""),
    ]
    for (verb, then) in pairs {
      guard let at = low.find(verb), at > 0 else { continue }
      var quote = at - 1
      while quote > 0, low[quote].isBlank { quote -= 1 }
      guard low[quote].is("\"") || low[quote].is("'") || low[quote].is("`") else { continue }
      if then.bytes.isEmpty || low.find(then, from: at) != nil { return quote }
    }
    return nil
  }

  /// The expression put into the statement; `nil` where none is.
  private func inserted(_ line: CodeLine, from quote: Int, _ language: Language?) -> [UInt8]? {
    let text = line.uncommented
    let mark = text[quote]
    func between(_ open: Needle, _ close: UInt8) -> [UInt8]? {
      guard let at = text.find(open, from: quote) else { return nil }
      let rest = text.slice(at + open.bytes.count, text.count)
      guard let end = rest.firstIndex(of: close) else { return nil }
      return rest.slice(0, end)
    }
    // `"… " + name`, and in Python `"…" % name`.
    let plus: [Needle] =
      language == .python ? [Needle("\(Character(Unicode.Scalar(mark))) % ")] : []
    for sign in plus + [Needle("\(Character(Unicode.Scalar(mark))) + "), "\" + ", "' + "] {
      if let at = text.find(sign, from: quote + 1) {
        let from = text.skipBlanks(at + sign.bytes.count)
        let rest = text.slice(from, text.count)
        guard let first = rest.first, first.isWordByte || first.is("("), !first.isDigit else {
          continue
        }
        return first.is("(") ? Array(rest.prefix { !$0.is(")") }) : rest.path(from: 0)
      }
    }
    switch language {
    case .python:
      let formatted =
        quote > 0 && (text[quote - 1] | 32).is("f")
        || quote > 1 && (text[quote - 2] | 32).is("f") && (text[quote - 1] | 32).is("r")
        || quote > 2 && (text[quote - 3] | 32).is("f")
      if formatted, let value = between("{", UInt8(ascii: "}")) { return value }
      if let at = line.code.find(".format(", from: quote) {
        return text.slice(at + 8, line.code.closing(of: at + 7))
      }
    case .javascript, .typescript:
      // A tagged template (`sql`…``) makes parameters.
      if mark.is("`"), quote == 0 || !text[quote - 1].isWordByte {
        return between("${", UInt8(ascii: "}"))
      }
    case .swift: return between("\\(", UInt8(ascii: ")"))
    case .go:
      guard let open = line.code.call("fmt.Sprintf", method: true), open < quote else { return nil }
      let body = text.slice(quote, text.count)
      guard let last = body.lastIndex(of: mark),
        body.hasAny(["'%s'", "= %s", "=%s", "'%v'", "= %v"])
      else { return nil }
      return body.slice(last + 1, body.count)
    default: return nil
    }
    return nil
  }
}
