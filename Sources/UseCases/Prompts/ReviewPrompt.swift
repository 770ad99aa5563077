import Domain

/// The words of a review request. A random fence stands around what others wrote, so that
/// nothing inside it can pass for our own words.
struct ReviewPrompt: Sendable {
  /// Part of every cache key: a new wording asks anew.
  static let version = "review-1"

  static let categories = [
    "bug", "security", "error-handling", "concurrency", "performance", "resource-leak", "api",
    "tests", "documentation", "maintainability",
  ]

  let style: ModelProfile.PromptStyle
  let language: String

  func turns(for pieces: [ReviewPiece], random: @escaping () -> UInt64) -> [ModelRequest.Turn] {
    var generator = RandomBits(bits: random)
    return switch style {
    case .numberedHunks:
      NumberedHunksPrompt(language: language).turns(for: pieces, using: &generator)
    case .beforeAfter:
      BeforeAfterPrompt(language: language).turns(for: pieces, using: &generator)
    }
  }

  /// - Returns: the schema of the answer. A small model is held to the ids that stand in its prompt.
  func schema(for pieces: [ReviewPiece]) -> JSONSchema {
    switch style {
    case .numberedHunks: NumberedHunksPrompt.schema
    case .beforeAfter: BeforeAfterPrompt.schema(for: pieces)
    }
  }

  /// Tokens that a hunk costs beside its own lines: the words and examples of a request of its own,
  /// or its share of a larger one and the function around it.
  var overheadPerHunk: Int { style == .beforeAfter ? 1_000 : 80 }

  /// A small model takes what is around a hunk for part of the change.
  var showsContext: Bool { style == .numberedHunks }

  /// A path is others' text too: it keeps to its line, and shows no control characters.
  static func shown(_ path: SourcePath) -> String {
    Defanged.forTerminal(path.description, oneLine: true, limit: 300)
  }

  /// How many pieces one request may hold.
  var maxPieces: Int { style == .beforeAfter ? 1 : 40 }
}
