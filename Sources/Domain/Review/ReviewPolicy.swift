/// What a repository's `.stet.yml` says of reviews. Read from the base of a change, never from the
/// change itself, so that a pull request cannot silence its own reviewer.
public struct ReviewPolicy: Sendable, Hashable, Codable {
  /// Words for the model about the files that match a pattern.
  public struct Instruction: Sendable, Hashable, Codable {
    public var path: String
    public var text: String
    public init(path: String, text: String) {
      self.path = path
      self.text = text
    }
  }

  public enum SeverityOverride: String, Sendable, Hashable, Codable {
    case off, note, warning, error
  }

  /// Globs; empty means every file.
  public var include: [String]
  public var exclude: [String]
  /// Natural language of the messages, such as `en` or `German`.
  public var language: String
  /// Model findings below it are dropped, 0 to 1.
  public var minConfidence: Double
  public var maxFindings: Int
  /// Prompt tokens that one review may spend; what does not fit goes to the ledger.
  public var maxInputTokens: Int
  /// Whether a change of which everything was looked at and nothing found is approved.
  public var approveWhenClean: Bool
  /// By category or rule name.
  public var severity: [String: SeverityOverride]
  public var instructions: [Instruction]

  public init(
    include: [String] = [], exclude: [String] = [], language: String = "en",
    minConfidence: Double = 0.5, maxFindings: Int = 50, maxInputTokens: Int = 1_000_000,
    approveWhenClean: Bool = false, severity: [String: SeverityOverride] = [:],
    instructions: [Instruction] = []
  ) {
    self.include = include
    self.exclude = exclude
    self.language = language
    self.minConfidence = minConfidence
    self.maxFindings = maxFindings
    self.maxInputTokens = maxInputTokens
    self.approveWhenClean = approveWhenClean
    self.severity = severity
    self.instructions = instructions
  }
}
