extension Defanged {
  /// A model's words as a finding's message: one line, no control or invisible characters, and every
  /// word that a forge, a mail client or a page would act on (a mention, a link, an image, an issue
  /// reference, a tag, a command at the start) as a code span. All else stays as it was written, so
  /// that a terminal and a program read it plainly; what goes onto a page is escaped there.
  public static func message(_ text: String, limit: Int = 1_000) -> String {
    let visible = HiddenText.stripped(String(text.unicodeScalars.prefix(limit))).text
    let line = visible.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return MarkdownDefanger.inertWords(line[...])
  }
}

extension MarkdownDefanger {
  /// Code spans are kept as they are; outside of them active words become code spans.
  static func inertWords(_ line: Substring) -> String {
    var output = ""
    var rest = line
    while let tick = rest.firstIndex(of: "`") {
      append(inertProse(rest[..<tick], atStart: output.isEmpty), to: &output)
      let run = rest[tick...].prefix(while: { $0 == "`" })
      let body = rest[run.endIndex...]
      guard let end = closing(run.count, in: body) else {
        // A backtick without a partner would open a span over our own words.
        output += String(repeating: "'", count: run.count)
        rest = body
        continue
      }
      let next = body.index(end, offsetBy: run.count)
      append(String(rest[tick..<next]), to: &output)
      rest = body[next...]
    }
    append(inertProse(rest, atStart: output.isEmpty), to: &output)
    return output
  }

  private static func inertProse(_ text: Substring, atStart: Bool) -> String {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    return words.enumerated().map { index, word in
      let first = atStart && index == 0
      guard isActive(word, atLineStart: first) || isMarkup(word) else { return String(word) }
      var core = word
      while let last = core.last, ".,;:!?".contains(last) { core = core.dropLast() }
      return core.isEmpty ? String(word) : codeSpan(String(core)) + word[core.endIndex...]
    }.joined(separator: " ")
  }

  /// `[text](target)`, `![image](target)`, `<tag`, `</tag`, `<!--`.
  private static func isMarkup(_ word: Substring) -> Bool {
    if word.contains("](") || word.contains("][") || word.hasPrefix("![") { return true }
    guard let open = word.firstIndex(of: "<") else { return false }
    let next = word[word.index(after: open)...].first
    return next.map { $0.isLetter || $0 == "/" || $0 == "!" } ?? false
  }
}
