import Domain
import Foundation
import Jobs
import Logging
import Testing
import UseCases

@testable import Server

@Suite struct ReviewAPITests {
  static let diff = """
    --- a/a.py
    +++ b/a.py
    @@ -1 +1 @@
    -x = 1
    +x = 2

    """

  private static func body(_ members: [String: JSONValue]) throws -> String {
    String(decoding: try JSONEncoder().encode(JSONValue.object(members)), as: UTF8.self)
  }

  static func review(run: String) -> Review {
    Review(
      verdict: .comment, summary: "One thing.",
      findings: [
        Finding(
          id: "f1", path: "a.py", side: .new, startLine: 1, line: 1, severity: .warning,
          category: "test", message: "Look.", quote: "x = 2", suggestion: nil, confidence: 0.5,
          source: .rule("r"), fingerprint: "p", verified: [.anchor])
      ], dropped: [],
      coverage: Coverage(files: 1, hunks: 1, hunksReviewed: 1, skipped: []), usage: ModelUsage(),
      run: run)
  }

  /// Does what the worker's handler does: keeps a run.
  static func record(_ id: String, job: String?, outcome: Run.Outcome = .completed) -> Run {
    Run(
      id: id, kind: .review, startedAt: Date(), seconds: 0.5, outcome: outcome, askedBy: "local",
      subject: "a diff", inputs: ["diff": "0"],
      modelCalls: [
        Run.ModelCall(
          model: "m", inputTokens: 1, outputTokens: 2, costUSD: nil, seconds: 0.1, cacheHit: false)
      ], claims: 1, masked: ["token": 1],
      review: outcome == .completed ? review(run: id) : nil,
      failure: outcome == .completed ? nil : "The model is gone.", job: job)
  }

  @Test func aReviewIsPromisedAndItsJobWaits() async throws {
    try await withServer { server async throws in
      let response = try await server.call(
        "POST", "/v1/review", body: try Self.body(["diff": .string(Self.diff)]))
      #expect(response.status == 202)
      let body = try JSONDecoder().decode(JSONValue.self, from: Data(response.body))
      let run = try #require(body["run"]?.string)
      #expect(response.headers["location"] == "/v1/runs/\(run)")
      let id = try #require(body["job"]?.string)
      let job = try #require(try await server.ports.jobs.job(id: id))
      #expect(job.run == run)
      let work = try Work.ReviewDiff(of: job)
      #expect(work.diff == Self.diff && work.run == run && work.askedBy == "local")

      let view = try await server.json("GET", "/v1/runs/\(run)")
      #expect(view.body["state"]?.string == "queued")
      #expect(view.body["job"]?.string == job.id)
    }
  }

  @Test(arguments: [false, true])
  func aPullRequestIsReviewedAndPostedOnlyWhereAskedFor(posts: Bool) async throws {
    try await withServer { server async throws in
      let answer = try await server.json(
        "POST", "/v1/review",
        body: try Self.body(
          ["pull_request": .string("octo/repo#7"), "post": .bool(posts)]))
      #expect(answer.status == 202)
      let job = try #require(try await server.ports.jobs.jobs(JobFilter()).first)
      let work = try Work.ReviewPullRequest(of: job)
      #expect(work.reference.description == "octo/repo#7")
      #expect(work.access.forge == "forge" && work.publishes == posts && work.isAskedFor)
    }
  }

  @Test(
    arguments: [
      ([:], "diff"), (["diff": .string("x"), "pull_request": .string("o/r#1")], "pull_request"),
      (["diff": .string("no diff at all\n")], "diff"), (["diff": .string("")], "diff"),
      (["pull_request": .string("o/r")], "pull_request"),
      (["pull_request": .string("o/r#0")], "pull_request"), (["diff": .integer(1)], "diff"),
      (["pull_request": .string("o/r#1"), "post": .string("yes")], "post"),
      (["diff": .string(ReviewAPITests.diff), "post": .bool(true)], "post"),
    ] as [([String: JSONValue], String)])
  func whatCannotBeReviewedIsRefused(members: [String: JSONValue], field: String) async throws {
    try await withServer { server async throws in
      let answer = try await server.json("POST", "/v1/review", body: try Self.body(members))
      #expect(answer.status == 422)
      #expect(answer.body["errors"]?.array?.compactMap { $0["field"]?.string } == [field])
    }
  }

  @Test(arguments: ["-1", "121", "soon", ""])
  func theWaitHasItsBounds(wait: String) async throws {
    try await withServer { server async throws in
      let answer = try await server.json(
        "POST", "/v1/review?wait=\(wait)", body: try Self.body(["diff": .string(Self.diff)]))
      #expect(answer.status == 422)
      #expect(try await server.ports.jobs.jobs(JobFilter()).isEmpty)
    }
  }

  @Test func whoWaitsGetsTheReviewAsSoonAsItIsThere() async throws {
    let signal = JobSignal()
    try await withServer(signal: signal) { server async throws in
      let runs = server.ports.runs
      let handler = JobHandler(Work.ReviewDiff.kind) { context in
        try await Task.sleep(for: .milliseconds(300))
        let work = try Work.ReviewDiff(of: context.job)
        try await runs.save(Self.record(work.run, job: context.job.id))
        return .completed
      }
      try await withWorker(handler, signal, server) {
        let start = ContinuousClock.now
        let answer = try await server.json(
          "POST", "/v1/review?wait=60", body: try Self.body(["diff": .string(Self.diff)]))
        #expect(answer.status == 200)
        #expect(answer.body["verdict"]?.string == "comment")
        #expect(ContinuousClock.now - start < .seconds(10))
      }
    }
  }

  @Test func aReviewThatFailsIsSaidSo() async throws {
    let signal = JobSignal()
    try await withServer(signal: signal) { server async throws in
      let runs = server.ports.runs
      let handler = JobHandler(Work.ReviewDiff.kind) { context in
        let work = try Work.ReviewDiff(of: context.job)
        try await runs.save(Self.record(work.run, job: context.job.id, outcome: .failed))
        throw JobFailure("The model is gone.", isFinal: true)
      }
      try await withWorker(handler, signal, server) {
        let answer = try await server.json(
          "POST", "/v1/review?wait=60", body: try Self.body(["diff": .string(Self.diff)]))
        #expect(answer.status == 502)
        #expect(answer.body["detail"]?.string?.contains("The model is gone.") == true)
      }
    }
  }

  @Test func whoWaitsTooShortIsPromised() async throws {
    try await withServer { server async throws in
      let answer = try await server.json(
        "POST", "/v1/review?wait=1", body: try Self.body(["diff": .string(Self.diff)]))
      #expect(answer.status == 202)
    }
  }

  @Test func runsAreListedAndShown() async throws {
    try await withServer { server async throws in
      let id = TimeOrderedID.next(Date())
      try await server.ports.runs.save(Self.record(id, job: nil))
      let list = try await server.json("GET", "/v1/runs").body
      #expect(list["runs"]?.array?.compactMap { $0["id"]?.string } == [id])
      let run = try await server.json("GET", "/v1/runs/\(id)").body
      #expect(run["state"]?.string == "completed")
      #expect(run["review"]?["findings"]?.array?.count == 1)
      #expect(run["model_calls"]?.array?.first?["cost_usd"] == .null)
    }
  }

  // MARK: Events

  @Test func aRunIsFollowedUntilItIsFinal() async throws {
    let signal = JobSignal()
    try await withServer({ $1.limits.heartbeat = .milliseconds(200) }, signal: signal) {
      server async throws in
      let promised = try await server.json(
        "POST", "/v1/review", body: try Self.body(["diff": .string(Self.diff)])
      ).body
      let run = try #require(promised["run"]?.string)
      let connection = try await RawConnection(port: server.port)
      try await connection.send(
        "GET /v1/runs/\(run)/events HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n"
          + "Last-Event-ID: 7\r\n\r\n")
      let begin = try await connection.read(until: ": still here")
      #expect(begin.contains("Content-Type: text/event-stream"))
      #expect(begin.contains("event: state\nid: 1\n") && begin.contains(#""state":"queued""#))

      let runs = server.ports.runs
      let handler = JobHandler(Work.ReviewDiff.kind) { context in
        context.progress("half of it")
        try await Task.sleep(for: .milliseconds(200))
        try await runs.save(Self.record(run, job: context.job.id))
        return .completed
      }
      try await withWorker(handler, signal, server) {
        let rest = String(decoding: await connection.rest(), as: UTF8.self)
        #expect(rest.contains(#""state":"running""#))
        #expect(rest.contains("event: progress\n") && rest.contains("half of it"))
        #expect(rest.contains("event: result\n") && rest.contains(#""verdict":"comment""#))
      }
    }
  }

  @Test func aRunThatIsDoneIsToldAtOnce() async throws {
    try await withServer { server async throws in
      let id = TimeOrderedID.next(Date())
      try await server.ports.runs.save(Self.record(id, job: nil))
      let connection = try await RawConnection(port: server.port)
      try await connection.send(
        "GET /v1/runs/\(id)/events HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n\r\n")
      let text = String(decoding: await connection.rest(), as: UTF8.self)
      #expect(text.contains("event: state\n") && text.contains("event: result\n"))
    }
  }

  @Test func soManyFollowersAtOnceAndAClosedOneMakesRoom() async throws {
    try await withServer({ $1.limits.eventStreams = 1 }) { server async throws in
      let promised = try await server.json(
        "POST", "/v1/review", body: try Self.body(["diff": .string(Self.diff)])
      ).body
      let path = "/v1/runs/\(promised["run"]?.string ?? "")/events"
      let first = try await RawConnection(port: server.port)
      try await first.send("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
      _ = try await first.read(until: "event: state")
      #expect(try await server.call("GET", path).status == 503)
      await first.close()
      try await eventually {
        let next = try await RawConnection(port: server.port)
        try await next.send("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        let seen = try await next.read(until: "\r\n\r\n")
        await next.close()
        return seen.hasPrefix("HTTP/1.1 200")
      }
    }
  }
}

func withWorker(
  _ handler: JobHandler, _ signal: JobSignal, _ server: ServerUnderTest,
  _ body: @escaping @Sendable () async throws -> Void
) async throws {
  let worker = Worker(
    store: server.ports.jobs, handlers: [handler], signal: signal, events: server.ports.events,
    settings: WorkerSettings(mask: { $0 }), logger: Logger(label: "test") { _ in Silent() })
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await worker.run() }
    try await body()
    group.cancelAll()
  }
}
