import Domain
import Foundation
import Hummingbird
import Jobs
import UseCases

/// `/issues`: Stet's own tracker.
struct IssueRoutes {
  static let longestTitle = 300
  static let longestDescription = 64 << 10

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
          parameters: [.limit, .before],
          results: [.init(status: 200, meaning: "One page.", schema: "Issues")],
          problems: [.invalidFields]), handler: list),
      Route(
        .get, "/issues/{id}", .api(.read), isLimited: true,
        Operation(
          id: "getIssue", tag: "issues", summary: "Shows one issue", parameters: [.id],
          results: [.init(status: 200, meaning: "The issue.", schema: "Issue")],
          problems: [.notFound]), handler: show),
    ]
  }

  @Sendable private func create(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try request.requireJSON()
    var fields = try JSONFields(
      await context.read(request, limit: limits.apiBody, deadline: limits.bodyDeadline))
    let title = fields.text("title", isRequired: true, maxBytes: 4 * Self.longestTitle)?
      .trimmingCharacters(in: .whitespacesAndNewlines)
    if let title, title.isEmpty || title.count > Self.longestTitle {
      fields.refuse("title", "It has to have 1 to \(Self.longestTitle) characters.")
    }
    let description = fields.text(
      "description", isRequired: true, maxBytes: Self.longestDescription)
    var priority: TrackedIssue.Priority?
    if let text = fields.text("priority", maxBytes: 100) {
      priority = TrackedIssue.Priority(rawValue: text)
      if priority == nil {
        let known = TrackedIssue.Priority.allCases.map(\.rawValue).joined(separator: ", ")
        fields.refuse("priority", "It has to be one of \(known).")
      }
    }
    try fields.check()

    let now = ports.now()
    let issue = TrackedIssue(
      id: TimeOrderedID.next(now), title: title ?? "", description: description ?? "",
      priority: priority, createdAt: now, updatedAt: now)
    // First the job, so that no issue is stored that nothing would ever enrich. A job that runs
    // before its issue is there waits a little for it.
    let job = try await enqueue(issue, now)
    do {
      try await ports.issues.save(issue)
    } catch {
      if let job { _ = try? await ports.jobs.cancel(id: job, reason: "its issue was not stored") }
      throw error
    }
    var response = Answer.json(Self.document(issue), status: 201)
    response.headers[.location] = "/issues/\(issue.id)"
    return response
  }

  private func enqueue(_ issue: TrackedIssue, _ now: Date) async throws -> String? {
    let run = TimeOrderedID.next(now)
    let work = Work.EnrichIssue(issue: issue.id, run: run)
    return try await ports.jobs.enqueue([
      NewJob(
        kind: Work.EnrichIssue.kind, arguments: try work.json(), uniqueKey: issue.id,
        group: "issues", limits: ports.workLimits.ofModel, run: run)
    ]).first?.id
  }

  @Sendable private func list(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let page = try Paging(request)
    let issues = try await ports.issues.issues(limit: page.limit, before: page.before)
    return Answer.json(
      .object([
        "issues": .array(issues.map(Self.document)),
        "next": page.next(issues.map(\.id)),
      ]))
  }

  @Sendable private func show(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let id = context.parameter("id").lowercased()
    guard let issue = try await ports.issues.issue(id: id) else {
      throw Problem.unknown("issue", id)
    }
    return Answer.json(Self.document(issue))
  }

  static func document(_ issue: TrackedIssue) -> JSONValue {
    .object([
      "id": .string(issue.id), "title": .string(issue.title),
      "description": .string(issue.description),
      "priority": Answer.optional(issue.priority?.rawValue),
      "status": .string(issue.status.rawValue), "ai_summary": Answer.optional(issue.summary),
      "tags": issue.status == .enriched ? .string(issue.tags.joined(separator: ",")) : .null,
      "source": Answer.optional(issue.source?.rawValue),
      "created_at": Answer.date(issue.createdAt), "updated_at": Answer.date(issue.updatedAt),
    ])
  }
}

extension Paging {
  /// The last id of a full page: there may be more.
  func next(_ ids: [String]) -> JSONValue {
    ids.count == limit ? Answer.optional(ids.last) : .null
  }
}
