import Domain
import Jobs

/// What people do with one job, by the API or on the dashboard; each is recorded.
struct JobActions {
  let ports: ServerPorts

  static func canRetry(_ job: Job) -> Bool {
    [.discarded, .cancelled, .retryable, .scheduled].contains(job.state)
  }

  /// The job of the path's `id`.
  func job(_ context: ServerContext) async throws -> Job {
    let id = context.parameter("id").lowercased()
    guard let job = try await ports.jobs.job(id: id) else { throw Problem.unknown("job", id) }
    return job
  }

  func retry(_ context: ServerContext) async throws -> Job {
    let job = try await job(context)
    guard Self.canRetry(job) else {
      throw Problem(
        .conflict,
        "This job is \(job.state.rawValue): only one that failed or was cancelled is "
          + "run again.")
    }
    guard let after = try await ports.jobs.retry(id: job.id) else {
      throw Problem.unknown("job", job.id)
    }
    try await note("job.retried", after, context)
    return after
  }

  func cancel(_ context: ServerContext) async throws -> Job {
    let job = try await job(context)
    guard !job.state.isFinal else {
      throw Problem(.conflict, "This job is \(job.state.rawValue) already.")
    }
    let reason = "\(context.caller.actor) asked for it"
    guard let after = try await ports.jobs.cancel(id: job.id, reason: reason) else {
      throw Problem.unknown("job", job.id)
    }
    try await note("job.cancelled", after, context)
    return after
  }

  private func note(_ action: String, _ job: Job, _ context: ServerContext) async throws {
    try await ports.audit.append(
      AuditEvent(
        actor: context.caller.actor, action: action, place: "job:\(job.id)", run: job.run,
        job: job.id, facts: ["kind": job.kind]))
  }
}
