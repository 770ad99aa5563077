public import Domain
public import Foundation
public import Logging

/// Judges code in every respect, side by side: one report with a verdict by the criteria.
public struct EvaluateCode: Sendable {
  public struct Ports: Sendable {
    public var sandbox: any CodeSandbox
    public var runs: (any RunStore)?
    /// The run's date; durations are by the machine's steady clock.
    public var now: @Sendable () -> Date
    /// Told when a run cannot be kept; the answer stands.
    public var logger: Logger
    public var evaluators: [any AxisEvaluator]

    public init(
      sandbox: any CodeSandbox, runs: (any RunStore)? = nil,
      now: @escaping @Sendable () -> Date = { Date() },
      logger: Logger = Logger(label: "stet.evaluate"),
      evaluators: [any AxisEvaluator] = EvaluateCode.evaluators
    ) {
      self.sandbox = sandbox
      self.runs = runs
      self.now = now
      self.logger = logger
      self.evaluators = evaluators
    }
  }

  public struct Request: Sendable {
    public var code: String
    /// Names the module; never opened. `nil`: `solution.py`.
    public var path: String?
    public var tests: [TestSource]
    public var criteria: EvaluationCriteria
    /// The version before, to compare speed and behaviour with.
    public var previous: String?
    /// The report of the round before, to say what changed since.
    public var compared: Evaluation?
    public var askedBy: String
    /// The run's id where one was promised to somebody; else a new one.
    public var run: String?
    public var job: String?
    /// False for a step of another run, such as a round of generation, which keeps the report itself.
    public var isRecorded: Bool
    /// For everything. An axis that takes longer is `not_run`.
    public var deadline: Duration
    public var testLimit: Duration
    /// A function that gives something else than in `previous` fails the code, as for a refactoring.
    public var keepsBehaviour: Bool
    public var progress: @Sendable (String) -> Void

    public init(
      code: String, path: String? = nil, tests: [TestSource] = [],
      criteria: EvaluationCriteria = EvaluationCriteria(), previous: String? = nil,
      compared: Evaluation? = nil, askedBy: String, run: String? = nil, job: String? = nil,
      isRecorded: Bool = true, deadline: Duration = .seconds(60),
      testLimit: Duration = .seconds(5), keepsBehaviour: Bool = false,
      progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
      self.code = code
      self.path = path
      self.tests = tests
      self.criteria = criteria
      self.previous = previous
      self.compared = compared
      self.askedBy = askedBy
      self.run = run
      self.job = job
      self.isRecorded = isRecorded
      self.deadline = deadline
      self.testLimit = testLimit
      self.keepsBehaviour = keepsBehaviour
      self.progress = progress
    }
  }

  /// Of `code`, of `previous`, and of each test.
  public static let largest = ByteCount(256 << 10)
  /// Of all tests together.
  public static let largestTests = ByteCount(1 << 20)
  public static let mostTests = 64
  static let longestPath = 256

  /// Those of every axis, each with the tools that the `test` image holds.
  public static var evaluators: [any AxisEvaluator] {
    [
      CorrectnessEvaluator(), EfficiencyEvaluator(), PracticeEvaluator(), TypesEvaluator(),
      SecurityEvaluator(),
    ]
  }

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  public func run(_ request: Request) async throws(EvaluateError) -> Evaluation {
    try EvaluationInput.check(request)
    let started = ports.now()
    let clock = ContinuousClock.now
    let id = request.run ?? TimeOrderedID.next(started)
    let printed = PrintedText()
    let subject = EvaluationSubject(
      code: request.code, path: request.path ?? "solution.py", tests: request.tests,
      criteria: request.criteria, previous: request.previous, end: clock + request.deadline,
      testLimit: request.testLimit, keepsBehaviour: request.keepsBehaviour
    ) { note in
      switch note {
      case .printed(let output, let error): printed.set(output, error)
      case .progress(let line): request.progress(line)
      }
    }
    let judged = await judge(subject, deadline: request.deadline, progress: request.progress)
    let seconds = (ContinuousClock.now - clock).seconds
    if Task.isCancelled {
      let error = EvaluateError(code: .cancelled, detail: "The evaluation was stopped.")
      await record(nil, error, request, id, started, seconds)
      throw error
    }
    let text = printed.text
    var evaluation = Evaluation(
      verdict: EvaluationDecision.verdict(
        judged.axes, criteria: request.criteria, hasTests: !request.tests.isEmpty,
        broken: judged.broken),
      seconds: seconds, axes: judged.axes, stdout: text.output, stderr: text.error, run: id)
    if let compared = request.compared {
      evaluation.changes = EvaluationDecision.changes(from: compared, to: evaluation)
    }
    await record(evaluation, nil, request, id, started, seconds)
    return evaluation
  }

  private enum Step: Sendable {
    case judged(Int, Result<[EvaluationAxis], SandboxError>)
    case late
  }

  /// Runs every evaluator beside the others until the deadline.
  /// - Returns: the axes in the order of their names, and those of which an evaluator broke.
  private func judge(
    _ subject: EvaluationSubject, deadline: Duration, progress: @Sendable (String) -> Void
  ) async -> (axes: [EvaluationAxis], broken: Set<EvaluationAxis.Name>) {
    let evaluators = ports.evaluators
    var axes: [EvaluationAxis.Name: EvaluationAxis] = [:]
    var broken: Set<EvaluationAxis.Name> = []
    await withTaskGroup(of: Step.self) { group in
      for (place, evaluator) in evaluators.enumerated() {
        group.addTask { [sandbox = ports.sandbox] in
          do throws(SandboxError) {
            return .judged(place, .success(try await evaluator.evaluate(subject, in: sandbox)))
          } catch {
            return .judged(place, .failure(error))
          }
        }
      }
      group.addTask {
        // A little beyond the end: an evaluator that keeps to it may still tell what it has.
        try? await Task.sleep(until: subject.end + .milliseconds(500))
        return .late
      }
      var waiting = Set(evaluators.indices)
      let began = ContinuousClock.now
      while !waiting.isEmpty, let step = await group.next() {
        guard case .judged(let place, let outcome) = step else { break }
        waiting.remove(place)
        switch outcome {
        case .success(let found):
          for var axis in found {
            axis.seconds = (ContinuousClock.now - began).seconds
            axes[axis.name] = axis
            progress("\(axis.name.rawValue): \(axis.verdict.rawValue)")
          }
        case .failure(let error):
          for name in evaluators[place].names {
            axes[name] = .notRun(name, because: error.detail)
            broken.insert(name)
          }
        }
      }
      for place in waiting {
        for name in evaluators[place].names {
          axes[name] = .notRun(name, because: "It was not known within \(deadline).")
          broken.insert(name)
        }
      }
      // Whoever is late is killed with what it runs; the group waits for that.
      group.cancelAll()
    }
    return (
      EvaluationAxis.Name.allCases.map {
        axes[$0] ?? .notRun($0, because: "Nothing here judges this axis.")
      }, broken
    )
  }

  /// Secrets in the record are masked: who may read runs need not know them.
  private func record(
    _ evaluation: Evaluation?, _ error: EvaluateError?, _ request: Request, _ id: String,
    _ started: Date, _ seconds: Double
  ) async {
    guard let runs = ports.runs, request.isRecorded else { return }
    var inputs = ["code": ContentHash.of(Array(request.code.utf8))]
    if !request.tests.isEmpty {
      inputs["tests"] = ContentHash.of(parts: request.tests.flatMap { [$0.path, $0.text] })
    }
    inputs["previous"] = request.previous.map { ContentHash.of(Array($0.utf8)) }
    let subject = request.path.map {
      Defanged.forTerminal(SecretMask.masked($0).text, oneLine: true, limit: 300)
    }
    do {
      try await runs.save(
        Run(
          id: id, kind: .evaluate, startedAt: started, seconds: seconds,
          outcome: error == nil ? .completed : .cancelled, askedBy: request.askedBy,
          subject: subject ?? "code", inputs: inputs, modelCalls: [],
          claims: evaluation?.axes.count ?? 0, masked: [:], review: nil,
          failure: error.map { "\($0.code.rawValue): \($0.detail)" }, job: request.job,
          result: evaluation.flatMap(EvaluationDecision.kept)))
    } catch {
      ports.logger.error(
        "a run could not be kept", metadata: ["run": "\(id)", "error": "\(error.detail)"])
    }
  }
}

/// Why code was not judged at all. What the sandbox could not do is a report with verdict `error`.
public struct EvaluateError: Error, Sendable, Equatable {
  public enum Code: String, Sendable {
    /// `field` is missing, too large or no such thing.
    case invalid
    case cancelled
  }

  public var code: Code
  /// One sentence, without a secret; with `field`, the end of one that begins with its name.
  public var detail: String
  public var field: String?

  public init(code: Code, detail: String, field: String? = nil) {
    self.code = code
    self.detail = detail
    self.field = field
  }
}
