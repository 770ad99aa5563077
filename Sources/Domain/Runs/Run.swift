public import Foundation

/// One execution of a use case: what went in, what was claimed, what was proved, what came out.
public struct Run: Sendable, Codable, Identifiable {
  public enum Kind: String, Sendable, Codable {
    case review, fix, enrich, command, evaluate, generate, refactor
  }
  public enum Outcome: String, Sendable, Codable {
    case completed, failed
    /// Stopped because it was asked to, or because a newer head took its place.
    case cancelled
  }

  /// Something that the run changed outside.
  public struct Action: Sendable, Codable, Hashable {
    /// In dotted words, as in the audit trail: `review.posted`.
    public var name: String
    /// Where: `github:OWNER/NAME#N`.
    public var place: String
    public init(name: String, place: String) {
      self.name = name
      self.place = place
    }
  }

  /// One request that reached a model, or one answer found in the cache.
  public struct ModelCall: Sendable, Codable, Hashable {
    public var model: String
    public var inputTokens: TokenCount
    public var outputTokens: TokenCount
    public var costUSD: USD?
    public var seconds: Double
    public var cacheHit: Bool
    /// The error's code where the call failed.
    public var failure: String?

    public init(
      model: String, inputTokens: TokenCount, outputTokens: TokenCount, costUSD: USD?,
      seconds: Double, cacheHit: Bool, failure: String? = nil
    ) {
      self.model = model
      self.inputTokens = inputTokens
      self.outputTokens = outputTokens
      self.costUSD = costUSD
      self.seconds = seconds
      self.cacheHit = cacheHit
      self.failure = failure
    }
  }

  /// Time-ordered and unique (UUID version 7, lower case).
  public var id: String
  public var kind: Kind
  public var startedAt: Date
  public var seconds: Double
  public var outcome: Outcome
  /// Who or what asked, such as `cli`.
  public var askedBy: String
  /// What was looked at, in words: a git range or a file's name.
  public var subject: String
  /// SHA-256 of each input by name (`diff`, `policy`), lower-case hex.
  public var inputs: [String: String]
  public var modelCalls: [ModelCall]
  /// Claims before proof, by source.
  public var claims: Int
  /// Secrets masked before text left for a model, by kind.
  public var masked: [String: Int]
  public var review: Review?
  /// One sentence where `outcome` is not `completed`.
  public var failure: String?
  /// The job whose try it was; `nil` for a command.
  public var job: String?
  public var actions: [Action]?
  /// What the use case answered where that is no review, as its route gives it.
  public var result: JSONValue?
  /// Fingerprints of what the review found and did not show, because its kind is silenced there.
  public var silenced: [String]?

  public init(
    id: String, kind: Kind, startedAt: Date, seconds: Double, outcome: Outcome, askedBy: String,
    subject: String, inputs: [String: String], modelCalls: [ModelCall], claims: Int,
    masked: [String: Int], review: Review?, failure: String?,
    job: String? = nil, actions: [Action]? = nil, result: JSONValue? = nil,
    silenced: [String]? = nil
  ) {
    self.id = id
    self.kind = kind
    self.startedAt = startedAt
    self.seconds = seconds
    self.outcome = outcome
    self.askedBy = askedBy
    self.subject = subject
    self.inputs = inputs
    self.modelCalls = modelCalls
    self.claims = claims
    self.masked = masked
    self.review = review
    self.failure = failure
    self.job = job
    self.actions = actions
    self.result = result
    self.silenced = silenced
  }
}
