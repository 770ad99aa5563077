import Domain

/// Takes the code out of what a model wrote where code alone was asked for.
enum AnsweredCode {
  /// - Parameter original: the text as the model was shown it.
  static func code(
    in text: String, original: String, nonce: String
  ) throws(CodeFault) -> String {
    var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.endsLine)[...]
    if text.contains(nonce) { lines = lines.filter { !isMarker($0, nonce) }[...] }
    lines = unfenced(lines, original: original)
    let code = lines.joined(separator: "\n")
    if code.contains(nonce) {
      throw CodeFault(
        forModel: "it repeats the number of the markers", forPeople: "it repeated our own words")
    }
    if code.allSatisfy(\.isWhitespace) {
      throw CodeFault(forModel: "it is empty", forPeople: "it was empty")
    }
    if let line = elision(in: lines, original: original) {
      throw CodeFault(
        forModel: "the line \"\(line)\" stands in place of code; write every line",
        forPeople: "it left out parts of the code")
    }
    if losesMost(code, of: original) {
      throw CodeFault(
        forModel: "most of the code is gone; write every line of it",
        forPeople: "it left out most of the code")
    }
    return code
  }

  /// A correction is small; a text of less than half the lines is one that the model forgot.
  private static func losesMost(_ code: String, of original: String) -> Bool {
    func lines(_ text: String) -> Int {
      text.split(whereSeparator: \.endsLine).count { !$0.allSatisfy(\.isWhitespace) }
    }
    let before = lines(original)
    return before >= 3 && lines(code) * 2 < before
  }

  private static func isMarker(_ line: Substring, _ nonce: String) -> Bool {
    let line = line.drop(while: \.isWhitespace)
    return line.contains(nonce)
      && (line.hasPrefix("<<<BEGIN UNTRUSTED") || line.hasPrefix("<<<END UNTRUSTED")
        || line.hasPrefix("```"))
  }

  /// The one fenced block, where the original has none: words around it are not code.
  private static func unfenced(_ lines: ArraySlice<Substring>, original: String)
    -> ArraySlice<Substring>
  {
    guard !original.contains("```"), !original.contains("~~~") else { return lines }
    let fences = lines.indices.filter {
      let line = lines[$0].drop { $0 == " " }
      return line.hasPrefix("```") || line.hasPrefix("~~~")
    }
    guard let open = fences.first, fences.count <= 2 else { return lines }
    let close = fences.count == 2 ? fences[1] : lines.endIndex
    // An opening fence that never closes is one only at the very start.
    if fences.count == 1 {
      let before = lines[..<open].allSatisfy { $0.allSatisfy(\.isWhitespace) }
      let after = lines[(open + 1)...].allSatisfy { $0.allSatisfy(\.isWhitespace) }
      if after { return lines[..<open] }
      guard before else { return lines }
    }
    return lines[(open + 1)..<close]
  }

  private static let elisions = [
    "rest of the code", "rest of code", "rest of the file", "rest of the function",
    "existing code", "remaining code", "code unchanged", "unchanged code", "same as before",
    "rest remains", "rest is unchanged", "remains unchanged", "other code here",
  ]

  /// A new comment that stands for code which the model did not write.
  private static func elision(in lines: ArraySlice<Substring>, original: String) -> String? {
    let comments = ["#", "//", "--", "/*", "<!--", "...", "…", "*", ";"]
    for line in lines where line.utf8.count < 200 {
      let trimmed = line.drop(while: \.isWhitespace)
      guard comments.contains(where: { trimmed.hasPrefix($0) }) else { continue }
      let lower = trimmed.lowercased()
      if elisions.contains(where: { lower.contains($0) }), !original.contains(trimmed) {
        return Defanged.forTerminal(String(trimmed), oneLine: true, limit: 120)
      }
    }
    return nil
  }
}

extension Character {
  /// As in files: CR LF is one character, and neither a form feed nor a lone CR ends a line of code.
  var endsLine: Bool { self == "\n" || self == "\r\n" }
}
