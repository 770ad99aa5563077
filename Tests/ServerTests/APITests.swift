import Domain
import Foundation
import Jobs
import Testing
import UseCases

@testable import Server

@Suite struct APITests {
  // MARK: Issues

  @Test func anIssueIsStoredAndItsJobWaits() async throws {
    try await withServer { server async throws in
      let response = try await server.call(
        "POST", "/issues",
        body: #"{"title": " It breaks ", "description": "x", "priority": "high", "more": [1]}"#)
      #expect(response.status == 201)
      let body = try JSONDecoder().decode(JSONValue.self, from: Data(response.body))
      let id = try #require(body["id"]?.string)
      #expect(UUID(uuidString: id) != nil)
      #expect(response.headers["location"] == "/issues/\(id)")
      #expect(body["status"]?.string == "pending" && body["ai_summary"] == .null)
      #expect(body["title"]?.string == "It breaks" && body["priority"]?.string == "high")

      let job = try #require(try await server.ports.jobs.jobs(JobFilter()).first)
      let work = try Work.EnrichIssue(of: job)
      #expect(work.issue == id && work.run == job.run)

      var issue = try #require(try await server.ports.issues.issue(id: id))
      issue.status = .enriched
      issue.summary = "It breaks."
      issue.tags = ["bug", "urgent"]
      issue.source = .fallback
      try await server.ports.issues.save(issue)
      let read = try await server.json("GET", "/issues/\(id)")
      #expect(read.body["ai_summary"]?.string == "It breaks.")
      #expect(read.body["tags"]?.string == "bug,urgent")
      #expect(read.body["source"]?.string == "fallback")
    }
  }

  @Test func issuesAreListedInPages() async throws {
    try await withServer { server async throws in
      var ids: [String] = []
      for number in 0..<5 {
        let made = try await server.json(
          "POST", "/issues", body: #"{"title": "t\#(number)", "description": ""}"#)
        ids.append(made.body["id"]?.string ?? "")
        try await Task.sleep(for: .milliseconds(2))
      }
      let first = try await server.json("GET", "/issues?limit=2").body
      #expect(first["issues"]?.array?.compactMap { $0["id"]?.string } == [ids[4], ids[3]])
      let next = try #require(first["next"]?.string)
      let second = try await server.json("GET", "/issues?limit=3&before=\(next)").body
      #expect(second["issues"]?.array?.compactMap { $0["id"]?.string } == [ids[2], ids[1], ids[0]])
      let last = try await server.json(
        "GET", "/issues?before=\(second["next"]?.string ?? "")"
      ).body
      #expect(last["issues"] == .array([]) && last["next"] == .null)
    }
  }

  @Test(arguments: [
    (#"{}"#, ["title", "description"]), (#"{"title": "", "description": ""}"#, ["title"]),
    (#"{"title": "  ", "description": ""}"#, ["title"]),
    (#"{"title": 1, "description": null}"#, ["title", "description"]),
    (#"{"title": "t", "description": "d", "priority": "huge"}"#, ["priority"]),
    (#"{"title": "t", "description": [], "priority": true}"#, ["description", "priority"]),
    (#"[]"#, [""]), (#""text""#, [""]),
  ])
  func everyFieldThatIsWrongIsNamed(body: String, fields: [String]) async throws {
    try await withServer { server async throws in
      let answer = try await server.json("POST", "/issues", body: body)
      #expect(answer.status == 422)
      #expect(answer.body["errors"]?.array?.compactMap { $0["field"]?.string } == fields)
    }
  }

  @Test(arguments: [
    (300, 201), (301, 422),
  ])
  func aTitleHasItsBounds(length: Int, status: Int) async throws {
    try await withServer { server async throws in
      let title = String(repeating: "é", count: length)
      let answer = try await server.json(
        "POST", "/issues", body: #"{"title": "\#(title)", "description": ""}"#)
      #expect(answer.status == status)
    }
  }

  @Test(arguments: [
    ("", "empty"), (#"{"title": "#, "line 1, column 11"), ("{\n  'title': 1}", "line 2, column 3"),
    (#"{"title": "t"} x"#, "text after the end"), ("\u{0}", "line 1"),
    (String(repeating: "[", count: 5000), "nested too deeply"),
  ])
  func whatIsNoJSONIsToldWithItsPlace(body: String, says: String) async throws {
    try await withServer { server async throws in
      let answer = try await server.json("POST", "/issues", body: body)
      #expect(answer.status == 400)
      #expect(answer.body["detail"]?.string?.contains(says) == true, "\(answer.body)")
    }
  }

  @Test(arguments: ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
  func whatAFormOfAPageSendsIsNotTaken(type: String) async throws {
    try await withServer { server async throws in
      for path in ["/issues", "/fix", "/v1/review"] {
        let answer = try await server.json(
          "POST", path, headers: ["Content-Type": type], body: "{}")
        #expect(answer.status == 415)
      }
    }
  }

  @Test func anIssueWhoseJobCannotBeStoredIsNotPromised() async throws {
    try await withServer({ ports, _ in
      ports.storeIssues = { _ async throws(StoreError) in
        throw StoreError(code: .full, detail: "no space is left.")
      }
    }) { server async throws in
      let answer = try await server.json(
        "POST", "/issues", body: #"{"title": "t", "description": "d"}"#)
      #expect(answer.status == 503)
      let kept = try await server.ports.issues.issues(limit: 10, before: nil)
      #expect(kept.isEmpty, "what is answered as not stored is not stored")
    }
  }

  @Test func anIssueThatIsStoredIsAnsweredAsStored() async throws {
    try await withServer({ ports, _ in
      ports.jobs = BrokenJobs(error: StoreError(code: .unreachable, detail: "it is away."))
    }) { server async throws in
      let answer = try await server.json(
        "POST", "/issues", body: #"{"title": "t", "description": "d"}"#)
      #expect(answer.status == 201)
      let kept = try await server.ports.issues.issues(limit: 10, before: nil)
      #expect(kept.map(\.id) == [answer.body["id"]?.string])
    }
  }

  // MARK: Fixes

  @Test func aFixComesBackAlone() async throws {
    let fix: @Sendable (FixCode.Request) async throws(FixError) -> FixCode.Answer = {
      request async throws(FixError) in
      FixCode.Answer(
        fixedCode: request.code + "!", changed: true, reason: "by \(request.askedBy)",
        verified: ["parses"], usage: ModelUsage(modelCalls: 1), run: "r")
    }
    try await withServer({ ports, _ in ports.fix = fix }) { server async throws in
      let answer = try await server.json(
        "POST", "/fix", body: #"{"code": "x", "path": "a.py", "diff": null}"#)
      #expect(answer.status == 200)
      #expect(answer.body["fixed_code"]?.string == "x!")
      #expect(answer.body["reason"]?.string == "by local")
      #expect(answer.body["usage"]?["cost_usd"] == .null)
    }
  }

  @Test(arguments: [
    (FixError.Code.timedOut, 504), (.tooLong, 422), (.invalid, 422), (.modelFailed, 502),
    (.unauthorized, 502), (.rateLimited, 503), (.cancelled, 503),
  ])
  func eachFailureOfAFixHasItsStatus(code: FixError.Code, status: Int) async throws {
    let fix: @Sendable (FixCode.Request) async throws(FixError) -> FixCode.Answer = {
      _ async throws(FixError) in throw FixError(code: code, detail: "Because.")
    }
    try await withServer({ ports, _ in ports.fix = fix }) { server async throws in
      let answer = try await server.json("POST", "/fix", body: #"{"code": "x"}"#)
      #expect(answer.status == status)
    }
  }

  @Test func aFixThatIgnoresItsDeadlineIsCutOff() async throws {
    let fix: @Sendable (FixCode.Request) async throws(FixError) -> FixCode.Answer = {
      _ async throws(FixError) in
      try? await Task.sleep(for: .seconds(60))
      throw FixError(code: .cancelled, detail: "")
    }
    try await withServer({ ports, configuration in
      ports.fix = fix
      configuration.limits.fixDeadline = .milliseconds(100)
    }) { server async throws in
      #expect(try await server.call("POST", "/fix", body: #"{"code": "x"}"#).status == 504)
    }
  }

  // MARK: Jobs

  @Test func jobsAreListedShownRetriedAndCancelled() async throws {
    try await withServer { server async throws in
      let jobs = server.ports.jobs
      let made = try await jobs.enqueue([
        NewJob(kind: "a", arguments: "{}"), NewJob(kind: "b", arguments: "{}"),
      ])
      let list = try await server.json("GET", "/v1/jobs?kind=b&state=available,running").body
      #expect(list["jobs"]?.array?.compactMap { $0["id"]?.string } == [made[1].id])
      #expect(list["counts"]?["available"]?.integer == 2)
      #expect(try await server.json("GET", "/v1/jobs?state=odd").status == 422)
      #expect(try await server.json("GET", "/v1/jobs?limit=0").status == 422)

      let path = "/v1/jobs/\(made[0].id)"
      #expect(try await server.json("GET", path).body["kind"]?.string == "a")
      #expect(try await server.json("POST", path + "/retry").status == 409)
      let cancelled = try await server.json("POST", path + "/cancel", body: "{}")
      #expect(cancelled.status == 200 && cancelled.body["state"]?.string == "cancelled")
      #expect(try await server.json("POST", path + "/cancel").status == 409)
      let again = try await server.json("POST", path + "/retry")
      #expect(again.status == 200 && again.body["state"]?.string == "available")

      let claimed = try await jobs.claim(kinds: ["b"], limit: 1, worker: "w", lease: .seconds(60))
      #expect(claimed.count == 1)
      let asked = try await server.json("POST", "/v1/jobs/\(made[1].id)/cancel")
      #expect(asked.status == 202 && asked.body["cancel_requested"] == .bool(true))

      let entries = try await server.ports.audit.entries(after: 0, limit: 10)
      #expect(entries.map(\.event.action) == ["job.cancelled", "job.retried", "job.cancelled"])
      #expect(entries.allSatisfy { $0.event.actor == "local" })
    }
  }

  @Test(arguments: [
    ("GET", "/v1/jobs/nope"), ("POST", "/v1/jobs/nope/retry"), ("POST", "/v1/jobs/nope/cancel"),
    ("GET", "/v1/runs/nope"), ("GET", "/v1/runs/nope/events"), ("GET", "/issues/nope"),
    ("GET", "/issues/%2e%2e"), ("GET", "/nothing"), ("POST", "/v1/nothing"),
    ("GET", "/v1/jobs/"), ("GET", "//v1/jobs"), ("GET", "/v1/jobs/%00"),
  ])
  func whatIsUnknownIsSaidSo(method: String, path: String) async throws {
    try await withServer { server async throws in
      let answer = try await server.json(method, path)
      #expect(answer.status == 404)
      #expect(answer.body["title"]?.string != nil)
    }
  }

  @Test(arguments: [
    ("GET", "/fix", "POST"), ("DELETE", "/issues", "GET, HEAD, POST"),
    ("PUT", "/v1/jobs/x", "GET, HEAD"), ("OPTIONS", "/v1/review", "POST"),
    ("POST", "/metrics", "GET, HEAD"),
  ])
  func aWrongMethodIsToldTheRightOnes(method: String, path: String, allow: String) async throws {
    try await withServer { server async throws in
      let response = try await server.call(method, path)
      #expect(response.status == 405)
      #expect(response.headers["allow"] == allow)
    }
  }
}

struct BrokenJobs: JobStore {
  var error: any Error
  func enqueue(_ jobs: [NewJob]) async throws -> [EnqueuedJob] { throw error }
  func claim(
    kinds: [String], limit: Int, worker: String, lease: Duration
  ) async throws -> [ClaimedJob] { throw error }
  func extend(_ leases: [Lease], by lease: Duration) async throws -> [LeaseState] { throw error }
  func finish(_ ended: [EndedTry]) async throws -> [Bool] { throw error }
  func rescueLost() async throws -> RescuedJobs { throw error }
  func steps(of job: String) async throws -> [String: String] { throw error }
  func remember(_ step: String, _ value: String, under lease: Lease) async throws -> Bool {
    throw error
  }
  func oldestDue() async throws -> Duration? { throw error }
  func retryAll(_ filter: JobFilter) async throws -> Int { throw error }
  func rescueAll() async throws -> Int { throw error }
  func untilNext(kinds: [String]) async throws -> Duration? { throw error }
  func job(id: String) async throws -> Job? { throw error }
  func jobs(_ filter: JobFilter) async throws -> [Job] { throw error }
  func counts() async throws -> [JobState: Int] { throw error }
  func cancel(id: String, reason: String) async throws -> Job? { throw error }
  func retry(id: String) async throws -> Job? { throw error }
}
