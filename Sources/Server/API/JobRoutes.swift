import Domain
import Hummingbird
import Jobs
import UseCases

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
            .kind, .run, .limit, .before,
          ], results: [.init(status: 200, meaning: "One page.", schema: "Jobs")],
          problems: [.invalidFields]), handler: list),
      Route(
        .post, "/v1/jobs/retry", .api(.admin), isLimited: true,
        Operation(
          id: "retryJobs", tag: "jobs", summary: "Runs all that were given up again",
          detail: "Without `state` the discarded ones. A job whose work another does by now is "
            + "passed over.",
          parameters: [
            .init(
              name: "state", place: .query,
              schema: Schema.one(of: Self.retried.map(\.rawValue)),
              meaning: "Those in this state instead."),
            .kind,
          ], results: [.init(status: 200, meaning: "How many.", schema: "RetriedJobs")],
          problems: [.invalidFields] + Self.ofBodies), handler: retryAll),
      Route(
        .get, "/v1/schedules", .api(.read), isLimited: true,
        Operation(
          id: "listSchedules", tag: "jobs", summary: "Lists what recurs, and when",
          results: [.init(status: 200, meaning: "All of them.", schema: "Schedules")]),
        handler: schedules),
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
    let states = try Self.states(query, of: JobState.allCases)
    let jobs = try await ports.jobs.jobs(
      JobFilter(
        states: states, kind: query["kind"], run: query["run"]?.lowercased(), before: page.before,
        limit: page.limit))
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

  private static let retried: [JobState] = [.discarded, .cancelled, .retryable, .scheduled]

  private static func states(_ query: Query, of known: [JobState]) throws -> [JobState] {
    try (query["state"]?.split(separator: ",") ?? []).map { name in
      guard let state = JobState(rawValue: String(name)), known.contains(state) else {
        let words = known.map(\.rawValue).joined(separator: ", ")
        throw Problem.fields([.init(field: "state", message: "It has to be one of \(words).")])
      }
      return state
    }
  }

  @Sendable private func retryAll(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try await context.readNothing(request, limits)
    let query = Query(request)
    let states = try Self.states(query, of: Self.retried)
    let filter = JobFilter(states: states.isEmpty ? [.discarded] : states, kind: query["kind"])
    let count = try await ports.jobs.retryAll(filter)
    var facts = [
      "count": "\(count)", "state": filter.states.map(\.rawValue).joined(separator: ","),
    ]
    if let kind = filter.kind { facts["kind"] = kind }
    try await ports.audit.append(
      AuditEvent(
        actor: context.caller.actor, action: "jobs.retried", place: "jobs", facts: facts))
    return Answer.json(.object(["retried": .integer(count)]))
  }

  @Sendable private func schedules(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let all = try await ports.schedules?.schedules() ?? []
    return Answer.json(
      .object([
        "schedules": .array(
          all.map { schedule in
            .object([
              "name": .string(schedule.name), "expression": .string(schedule.expression),
              "zone": .string(schedule.zone), "kind": .string(schedule.kind),
              "next_at": Answer.date(schedule.nextAt), "last_at": Answer.date(schedule.lastAt),
              "last_job": Answer.optional(schedule.lastJob),
            ])
          })
      ]))
  }

  @Sendable private func show(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    Answer.json(Self.document(try await JobActions(ports: ports).job(context)))
  }

  @Sendable private func retry(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try await context.readNothing(request, limits)
    return Answer.json(Self.document(try await JobActions(ports: ports).retry(context)))
  }

  @Sendable private func cancel(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try await context.readNothing(request, limits)
    let after = try await JobActions(ports: ports).cancel(context)
    return Answer.json(Self.document(after), status: after.state.isFinal ? 200 : 202)
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
      "group": Answer.optional(job.group), "blockers": .integer(job.blockers),
      "note": Answer.optional(
        job.note.map { Defanged.forPlainJSON(SecretMask.masked($0).text) }),
      "version": .integer(job.version), "known": .bool(Work.kinds.contains(job.kind)),
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
