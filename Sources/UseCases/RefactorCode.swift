public import Domain
import Foundation

/// Rewrites code so that it does the same and reads better: the version before is the oracle, the
/// tests still pass, and no figure gets worse. What cannot be shown to hold is not given out.
///
/// Without a model it is what ruff can fix, under the same proof.
public struct RefactorCode: Sendable {
  public typealias Ports = GenerateCode.Ports

  public struct Request: Sendable {
    public var code: String
    /// File name of the code; `nil`: what the tests import, else `solution.py`.
    public var path: String?
    public var tests: [TestSource]
    /// What should become better, in words; `nil`: whatever reads badly.
    public var goal: String?
    public var criteria: EvaluationCriteria
    public var limits: GenerationLimits
    /// What to go on from, whose code this is.
    public var earlier: GenerationResult?
    public var askedBy: String
    public var run: String?
    public var job: String?
    public var progress: @Sendable (String) -> Void
    /// What earlier tries of the same run took, which counts against its limits.
    public var spent = SpentBefore()

    public init(
      code: String, path: String? = nil, tests: [TestSource] = [], goal: String? = nil,
      criteria: EvaluationCriteria = .init(), limits: GenerationLimits = .init(),
      earlier: GenerationResult? = nil, askedBy: String, run: String? = nil, job: String? = nil,
      progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
      self.code = code
      self.path = path
      self.tests = tests
      self.goal = goal
      self.criteria = criteria
      self.limits = limits
      self.earlier = earlier
      self.askedBy = askedBy
      self.run = run
      self.job = job
      self.progress = progress
    }

    /// Goes on from a refactoring by what a person says of it.
    /// - Parameter tests: take the place of those of the same name; the others hold on.
    public init(
      goingOnFrom earlier: GenerationResult, message: String, tests: [TestSource] = [],
      criteria: EvaluationCriteria, limits: GenerationLimits, askedBy: String,
      progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
      var before = earlier
      before.messages.append(message)
      self.init(
        code: earlier.code, path: earlier.path, tests: earlier.tests(with: tests),
        goal: earlier.prompt.isEmpty ? RefactorCode.unnamedGoal : earlier.prompt,
        criteria: criteria, limits: limits, earlier: before, askedBy: askedBy, progress: progress)
    }
  }

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  /// What is aimed at where a person speaks of a refactoring that had no goal in words.
  public static let unnamedGoal = "Make it simpler and clearer."

  public func run(_ request: Request) async throws(GenerateError) -> GenerationResult {
    try Self.check(request)
    let started = ports.now()
    let clock = ContinuousClock.now
    let id = request.run ?? TimeOrderedID.next(started)
    let record = GenerationRecord(
      runs: ports.runs, logger: ports.logger, kind: .refactor, id: id, started: started,
      askedBy: request.askedBy, job: request.job, subject: request.path ?? "code",
      inputs: ["code": request.code, "goal": request.goal ?? ""], clock: clock,
      before: request.spent.seconds)
    let end = clock + .seconds(request.limits.time - request.spent.seconds)
    let asking = ports.model.map {
      ModelAsking(
        $0, limits: request.limits, end: end, callDeadline: ports.callDeadline,
        earlier: request.spent.calls)
    }
    var masked = MaskedText()
    let outcome: Result<GenerationResult, GenerateError>
    do throws(GenerateError) {
      var work = try await RefactorWork(
        ports: ports, request: request, run: id, asking: asking, end: end)
      outcome = .success(try await work.run(masking: &masked))
    } catch {
      outcome = .failure(error)
    }
    await record.keep(
      outcome, calls: await asking?.spending.calls ?? [], masked: masked.counts)
    return try outcome.get()
  }

  /// Holds a request to its bounds; `run` does so too.
  public static func check(_ request: Request) throws(GenerateError) {
    guard request.code.contains(where: { !$0.isWhitespace }) else {
      throw GenerateError(code: .invalid, detail: "must not be empty", field: "code")
    }
    let most = EvaluateCode.largest.value
    guard request.code.utf8.count <= most, !request.code.utf8.contains(0) else {
      throw GenerateError(
        code: .invalid, detail: "must be text of at most \(most) bytes", field: "code")
    }
    if let goal = request.goal, goal.utf8.count > GenerateCode.longestPrompt.value {
      throw GenerateError(
        code: .invalid,
        detail: "must have at most \(GenerateCode.longestPrompt.value) bytes", field: "goal")
    }
    if let message = request.earlier?.messages.last {
      try GenerationInput.check(words: message, "message")
    }
    try GenerationInput.check(request.tests)
    try GenerationInput.check(request.limits)
    if let path = request.path { try GenerationInput.check(path: path) }
  }
}
