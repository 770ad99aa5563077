/// What a model returned, made harmless before it is shown.
public enum Defanged {
  /// How many scalars of a text are shown at most, unless the caller says otherwise.
  public static let usualLimit = 4000

  /// For a terminal: controls and invisible characters are shown as `<U+001B>`, so nothing that a
  /// model writes moves the cursor, sets a title, makes a hyperlink or reorders a line.
  /// - Parameter oneLine: line breaks and runs of blanks become one space.
  public static func forTerminal(
    _ text: String, oneLine: Bool = false, limit: Int = usualLimit
  ) -> String {
    var shown = ""
    for scalar in bounded(text, limit) {
      if let kind = HiddenText.kind(of: scalar), !isHarmless(kind, scalar) {
        shown += name(of: scalar)
      } else {
        shown.unicodeScalars.append(scalar)
      }
    }
    return oneLine ? joinedLines(shown) : shown
  }

  /// For JSON, SARIF and rdjson, whose readers escape for themselves: controls, bidi, tag and
  /// zero-width characters are taken out, all else stays.
  public static func forPlainJSON(_ text: String, limit: Int = usualLimit) -> String {
    HiddenText.stripped(string(bounded(text, limit))).text
  }

  /// For a forge's Markdown: reads the same, does nothing.
  ///
  /// Code spans and fenced code stay, rewritten so that their bounds are ours. Outside of them all
  /// markup and HTML is escaped, and every word that a forge would act on (a mention, a reference
  /// to an issue, a link, an address, a command at the start of a line) becomes a code span.
  /// - Parameter oneLine: the text becomes one paragraph without fenced code.
  public static func forMarkdown(
    _ text: String, oneLine: Bool = false, limit: Int = usualLimit
  ) -> String {
    let visible = HiddenText.stripped(string(bounded(text, limit))).text
    return MarkdownDefanger.defang(oneLine ? joinedLines(visible) : visible)
  }

  /// A code span that holds `text` whatever backticks it has; one line.
  public static func codeSpan(_ text: String, limit: Int = 300) -> String {
    let visible = joinedLines(HiddenText.stripped(string(bounded(text, limit))).text)
    return MarkdownDefanger.codeSpan(visible)
  }

  /// A fenced block whose fence is longer than any in `text`.
  /// - Parameter info: a language; dropped unless a plain word that no forge acts on.
  public static func codeBlock(_ text: String, info: String = "", limit: Int = 20_000) -> String {
    MarkdownDefanger.codeBlock(HiddenText.stripped(string(bounded(text, limit))).text, info: info)
  }

  private static func bounded(_ text: String, _ limit: Int) -> [Unicode.Scalar] {
    var scalars: [Unicode.Scalar] = []
    var iterator = text.unicodeScalars.makeIterator()
    while let scalar = iterator.next() {
      if scalars.count >= limit {
        scalars.append("…")
        break
      }
      scalars.append(scalar)
    }
    return scalars
  }

  private static func string(_ scalars: [Unicode.Scalar]) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  /// Joiners and variation selectors of emoji do nothing on a terminal.
  private static func isHarmless(_ kind: HiddenText.Kind, _ scalar: Unicode.Scalar) -> Bool {
    scalar == "\u{200D}" || scalar == "\u{200C}" || scalar == "\u{FE0F}" || scalar == "\u{FE0E}"
  }

  private static func name(of scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return "<U+\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)>"
  }

  /// One line without controls or invisible characters: for messages before they are stored or
  /// compared. It is not escaped for any format.
  public static func oneLine(_ text: String, limit: Int = usualLimit) -> String {
    joinedLines(HiddenText.stripped(string(bounded(text, limit))).text)
  }

  static func joinedLines(_ text: String) -> String {
    text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0.isNewline })
      .joined(separator: " ")
  }
}
