import Domain
import Hummingbird
import Jobs

/// `/v1/jobs`: what is done in the background.
struct JobRoutes {
  let ports: ServerPorts
  let limits: ServerLimits

  var routes: [Route] {
    [
      Route(
        .get, "/v1/jobs", .api(.read), isLimited: true,
        Operation(
          id: "listJobs", tag: "jobs", summary: "Lists jobs, the newest first",
          parameters: [
            .init(
              name: "state", place: .query,
              schema: Schema.one(of: JobState.allCases.map(\.rawValue)),
              meaning: "Only those in this state."),
            .init(
              name: "kind", place: .query, schema: Schema.text(), meaning: "Only those."),
            .limit, .before,
          ], results: [.init(status: 200, meaning: "One page.", schema: "Jobs")],
          problems: [.invalidFields]), handler: list),
      Route(
        .get, "/v1/jobs/{id}", .api(.read), isLimited: true,
        Operation(
          id: "getJob", tag: "jobs", summary: "Shows one job", parameters: [.id],
          results: [.init(status: 200, meaning: "The job.", schema: "Job")],
          problems: [.notFound]), handler: show),
      Route(
        .post, "/v1/jobs/{id}/retry", .api(.admin), isLimited: true,
        Operation(
          id: "retryJob", tag: "jobs", summary: "Runs a failed or cancelled job again",
          parameters: [.id],
          results: [.init(status: 200, meaning: "The job after it.", schema: "Job")],
          problems: [.notFound, .conflict] + Self.ofBodies), handler: retry),
      Route(
        .post, "/v1/jobs/{id}/cancel", .api(.admin), isLimited: true,
        Operation(
          id: "cancelJob", tag: "jobs", summary: "Cancels a job, or asks one that runs to stop",
          parameters: [.id],
          results: [
            .init(status: 200, meaning: "The job after it.", schema: "Job"),
            .init(status: 202, meaning: "It runs, and was asked to stop.", schema: "Job"),
          ], problems: [.notFound, .conflict] + Self.ofBodies), handler: cancel),
    ]
  }

  /// A body is not needed, but one that comes has to be JSON.
  private static let ofBodies: [Problem.Kind] = [
    .malformed, .tooSlow, .tooLarge, .unsupportedType,
  ]

  @Sendable private func list(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let page = try Paging(request)
    let query = Query(request)
    var states: [JobState] = []
    for name in query["state"]?.split(separator: ",") ?? [] {
      guard let state = JobState(rawValue: String(name)) else {
        let known = JobState.allCases.map(\.rawValue).joined(separator: ", ")
        throw Problem.fields([.init(field: "state", message: "It has to be one of \(known).")])
      }
      states.append(state)
    }
    let jobs = try await ports.jobs.jobs(
      JobFilter(states: states, kind: query["kind"], before: page.before, limit: page.limit))
    let counts = try await ports.jobs.counts()
    return Answer.json(
      .object([
        "jobs": .array(jobs.map(Self.document)), "next": page.next(jobs.map(\.id)),
        "counts": .object(
          Dictionary(
            JobState.allCases.map { ($0.rawValue, .integer(counts[$0] ?? 0)) },
            uniquingKeysWith: { first, _ in first })),
      ]))
  }

  @Sendable private func show(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    Answer.json(Self.document(try await job(context)))
  }

  @Sendable private func retry(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try await context.readNothing(request, limits)
    let job = try await job(context)
    guard [.discarded, .cancelled, .retryable, .scheduled].contains(job.state) else {
      throw Problem(
        .conflict,
        "This job is \(job.state.rawValue): only one that failed or was cancelled is "
          + "run again.")
    }
    guard let after = try await ports.jobs.retry(id: job.id) else {
      throw Problem.unknown("job", job.id)
    }
    try await note("job.retried", after, context)
    return Answer.json(Self.document(after))
  }

  @Sendable private func cancel(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try await context.readNothing(request, limits)
    let job = try await job(context)
    guard !job.state.isFinal else {
      throw Problem(.conflict, "This job is \(job.state.rawValue) already.")
    }
    let reason = "\(context.caller.actor) asked for it"
    guard let after = try await ports.jobs.cancel(id: job.id, reason: reason) else {
      throw Problem.unknown("job", job.id)
    }
    try await note("job.cancelled", after, context)
    return Answer.json(Self.document(after), status: after.state.isFinal ? 200 : 202)
  }

  private func job(_ context: ServerContext) async throws -> Job {
    let id = context.parameter("id").lowercased()
    guard let job = try await ports.jobs.job(id: id) else { throw Problem.unknown("job", id) }
    return job
  }

  private func note(_ action: String, _ job: Job, _ context: ServerContext) async throws {
    try await ports.audit.append(
      AuditEvent(
        actor: context.caller.actor, action: action, place: "job:\(job.id)", run: job.run,
        job: job.id, facts: ["kind": job.kind]))
  }

  /// Its arguments stay inside: they may hold the text of others.
  static func document(_ job: Job) -> JSONValue {
    .object([
      "id": .string(job.id), "kind": .string(job.kind), "state": .string(job.state.rawValue),
      "priority": .integer(job.priority), "attempt": .integer(job.attempt),
      "max_attempts": .integer(job.maxAttempts), "created_at": Answer.date(job.createdAt),
      "scheduled_at": Answer.date(job.scheduledAt), "attempted_at": Answer.date(job.attemptedAt),
      "finished_at": Answer.date(job.finishedAt),
      "cancel_requested": .bool(job.cancelRequested), "run": Answer.optional(job.run),
      "errors": .array(
        job.errors.map { failure in
          .object([
            "attempt": .integer(failure.attempt), "at": Answer.date(failure.at),
            "message": .string(Defanged.forPlainJSON(SecretMask.masked(failure.message).text)),
          ])
        }),
    ])
  }
}

extension ServerContext {
  /// For routes that are told all by their path: a body may come, and has to be JSON.
  func readNothing(_ request: Request, _ limits: ServerLimits) async throws {
    guard request.hasBody else { return }
    try request.requireJSON()
    _ = try await read(request, limit: 1 << 16, deadline: limits.bodyDeadline)
  }
}
