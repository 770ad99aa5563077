public import Domain

/// How `stet review` prints a review.
public enum ReviewFormat: String, Sendable, Hashable, CaseIterable {
  case text, json, sarif, rdjson, markdown

  /// What of the surroundings shapes the text.
  public struct Surroundings: Sendable, Hashable {
    /// Escape sequences for colour; only where a person looks at a terminal.
    public var color: Bool
    /// Columns of the terminal; `nil` where there is none.
    public var width: Int?
    /// Version of Stet, for formats that name their tool.
    public var version: String

    public init(color: Bool = false, width: Int? = nil, version: String = "0") {
      self.color = color
      self.width = width
      self.version = version
    }
  }

  /// - Returns: the whole document, with a final newline.
  public func render(_ review: Review, _ surroundings: Surroundings = Surroundings()) -> String {
    switch self {
    case .text: TextFormat(surroundings).render(review)
    case .json: JSONFormat.document(review).printed()
    case .sarif: SARIFFormat(version: surroundings.version).document(review).printed()
    case .rdjson: RDJSONFormat.document(review).printed()
    case .markdown: MarkdownFormat.render(review)
    }
  }
}

extension Finding {
  /// `3` or `3-5`.
  var lines: String { startLine == line ? "\(line)" : "\(startLine)-\(line)" }
}

extension SkipReason {
  /// For people.
  var words: String {
    switch self {
    case .lockFile: "lock file"
    case .noTextChange: "no text changed"
    case .overBudget: "over the budget"
    case .tooLarge: "too large"
    case .modelFailed: "the model failed"
    case .budgetSpent: "the repository's tokens of this day are spent"
    case .noModel: "no model"
    case .excluded: "excluded by the policy"
    default: rawValue
    }
  }
}
