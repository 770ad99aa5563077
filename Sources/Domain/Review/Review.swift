/// What a review says of the whole change.
public enum Verdict: String, Sendable, Hashable, Codable, CaseIterable {
  case approve, comment
  case requestChanges = "request_changes"
}

/// Why a part of the change was not looked at by the model.
public enum SkipReason: String, Sendable, Hashable, Codable, CaseIterable {
  case lockFile = "lock_file"
  case generated, vendored, minified, binary, submodule
  case excluded
  case noTextChange = "no_text_change"
  case overBudget = "over_budget"
  case tooLarge = "too_large"
  case modelFailed = "model_failed"
  /// The repository's tokens of this day are spent.
  case budgetSpent = "budget_spent"
  case noModel = "no_model"
}

/// One entry of the ledger: a file, or one hunk of it, that the model did not see.
public struct SkippedPart: Sendable, Hashable, Codable {
  public var path: String
  /// 1-based index of the hunk in its file; `nil` for the whole file.
  public var hunk: Int?
  public var reason: SkipReason

  public init(path: String, hunk: Int?, reason: SkipReason) {
    self.path = path
    self.hunk = hunk
    self.reason = reason
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(path, forKey: .path)
    try container.encode(hunk, forKey: .hunk)
    try container.encode(reason, forKey: .reason)
  }
}

/// How much of the change was looked at. Every hunk is either reviewed or in `skipped`.
public struct Coverage: Sendable, Hashable, Codable {
  public var files: Int
  public var hunks: Int
  public var hunksReviewed: Int
  public var skipped: [SkippedPart]

  public init(files: Int, hunks: Int, hunksReviewed: Int, skipped: [SkippedPart]) {
    self.files = files
    self.hunks = hunks
    self.hunksReviewed = hunksReviewed
    self.skipped = skipped
  }

  enum CodingKeys: String, CodingKey {
    case files, hunks
    case hunksReviewed = "hunks_reviewed"
    case skipped
  }
}

/// What the models of a run cost.
public struct ModelUsage: Sendable, Hashable, Codable {
  /// Requests that reached a model; answers from the cache are not among them.
  public var modelCalls: Int
  public var inputTokens: TokenCount
  public var outputTokens: TokenCount
  /// `nil` where a price is unknown.
  public var costUSD: USD?

  public init(
    modelCalls: Int = 0, inputTokens: TokenCount = 0, outputTokens: TokenCount = 0,
    costUSD: USD? = nil
  ) {
    self.modelCalls = modelCalls
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
    self.costUSD = costUSD
  }

  enum CodingKeys: String, CodingKey {
    case modelCalls = "model_calls"
    case inputTokens = "input_tokens"
    case outputTokens = "output_tokens"
    case costUSD = "cost_usd"
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(modelCalls, forKey: .modelCalls)
    try container.encode(inputTokens, forKey: .inputTokens)
    try container.encode(outputTokens, forKey: .outputTokens)
    try container.encode(costUSD, forKey: .costUSD)
  }
}

/// A proved review: the contract of `stet review --format json`.
public struct Review: Sendable, Hashable, Codable {
  public var verdict: Verdict
  public var summary: String
  public var findings: [Finding]
  public var dropped: [DroppedClaim]
  public var coverage: Coverage
  public var usage: ModelUsage
  /// Identifier of the run record.
  public var run: String

  public init(
    verdict: Verdict, summary: String, findings: [Finding], dropped: [DroppedClaim],
    coverage: Coverage, usage: ModelUsage, run: String
  ) {
    self.verdict = verdict
    self.summary = summary
    self.findings = findings
    self.dropped = dropped
    self.coverage = coverage
    self.usage = usage
    self.run = run
  }
}
