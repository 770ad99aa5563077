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
    let after: [UInt8]
    do {
      after = try TextEdit.replacing(
        lines: finding.startLine...finding.line, of: before, with: Array(text.utf8),
        expecting: Array(finding.quote.utf8))
    } catch {
      return .fails(.doesNotApply)
    }
    if after == before { return .fails(.noChange) }
    guard let language = Language(path: file.path) else { return .holds(text, [.applies]) }
    switch await syntax.check(after, language: language, path: file.path) {
    case .parses: return .holds(text, [.applies, .parses])
    case .broken: return .fails(.doesNotParse)
    case .unknown: return .holds(text, [.applies])
    }
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
    text.split(separator: "\n").contains { line in
      guard let word = line.split(separator: " ", maxSplits: 1).first else { return false }
      return LineID(String(word)) != nil && !quote.hasPrefix(word)
    }
  }
}
