public import Domain
import Logging

extension EvaluateCode {
  /// What trying mutants gets, beside the time of the report.
  public static let mutationTime = Duration.seconds(200)

  /// Tries mutants of code whose report is known already, and adds to its correctness which of them
  /// no test notices. It takes long and changes no verdict. Where the report was kept, it is kept
  /// anew.
  /// - Parameter request: as the report was made by.
  public func addMutation(
    to evaluation: Evaluation, of request: Request, deadline: Duration = Self.mutationTime
  ) async throws(EvaluateError) -> Evaluation {
    let clock = ContinuousClock.now
    var evaluation = evaluation
    guard let place = evaluation.axes.firstIndex(where: { $0.name == .correctness }) else {
      return evaluation
    }
    let found = await mutation(of: evaluation.axes[place], request, deadline)
    if Task.isCancelled {
      throw EvaluateError(
        code: .cancelled, detail: "It was stopped while mutants were tried; the report stands.")
    }
    evaluation.axes[place].reason = (evaluation.axes[place].reason ?? "") + found.sentence
    evaluation.axes[place].evidence += found.evidence
    if request.isRecorded {
      await keep(evaluation, seconds: (ContinuousClock.now - clock).seconds)
    }
    return evaluation
  }

  private func mutation(
    of axis: EvaluationAxis, _ request: Request, _ deadline: Duration
  ) async -> (sentence: String, evidence: [EvaluationAxis.Evidence]) {
    guard axis.verdict == .pass, axis.value != nil else {
      return (" No mutant was tried: no test passes that could notice one.", [])
    }
    let subject = EvaluationSubject(
      code: request.code, path: request.path ?? "solution.py", tests: request.tests,
      criteria: request.criteria, end: .now + deadline, testLimit: request.testLimit
    ) { note in
      if case .progress(let line) = note { request.progress(line) }
    }
    do throws(SandboxError) {
      guard case .success(let plan) = try await TestPlan.of(subject, in: ports.sandbox) else {
        return (" No mutant was tried: the tests could not be read again.", [])
      }
      let sources = plan.sources.filter(\.isRun) + (plan.own.map { [$0] } ?? [])
      let measure = try await MutationMeasure.of(sources, plan, subject, in: ports.sandbox)
      let sentence = measure.sentence
      return (sentence.isEmpty ? " There was no mutant to try." : sentence, measure.evidence)
    } catch {
      return (" The mutants could not be tried: \(TestText.shown(error.detail, 300))", [])
    }
  }

  private func keep(_ evaluation: Evaluation, seconds: Double) async {
    guard let runs = ports.runs else { return }
    do {
      guard var run = try await runs.run(id: evaluation.run) else { return }
      run.result = EvaluationDecision.kept(evaluation)
      run.seconds += seconds
      try await runs.save(run)
    } catch {
      ports.logger.error(
        "a run could not be kept",
        metadata: ["run": "\(evaluation.run)", "error": "\(error.detail)"])
    }
  }
}
