import Domain

/// Answers kept by the content that was asked about, so that a second look at a change sends only
/// the hunks that changed. A cache that fails costs a request, never a review.
struct ClaimCache: Sendable {
  let store: any ResponseCache
  let model: String
  /// Who answers and from where.
  let identity: String
  let prompt: ReviewPrompt

  func answer(about piece: ReviewPiece) async -> ModelReply? {
    (try? await store.reply(for: key(for: piece))) ?? nil
  }

  /// Keeps, for each piece of a request, what the answer says of that piece.
  func remember(_ reply: ModelReply, about pieces: [ReviewPiece]) async {
    // What another model of the chain said in this one's place is not this one's answer.
    guard reply.finish == .complete, reply.model == model else { return }
    let findings = reply.json?["findings"]?.array ?? []
    for (index, piece) in pieces.enumerated() {
      var own = reply
      own.json = .object(["findings": .array(findings.compactMap { $0.about(piece: index) })])
      own.text = ""
      try? await store.store(own, for: key(for: piece))
    }
  }

  /// Everything that shapes the answer about one piece, and nothing that does not: no line number,
  /// no fence, no neighbour in the request.
  private func key(for piece: ReviewPiece) -> String {
    var parts = [
      ReviewPrompt.version, identity, prompt.style.rawValue, prompt.language,
      piece.path.description,
    ]
    parts.append("\(piece.instructions.count) \(piece.context.count)")
    parts += piece.instructions
    parts += piece.context.map { $0 ?? "..." }
    parts += piece.lines.map { "\($0.kind)\u{1}\($0.shown)" }
    return ContentHash.of(parts: parts)
  }
}

extension JSONValue {
  /// A finding of a batch as if its piece had been asked about alone; `nil` if it names another.
  /// One that names no piece goes with the first, so that a cached answer drops it again.
  fileprivate func about(piece: Int) -> JSONValue? {
    guard case .object(var members) = self else { return nil }
    guard let start = LineID(self["line"]?.string ?? "") else { return piece == 0 ? self : nil }
    guard start.piece == piece else { return nil }
    members["line"] = .string(LineID(piece: 0, line: start.line).description)
    if let end = LineID(self["end_line"]?.string ?? "") {
      guard end.piece == piece else { return nil }
      members["end_line"] = .string(LineID(piece: 0, line: end.line).description)
    }
    return .object(members)
  }
}
