import Domain
public import Jobs

/// Judges code that came through the API. The run record is the answer.
public struct EvaluateWork: Sendable {
  private let ports: EvaluateCode.Ports

  public init(ports: EvaluateCode.Ports) { self.ports = ports }

  public func handle(_ context: JobContext) async throws -> JobOutcome {
    let arguments = try Work.Evaluate(of: context.job)
    do throws(EvaluateError) {
      var compared: Evaluation?
      if let earlier = arguments.comparedWith {
        compared = try await EvaluateCode.evaluation(
          of: earlier, in: ports.runs, field: "compared_with")
      }
      let request = EvaluateCode.Request(
        code: arguments.code, path: arguments.path, tests: arguments.tests,
        criteria: arguments.criteria, previous: arguments.previous, compared: compared,
        askedBy: arguments.askedBy, run: arguments.run, job: context.job.id,
        progress: { context.progress($0) })
      let evaluate = EvaluateCode(ports: ports)
      let report = try await evaluate.run(request)
      guard arguments.mutation == true else { return .completed }
      // Who follows the run has the report now, and the slow part after it.
      context.progress("report: \(report.verdict.rawValue); mutants are tried next")
      _ = try await evaluate.addMutation(to: report, of: request)
    } catch {
      try Task.checkCancellation()
      throw JobFailure(error.detail, isFinal: error.code == .invalid)
    }
    return .completed
  }
}
