/// Texts within the lengths that GitHub takes.
enum CommentText {
  /// For a comment or a review. Counted in UTF-16 units, of which a text never has fewer than of
  /// the characters that GitHub counts.
  static let commentLimit = 65_536
  static let checkLimit = 65_535
  private static let note = "\n\n_The rest is cut: GitHub takes no longer text._"

  /// Cuts at the end of a line where one is near, closes a code block that the cut has opened, and
  /// keeps a hidden mark in the last line, by which Stet knows its own comments.
  static func fitting(_ text: String, limit: Int = commentLimit) -> String {
    guard text.utf16.count > limit else { return text }
    let lastLine =
      text.utf8.split(separator: UInt8(ascii: "\n")).last.map { String($0) ?? "" } ?? ""
    let isMark =
      lastLine.hasPrefix("<!--") && lastLine.hasSuffix("-->") && lastLine.utf8.count < 400
    let mark = isMark ? "\n\n" + lastLine : ""
    let room = limit - note.utf16.count - mark.utf16.count - "\n```".utf16.count
    var kept = prefix(of: text, units: room)
    if let end = kept.utf8.lastIndex(of: UInt8(ascii: "\n")),
      kept.utf8.distance(from: end, to: kept.utf8.endIndex) < 2000
    {
      kept = kept[..<end]
    }
    let fences = kept.split(separator: "\n").count { $0.hasPrefix("```") }
    return kept + (fences.isMultiple(of: 2) ? "" : "\n```") + note + mark
  }

  /// One line of at most so many UTF-16 units.
  static func line(_ text: String, limit: Int) -> String {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    guard line.utf16.count > limit else { return line }
    return prefix(of: line, units: limit - 1) + "…"
  }

  /// Whole characters only.
  private static func prefix(of text: String, units: Int) -> Substring {
    var end = text.startIndex
    var count = 0
    while end < text.endIndex {
      let next = text.index(after: end)
      count += text[end..<next].utf16.count
      if count > units { break }
      end = next
    }
    return text[..<end]
  }
}
