public import Domain

/// Reads a file's bytes as they stand before or after the change; `nil` where they cannot be had.
public typealias SourceReader = @Sendable (SourcePath, Side) async -> [UInt8]?

/// Shows that a replacement applies, changes something, and leaves a file that still parses.
struct ProveSuggestion: Sendable {
  enum Outcome: Sendable, Equatable {
    case holds(String, [Proof])
    case fails(DropReason)
  }

  let sources: SourceReader
  let syntax: any SyntaxChecker

  func prove(_ replacement: String, for finding: Finding, file: FileDiff) async -> Outcome {
    let text = Self.withoutFinalNewline(replacement)
    guard finding.side == .new, !text.contains("[masked:") else { return .fails(.doesNotApply) }
    if text == finding.quote { return .fails(.noChange) }
    // Letters or digits before each line, as in our prompts, would be pasted into the file.
    if Self.bearsLineIDs(text, quote: finding.quote) { return .fails(.doesNotApply) }

    guard let before = await wholeText(of: file) else { return .holds(text, [.applies]) }
    let range = finding.startLine...finding.line
    let lines = TextLines(before)
    guard Self.standing(range, in: lines) == finding.quote,
      let after = try? lines.replacing(range, with: Array(text.utf8))
    else { return .fails(.doesNotApply) }
    if after == before { return .fails(.noChange) }
    return await parsed(text, before: before, after: after, path: file.path)
  }

  /// A file that the parser refused before the change too (Python 2, a newer syntax) says nothing
  /// about the suggestion.
  private func parsed(_ text: String, before: [UInt8], after: [UInt8], path: SourcePath) async
    -> Outcome
  {
    guard let language = Language(path: path) else { return .holds(text, [.applies]) }
    switch await syntax.check(after, language: language, path: path) {
    case .parses: return .holds(text, [.applies, .parses])
    case .unknown: return .holds(text, [.applies])
    case .broken:
      if case .broken = await syntax.check(before, language: language, path: path) {
        return .holds(text, [.applies])
      }
      return .fails(.doesNotParse)
    }
  }

  /// The lines as a diff shows them: without line ends.
  private static func standing(_ range: ClosedRange<Int>, in lines: TextLines) -> String? {
    var texts: [String] = []
    for number in range {
      guard var line = lines.line(number) else { return nil }
      if line.last == UInt8(ascii: "\n") { line.removeLast() }
      texts.append(String(decoding: line, as: UTF8.self).withoutFinalCR)
    }
    return texts.joined(separator: "\n")
  }

  /// The new side: from the repository, or from the diff itself where it holds the whole file.
  private func wholeText(of file: FileDiff) async -> [UInt8]? {
    if let bytes = await sources(file.path, .new) { return bytes }
    guard file.status == .added, file.hunks.count == 1 else { return nil }
    var bytes: [UInt8] = []
    for line in file.hunks[0].lines where line.kind == .added {
      bytes += line.bytes
      if line.endsWithNewline { bytes.append(UInt8(ascii: "\n")) }
    }
    return bytes
  }

  private static func withoutFinalNewline(_ text: String) -> String {
    var text = text
    if text.hasSuffix("\r\n") {
      text.removeLast()
    } else if text.hasSuffix("\n") {
      text.removeLast()
    }
    return text
  }

  private static func bearsLineIDs(_ text: String, quote: String) -> Bool {
    let standing = Set(quote.split(whereSeparator: \.isNewline).compactMap(firstWord))
    return text.split(whereSeparator: \.isNewline).compactMap(firstWord).contains {
      LineID($0) != nil && !standing.contains($0)
    }
  }

  private static func firstWord(_ line: Substring) -> String? {
    line.split(whereSeparator: \.isWhitespace).first.map(String.init)
  }
}
