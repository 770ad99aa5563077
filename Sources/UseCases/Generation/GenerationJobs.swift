import Domain
public import Jobs

/// Does the jobs of `POST /v1/generate`, `/v1/refactor` and `/v1/runs/{id}/feedback`. The run's
/// record is the answer.
public struct GenerationJobs: Sendable {
  private let ports: GenerateCode.Ports

  /// - Parameter ports: its `runs` holds also what is gone on from.
  public init(ports: GenerateCode.Ports) { self.ports = ports }

  public func generate(_ context: JobContext) async throws -> JobOutcome {
    let arguments = try Work.GenerateCode(of: context.job)
    let earlier = try await earlier(arguments.earlier)
    return try await end(context) { () async throws(GenerateError) in
      try await GenerateCode(ports: ports).run(
        .init(
          prompt: arguments.prompt, tests: arguments.tests, criteria: arguments.criteria,
          limits: arguments.limits, path: arguments.path, earlier: earlier,
          message: arguments.message, askedBy: arguments.askedBy, run: arguments.run,
          job: context.job.id, progress: { context.progress($0) }))
    }
  }

  public func refactor(_ context: JobContext) async throws -> JobOutcome {
    let arguments = try Work.RefactorCode(of: context.job)
    var earlier = try await earlier(arguments.earlier)
    if let message = arguments.message { earlier?.messages.append(message) }
    let goal = arguments.goal ?? arguments.message.map { _ in "Make it simpler and clearer." }
    return try await end(context) { [earlier] () async throws(GenerateError) in
      try await RefactorCode(ports: ports).run(
        .init(
          code: arguments.code, path: arguments.path, tests: arguments.tests, goal: goal,
          criteria: arguments.criteria, limits: arguments.limits, earlier: earlier,
          askedBy: arguments.askedBy, run: arguments.run, job: context.job.id,
          progress: { context.progress($0) }))
    }
  }

  private func earlier(_ id: String?) async throws -> GenerationResult? {
    guard let id else { return nil }
    guard let run = try await ports.runs?.run(id: id) else {
      throw JobFailure("There is no run \(id) to go on from.", isFinal: true)
    }
    do { return try GenerateCode.earlier(run) } catch {
      throw JobFailure(error.detail, isFinal: true)
    }
  }

  /// What a model or a sandbox could not do now, a later try may; what was found wrong stays wrong.
  private func end(
    _ context: JobContext,
    _ work: () async throws(GenerateError) -> GenerationResult
  ) async throws -> JobOutcome {
    do throws(GenerateError) {
      let result = try await work()
      context.progress("done: \(result.verdict.rawValue). \(result.reason)")
      return .completed
    } catch {
      switch error.code {
      case .cancelled: throw CancellationError()
      case .modelFailed, .rateLimited, .timedOut:
        let waits = context.job.attempt < min(ModelPatience.tries, context.job.maxAttempts)
        throw JobFailure(error.detail, retryAfter: error.retryAfter, isFinal: !waits)
      case .invalid:
        throw JobFailure(
          "\(error.field ?? "the request") \(error.detail)", isFinal: true)
      case .noModel, .unauthorized, .noSandbox, .unknownRun, .history:
        throw JobFailure(error.detail, isFinal: true)
      }
    }
  }
}
