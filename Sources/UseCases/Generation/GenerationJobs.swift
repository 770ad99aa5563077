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
    var request = GenerateCode.Request(
      prompt: arguments.prompt, tests: arguments.tests, criteria: arguments.criteria,
      limits: arguments.limits, path: arguments.path,
      earlier: try await earlier(arguments.earlier), message: arguments.message,
      askedBy: arguments.askedBy, run: arguments.run, job: context.job.id,
      progress: { context.progress($0) })
    request.spent = try await spent(arguments.run, context)
    return try await end(context) { [request] () async throws(GenerateError) in
      try await GenerateCode(ports: ports).run(request)
    }
  }

  public func refactor(_ context: JobContext) async throws -> JobOutcome {
    let arguments = try Work.RefactorCode(of: context.job)
    var earlier = try await earlier(arguments.earlier)
    if let message = arguments.message { earlier?.messages.append(message) }
    let goal = arguments.goal ?? arguments.message.map { _ in RefactorCode.unnamedGoal }
    var request = RefactorCode.Request(
      code: arguments.code, path: arguments.path, tests: arguments.tests, goal: goal,
      criteria: arguments.criteria, limits: arguments.limits, earlier: earlier,
      askedBy: arguments.askedBy, run: arguments.run, job: context.job.id,
      progress: { context.progress($0) })
    request.spent = try await spent(arguments.run, context)
    return try await end(context) { [request] () async throws(GenerateError) in
      try await RefactorCode(ports: ports).run(request)
    }
  }

  /// What the tries of this job before took, by the record that they left of the run.
  private func spent(_ run: String, _ context: JobContext) async throws -> SpentBefore {
    guard let before = try await ports.runs?.run(id: run), before.job == context.job.id else {
      return SpentBefore()
    }
    return SpentBefore(seconds: before.seconds, calls: before.modelCalls)
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
        let waits =
          !error.isFinal && context.job.attempt < min(ModelPatience.tries, context.job.maxAttempts)
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
