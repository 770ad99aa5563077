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
      _ = try await EvaluateCode(ports: ports).run(
        .init(
          code: arguments.code, path: arguments.path, tests: arguments.tests,
          criteria: arguments.criteria, previous: arguments.previous, compared: compared,
          askedBy: arguments.askedBy, run: arguments.run,
          job: context.job.id, progress: { context.progress($0) }))
    } catch {
      try Task.checkCancellation()
      throw JobFailure(error.detail, isFinal: error.code == .invalid)
    }
    return .completed
  }
}
