import Domain

/// Holds each claim against the change itself. Nothing fails open: what cannot be shown is dropped
/// and counted by its reason.
struct ProveClaims: Sendable {
  let diff: Diff
  let suggestions: ProveSuggestion

  struct Proved: Sendable {
    var findings: [Finding] = []
    var dropped: [DroppedClaim] = []
  }

  /// - Parameter model: the name that stands in the findings' source.
  func prove(_ outcomes: [ClaimReader.Outcome], of pieces: [ReviewPiece], model: String) async
    -> Proved
  {
    var proved = Proved()
    for outcome in outcomes {
      switch outcome {
      case .unfounded(let reason, let path, let line, let message):
        proved.dropped.append(
          DroppedClaim(
            reason: reason, path: path.map { Defanged.forPlainJSON($0) }, line: line,
            message: Defanged.message(message), source: .model(model)))
      case .claim(let claim):
        await prove(claim, pieces[claim.piece], .model(model), into: &proved)
      }
    }
    return proved
  }

  private func prove(
    _ claim: Claim, _ piece: ReviewPiece, _ source: FindingSource, into proved: inout Proved
  ) async {
    let message = Defanged.message(claim.message)
    func drop(_ reason: DropReason, line: Int?, suggestionOnly: Bool = false) {
      proved.dropped.append(
        DroppedClaim(
          reason: reason, path: piece.path.description, line: line, message: message,
          source: source, suggestionOnly: suggestionOnly))
    }

    guard let lines = quotedLines(claim, piece) else {
      return drop(.quoteMismatch, line: piece.lines[claim.lastLine].anchor?.number)
    }
    guard let anchor = Self.anchor(of: lines) else {
      return drop(.noSuchLine, line: lines.last?.anchor?.number)
    }
    var finding = Finding(
      path: piece.path.description, side: anchor.side, startLine: anchor.start, line: anchor.end,
      severity: claim.severity, category: claim.category, message: message,
      quote: lines.map(\.actual).joined(separator: "\n"), confidence: claim.confidence,
      source: source, verified: [.anchor, .quote])
    if message.isEmpty { return drop(.quoteMismatch, line: finding.line) }

    if let replacement = claim.replacement {
      switch await suggestions.prove(replacement, for: finding, file: diff.files[piece.file]) {
      case .holds(let text, let proofs):
        finding.suggestion = text
        finding.verified += proofs
      case .fails(let reason):
        drop(reason, line: finding.line, suggestionOnly: true)
      }
    }
    proved.findings.append(finding)
  }

  /// The lines that the claim quotes. A quote of one line narrows a wider range to that line.
  private func quotedLines(_ claim: Claim, _ piece: ReviewPiece) -> [ShownLine]? {
    let range = Array(piece.lines[claim.firstLine...claim.lastLine])
    let quoted = Self.trimmedLines(claim.quote)
    guard !quoted.isEmpty else { return nil }
    let shown = range.map { Self.trimmed($0.shown) }
    if shown.filter({ !$0.isEmpty }) == quoted { return range }
    if quoted.count == 1 {
      let same = range.indices.filter { shown[$0] == quoted[0] }
      if same.count == 1 { return [range[same[0]]] }
    }
    return nil
  }

  /// One side, consecutive numbers. A range over removed and added lines is put on the new side
  /// where it has lines there.
  static func anchor(of lines: [ShownLine]) -> (side: Side, start: Int, end: Int)? {
    let sides: [Side] = lines.allSatisfy { $0.kind == .removed } ? [.old] : [.new]
    for side in sides {
      let numbers = lines.compactMap { side == .old ? $0.oldNumber : $0.newNumber }
      guard let first = numbers.first, let last = numbers.last,
        numbers.count == lines.count, last - first + 1 == numbers.count
      else { continue }
      return (side, first, last)
    }
    return nil
  }

  private static func trimmedLines(_ text: String) -> [String] {
    text.split(whereSeparator: \.isNewline).map { trimmed(String($0)) }.filter { !$0.isEmpty }
  }

  private static func trimmed(_ line: String) -> String {
    guard let start = line.firstIndex(where: { !$0.isWhitespace }),
      let end = line.lastIndex(where: { !$0.isWhitespace })
    else { return "" }
    return String(line[start...end])
  }
}
