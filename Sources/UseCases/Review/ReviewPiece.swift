import Domain

/// One line of a hunk: as it stands, and as a model may see it (secrets masked, hidden text gone).
struct ShownLine: Sendable, Hashable {
  let kind: DiffLine.Kind
  let oldNumber: Int?
  let newNumber: Int?
  /// Text without newline and without a final CR.
  let actual: String
  let shown: String

  /// The side a comment on this line belongs to, and its number there.
  var anchor: (side: Side, number: Int)? {
    if kind == .removed { return oldNumber.map { (.old, $0) } }
    return newNumber.map { (.new, $0) }
  }
}

/// What one request asks about: a hunk, or a part of a hunk too long for one request.
struct ReviewPiece: Sendable {
  /// Index into the diff's files.
  let file: Int
  let path: SourcePath
  let language: Language?
  /// 1-based index of the hunk in its file.
  let hunk: Int
  let lines: [ShownLine]
  /// Masked lines of the file that enclose the hunk; `nil` is a gap.
  let context: [String?]
  /// The repository's own words about this path.
  let instructions: [String]
  let risk: Int

  /// What it will cost, at a pessimistic three bytes a token and the printed id of each line.
  var estimate: TokenCount {
    let code = lines.reduce(0) { $0 + $1.shown.utf8.count / 3 + 5 }
    let around = context.reduce(0) { $0 + ($1?.utf8.count ?? 3) / 3 + 2 }
    return TokenCount(code + around + path.bytes.count / 3 + 20)
  }

  var hasChange: Bool { lines.contains { $0.kind != .context } }
}

/// A place in the ledger.
struct HunkID: Hashable, Sendable {
  let file: Int
  let hunk: Int
}
