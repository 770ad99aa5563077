public import Domain

/// How much a loop may take. What runs out first ends it; the best so far is the answer.
public struct GenerationLimits: Sendable, Hashable, Codable {
  /// Rounds of writing, repairing and writing anew: 1 to 20.
  public var rounds: Int
  /// Answers that are asked for where code is written from scratch: 1 to 16.
  public var candidates: Int
  /// Seconds of wall clock, the model's own included.
  public var time: Double
  /// Tokens of prompts and answers together; `nil`: any number.
  public var tokens: Int?
  /// In US dollars, where the model's price is known; `nil`: any.
  public var cost: Double?

  public init(
    rounds: Int = 5, candidates: Int = 3, time: Double = 600, tokens: Int? = nil,
    cost: Double? = nil
  ) {
    self.rounds = rounds
    self.candidates = candidates
    self.time = time
    self.tokens = tokens
    self.cost = cost
  }

  public static let mostRounds = 20
  public static let mostCandidates = 16
  public static let longest = 3_600.0

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let plain = GenerationLimits()
    rounds = try values.decodeIfPresent(Int.self, forKey: .rounds) ?? plain.rounds
    candidates = try values.decodeIfPresent(Int.self, forKey: .candidates) ?? plain.candidates
    time = try values.decodeIfPresent(Double.self, forKey: .time) ?? plain.time
    tokens = try values.decodeIfPresent(Int.self, forKey: .tokens)
    cost = try values.decodeIfPresent(Double.self, forKey: .cost)
  }
}

/// What one round came to.
public struct GenerationRound: Sendable, Hashable, Codable {
  public enum Step: String, Sendable, Hashable, Codable {
    /// From the prompt alone.
    case write
    /// The best so far, with what was wrong with it.
    case repair
    /// From the prompt alone, after repairs that did not help.
    case resample
    /// The best so far, with what a person said of it.
    case revise
    /// By a tool, without a model.
    case tool
  }

  public var step: Step
  /// Answers that held code.
  public var candidates: Int
  /// The full name of its commit; `nil` where no folder was named.
  public var commit: String?
  public var verdict: Evaluation.Verdict
  /// What the next round is told; empty where nothing is wrong.
  public var feedback: String
  /// Of the round's best candidate; `nil` where no answer held code.
  public var evaluation: Evaluation?

  public init(
    step: Step, candidates: Int, commit: String? = nil, verdict: Evaluation.Verdict,
    feedback: String, evaluation: Evaluation?
  ) {
    self.step = step
    self.candidates = candidates
    self.commit = commit
    self.verdict = verdict
    self.feedback = feedback
    self.evaluation = evaluation
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(step, forKey: .step)
    try container.encode(candidates, forKey: .candidates)
    try container.encode(commit, forKey: .commit)  // null, never absent
    try container.encode(verdict, forKey: .verdict)
    try container.encode(feedback, forKey: .feedback)
    try container.encode(evaluation, forKey: .evaluation)
  }
}

/// The answer of `POST /v1/generate` and of `/v1/refactor`, and all that is needed to go on from it.
public struct GenerationResult: Sendable, Hashable, Codable {
  public var verdict: Evaluation.Verdict
  /// One sentence: what the verdict rests on, or why it is no better.
  public var reason: String
  /// The best that was found; empty where no answer held code.
  public var code: String
  /// False where `code` is what was given, as of a refactoring that came to nothing.
  public var changed: Bool
  /// Every test that it was judged by, as one text.
  public var tests: String
  public var rounds: [GenerationRound]
  public var usage: ModelUsage
  public var run: String
  /// Why the loop ended early, such as a model that is down; `nil` where it did not.
  public var failure: String?

  /// File name of the code.
  public var path: String
  public var prompt: String
  /// What people said of it afterwards, the oldest first.
  public var messages: [String]
  public var testFiles: [TestSource]
  public var criteria: EvaluationCriteria
  public var limits: GenerationLimits

  enum CodingKeys: String, CodingKey {
    case verdict, reason, code, changed, tests, rounds, usage, run, failure, path, prompt, messages
    case testFiles = "test_files"
    case criteria, limits
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(verdict, forKey: .verdict)
    try container.encode(reason, forKey: .reason)
    try container.encode(code, forKey: .code)
    try container.encode(changed, forKey: .changed)
    try container.encode(tests, forKey: .tests)
    try container.encode(rounds, forKey: .rounds)
    try container.encode(usage, forKey: .usage)
    try container.encode(run, forKey: .run)
    try container.encode(failure, forKey: .failure)  // null, never absent
    try container.encode(path, forKey: .path)
    try container.encode(prompt, forKey: .prompt)
    try container.encode(messages, forKey: .messages)
    try container.encode(testFiles, forKey: .testFiles)
    try container.encode(criteria, forKey: .criteria)
    try container.encode(limits, forKey: .limits)
  }

  init(
    verdict: Evaluation.Verdict, reason: String, code: String, changed: Bool,
    rounds: [GenerationRound], usage: ModelUsage, run: String, failure: String?, path: String,
    prompt: String, messages: [String], testFiles: [TestSource], criteria: EvaluationCriteria,
    limits: GenerationLimits
  ) {
    self.verdict = verdict
    self.reason = reason
    self.code = code
    self.changed = changed
    tests = Self.joined(testFiles)
    self.rounds = rounds
    self.usage = usage
    self.run = run
    self.failure = failure
    self.path = path
    self.prompt = prompt
    self.messages = messages
    self.testFiles = testFiles
    self.criteria = criteria
    self.limits = limits
  }

  /// The user's tests of before with those that are given now: a file that is given again takes the
  /// place of the one before, the others hold on.
  func tests(with given: [TestSource]) -> [TestSource] {
    let names = Set(given.map(\.path))
    return testFiles.filter { $0.isUsers && !names.contains($0.path) } + given
  }

  static func joined(_ files: [TestSource]) -> String {
    guard files.count > 1 else { return files.first?.text ?? "" }
    return files.map { "# \($0.path)\n\($0.text)" }.joined(separator: "\n\n")
  }

  /// The same with every secret masked, to be kept: who may read runs need not know them.
  var masked: GenerationResult {
    func clean(_ text: String) -> String { SecretMask.masked(text).text }
    var copy = self
    copy.code = clean(code)
    copy.reason = clean(reason)
    copy.failure = failure.map(clean)
    copy.rounds = rounds.map { round in
      var round = round
      round.feedback = clean(round.feedback)
      round.evaluation = round.evaluation.map(EvaluationDecision.masked)
      return round
    }
    copy.tests = clean(tests)
    copy.prompt = clean(prompt)
    copy.messages = messages.map(clean)
    copy.testFiles = testFiles.map {
      TestSource(path: $0.path, text: clean($0.text), isUsers: $0.isUsers)
    }
    return copy
  }
}

/// Why there is no code at all, in terms a route or command can act on.
public struct GenerateError: Error, Sendable, Equatable {
  public enum Code: String, Sendable {
    /// `field` is missing, too large or wrong.
    case invalid
    /// No model is set.
    case noModel = "no_model"
    /// The model's key is missing or refused.
    case unauthorized
    case rateLimited = "rate_limited"
    case modelFailed = "model_failed"
    case timedOut = "timed_out"
    /// Nothing can be run here: no sandbox, or no image.
    case noSandbox = "no_sandbox"
    /// The run to go on from is none, or holds nothing to go on from.
    case unknownRun = "unknown_run"
    /// The folder's history cannot take the rounds.
    case history
    case cancelled
  }

  public var code: Code
  /// One sentence, without a secret; with `field`, the end of one that begins with its name.
  public var detail: String
  public var field: String?
  /// Earliest useful retry; `nil` when waiting cannot help or is not known.
  public var retryAfter: Duration?
  /// What the run may take is spent: the same would fail alike.
  public var isFinal: Bool

  public init(
    code: Code, detail: String, field: String? = nil, retryAfter: Duration? = nil,
    isFinal: Bool = false
  ) {
    self.code = code
    self.detail = detail
    self.field = field
    self.retryAfter = retryAfter
    self.isFinal = isFinal
  }

  init(_ error: ModelError) {
    let code: Code =
      switch error.code {
      case .unauthorized: .unauthorized
      case .rateLimited: .rateLimited
      case .timedOut: .timedOut
      case .cancelled: .cancelled
      case .tooLong, .unavailable, .rejected, .malformedAnswer, .refused, .suspended,
        .budgetSpent:
        .modelFailed
      }
    self.init(code: code, detail: error.detail, retryAfter: error.retryAfter)
  }

  init(_ error: HistoryError) { self.init(code: .history, detail: error.detail) }

  static let noModel = GenerateError(
    code: .noModel,
    detail: "No model is set, and code cannot be written without one: set LLM_PROVIDER, such as "
      + "local, ollama or openai.")
}
