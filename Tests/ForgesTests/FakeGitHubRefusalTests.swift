import Domain
import Foundation
import TestKit
import Testing
import WebClient

/// What GitHub refuses, the fake refuses.
@Suite struct FakeGitHubRefusalTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var path: String
    var body: String
    var status: Int
    var words: String
    var testDescription: String { "\(path) \(body)" }
  }

  static let cases: [Case] = [
    Case(path: "/pulls/1/reviews", body: "{", status: 400, words: "Problems parsing JSON"),
    Case(path: "/pulls/1/reviews", body: "[]", status: 400, words: "JSON object"),
    Case(
      path: "/pulls/1/reviews", body: #"{"event": "COMMENT", "body": 1}"#, status: 422,
      words: "1 is not a string"),
    Case(
      path: "/pulls/1/reviews", body: #"{"event": "APPROVED"}"#, status: 422,
      words: "is not a possible value"),
    Case(
      path: "/pulls/1/reviews", body: #"{"event": "COMMENT"}"#, status: 422,
      words: "Body can't be blank"),
    Case(
      path: "/pulls/1/reviews", body: #"{"event": "REQUEST_CHANGES", "body": ""}"#, status: 422,
      words: "Body can't be blank"),
    Case(
      path: "/pulls/1/reviews",
      body: #"{"event": "COMMENT", "body": "x", "commit_id": "0123456789"}"#, status: 422,
      words: "commit_id is not part"),
    Case(
      path: "/pulls/1/reviews",
      body:
        #"{"event": "COMMENT", "body": "x", "comments": [{"path": "b.py", "line": 5, "body": "x"}]}"#,
      status: 422, words: "Path could not be resolved"),
    Case(
      path: "/pulls/1/reviews",
      body:
        #"{"event": "COMMENT", "body": "x", "comments": [{"path": "a.py", "line": 1, "body": "x"}]}"#,
      status: 422, words: "Line could not be resolved"),
    Case(
      path: "/pulls/1/reviews",
      body:
        #"{"event": "COMMENT", "body": "x", "comments": [{"path": "a.py", "line": 9, "side": "LEFT", "body": "x"}]}"#,
      status: 422, words: "Line could not be resolved"),
    Case(
      path: "/pulls/1/reviews",
      body:
        #"{"event": "COMMENT", "body": "x", "comments": [{"path": "a.py", "start_line": 6, "line": 5, "body": "x"}]}"#,
      status: 422, words: "must precede"),
    Case(
      path: "/pulls/1/reviews",
      body: #"{"event": "COMMENT", "body": "x", "comments": [{"path": "a.py", "line": 5}]}"#,
      status: 422, words: "wasn't supplied"),
    Case(path: "/issues/1/comments", body: "{}", status: 422, words: "wasn't supplied"),
    Case(path: "/issues/1/comments", body: #"{"body": " "}"#, status: 422, words: "blank"),
    Case(path: "/issues/9/comments", body: #"{"body": "x"}"#, status: 404, words: "Not Found"),
    Case(
      path: "/statuses/0123", body: #"{"state": "success"}"#, status: 422, words: "No commit found"),
    Case(
      path: "/check-runs", body: #"{"name": "x"}"#, status: 403,
      words: "must authenticate via a GitHub App"),
    Case(path: "/issues/1/labels", body: #"{"labels": []}"#, status: 422, words: "labels"),
    Case(
      path: "/pulls/1/comments/5/replies", body: #"{"body": "x"}"#, status: 404,
      words: "Not Found"),
    Case(path: "/elsewhere", body: "{}", status: 404, words: "Not Found"),
  ]

  @Test func refusesWhatGitHubRefuses() async throws {
    let scene = try FakeGitHubScene()
    try await FakeGitHubClient.with(scene.hub, scene.grace) { client in
      for example in Self.cases {
        let answer = try await client.send(
          "POST", scene.path + example.path, Array(example.body.utf8))
        #expect(answer.status == example.status, "\(example): \(answer.text)")
        #expect(answer.text.contains(example.words), "\(example): \(answer.text)")
        #expect(answer.json["documentation_url"]?.string != nil)
      }
      let long = JSONValue.object(["body": .string(String(repeating: "x", count: 65_537))])
      let refused = try await client("POST", scene.issuePath + "/comments", long)
      #expect(refused.status == 422)
      #expect(refused.text.contains("65536"))
      let fits = JSONValue.object(["body": .string(String(repeating: "x", count: 65_536))])
      #expect(try await client("POST", scene.issuePath + "/comments", fits).status == 201)
    }
    // Nothing that was refused has left a trace.
    #expect(scene.hub.reviews(of: scene.pull) == [])
    #expect(scene.hub.comments(on: scene.pull).count == 1)
    #expect(scene.hub.count("POST", "/reviews") == 12)
  }

  @Test func nobodyApprovesTheirOwn() async throws {
    let scene = try FakeGitHubScene()
    try await FakeGitHubClient.with(scene.hub, scene.ada) { client in
      for event in ["APPROVE", "REQUEST_CHANGES"] {
        let answer = try await client(
          "POST", scene.pullPath + "/reviews",
          .object(["event": .string(event), "body": .string("x")]))
        #expect(answer.status == 422)
        #expect(answer.text.contains("your own pull request"))
      }
      // A reader labels nothing and sets no status.
      let label = try await client(
        "POST", scene.issuePath + "/labels", .parsed(#"{"labels": ["x"]}"#))
      #expect(label.status == 403)
      let status = try await client(
        "POST", scene.path + "/statuses/\(scene.head)", .parsed(#"{"state": "success"}"#))
      #expect(status.status == 403)
    }
  }

  @Test func judgesAppTokens() async throws {
    let scene = try FakeGitHubScene()
    let other = try GitHubAppKey()
    try await FakeGitHubClient.with(scene.hub) { client in
      let now = Date()
      for (token, status, words) in [
        (try scene.key.jwt(app: 7), 200, ""),
        (try other.jwt(app: 7), 401, "could not be decoded"),
        (try scene.key.jwt(app: 8), 404, "Integration not found"),
        (try scene.key.jwt(app: 7, issued: 120), 401, "'Issued at'"),
        (try scene.key.jwt(app: 7, issued: -700, expires: -100), 401, "'Expiration time'"),
        (try scene.key.jwt(app: 7, expires: 900), 401, "too far in the future"),
        (try scene.key.jwt(app: 7, now: now.addingTimeInterval(3600)), 401, "'Issued at'"),
      ] {
        let answer = try await client.with("Bearer \(token)")("GET", "/app")
        #expect(answer.status == status, "\(words): \(answer.text)")
        #expect(words.isEmpty || answer.text.contains(words))
      }
      // A server whose clock is an hour off tells so in its Date.
      scene.hub.setClockOffset(.seconds(3600))
      let answer = try await client.with(try scene.jwt())("GET", "/app")
      #expect(answer.status == 401)
      let date = try #require(answer.headers["date"])
      #expect(!date.isEmpty)
      let later = try scene.key.jwt(app: 7, now: now.addingTimeInterval(3600))
      #expect(try await client.with("Bearer \(later)")("GET", "/app").status == 200)
    }
  }

  @Test func narrowsInstallationTokens() async throws {
    let scene = try FakeGitHubScene(isPrivate: true)
    let other = RepositoryName(owner: "octo-org", name: "other")
    scene.hub.addRepository(other, isPrivate: true)
    try await FakeGitHubClient.with(scene.hub) { client in
      let narrow = try await scene.installed(
        client, #"{"repositories": ["orders"], "permissions": {"contents": "read"}}"#)
      let reader = client.with(narrow)
      #expect(try await reader("GET", scene.path + "/contents/a.py").status == 200)
      #expect(try await reader("GET", "/repos/octo-org/other/contents/a.py").status == 404)
      let refused = try await reader("GET", scene.pullPath)
      #expect(refused.status == 403)
      #expect(refused.message == "Resource not accessible by integration")
      let app = client.with(try scene.jwt())
      for (body, words) in [
        (#"{"permissions": {"administration": "write"}}"#, "not granted to this installation"),
        (#"{"permissions": {"contents": "write"}}"#, "not granted to this installation"),
        (#"{"repositories": ["nothing"]}"#, "at least one repository"),
      ] {
        let answer = try await app("POST", "/app/installations/70/access_tokens", .parsed(body))
        #expect(answer.status == 422)
        #expect(answer.text.contains(words), "\(answer.text)")
      }
      #expect(try await app("POST", "/app/installations/71/access_tokens").status == 404)
      scene.hub.setClockOffset(.seconds(3700))
      #expect(try await reader("GET", scene.path + "/contents/a.py").status == 401)
      scene.hub.setClockOffset(.zero)
      scene.hub.suspend(installation: 70)
      #expect(try await reader("GET", scene.path + "/contents/a.py").status == 403)
    }
    // Tokens never stand in the log.
    let log = "\(scene.hub.log.map(\.requestHeaders))"
    #expect(!log.contains("ghs_"))
    #expect(log.contains("Bearer ***"))
  }

  @Test func limits() async throws {
    let scene = try FakeGitHubScene()
    try await FakeGitHubClient.with(scene.hub, scene.grace) { client in
      scene.hub.setRateLimit(3)
      let first = try await client("GET", scene.pullPath)
      #expect(first.headers["x-ratelimit-remaining"] == "2")
      let tag = try #require(first.headers["etag"])
      for _ in 0..<3 {
        let unchanged = try await client(
          "GET", scene.pullPath, headers: ["if-none-match": tag])
        #expect(unchanged.status == 304)
        #expect(unchanged.bytes == [])
        #expect(unchanged.headers["x-ratelimit-remaining"] == "2")
      }
      scene.hub.addComment("Hm.", by: "grace", on: scene.pull)
      #expect(
        try await client("GET", scene.pullPath, headers: ["if-none-match": tag]).status == 200)
      #expect(try await client("GET", scene.pullPath).status == 200)
      let refused = try await client("GET", scene.pullPath)
      #expect(refused.status == 403)
      #expect(refused.headers["x-ratelimit-remaining"] == "0")
      let reset = try #require(refused.headers["x-ratelimit-reset"].flatMap { Double($0) })
      #expect(reset > Date().timeIntervalSince1970)
      #expect(refused.text.contains("API rate limit exceeded"))
      scene.hub.setClockOffset(.seconds(3700))
      #expect(try await client("GET", scene.pullPath).status == 200)
      scene.hub.setSecondaryLimit(after: 1, wait: .seconds(30), status: 429)
      #expect(try await client("GET", scene.pullPath).status == 200)
      let secondary = try await client("GET", scene.pullPath)
      #expect(secondary.status == 429)
      #expect(secondary.headers["retry-after"].flatMap { Int($0) }.map { $0 <= 30 } == true)
      scene.hub.setClockOffset(.seconds(3760))
      #expect(try await client("GET", scene.pullPath).status == 200)
    }
  }

  @Test func misbehavesWhenTold() async throws {
    let scene = try FakeGitHubScene()
    let hub = scene.hub
    let body = try JSONValue.parsed(#"{"body": "x"}"#)
    let path = scene.issuePath + "/comments"
    try await FakeGitHubClient.with(hub, scene.grace) { client async throws in
      hub.inject(GitHubFault(.answer(status: 502, body: "{}"), on: "POST", "/comments"))
      #expect(try await client("POST", path, body).status == 502)
      hub.inject(GitHubFault(.html(status: 200), on: "POST", "/comments"))
      #expect(try await client("POST", path, body).text.contains("<html>"))
      for kind in [GitHubFault.Kind.resetBefore, .resetAfter, .half] {
        hub.inject(GitHubFault(kind, on: "POST", "/comments"))
        await #expect(throws: WebError.self) { try await client("POST", path, body) }
      }
      #expect(hub.comments(on: scene.pull).count == 2)
      hub.inject(GitHubFault(.delay(.milliseconds(50)), skipping: 1))
      #expect(try await client("POST", path, body).status == 201)
      #expect(try await client("POST", path, body).status == 201)
      #expect(hub.comments(on: scene.pull).count == 4)
    }
  }
}
