public import Domain
public import Foundation
public import Logging

/// Writes a program from a prompt: tests first, several candidates, each run and judged, the best
/// repaired by what was wrong with it, until the criteria hold or what the run may take is spent. The
/// best so far is the answer, never the last, with a verdict that says what was shown of it.
public struct GenerateCode: Sendable {
  public struct Ports: Sendable {
    /// `nil`: nothing can be written.
    public var model: (any LanguageModel)?
    /// Its sandbox runs everything; its runs are not written to.
    public var evaluation: EvaluateCode.Ports
    public var runs: (any RunStore)?
    /// Of one call of the model.
    public var callDeadline: Duration
    /// Of one test.
    public var testLimit: Duration
    public var now: @Sendable () -> Date
    /// 64 random bits, for the fences around what others wrote.
    public var random: @Sendable () -> UInt64
    public var logger: Logger

    public init(
      model: (any LanguageModel)?, evaluation: EvaluateCode.Ports, runs: (any RunStore)? = nil,
      callDeadline: Duration = .seconds(120), testLimit: Duration = .seconds(5),
      now: @escaping @Sendable () -> Date = { Date() },
      random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) },
      logger: Logger = Logger(label: "stet.generate")
    ) {
      self.model = model
      self.evaluation = evaluation
      self.runs = runs
      self.callDeadline = callDeadline
      self.testLimit = testLimit
      self.now = now
      self.random = random
      self.logger = logger
    }
  }

  public struct Request: Sendable {
    public var prompt: String
    /// The user's own: never changed.
    public var tests: [TestSource]
    public var criteria: EvaluationCriteria
    public var limits: GenerationLimits
    /// File name of the code; `nil`: what the tests import, else `solution.py`.
    public var path: String?
    /// What to go on from; `nil`: a new one.
    public var earlier: GenerationResult?
    /// What a person says of `earlier`.
    public var message: String?
    public var askedBy: String
    public var run: String?
    public var job: String?
    /// Where every round is committed; `nil`: nowhere.
    public var history: (any CodeHistory)?
    /// Written beside the code with the first round.
    public var pipeline: Pipeline?
    /// Told a line now and then. From any task.
    public var progress: @Sendable (String) -> Void
    /// What earlier tries of the same run took, which counts against its limits.
    public var spent = SpentBefore()

    public init(
      prompt: String, tests: [TestSource] = [], criteria: EvaluationCriteria = .init(),
      limits: GenerationLimits = .init(), path: String? = nil, earlier: GenerationResult? = nil,
      message: String? = nil, askedBy: String, run: String? = nil, job: String? = nil,
      history: (any CodeHistory)? = nil, pipeline: Pipeline? = nil,
      progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
      self.prompt = prompt
      self.tests = tests
      self.criteria = criteria
      self.limits = limits
      self.path = path
      self.earlier = earlier
      self.message = message
      self.askedBy = askedBy
      self.run = run
      self.job = job
      self.history = history
      self.pipeline = pipeline
      self.progress = progress
    }
  }

  /// Of a prompt and of a message.
  public static let longestPrompt = ByteCount(32 << 10)

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  /// Holds a request to its bounds; `run` does so too.
  public static func check(_ request: Request) throws(GenerateError) {
    try GenerationInput.check(request)
  }

  /// - Throws: where there is no code to give. What went wrong later is told in `failure`.
  public func run(_ request: Request) async throws(GenerateError) -> GenerationResult {
    try GenerationInput.check(request)
    guard let model = ports.model else { throw .noModel }
    let started = ports.now()
    let clock = ContinuousClock.now
    let id = request.run ?? TimeOrderedID.next(started)
    let record = GenerationRecord(
      runs: ports.runs, logger: ports.logger, kind: .generate, id: id, started: started,
      askedBy: request.askedBy, job: request.job, subject: request.message ?? request.prompt,
      inputs: ["prompt": request.prompt, "message": request.message ?? ""], clock: clock,
      before: request.spent.seconds)
    let end = clock + .seconds(request.limits.time - request.spent.seconds)
    let asking = ModelAsking(
      model, limits: request.limits, end: end, callDeadline: ports.callDeadline,
      earlier: request.spent.calls)
    var masked = MaskedText()
    let outcome: Result<GenerationResult, GenerateError>
    var stopped: GenerationResult?
    do throws(GenerateError) {
      var loop = try await GenerationLoop(
        ports: ports, request: request, run: id, asking: asking, end: end, masking: &masked)
      do throws(GenerateError) {
        outcome = .success(try await loop.run())
      } catch {
        if error.code == .cancelled { stopped = await loop.stopped() }
        throw error
      }
    } catch {
      outcome = .failure(error)
    }
    await record.keep(
      outcome, stopped: stopped, calls: asking.spending.calls, masked: masked.counts)
    return try outcome.get()
  }

  /// Reads what a run left for those who go on from it.
  /// - Throws: `.unknownRun` where it is none that wrote code, or it came to nothing.
  public static func earlier(_ run: Run) throws(GenerateError) -> GenerationResult {
    guard run.kind == .generate || run.kind == .refactor else {
      throw GenerateError(
        code: .unknownRun,
        detail: "Run \(run.id) is a \(run.kind.rawValue), which nothing can be added to.")
    }
    guard let result = run.result, let data = try? JSONEncoder().encode(result),
      let earlier = try? JSONDecoder().decode(GenerationResult.self, from: data)
    else {
      throw GenerateError(
        code: .unknownRun,
        detail: "Run \(run.id) came to nothing that could be gone on from; ask anew.")
    }
    // What is kept has its secrets masked: gone on from, masked code would be taken for the code,
    // and the tests would not be those that were given.
    let texts = [earlier.code] + earlier.testFiles.map(\.text)
    guard !texts.contains(where: { $0.contains("[masked:") }) else {
      throw GenerateError(
        code: .unknownRun,
        detail: "Run \(run.id) cannot be gone on from: its code or tests held a secret, which the "
          + "record has masked. Ask anew, with the secret read from the environment.")
    }
    return earlier
  }
}

/// What earlier tries of a run took.
public struct SpentBefore: Sendable {
  public var seconds: Double
  public var calls: [Run.ModelCall]

  public init(seconds: Double = 0, calls: [Run.ModelCall] = []) {
    self.seconds = seconds
    self.calls = calls
  }
}

/// Texts whose secrets were masked before they left, counted by kind.
struct MaskedText: Sendable {
  private(set) var counts: [String: Int] = [:]

  mutating func clean(_ text: String) -> String {
    let hidden = HiddenText.stripped(text)
    if hidden.removed > 0 { counts["hidden-text", default: 0] += hidden.removed }
    let secrets = SecretMask.masked(hidden.text)
    for (kind, count) in secrets.counts { counts[kind, default: 0] += count }
    return secrets.text
  }
}

/// Keeps one run of the loop, however it ended.
struct GenerationRecord: Sendable {
  let runs: (any RunStore)?
  let logger: Logger
  let kind: Run.Kind
  let id: String
  let started: Date
  let askedBy: String
  let job: String?
  let subject: String
  /// By name, as they came.
  let inputs: [String: String]
  let clock: ContinuousClock.Instant
  /// Seconds that earlier tries took.
  var before = 0.0

  /// - Parameter stopped: what a run that was stopped had found.
  func keep(
    _ outcome: Result<GenerationResult, GenerateError>, stopped: GenerationResult? = nil,
    calls: [Run.ModelCall], masked: [String: Int]
  ) async {
    guard let runs else { return }
    var kept = stopped
    var failure: String?
    var end = Run.Outcome.completed
    var claims = 0
    switch outcome {
    case .success(let answer):
      claims = answer.rounds.reduce(0) { $0 + $1.candidates }
      failure = answer.failure.map { SecretMask.masked($0).text }
      // What passes was given out, whatever else failed, such as a model where a tool was enough.
      if failure != nil, answer.verdict != .pass { end = .failed }
      kept = answer
    case .failure(let error):
      end = error.code == .cancelled ? .cancelled : .failed
      failure = "\(error.code.rawValue): \(SecretMask.masked(error.detail).text)"
    }
    let result = kept.flatMap { try? JSONEncoder().encode($0.masked) }.flatMap {
      try? JSONDecoder().decode(JSONValue.self, from: $0)
    }
    do {
      try await runs.save(
        Run(
          id: id, kind: kind, startedAt: started,
          seconds: before + (ContinuousClock.now - clock).seconds,
          outcome: end, askedBy: askedBy,
          subject: Defanged.forTerminal(
            SecretMask.masked(subject).text, oneLine: true, limit: 120),
          inputs: inputs.filter { !$0.value.isEmpty }
            .mapValues { ContentHash.of(Array($0.utf8)) },
          modelCalls: calls, claims: claims, masked: masked, review: nil, failure: failure,
          job: job, result: result))
    } catch {
      logger.error(
        "a run could not be kept", metadata: ["run": "\(id)", "error": "\(error.detail)"])
    }
  }
}
