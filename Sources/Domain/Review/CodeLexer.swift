/// Blanks strings and comments, line by line, carrying what is still open to the next line.
///
/// It is not a parser: it knows the quotes and comments of a language family and no grammar. A hunk
/// starts in code, unless its first closing mark shows that it began inside a comment or docstring.
struct CodeLexer: Sendable {
  enum Family: Sendable, Equatable {
    /// Python: `#`, single and triple quotes.
    case python
    /// `#` comments and quotes that end with the line: shell, YAML, Dockerfile, Ruby, TOML.
    case hash
    /// `//`, `/* */`, and the strings of Swift, JavaScript, Go, Rust, Java, C.
    case swift, script, go, braces
    /// Nothing is blanked.
    case plain

    init(_ language: Language?) {
      switch language {
      case .python: self = .python
      case .yaml, .shell, .dockerfile, .ruby, .toml: self = .hash
      case .swift: self = .swift
      case .javascript, .typescript: self = .script
      case .go: self = .go
      case .rust, .java, .c, .cpp: self = .braces
      default: self = .plain
      }
    }
  }

  private enum Open: Sendable, Equatable {
    case code
    case blockComment
    /// A string that may span lines, by the byte that closes it and how often it is repeated.
    case string(UInt8, times: Int)
  }

  struct Line { var code: [UInt8], commentStart: Int, startsInside: Bool }

  let family: Family
  private var open = Open.code

  init(_ family: Family, startingWith lines: [[UInt8]]) {
    self.family = family
    open = Self.opening(family, lines)
  }

  /// What a hunk begins inside, judged by the first mark in it.
  private static func opening(_ family: Family, _ lines: [[UInt8]]) -> Open {
    switch family {
    case .swift, .script, .go, .braces:
      for line in lines {
        let opens = line.find("/*")
        guard let closes = line.find("*/") else {
          if opens != nil { return .code }
          continue
        }
        if let opens, opens < closes { return .code }
        // `**/` is common in globs; a comment's end stands first or after a blank.
        return line.trimmed.starts(with: "*") || closes == 0 || line[closes - 1].isBlank
          ? .blockComment : .code
      }
    case .python: return docstring(lines)
    case .hash, .plain: break
    }
    return .code
  }

  /// A lone, unpaired mark that does not follow the head of a block closes a docstring.
  private static func docstring(_ lines: [[UInt8]]) -> Open {
    for (mark, byte) in [(Needle("\"\"\""), UInt8(ascii: "\"")), ("'''", UInt8(ascii: "'"))] {
      var marks = 0
      var closes = false
      var previous: [UInt8] = []
      for line in lines {
        var from = 0
        while let at = line.find(mark, from: from) {
          if marks == 0 {
            closes =
              line.trimmed == mark.bytes && !previous.isEmpty && previous.last != UInt8(ascii: ":")
          }
          marks += 1
          from = at + 3
        }
        if !line.isBlank { previous = line.trimmed }
      }
      if closes, marks % 2 == 1 { return .string(byte, times: 3) }
    }
    return .code
  }

  mutating func next(_ text: [UInt8]) -> Line {
    guard family != .plain else {
      return Line(code: text, commentStart: text.count, startsInside: false)
    }
    var code = text
    var commentStart = text.count
    let startsInside = open != .code
    var i = 0
    /// The last byte of code that is not white space: tells a division from a regular expression.
    var significant: UInt8 = 0
    while i < text.count {
      switch open {
      case .blockComment:
        if text.starts(with: "*/", at: i) {
          blank(&code, i, i + 2)
          i += 2
          open = .code
        } else {
          code[i] = 32
          i += 1
        }
      case .string(let quote, let times):
        i = string(text, &code, i, quote, times)
      case .code:
        let byte = text[i]
        if beginsLineComment(text, i) {
          commentStart = i
          blank(&code, i, text.count)
          i = text.count
        } else if hasBlockComments, text.starts(with: "/*", at: i) {
          blank(&code, i, i + 2)
          i += 2
          open = .blockComment
        } else if let times = quotes(text, i) {
          significant = byte
          open = .string(byte, times: times)
          i += times
        } else if family == .script, byte.is("/"), beginsExpression(significant, text, i) {
          i = regularExpression(text, &code, i)
          significant = UInt8(ascii: "/")
        } else {
          if !byte.isBlank { significant = byte }
          i += 1
        }
      }
    }
    if case .string(let quote, let times) = open, !mayspan(quote, times, text) { open = .code }
    return Line(code: code, commentStart: commentStart, startsInside: startsInside)
  }

  private var hasBlockComments: Bool { family != .python && family != .hash }

  private func beginsLineComment(_ text: [UInt8], _ i: Int) -> Bool {
    switch family {
    case .python: return text[i].is("#")
    case .hash:
      // `$#`, `${#x}` and a fragment of an address are not comments.
      return text[i].is("#") && (i == 0 || text[i - 1].isBlank)
    case .plain: return false
    default: return text.starts(with: "//", at: i)
    }
  }

  /// How many quote bytes open a string at `i`; `nil` where none does.
  private func quotes(_ text: [UInt8], _ i: Int) -> Int? {
    switch text[i] {
    case UInt8(ascii: "\""):
      if family == .python || family == .swift, text.starts(with: "\"\"\"", at: i) { return 3 }
      return 1
    case UInt8(ascii: "'"):
      switch family {
      case .python: return text.starts(with: "'''", at: i) ? 3 : 1
      case .script: return 1
      case .hash: return i == 0 || !text[i - 1].isWordByte ? 1 : nil
      case .go, .braces:
        // A character, not a lifetime.
        if i + 2 < text.count, text[i + 1].is("\\") || text[i + 2].is("'") { return 1 }
        return nil
      case .swift, .plain: return nil
      }
    case UInt8(ascii: "`"): return family == .script || family == .go ? 1 : nil
    default: return nil
    }
  }

  /// Blanks from `start` to the end of the string or of the line; returns where to go on.
  private mutating func string(
    _ text: [UInt8], _ code: inout [UInt8], _ start: Int, _ quote: UInt8, _ times: Int
  ) -> Int {
    var i = start
    var nesting = 0
    while i < text.count {
      let byte = text[i]
      if byte.is("\\"), !(family == .go && quote.is("`")) {
        if family == .swift, i + 1 < text.count, text[i + 1].is("(") { nesting += 1 }
        blank(&code, i, i + 2)
        i += 2
        continue
      }
      if nesting > 0 {
        // Inside `\( … )` a quote opens another string.
        if byte.is("(") { nesting += 1 }
        if byte.is(")") { nesting -= 1 }
      } else if byte == quote, repeats(text, i, quote, times) {
        open = .code
        return i + times
      }
      code[i] = 32
      i += 1
    }
    return i
  }

  private func repeats(_ text: [UInt8], _ i: Int, _ quote: UInt8, _ times: Int) -> Bool {
    guard i + times <= text.count else { return false }
    for k in 0..<times where text[i + k] != quote { return false }
    return true
  }

  private func mayspan(_ quote: UInt8, _ times: Int, _ text: [UInt8]) -> Bool {
    times == 3 || quote.is("`") || (text.last == UInt8(ascii: "\\") && family != .hash)
  }

  private func beginsExpression(_ previous: UInt8, _ text: [UInt8], _ i: Int) -> Bool {
    if previous == 0 { return true }
    if "(,=:[!&|?{};+-<>~^%*".utf8.contains(previous) { return true }
    return text.slice(0, i).trimmed.hasSuffixWord("return")
  }

  private func regularExpression(_ text: [UInt8], _ code: inout [UInt8], _ start: Int) -> Int {
    var i = start + 1
    var inClass = false
    while i < text.count {
      if text[i].is("\\") {
        i += 2
        continue
      }
      if text[i].is("[") { inClass = true }
      if text[i].is("]") { inClass = false }
      if text[i].is("/"), !inClass {
        blank(&code, start + 1, i)
        return i + 1
      }
      i += 1
    }
    return start + 1
  }

  private func blank(_ code: inout [UInt8], _ from: Int, _ to: Int) {
    for k in from..<min(to, code.count) { code[k] = 32 }
  }
}

extension Array where Element == UInt8 {
  fileprivate func hasSuffixWord(_ word: Needle) -> Bool {
    guard count >= word.bytes.count else { return false }
    let at = count - word.bytes.count
    return slice(at, count) == word.bytes && (at == 0 || !self[at - 1].isWordByte)
  }
}
