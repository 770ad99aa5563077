/// The lines of a Markdown text that its author says in his own words: without quotations, code and
/// HTML comments. Where Markdown leaves a doubt, as inside a list, less is heard rather than more;
/// but a line right below a quotation is its author's, though Markdown may draw it inside.
/// Source: CommonMark 0.31, "Indented code blocks", "Fenced code blocks", "Block quotes", "HTML
/// blocks", "Code spans".
struct SpokenLines {
  /// What an earlier line has opened.
  private enum Open {
    case nothing
    case fence(byte: UInt8, length: Int, indent: Int)
    case comment
    /// An element such as `<pre>`, until the line that has its end.
    case element(end: [UInt8])
    /// A code span that more than one line holds.
    case span(length: Int)
  }

  private let lines: [ArraySlice<UInt8>]
  private var open = Open.nothing
  private var heard: [String] = []

  /// Each line without its indentation, its end, and the HTML comments in it.
  static func of(_ text: String) -> [String] {
    var reading = SpokenLines(lines: split(Array(text.utf8)))
    for index in reading.lines.indices { reading.read(index) }
    return reading.heard
  }

  private init(lines: [ArraySlice<UInt8>]) { self.lines = lines }

  /// By bytes, because a line end of two bytes is one `Character`.
  private static func split(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    var start = 0
    for (index, byte) in text.enumerated() where byte == 0x0A || byte == 0x0D {
      if byte == 0x0A, index > 0, text[index - 1] == 0x0D {
        start = index + 1
        continue
      }
      lines.append(text[start..<index])
      start = index + 1
    }
    lines.append(text[start...])
    return lines
  }

  private mutating func read(_ index: Int) {
    let line = lines[index]
    switch open {
    case .fence(let byte, let length, let indent):
      if closes(line, byte, length, indent) { open = .nothing }
    case .element(let end):
      if Self.place(of: end, in: line) != nil { open = .nothing }
    case .comment:
      guard let end = Self.place(of: Array("-->".utf8), in: line) else { return }
      open = .nothing
      _ = readWords(line[(end + 3)...], index)
    case .span(let length):
      guard let end = Self.run(of: length, in: line) else { return }
      open = .nothing
      _ = readWords(line[(end + length)...], index)
    case .nothing: readOwnLine(index)
    }
  }

  private mutating func readOwnLine(_ index: Int) {
    let line = lines[index]
    let (indent, content) = Self.indentation(line)
    guard let first = content.first else { return }
    if let fence = Self.fence(line) {
      open = fence
    } else if first == UInt8(ascii: ">") && indent < 4 {
      return
    } else if let end = Self.element(content) {
      if Self.place(of: end, in: content) == nil { open = .element(end: end) }
    } else if indent < 4 {
      heard.append(String(decoding: readWords(content, index), as: UTF8.self))
    } else if index > 0, !Self.indentation(lines[index - 1]).content.isEmpty {
      // It goes on with the paragraph before it, or is code below code: neither begins a line.
      _ = readWords(content, index)
    }
  }

  /// Reads what may open a code span or a comment, and returns the rest without comments.
  private mutating func readWords(_ words: ArraySlice<UInt8>, _ index: Int) -> [UInt8] {
    var shown: [UInt8] = []
    var rest = words
    while let byte = rest.first {
      if byte == UInt8(ascii: "\\") {
        shown += rest.prefix(2)
        rest = rest.dropFirst(2)
      } else if byte == UInt8(ascii: "`") {
        let run = rest.prefix { $0 == byte }
        shown += run
        rest = rest.dropFirst(run.count)
        if let end = Self.run(of: run.count, in: rest) {
          shown += rest[..<(end + run.count)]
          rest = rest[(end + run.count)...]
        } else if spanEnds(after: index, length: run.count) {
          open = .span(length: run.count)
          return shown + rest
        }
      } else if rest.starts(with: Array("<!--".utf8)) {
        guard let end = Self.place(of: Array("-->".utf8), in: rest.dropFirst(4)) else {
          open = .comment
          return shown
        }
        rest = rest[(end + 3)...]
      } else {
        shown.append(byte)
        rest = rest.dropFirst()
      }
    }
    return shown
  }

  /// Whether a run of as many backticks follows in the same paragraph.
  private func spanEnds(after index: Int, length: Int) -> Bool {
    for line in lines[(index + 1)...] {
      let (indent, content) = Self.indentation(line)
      guard let first = content.first, Self.fence(line) == nil,
        first != UInt8(ascii: ">") || indent >= 4
      else { return false }
      if Self.run(of: length, in: line) != nil { return true }
    }
    return false
  }

  private func closes(
    _ line: ArraySlice<UInt8>, _ byte: UInt8, _ length: Int, _ indent: Int
  ) -> Bool {
    let (ownIndent, content) = Self.indentation(line)
    let run = content.prefix { $0 == byte }
    return ownIndent <= indent + 3 && run.count >= length
      && content.dropFirst(run.count).allSatisfy(Self.isSpace)
  }

  /// A fence opens at any depth: a list may indent it, and what is indented without one is not
  /// heard in any case.
  private static func fence(_ line: ArraySlice<UInt8>) -> Open? {
    var (indent, content) = indentation(line)
    while let marker = listMarker(content) {
      let (more, inner) = indentation(content.dropFirst(marker))
      indent += marker + more
      content = inner
    }
    guard let byte = content.first, byte == UInt8(ascii: "`") || byte == UInt8(ascii: "~") else {
      return nil
    }
    let run = content.prefix { $0 == byte }
    guard run.count >= 3,
      byte == UInt8(ascii: "~") || !content.dropFirst(run.count).contains(byte)
    else { return nil }
    return .fence(byte: byte, length: run.count, indent: indent)
  }

  /// The length of `-`, `*`, `+`, `1.` or `1)` with a space behind it.
  private static func listMarker(_ content: ArraySlice<UInt8>) -> Int? {
    let digits = content.prefix { $0 >= 0x30 && $0 <= 0x39 }
    let marks = digits.isEmpty ? "-*+" : ".)"
    let rest = content.dropFirst(digits.count)
    guard digits.count < 10, let mark = rest.first, marks.utf8.contains(mark),
      let space = rest.dropFirst().first, isSpace(space)
    else { return nil }
    return digits.count + 1
  }

  /// The end of an element whose text is shown as it stands.
  private static func element(_ content: ArraySlice<UInt8>) -> [UInt8]? {
    guard content.first == UInt8(ascii: "<") else { return nil }
    let name = content.dropFirst().prefix { ($0 | 0x20) &- 0x61 < 26 }.map { $0 | 0x20 }
    for known in ["pre", "script", "style", "textarea", "code"] where name == Array(known.utf8) {
      return Array("</".utf8) + name
    }
    return nil
  }

  /// Columns of white space, a tab reaching to the next multiple of four, and what follows them.
  private static func indentation(
    _ line: ArraySlice<UInt8>
  ) -> (columns: Int, content: ArraySlice<UInt8>) {
    var columns = 0
    var index = line.startIndex
    while index < line.endIndex, isSpace(line[index]) {
      columns += line[index] == 0x09 ? 4 - columns % 4 : 1
      index += 1
    }
    return (columns, line[index...])
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// Where a text begins, its letters of either case.
  private static func place(of text: [UInt8], in line: ArraySlice<UInt8>) -> Int? {
    guard let first = text.first, line.count >= text.count else { return nil }
    for start in line.startIndex...(line.endIndex - text.count) where line[start] == first {
      let found = line[start..<(start + text.count)]
      if zip(found, text).allSatisfy({ $0 == $1 || $0 | 0x20 == $1 && $1 >= 0x61 }) { return start }
    }
    return nil
  }

  /// Where a run of exactly so many backticks begins.
  private static func run(of length: Int, in line: ArraySlice<UInt8>) -> Int? {
    var index = line.startIndex
    while index < line.endIndex {
      guard line[index] == UInt8(ascii: "`") else {
        index += 1
        continue
      }
      let start = index
      while index < line.endIndex, line[index] == UInt8(ascii: "`") { index += 1 }
      if index - start == length { return start }
    }
    return nil
  }
}
