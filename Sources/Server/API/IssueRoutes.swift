import Domain
import Foundation
import Hummingbird
import Jobs
import UseCases

/// `/issues`: Stet's own tracker.
struct IssueRoutes {
  static let longestTitle = 300
  static let longestDescription = 64 << 10
  /// Of `delay`, in seconds: a week.
  static let longestDelay = 604_800

  let ports: ServerPorts
  let limits: ServerLimits

  var routes: [Route] {
    [
      Route(
        .post, "/issues", .api(.write), isLimited: true,
        Operation(
          id: "createIssue", tag: "issues", summary: "Stores an issue and has it enriched",
          body: "IssueRequest",
          results: [
            .init(
              status: 201, meaning: "Stored; a job enriches it.", schema: "Issue",
              headers: ["Location": "Where to read it."])
          ]), handler: create),
      Route(
        .get, "/issues", .api(.read), isLimited: true,
        Operation(
          id: "listIssues", tag: "issues", summary: "Lists issues, the newest first",
          parameters: [.limit, .before] + IssueFields.filters,
          results: [.init(status: 200, meaning: "One page.", schema: "Issues")],
          problems: [.invalidFields]), handler: list),
      Route(
        .get, "/issues/{id}", .api(.read), isLimited: true,
        Operation(
          id: "getIssue", tag: "issues",
          summary: "Shows one issue, and how its enrichment stands", parameters: [.id],
          results: [.init(status: 200, meaning: "The issue.", schema: "Issue")],
          problems: [.notFound]), handler: show),
      Route(
        .patch, "/issues/{id}", .api(.write), isLimited: true,
        Operation(
          id: "updateIssue", tag: "issues", summary: "Changes an issue",
          detail: "What is not named stays. Another title or description has it enriched again. "
            + "Tags that are given are a person's word: no enrichment changes them, and what was "
            + "suggested and is not among them counts against the suggestion.",
          parameters: [.id], body: "IssueChange",
          results: [.init(status: 200, meaning: "The issue after it.", schema: "Issue")],
          problems: [.notFound, .conflict]), handler: update),
      Route(
        .post, "/issues/{id}/enrich", .api(.write), isLimited: true,
        Operation(
          id: "enrichIssue", tag: "issues", summary: "Has an issue enriched again",
          detail: "A job that waits already is used; without a delay it runs now.",
          parameters: [.id], body: "EnrichRequest", isBodyOptional: true,
          results: [
            .init(
              status: 202, meaning: "A job enriches it: see `enrichment`.", schema: "Issue",
              headers: ["Location": "Where to read it."])
          ], problems: [.notFound, .conflict]), handler: enrich),
    ]
  }

  // MARK: Routes

  @Sendable private func create(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try request.requireJSON()
    var fields = try JSONFields(
      await context.read(request, limit: limits.apiBody, deadline: limits.bodyDeadline))
    let title = IssueFields.title(&fields, isRequired: true)
    let description = fields.text(
      "description", isRequired: true, maxBytes: Self.longestDescription)
    let priority = IssueFields.priority(&fields)
    try fields.check()

    let now = ports.now()
    var issue = TrackedIssue(
      id: TimeOrderedID.next(now), title: title ?? "", description: description ?? "",
      priority: priority, createdAt: now, updatedAt: now)
    // First the job, so that no issue is stored that nothing would ever enrich. A job that runs
    // before its issue is there waits a little for it.
    let job = try await enqueue(issue.id, key: issue.id, now)
    issue.job = job?.id
    do {
      try await ports.issues.save(issue)
    } catch {
      if let job {
        _ = try? await ports.jobs.cancel(id: job.id, reason: "its issue was not stored")
      }
      throw error
    }
    var response = Answer.json(try await detailed(issue), status: 201)
    response.headers[.location] = "/issues/\(issue.id)"
    return response
  }

  @Sendable private func list(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let page = try Paging(request)
    var filter = try IssueFields.filter(request)
    (filter.limit, filter.before) = (page.limit, page.before)
    let issues = try await ports.issues.issues(filter)
    return Answer.json(
      .object([
        "issues": .array(issues.map { Self.document($0) }),
        "next": page.next(issues.map(\.id)),
      ]))
  }

  @Sendable private func show(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    Answer.json(try await detailed(issue(context)))
  }

  @Sendable private func update(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try request.requireJSON()
    var fields = try JSONFields(
      await context.read(request, limit: limits.apiBody, deadline: limits.bodyDeadline))
    let change = try IssueFields.change(&fields)
    let known = try await issue(context)
    let now = ports.now()
    guard
      var issue = try await ports.issues.change(
        id: known.id,
        { issue in
          let before = issue
          change.apply(to: &issue)
          if issue != before { issue.updatedAt = now }
        })
    else { throw Problem.unknown("issue", known.id) }
    if issue.title != known.title || issue.description != known.description {
      // Each text has a job of its own: one that runs for the text before does not stand for it.
      let key = "\(issue.id) \(Int(now.timeIntervalSince1970 * 1_000))"
      issue = try await awaiting(enqueue(issue.id, key: key, now), issue)
    }
    if issue != known { try await note("issue.updated", issue, context) }
    return Answer.json(try await detailed(issue))
  }

  @Sendable private func enrich(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    var delay = 0.0
    if request.hasBody {
      try request.requireJSON()
      var fields = try JSONFields(
        await context.read(request, limit: limits.apiBody, deadline: limits.bodyDeadline))
      delay = IssueFields.delay(&fields)
      try fields.check()
    }
    var issue = try await issue(context)
    let job = try await enqueue(issue.id, key: issue.id, ports.now(), after: .seconds(delay))
    if let job, !job.isNew, delay == 0, let waiting = try await ports.jobs.job(id: job.id),
      [.scheduled, .retryable].contains(waiting.state)
    {
      _ = try await ports.jobs.retry(id: job.id)
    }
    issue = try await awaiting(job, issue)
    try await note("issue.enrich.asked", issue, context)
    var response = Answer.json(try await detailed(issue), status: 202)
    response.headers[.location] = "/issues/\(issue.id)"
    return response
  }

  // MARK: The job

  private func enqueue(
    _ issue: String, key: String, _ now: Date, after delay: Duration = .zero
  ) async throws -> EnqueuedJob? {
    let run = TimeOrderedID.next(now)
    let work = Work.EnrichIssue(issue: issue, run: run)
    return try await ports.jobs.enqueue([
      NewJob(
        kind: Work.EnrichIssue.kind, arguments: try work.json(), uniqueKey: key,
        group: "issues", limits: ports.workLimits.ofModel, delay: delay, run: run)
    ]).first
  }

  /// Marks an issue as waiting for a new job, which waits until it is named here.
  private func awaiting(
    _ job: EnqueuedJob?, _ issue: TrackedIssue
  ) async throws -> TrackedIssue {
    guard let job, job.isNew else { return issue }
    let now = ports.now()
    let marked = try await ports.issues.change(id: issue.id) { issue in
      issue.status = .pending
      issue.job = job.id
      issue.updatedAt = now
    }
    return marked ?? issue
  }

  private func issue(_ context: ServerContext) async throws -> TrackedIssue {
    let id = context.parameter("id").lowercased()
    guard let issue = try await ports.issues.issue(id: id) else {
      throw Problem.unknown("issue", id)
    }
    return issue
  }

  private func note(
    _ action: String, _ issue: TrackedIssue, _ context: ServerContext
  ) async throws {
    try await ports.audit.append(
      AuditEvent(
        actor: context.caller.actor, action: action, place: "issue:\(issue.id)", job: issue.job))
  }

  // MARK: Documents

  /// With the state of the job that enriches it.
  private func detailed(_ issue: TrackedIssue) async throws -> JSONValue {
    guard let id = issue.job, let job = try await ports.jobs.job(id: id) else {
      return Self.document(issue)
    }
    return Self.document(issue, job)
  }

  static func document(_ issue: TrackedIssue, _ job: Job? = nil) -> JSONValue {
    .object([
      "id": .string(issue.id), "title": .string(issue.title),
      "description": .string(issue.description),
      "priority": Answer.optional(issue.priority?.rawValue),
      "state": .string(issue.state.rawValue),
      "status": .string(issue.status.rawValue),
      "ai_summary": issue.status == .enriched ? Answer.optional(issue.summary) : .null,
      "tags": issue.status == .enriched || issue.areTagsConfirmed
        ? .string(issue.tags.joined(separator: ",")) : .null,
      "source": issue.status == .enriched ? Answer.optional(issue.source?.rawValue) : .null,
      "duplicates": .array(
        issue.duplicates.map {
          .object(["id": .string($0.id), "score": .number($0.score)])
        }),
      "last_error": Answer.optional(shown(issue.lastError)),
      "job": Answer.optional(issue.job),
      "enrichment": job.map(Self.enrichment) ?? .null,
      "created_at": Answer.date(issue.createdAt), "updated_at": Answer.date(issue.updatedAt),
    ])
  }

  private static func enrichment(_ job: Job) -> JSONValue {
    .object([
      "job": .string(job.id), "state": .string(job.state.rawValue),
      "attempts": .integer(job.attempt), "scheduled_at": Answer.date(job.scheduledAt),
      "last_error": Answer.optional(shown(job.errors.last?.message)),
      "run": Answer.optional(job.run),
    ])
  }

  private static func shown(_ message: String?) -> String? {
    message.map { Defanged.forPlainJSON(SecretMask.masked($0).text) }
  }
}

extension Paging {
  /// The last id of a full page: there may be more.
  func next(_ ids: [String]) -> JSONValue {
    ids.count == limit ? Answer.optional(ids.last) : .null
  }
}
