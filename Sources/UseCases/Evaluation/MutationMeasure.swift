import Domain

/// Which small changes of the code no test notices. It says how much the tests can see, so it is
/// told beside their verdict and changes nothing of it.
struct MutationMeasure: Sendable {
  private struct Mutant: Decodable {
    var line: Int?
    var before: String
    var after: String
    var code: String
  }

  private struct Report: Decodable {
    var mutants: [Mutant]
    var places: Int
  }

  private var tried = 0
  private var noticed = 0
  private var survivors: [EvaluationAxis.Evidence] = []

  /// Tries as many variants as there is time for.
  static func of(
    _ sources: [TestPlan.Source], _ plan: TestPlan, _ subject: EvaluationSubject,
    in sandbox: any CodeSandbox
  ) async throws(SandboxError) -> MutationMeasure {
    var measure = MutationMeasure()
    let task = PythonHarness.mutants.task(
      ["code": .string(subject.code)], image: .python,
      limits: SandboxLimits(time: min(subject.left, .seconds(10))))
    let result = try await sandbox.run(task)
    guard result.succeeded, let report = result.report?.decoded(as: Report.self) else {
      return measure
    }
    var trial = subject
    trial.testLimit = min(subject.testLimit, .seconds(2))
    for (place, mutant) in report.mutants.enumerated() where subject.left > .seconds(3) {
      if Task.isCancelled { throw SandboxError(code: .cancelled, detail: "It was stopped.") }
      let run = try await TestRun.of(sources, plan, code: mutant.code, trial, in: sandbox)
      measure.note(mutant, run)
      subject.tell(
        .progress("mutants: \(place + 1) of \(report.mutants.count), \(measure.noticed) noticed"))
    }
    return measure
  }

  private mutating func note(_ mutant: Mutant, _ run: TestRun) {
    tried += 1
    var found = TestEvidence()
    if let report = run.counts {
      for (text, source) in zip(report.texts, run.sources) {
        found.add(text, of: source, isFailure: true)
      }
    }
    if found.isLate {
      tried -= 1
      return
    }
    guard run.counts != nil, !found.evidence.contains(where: \.isFailure) else {
      noticed += 1
      return
    }
    survivors.append(
      EvaluationAxis.Evidence(
        line: mutant.line, rule: "mutation",
        message: TestText.shown(
          "No test notices when `\(mutant.before)` becomes `\(mutant.after)`.", 400),
        source: .generated, isFailure: false))
  }

  var evidence: [EvaluationAxis.Evidence] { Array(survivors.prefix(20)) }

  var sentence: String {
    tried == 0 ? "" : " \(noticed) of \(tried) mutants were noticed by a test."
  }
}
