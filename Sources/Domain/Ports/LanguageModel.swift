/// A model that turns text into text or into typed JSON. It holds no tool and no token of a forge.
public protocol LanguageModel: Sendable {
  /// What a finding's source and a run record call it, such as `qwen2.5-coder-0.5b`.
  var name: String { get }
  var profile: ModelProfile { get }
  /// What answers are kept under: who answers and from where, so that two servers that call their
  /// models alike share none. To be hashed and never shown, since an address may hold a password.
  /// It is `name` unless a model says otherwise.
  var cacheIdentity: String { get }

  /// One whole answer. With `.json`, the text is valid JSON that satisfies the schema.
  func reply(to request: ModelRequest) async throws(ModelError) -> ModelReply

  /// The answer piece by piece, ending with the usage. Ending the iteration cancels the request.
  func stream(_ request: ModelRequest) -> AsyncThrowingStream<ModelPiece, any Error>

  /// How many tokens this text takes: exact where the server counts, else calibrated by usage.
  func countTokens(in text: String) async -> TokenCount

  /// What a call costs at most, by the list price; `nil` where that is not known.
  func price(input: TokenCount, output: TokenCount) -> USD?
}

extension LanguageModel {
  public var cacheIdentity: String { name }
  public func price(input: TokenCount, output: TokenCount) -> USD? { nil }
}

/// What is known of a model beforehand. Data, not code: a new model is a new row.
public struct ModelProfile: Sendable, Hashable, Codable {
  /// How a change is shown to the model.
  public enum PromptStyle: String, Sendable, Hashable, Codable {
    /// Two texts, before and after, with worked examples as earlier turns: for small models.
    case beforeAfter = "before_after"
    /// Hunks with a printed id before each line.
    case numberedHunks = "numbered_hunks"
  }

  /// Tokens of prompt and answer together.
  public var contextWindow: TokenCount
  public var maxOutput: TokenCount
  public var promptStyle: PromptStyle
  /// Requests at the same time.
  public var concurrency: Int

  public init(
    contextWindow: TokenCount, maxOutput: TokenCount, promptStyle: PromptStyle, concurrency: Int
  ) {
    self.contextWindow = contextWindow
    self.maxOutput = maxOutput
    self.promptStyle = promptStyle
    self.concurrency = concurrency
  }
}

public struct ModelRequest: Sendable, Hashable {
  public enum Role: String, Sendable, Hashable, Codable { case system, user, assistant }

  public struct Turn: Sendable, Hashable, Codable {
    public var role: Role
    public var text: String
    public init(_ role: Role, _ text: String) {
      self.role = role
      self.text = text
    }
  }

  public enum AnswerFormat: Sendable, Hashable {
    case text
    /// JSON under a schema; the name is a vendor-safe identifier (`[a-z_]+`).
    case json(name: String, JSONSchema)
  }

  public var turns: [Turn]
  public var answer: AnswerFormat
  public var maxOutput: TokenCount
  public var temperature: Double
  public var seed: Int?
  /// Total time for the call: every retry, every fallback and the whole body.
  public var deadline: Duration
  /// Failed requests that the run may still spend; shared by all calls of one run.
  public var budget: FailureBudget

  public init(
    turns: [Turn], answer: AnswerFormat, maxOutput: TokenCount, temperature: Double = 0,
    seed: Int? = nil, deadline: Duration = .seconds(120), budget: FailureBudget = FailureBudget()
  ) {
    self.turns = turns
    self.answer = answer
    self.maxOutput = maxOutput
    self.temperature = temperature
    self.seed = seed
    self.deadline = deadline
    self.budget = budget
  }
}

public struct ModelReply: Sendable, Hashable, Codable {
  public enum Finish: String, Sendable, Hashable, Codable { case complete, length, refused }

  public var text: String
  /// Parsed and checked against the schema, where one was asked for.
  public var json: JSONValue?
  /// The model that answered, after any fallback.
  public var model: String
  public var finish: Finish
  public var inputTokens: TokenCount
  public var outputTokens: TokenCount
  public var costUSD: USD?
  public var seconds: Double
  /// HTTP requests that it took, repair turns and retries included.
  public var requests: Int

  public init(
    text: String, json: JSONValue?, model: String, finish: Finish, inputTokens: TokenCount,
    outputTokens: TokenCount, costUSD: USD?, seconds: Double, requests: Int
  ) {
    self.text = text
    self.json = json
    self.model = model
    self.finish = finish
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
    self.costUSD = costUSD
    self.seconds = seconds
    self.requests = requests
  }
}

public enum ModelPiece: Sendable, Hashable {
  case text(String)
  case done(ModelReply)
}

/// Why a model call failed, in terms a use case can act on.
public struct ModelError: Error, Sendable, Equatable {
  public enum Code: String, Sendable {
    /// The key is missing or refused.
    case unauthorized
    case rateLimited = "rate_limited"
    /// The prompt is longer than the model takes.
    case tooLong = "too_long"
    /// The server cannot be reached, or answers with a server error.
    case unavailable
    case timedOut = "timed_out"
    /// The server refuses the request as it stands, such as an unknown model.
    case rejected
    /// The answer does not satisfy the schema, after one repair turn.
    case malformedAnswer = "malformed_answer"
    case refused
    /// The breaker is open or the failure budget of the run is spent: nothing was sent.
    case suspended
    /// The tokens that a repository may spend in a day are spent: nothing was sent.
    case budgetSpent = "budget_spent"
    case cancelled
  }

  public var code: Code
  /// One sentence in the vendor's or our words; never a secret.
  public var detail: String
  /// Earliest useful retry; `nil` when waiting cannot help.
  public var retryAfter: Duration?
  /// HTTP requests that were spent on it.
  public var requests: Int
  /// Tokens of answers that came and were of no use, such as one that holds to no schema.
  public var inputTokens: TokenCount
  public var outputTokens: TokenCount
  /// What those tokens cost; `nil` where there were none, or the price is unknown.
  public var costUSD: USD?

  public init(
    code: Code, detail: String, retryAfter: Duration? = nil, requests: Int = 0,
    inputTokens: TokenCount = 0, outputTokens: TokenCount = 0, costUSD: USD? = nil
  ) {
    self.code = code
    self.detail = detail
    self.retryAfter = retryAfter
    self.requests = requests
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
    self.costUSD = costUSD
  }
}
