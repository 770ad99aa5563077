import Domain

/// What a model says of one piece, before any proof. Lines are indices into the piece, so that a
/// cached claim stays true when the hunk moves.
struct Claim: Sendable, Hashable {
  /// Index of the piece in its request.
  let piece: Int
  let firstLine: Int
  let lastLine: Int
  let quote: String
  let severity: Severity
  let category: String
  let message: String
  let confidence: Double
  let replacement: String?
}

/// Reads a model's findings. What names no line that we printed is not a claim but a reason.
struct ClaimReader: Sendable {
  enum Outcome: Sendable, Hashable {
    case claim(Claim)
    /// - Parameter line: the line's number where the model gave a bare one.
    case unfounded(DropReason, path: String?, line: Int?, message: String)
  }

  let pieces: [ReviewPiece]

  func read(_ answer: JSONValue) -> [Outcome] {
    (answer["findings"]?.array ?? []).map(readOne)
  }

  private func readOne(_ finding: JSONValue) -> Outcome {
    let message = finding["message"]?.string ?? ""
    let named = finding["path"]?.string
    let startID = finding["line"]?.string ?? ""
    guard let start = LineID(startID) else {
      return .unfounded(
        namesFile(startID, named) ? .noSuchPath : .noSuchLine, path: named, line: Int(startID),
        message: message)
    }
    guard pieces.indices.contains(start.piece) else {
      return .unfounded(.noSuchPath, path: named, line: start.line + 1, message: message)
    }
    let piece = pieces[start.piece]
    if let named, !named.isEmpty, named != piece.path.description,
      named != ReviewPrompt.shown(piece.path)
    {
      return .unfounded(.noSuchPath, path: named, line: start.line + 1, message: message)
    }
    var end = start
    if let endID = finding["end_line"]?.string, !endID.isEmpty {
      guard let parsed = LineID(endID), parsed.piece == start.piece else {
        return .unfounded(
          .noSuchLine, path: piece.path.description, line: Int(endID), message: message)
      }
      end = parsed
    }
    guard piece.lines.indices.contains(start.line), piece.lines.indices.contains(end.line),
      start.line <= end.line
    else {
      return .unfounded(
        .noSuchLine, path: piece.path.description, line: start.line + 1, message: message)
    }
    return .claim(
      Claim(
        piece: start.piece, firstLine: start.line, lastLine: end.line,
        quote: finding["quote"]?.string ?? "",
        severity: Severity(rawValue: finding["severity"]?.string ?? "") ?? .note,
        category: finding["category"]?.string ?? "bug", message: message,
        confidence: min(max(finding["confidence"]?.number ?? 0, 0), 1),
        replacement: finding["replacement"]?.string))
  }

  private func namesFile(_ id: String, _ path: String?) -> Bool {
    if let path, !path.isEmpty,
      !pieces.contains(where: { $0.path.description == path || ReviewPrompt.shown($0.path) == path }
      )
    {
      return true
    }
    return id.contains("/") || id.contains(".")
  }
}

/// The id that stands before each line of a prompt: the piece's letters, then the line's number
/// within the piece from 1, such as `A7` or `AB12`.
struct LineID: Sendable, Hashable, CustomStringConvertible {
  let piece: Int
  let line: Int

  init(piece: Int, line: Int) {
    self.piece = piece
    self.line = line
  }

  init?(_ text: String) {
    let letters = text.prefix { $0.isASCII && $0.isUppercase && $0.isLetter }
    let digits = text[letters.endIndex...]
    guard !letters.isEmpty, letters.utf8.count <= 3, digits.utf8.count <= 7,
      !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }),
      let number = Int(digits), number >= 1
    else { return nil }
    var index = 0
    for byte in letters.utf8 { index = index * 26 + Int(byte - 65) + 1 }
    piece = index - 1
    line = number - 1
  }

  static func letters(_ piece: Int) -> String {
    var rest = piece + 1
    var bytes: [UInt8] = []
    while rest > 0 {
      rest -= 1
      bytes.insert(65 + UInt8(rest % 26), at: 0)
      rest /= 26
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  var description: String { Self.letters(piece) + String(line + 1) }
}
