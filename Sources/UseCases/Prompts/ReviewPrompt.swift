import Domain

/// The words of a review request. The nonce fences what the repository's authors wrote, so that
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

  func turns(for pieces: [ReviewPiece], nonce: String) -> [ModelRequest.Turn] {
    switch style {
    case .numberedHunks: NumberedHunksPrompt(language: language).turns(for: pieces, nonce: nonce)
    case .beforeAfter: BeforeAfterPrompt(language: language).turns(for: pieces, nonce: nonce)
    }
  }

  /// - Returns: the schema of the answer. A small model is held to the ids that stand in its prompt.
  func schema(for pieces: [ReviewPiece]) -> JSONSchema {
    switch style {
    case .numberedHunks: NumberedHunksPrompt.schema
    case .beforeAfter: BeforeAfterPrompt.schema(for: pieces)
    }
  }

  /// How many pieces one request may hold.
  var maxPieces: Int { style == .beforeAfter ? 1 : 40 }
}
