import Domain
import Foundation
import Hummingbird
import Jobs
import UseCases

/// `/issues`: Stet's own tracker.
struct IssueRoutes {
  static let longestTitle = 300
  static let longestDescription = 64 << 10
  /// Issues of one `POST /issues/batch`.
  static let largestBatch = 100
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
        .post, "/issues/batch", .api(.write), isLimited: true,
        Operation(
          id: "createIssues", tag: "issues",
          summary: "Stores up to \(Self.largestBatch) issues and has each enriched",
          detail: "All are stored or none; what cannot be taken is named with its place, such as "
            + "`issues[3].title`. It counts as one request.",
          body: "IssueBatch",
          results: [
            .init(
              status: 201, meaning: "All are stored; a job enriches each.", schema: "IssueIDs")
          ]), handler: createSeveral),
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
    let new = IssueFields.issue(&fields)
    try fields.check()
    let issue = try await store([new])[0]
    // It is stored: a look at its job that fails takes nothing of that back.
    let document = (try? await detailed(issue)) ?? Self.document(issue)
    var response = Answer.json(document, status: 201)
    response.headers[.location] = "/issues/\(issue.id)"
    return response
  }

  /// All or none are stored, however many of them are right.
  @Sendable private func createSeveral(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try request.requireJSON()
    var fields = try JSONFields(
      await context.read(request, limit: limits.apiBody, deadline: limits.bodyDeadline))
    let new = IssueFields.issues(&fields)
    try fields.check()
    let stored = try await store(new)
    return Answer.json(
      .object(["ids": .array(stored.map { .string($0.id) })]), status: 201)
  }

  /// In one transaction with the jobs that enrich them, in their order.
  private func store(_ new: [NewIssue]) async throws -> [TrackedIssue] {
    let now = ports.now()
    var issues: [(issue: TrackedIssue, job: NewJob)] = []
    for (place, new) in new.enumerated() {
      // A millisecond apart, so that lists have them in their order.
      let id = TimeOrderedID.next(now.addingTimeInterval(Double(place) / 1_000))
      let issue = TrackedIssue(
        id: id, title: new.title, description: new.description,
        priority: new.priority, createdAt: now, updatedAt: now)
      issues.append((issue, try job(for: issue.id, key: issue.id, now)))
    }
    let stored = try await ports.storeIssues(issues)
    guard stored.count == issues.count else {
      throw StoreError(code: .failed, detail: "not every issue was stored.")
    }
    return stored
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
    var wanted = known
    change.apply(to: &wanted)
    // The job first, which waits until the issue names it: with the text in place and no job, the
    // same request once more would find nothing to change.
    var job: EnqueuedJob?
    if wanted.title != known.title || wanted.description != known.description {
      // Each text has a job of its own: one that runs for the text before does not stand for it.
      job = try await enqueue(
        known.id, key: "\(known.id) \(Int(now.timeIntervalSince1970 * 1_000))", now)
    }
    guard
      var issue = try await ports.issues.change(
        id: known.id,
        { issue in
          let before = issue
          change.apply(to: &issue)
          if issue != before { issue.updatedAt = now }
        })
    else { throw Problem.unknown("issue", known.id) }
    if let job { issue = try await awaiting(job, issue) }
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
    try await ports.jobs.enqueue([job(for: issue, key: key, now, after: delay)]).first
  }

  private func job(
    for issue: String, key: String, _ now: Date, after delay: Duration = .zero
  ) throws -> NewJob {
    let run = TimeOrderedID.next(now)
    return NewJob(
      kind: Work.EnrichIssue.kind,
      arguments: try Work.EnrichIssue(issue: issue, run: run).json(), uniqueKey: key,
      group: "issues", limits: ports.workLimits.ofModel, delay: delay, run: run)
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
      "duplicates": .array(issue.duplicates.map(\.document)),
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
