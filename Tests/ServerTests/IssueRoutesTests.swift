import Domain
import Foundation
import Jobs
import Testing
import UseCases

@testable import Server

/// The tracker's own API, beyond making issues and reading them.
@Suite struct IssueRoutesTests {
  private static func make(
    _ server: ServerUnderTest, _ title: String = "It breaks", _ description: String = "d"
  ) async throws -> String {
    let made = try await server.json(
      "POST", "/issues", body: #"{"title": "\#(title)", "description": "\#(description)"}"#)
    return try #require(made.body["id"]?.string)
  }

  private static func enrich(_ server: ServerUnderTest, _ id: String, _ tags: [String]) async throws
  {
    try await server.ports.issues.change(id: id) { issue in
      issue.status = .enriched
      issue.summary = "s"
      issue.tags = tags
      issue.suggestedTags = tags
      issue.source = .model
    }
  }

  @Test func theJobIsShown() async throws {
    try await withServer { server async throws in
      let id = try await Self.make(server)
      let read = try await server.json("GET", "/issues/\(id)")
      let job = try #require(try await server.ports.jobs.jobs(JobFilter()).first)
      #expect(read.body["job"]?.string == job.id)
      #expect(read.body["enrichment"]?["state"]?.string == "available")
      #expect(read.body["enrichment"]?["attempts"]?.integer == 0)
      #expect(read.body["enrichment"]?["last_error"] == .null)
      #expect(read.body["state"]?.string == "open")
      let list = try await server.json("GET", "/issues")
      #expect(list.body["issues"]?.array?.first?["enrichment"] == .null)
    }
  }

  @Test func filtersHoldTogether() async throws {
    try await withServer { server async throws in
      var ids: [String] = []
      for (number, tags) in [["bug"], ["bug", "API"], ["api"], []].enumerated() {
        let id = try await Self.make(server, "t\(number)")
        ids.append(id)
        try await Self.enrich(server, id, tags)
        try await Task.sleep(for: .milliseconds(2))
      }
      _ = try await server.json("PATCH", "/issues/\(ids[0])", body: #"{"state": "closed"}"#)
      func listed(_ query: String) async throws -> [String] {
        let answer = try await server.json("GET", "/issues?\(query)")
        #expect(answer.status == 200)
        return answer.body["issues"]?.array?.compactMap { $0["id"]?.string } ?? []
      }
      #expect(try await listed("tag=bug") == [ids[1], ids[0]])
      #expect(try await listed("tag=bug&state=open") == [ids[1]])
      #expect(try await listed("tag=bug,api") == [ids[1]])
      #expect(try await listed("tag=BUG&limit=1") == [ids[1]])
      #expect(try await listed("tag=bug&limit=1&before=\(ids[1])") == [ids[0]])
      #expect(try await listed("tag=b%25g") == [])
      #expect(try await listed("state=closed") == [ids[0]])
      #expect(try await listed("status=pending") == [])
      let wrong = try await server.json("GET", "/issues?state=odd&priority=huge&status=x&tag=,")
      #expect(wrong.status == 422)
      #expect(
        Set(wrong.body["errors"]?.array?.compactMap { $0["field"]?.string } ?? [])
          == ["state", "priority", "status", "tag"])
    }
  }

  @Test func aChangeChangesWhatItNames() async throws {
    try await withServer { server async throws in
      let id = try await Self.make(server)
      try await Self.enrich(server, id, ["bug", "urgent"])
      let changed = try await server.json(
        "PATCH", "/issues/\(id)",
        body: #"{"priority": "low", "state": "closed", "tags": ["bug", "mine"]}"#)
      #expect(changed.status == 200)
      #expect(changed.body["priority"]?.string == "low")
      #expect(changed.body["state"]?.string == "closed")
      #expect(changed.body["tags"]?.string == "bug,mine")
      #expect(changed.body["status"]?.string == "enriched")
      let stored = try #require(try await server.ports.issues.issue(id: id))
      #expect(stored.removedTags == ["urgent"])
      #expect(stored.areTagsConfirmed)
      // A priority that is null goes; nothing else is touched.
      let bare = try await server.json("PATCH", "/issues/\(id)", body: #"{"priority": null}"#)
      #expect(bare.body["priority"] == .null && bare.body["tags"]?.string == "bug,mine")
      // The same is not enriched again; another text is, by a job of its own.
      #expect(try await server.ports.jobs.jobs(JobFilter()).count == 1)
      let text = try await server.json("PATCH", "/issues/\(id)", body: #"{"title": "Other"}"#)
      #expect(text.body["status"]?.string == "pending")
      #expect(try await server.ports.jobs.jobs(JobFilter()).count == 2)
      #expect(text.body["enrichment"]?["job"] == text.body["job"])
      let entries = try await server.ports.audit.entries(after: 0, limit: 10)
      #expect(entries.map(\.event.action) == Array(repeating: "issue.updated", count: 3))
    }
  }

  @Test(arguments: [
    (#"{}"#, [""]), (#"{"title": null}"#, ["title"]), (#"{"title": ""}"#, ["title"]),
    (#"{"description": null}"#, ["description"]), (#"{"state": "gone"}"#, ["state"]),
    (#"{"priority": "x", "tags": [1]}"#, ["priority", "tags"]),
    (#"{"tags": ["a", "A"]}"#, ["tags"]), (#"{"tags": ["a,b"]}"#, ["tags"]),
    (#"{"tags": ["a\nb"]}"#, ["tags"]), (#"{"tags": [""]}"#, ["tags"]),
    (#"{"tags": 5}"#, ["tags"]),
  ])
  func everyFieldOfAChangeThatIsWrongIsNamed(body: String, fields: [String]) async throws {
    try await withServer { server async throws in
      let id = try await Self.make(server)
      let answer = try await server.json("PATCH", "/issues/\(id)", body: body)
      #expect(answer.status == 422)
      #expect(answer.body["errors"]?.array?.compactMap { $0["field"]?.string } == fields)
    }
  }

  @Test func whatIsNotThereIsNotChanged() async throws {
    try await withServer { server async throws in
      let id = UUID().uuidString.lowercased()
      for (method, path) in [("PATCH", "/issues/\(id)"), ("POST", "/issues/\(id)/enrich")] {
        let body = method == "PATCH" ? #"{"state": "closed"}"# : nil
        #expect(try await server.json(method, path, body: body).status == 404)
      }
      #expect(try await server.ports.jobs.jobs(JobFilter()).isEmpty)
    }
  }

  @Test func anIssueIsEnrichedAgainOnDemand() async throws {
    try await withServer { server async throws in
      let id = try await Self.make(server)
      let first = try #require(try await server.ports.jobs.jobs(JobFilter()).first)
      // One that waits is used.
      let waiting = try await server.json("POST", "/issues/\(id)/enrich")
      #expect(waiting.status == 202)
      #expect(waiting.body["job"]?.string == first.id)
      _ = try await server.ports.jobs.cancel(id: first.id, reason: "test")
      try await Self.enrich(server, id, ["bug"])
      let delayed = try await server.json(
        "POST", "/issues/\(id)/enrich", body: #"{"delay": 90}"#)
      #expect(delayed.status == 202)
      #expect(delayed.body["status"]?.string == "pending")
      let job = try #require(
        try await server.ports.jobs.job(id: delayed.body["job"]?.string ?? ""))
      #expect(job.id != first.id)
      #expect(job.state == .scheduled)
      #expect((80...100).contains(job.scheduledAt.timeIntervalSince(job.createdAt)))
      // Asked again without a delay it runs now.
      let now = try await server.json("POST", "/issues/\(id)/enrich", body: "{}")
      #expect(now.body["job"]?.string == job.id)
      #expect(now.body["enrichment"]?["state"]?.string == "available")
    }
  }

  @Test(arguments: [#"{"delay": -1}"#, #"{"delay": "soon"}"#, #"{"delay": 604801}"#])
  func aDelayHasItsBounds(body: String) async throws {
    try await withServer { server async throws in
      let id = try await Self.make(server)
      let answer = try await server.json("POST", "/issues/\(id)/enrich", body: body)
      #expect(answer.status == 422)
      #expect(answer.body["errors"]?.array?.first?["field"]?.string == "delay")
    }
  }

  // MARK: Batches

  @Test func aBatchIsStoredWholeInItsOrder() async throws {
    try await withServer { server async throws in
      let items = (0..<100).map { #"{"title":"t\#($0)","description":"d","priority":"low"}"# }
      let made = try await server.json(
        "POST", "/issues/batch", body: #"{"issues":[\#(items.joined(separator: ","))]}"#)
      #expect(made.status == 201)
      let ids = made.body["ids"]?.array?.compactMap(\.string) ?? []
      #expect(ids.count == 100 && Set(ids).count == 100 && ids == ids.sorted())
      for place in [0, 57, 99] {
        let issue = try await server.json("GET", "/issues/\(ids[place])")
        #expect(issue.body["title"]?.string == "t\(place)")
        #expect(issue.body["status"]?.string == "pending")
        #expect(issue.body["enrichment"]?["state"]?.string == "available")
      }
      #expect(try await server.ports.jobs.jobs(JobFilter(limit: 200)).count == 100)
    }
  }

  @Test(arguments: [
    (#"{}"#, ["issues"]), (#"{"issues":[]}"#, ["issues"]), (#"{"issues":{}}"#, ["issues"]),
    (#"{"issues":[1]}"#, ["issues[0]"]),
    (
      #"{"issues":[{"title":"t","description":"d"},{"title":"","description":3,"priority":"x"}]}"#,
      ["issues[1].title", "issues[1].description", "issues[1].priority"]
    ),
    (
      #"{"issues":[{"description":"d"},{"title":"t","description":"d"},null,{"title":"t"}]}"#,
      ["issues[0].title", "issues[2]", "issues[3].description"]
    ),
  ])
  func everyMistakeOfABatchIsNamedAndNothingIsStored(
    _ body: String, _ fields: [String]
  ) async throws {
    try await withServer { server async throws in
      let answer = try await server.json("POST", "/issues/batch", body: body)
      #expect(answer.status == 422)
      #expect(answer.body["errors"]?.array?.compactMap { $0["field"]?.string } == fields)
      #expect(try await server.ports.jobs.jobs(JobFilter()).isEmpty)
      #expect(try await server.ports.issues.issues(limit: 1, before: nil).isEmpty)
    }
  }

  @Test func aBatchHasItsBounds() async throws {
    try await withServer { server async throws in
      let items = Array(repeating: #"{"title":"t","description":"d"}"#, count: 101)
      let answer = try await server.json(
        "POST", "/issues/batch", body: #"{"issues":[\#(items.joined(separator: ","))]}"#)
      #expect(answer.status == 422)
      // `batch` is no issue's id.
      #expect(try await server.json("GET", "/issues/batch").status == 404)
    }
  }

  @Test func whoMayOnlyReadChangesNothing() async throws {
    try await withServer { server async throws in
      let token = try await server.makeToken(.read)
      let headers = ["Authorization": "Bearer \(token.text)"]
      for (method, path) in [("PATCH", "/issues/x"), ("POST", "/issues/x/enrich")] {
        #expect(
          try await server.json(method, path, headers: headers, body: "{}").status == 403)
      }
    }
  }
}
