import Domain

/// The functions of a text that hold given lines, told by indentation, which nearly all code keeps.
enum CodeSpans {
  /// Texts up to so many lines are shown whole.
  static let wholeLines = 80
  /// A function that is longer is not given to a small model.
  static let longest = 160
  static let most = 4

  /// 1-based ranges of lines in order, none touching another; the whole text where it is short.
  /// - Returns: empty where nothing of a fitting size encloses the lines.
  static func spans(in lines: [Substring], around wanted: [Int]) -> [ClosedRange<Int>] {
    guard lines.count > wholeLines else { return lines.isEmpty ? [] : [1...lines.count] }
    var spans: [ClosedRange<Int>] = []
    for number in wanted where number >= 1 && number <= lines.count {
      if spans.contains(where: { $0.contains(number) }) { continue }
      guard let span = span(in: lines, around: number), span.count <= longest else { continue }
      spans.removeAll { span.contains($0.lowerBound) }
      if !spans.contains(where: { $0.overlaps(span) }) { spans.append(span) }
      if spans.count == most { break }
    }
    return spans.sorted { $0.lowerBound < $1.lowerBound }
  }

  private static func span(in lines: [Substring], around number: Int) -> ClosedRange<Int>? {
    var index = number - 1
    // A blank line belongs to what stands below it.
    while index < lines.count, indentation(lines[index]) == nil { index += 1 }
    guard index < lines.count, var width = indentation(lines[index]) else { return nil }
    var header = isHeader(lines[index]) ? index : nil
    while header == nil, index > 0, width > 0 {
      index -= 1
      guard let outer = indentation(lines[index]), outer < width, !isCloser(lines[index]) else {
        continue
      }
      width = outer
      if isHeader(lines[index]) { header = index }
    }
    guard let header, let indent = indentation(lines[header]) else { return nil }
    var end = header
    for next in (header + 1)..<max(header + 1, lines.count) {
      guard let width = indentation(lines[next]) else { continue }
      if width < indent || width == indent && !isCloser(lines[next]) { break }
      end = next
      if width == indent, lines[next].drop(while: \.isWhitespace).first == "}" { break }
    }
    var start = header
    while start > 0, lines[start - 1].drop(while: \.isWhitespace).first == "@",
      indentation(lines[start - 1]) == indent
    {
      start -= 1
    }
    return (start + 1)...(end + 1)
  }

  private static let words: Set<Substring> = [
    "def", "async", "func", "function", "fn", "fun", "sub", "class", "struct", "impl", "public",
    "private", "protected", "internal", "static", "export", "pub", "override", "void", "int",
    "const", "let", "var",
  ]

  private static func isHeader(_ line: Substring) -> Bool {
    let text = line.drop(while: \.isWhitespace)
    let word = text.prefix { $0.isLetter }
    guard words.contains(word), text.contains("(") || text.hasPrefix("class") else { return false }
    let end = text.last { !$0.isWhitespace }
    return end == ":" || end == "{" || end == "(" || end == ","
  }

  private static func isCloser(_ line: Substring) -> Bool {
    guard let first = line.first(where: { !$0.isWhitespace }) else { return true }
    return first == "}" || first == ")" || first == "]"
  }

  /// Width of the leading white space, a tab counting as four; `nil` for a blank line.
  private static func indentation(_ line: Substring) -> Int? {
    var width = 0
    for character in line {
      switch character {
      case " ": width += 1
      case "\t": width += 4
      default: return character.isWhitespace ? nil : width
      }
    }
    return nil
  }
}
