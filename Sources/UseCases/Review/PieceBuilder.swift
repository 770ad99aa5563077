import Domain

/// Turns hunks into what a model may see: secrets masked, hidden text gone, what encloses the hunk
/// beside it, and long hunks cut into parts that fit one request.
struct PieceBuilder {
  let diff: Diff
  let sources: SourceReader
  let budget: TokenCount
  private let showsContext: Bool

  private let instructions: [(pattern: PathPattern, text: String)]

  /// Counts by kind over all that was built, `hidden-text` among them.
  private(set) var masked: [String: Int] = [:]
  /// The file read last, because hunks of a file come together.
  private var lastFile: (index: Int, lines: [String]?)?

  /// Lines of the file that may stand before a hunk for orientation.
  private static let contextLines = 24

  init(
    diff: Diff, sources: @escaping SourceReader, policy: ReviewPolicy, budget: TokenCount,
    showsContext: Bool = true
  ) {
    self.diff = diff
    self.sources = sources
    instructions = policy.instructions.compactMap { instruction in
      (try? PathPattern(instruction.path)).map { ($0, instruction.text) }
    }
    self.budget = budget
    self.showsContext = showsContext
  }

  mutating func pieces(of id: HunkID, risk: Int) async -> [ReviewPiece] {
    let file = diff.files[id.file]
    let hunk = file.hunks[id.hunk - 1]
    let lines = shown(Array(hunk.lines), prose: Language(path: file.path) == .markdown)
    let context = await context(before: hunk.newStart, heading: hunk.heading, file: id.file)
    let whole = ReviewPiece(
      file: id.file, path: file.path, language: Language(path: file.path), hunk: id.hunk,
      lines: lines, context: context,
      instructions: instructions.filter { $0.pattern.matches(file.path) }.map(\.text),
      risk: risk)
    return whole.estimate <= budget ? [whole] : parts(of: whole)
  }

  private mutating func shown(_ lines: [DiffLine], prose: Bool) -> [ShownLine] {
    let actual = lines.map { $0.text.withoutFinalCR }
    let clean = clean(prose ? withoutComments(actual) : actual)
    return zip(lines, zip(actual, clean)).map { line, texts in
      ShownLine(
        kind: line.kind, oldNumber: line.oldNumber, newNumber: line.newNumber, actual: texts.0,
        shown: texts.1)
    }
  }

  /// HTML comments of prose, which no reader of the page sees; their line breaks stay.
  private mutating func withoutComments(_ lines: [String]) -> [String] {
    let blanked = HiddenText.blankingHTMLComments(lines.joined(separator: "\n"))
    if blanked.removed > 0 { masked["html-comment", default: 0] += blanked.removed }
    return blanked.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// Masks over the joined text, because a private key spans lines.
  private mutating func clean(_ lines: [String]) -> [String] {
    let hidden = HiddenText.stripped(lines.joined(separator: "\n"))
    if hidden.removed > 0 { masked["hidden-text", default: 0] += hidden.removed }
    let secrets = SecretMask.masked(hidden.text)
    for (kind, count) in secrets.counts { masked[kind, default: 0] += count }
    let result = secrets.text.split(separator: "\n", omittingEmptySubsequences: false)
    // Masking keeps lines; should that ever fail, the model sees nothing rather than a shifted text.
    guard result.count == lines.count else { return lines.map { _ in "" } }
    return result.map(String.init)
  }

  private mutating func context(before line: Int, heading: String, file: Int) async -> [String?] {
    guard showsContext else { return [] }
    if lastFile?.index != file {
      let bytes = await sources(diff.files[file].path, .new)
      lastFile = (
        file,
        bytes.map {
          // By bytes: to Swift, CR and LF together are one character.
          $0.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self).withoutFinalCR }
        }
      )
    }
    let lines: [String?]
    if let all = lastFile?.lines {
      lines = EnclosingFunction.context(of: all, before: line, maxLines: Self.contextLines)
    } else {
      lines = heading.isEmpty ? [] : [heading, nil]
    }
    guard !lines.isEmpty else { return [] }
    let cleaned = clean(lines.map { $0 ?? "" })
    let context = zip(lines, cleaned).map { $0 == nil ? nil : $1 }
    let cost = context.reduce(0) { $0 + ($1?.utf8.count ?? 3) / 3 + 2 }
    // Context is a help, never a reason to leave the hunk itself out.
    return cost * 2 > budget.value ? [] : context
  }

  /// Cuts at lines; a part without a change is context for nobody and is left out.
  private func parts(of piece: ReviewPiece) -> [ReviewPiece] {
    var parts: [ReviewPiece] = []
    var lines: [ShownLine] = []
    var spent = 0
    let room = budget.value - piece.with(lines: []).estimate.value
    for line in piece.lines {
      let cost = line.shown.utf8.count / 3 + 5
      if spent + cost > room, !lines.isEmpty {
        parts.append(piece.with(lines: lines))
        lines = []
        spent = 0
      }
      lines.append(line)
      spent += cost
    }
    parts.append(piece.with(lines: lines))
    return parts.filter(\.hasChange)
  }
}

extension ReviewPiece {
  func with(lines: [ShownLine]) -> ReviewPiece {
    ReviewPiece(
      file: file, path: path, language: language, hunk: hunk, lines: lines, context: context,
      instructions: instructions, risk: risk)
  }
}
