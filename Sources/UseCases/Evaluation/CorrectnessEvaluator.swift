public import Domain

/// Runs the tests, and tests of its own where types allow, in the sandbox.
///
/// The user's tests decide. Tests that a model wrote decide where there are none of a user; so do
/// the examples in the code's own docstrings. Those that Stet makes up fail code only by a defect
/// that they show with its input.
public struct CorrectnessEvaluator: AxisEvaluator {
  public init() {}

  public var names: [EvaluationAxis.Name] { [.correctness] }

  public func evaluate(
    _ subject: EvaluationSubject, in sandbox: any CodeSandbox
  ) async throws(SandboxError) -> [EvaluationAxis] {
    let plan: TestPlan
    switch try await TestPlan.of(subject, in: sandbox) {
    case .success(let found): plan = found
    case .failure(let failure) where failure.isLate:
      return [.notRun(.correctness, because: "There was no time to read the code and its tests.")]
    case .failure(let failure):
      return [failed("The code and its tests cannot be read: \(failure.sentence).", .syntax)]
    }
    if let problem = plan.problem {
      return [failed("\(problem.sentence).", .syntax, line: problem.line)]
    }
    if let unreadable = plan.sources.first(where: { $0.form == .broken }) {
      return [.notRun(.correctness, because: Self.unreadable(unreadable))]
    }
    var sources = plan.sources.filter(\.isRun)
    if sources.isEmpty, !subject.tests.isEmpty {
      return [.notRun(.correctness, because: Self.empty(subject.tests))]
    }
    if let own = plan.own { sources.append(own) }
    async let made = GeneratedTests.outcome(plan, subject, in: sandbox)
    guard !sources.isEmpty else { return [try await made.get().axis(subject)] }
    let run: TestRun
    do throws(SandboxError) {
      run = try await TestRun.of(sources, plan, code: subject.code, subject, in: sandbox)
    } catch {
      _ = await made
      throw error
    }
    subject.tell(
      .printed(output: run.result.outputText, error: run.result.errorText))
    // Where the sandbox could not run what Stet made up, the tests themselves still stand.
    return [axis(run, (try? await made.get()) ?? GeneratedTests(), subject)]
  }

  private func axis(
    _ run: TestRun, _ made: GeneratedTests, _ subject: EvaluationSubject
  ) -> EvaluationAxis {
    guard let report = run.counts else { return lost(run) }
    let hasUsers = run.plan.sources.contains { $0.test.isUsers && ($0.isRun || $0.isEmpty) }
    var found = TestEvidence()
    // Each text that is to be run has an outcome; one in which nothing stands may have none.
    var empty = run.plan.sources.filter { $0.test.isUsers && $0.form == .none }
    for (text, source) in zip(report.texts, run.sources) {
      found.add(text, of: source, isFailure: source.test.isUsers || !hasUsers)
      if source.test.isUsers, source.isEmpty, text.results.isEmpty { empty.append(source) }
    }
    for source in empty { found.addEmpty(source) }
    let evidence = found.sorted + made.evidence(subject)
    let fails = evidence.contains { $0.isFailure }
    if !fails, let reason = Self.silence(found, empty.filter(\.isEmpty)) {
      var axis = EvaluationAxis.notRun(.correctness, because: reason)
      axis.evidence = evidence
      return axis
    }
    let share = found.counted == 0 ? 0 : Double(found.passed) / Double(found.counted)
    let tests = found.counted == 1 ? "test" : "tests"
    let kind = hasUsers ? "" : " None of them is a user's."
    let skips = found.skipped == 0 ? "" : " \(found.skipped) marked to be skipped."
    let others =
      found.reported == 0
      ? ""
      : " Others, which decide nothing here: \(found.reportedPassed) of \(found.reported) passed."
    let reason =
      found.isSound
      ? "\(found.passed) of \(found.counted) \(tests) passed.\(skips)\(others)\(kind)"
        + made.sentence
      : "The code makes tests pass that must fail, so the others prove nothing."
    return EvaluationAxis(
      name: .correctness, verdict: fails || found.counted == 0 ? .fail : .pass, reason: reason,
      value: found.isSound ? share : 0, threshold: 1, tool: run.tool, evidence: evidence)
  }

  /// Why tests of which none failed show nothing all the same; `nil` where they do.
  /// - Parameter empty: the texts that say that they are tests, and hold none.
  private static func silence(_ found: TestEvidence, _ empty: [TestPlan.Source]) -> String? {
    if found.isLate {
      return "The time for all tests was up before all had been run, and none had failed by then."
    }
    if !empty.isEmpty { return Self.empty(empty.map(\.test)) }
    guard found.counted == 0 else { return nil }
    return found.skipped > 0 ? "Every test is marked to be skipped." : "No test was found."
  }

  /// A run that was killed or told nothing: what it said on the way says what was running.
  private func lost(_ run: TestRun) -> EvaluationAxis {
    let end = RunEnd.sentence(run.result)
    let kind: EvaluationAxis.Evidence.FailureKind =
      switch run.result.end {
      case .timedOut: .timeout
      case .outOfMemory: .memory
      case .exited, .signaled: .exited
      }
    return failed(
      "The run of the tests was cut short: \(end). Nothing that it reported counts.", kind,
      tool: run.tool)
  }

  private func failed(
    _ sentence: String, _ kind: EvaluationAxis.Evidence.FailureKind, line: Int? = nil,
    tool: String = ""
  ) -> EvaluationAxis {
    EvaluationAxis(
      name: .correctness, verdict: .fail, reason: sentence, value: 0, threshold: 1, tool: tool,
      evidence: [.init(line: line, message: sentence, kind: kind)])
  }

  private static func unreadable(_ source: TestPlan.Source) -> String {
    let line = source.problem?.line.map { ", line \($0)" } ?? ""
    let message = source.problem?.message ?? "it has no form that is known"
    return TestText.shown("\(source.test.path)\(line) cannot be read: \(message).", 400)
  }

  private static func empty(_ tests: [TestSource]) -> String {
    let names = tests.prefix(5).map(\.path).joined(separator: ", ")
    return TestText.shown(
      "No test was found in \(names): known are pytest, unittest, doctest, assertions, "
        + "check(candidate), and examples of input and output.", 500)
  }
}
