import Domain
import Foundation
import TestKit
import Testing
import WebClient

/// Every request and answer of a broad scenario, held against GitHub's own descriptions.
@Suite(
  .enabled(
    if: OpenAPICheck.shared != nil,
    "STET_SHARED_DATA names no folder with github/openapi-….json"))
struct FakeGitHubOpenAPITests {
  @Test func answersAsDescribed() async throws {
    let scene = try FakeGitHubScene()
    let hub = scene.hub
    try await FakeGitHubClient.with(hub) { client in
      try await Self.readAccounts(scene, client)
      try await Self.readRepository(scene, client)
      try await Self.publish(scene, client)
      try await Self.check(scene, client)
      try await Self.label(scene, client)
      try await Self.beRefused(scene, client)
    }
    let check = try #require(OpenAPICheck.shared)
    let report = check.report(on: hub.log)
    print("FakeGitHub against OpenAPI: \(report.counts)")
    print("refusals beyond the descriptions: \(report.unlisted.sorted())")
    #expect(report.problems == [])
    #expect(report.operations.count >= 40)
    #expect(report.answerBodies >= 60)
    #expect(hub.log.count >= 80)
  }

  /// The check itself must be able to fail on what the fake really says.
  @Test func noticesAWrongAnswer() async throws {
    let scene = try FakeGitHubScene()
    try await FakeGitHubClient.with(scene.hub, scene.grace) { client in
      _ = try await client("GET", scene.pullPath)
    }
    let check = try #require(OpenAPICheck.shared)
    var log = scene.hub.log
    #expect(check.problems(in: log) == [])
    let text = String(decoding: log[0].responseBody, as: UTF8.self)
    for (from, to, word) in [
      ("\"number\":", "\"numbr\":", "number"), ("\"state\":\"open\"", "\"state\":null", "state"),
      ("\"comments\":0", "\"comments\":\"0\"", "comments"),
    ] {
      log[0].responseBody = Array(text.replacingOccurrences(of: from, with: to).utf8)
      #expect(check.problems(in: log).contains { $0.contains(word) }, "\(word)")
    }
  }

  private static func expect(
    _ answer: FakeGitHubClient.Answer, _ status: Int,
    _ location: SourceLocation = #_sourceLocation
  ) {
    #expect(answer.status == status, "\(answer.text)", sourceLocation: location)
  }

  private static func readAccounts(
    _ scene: FakeGitHubScene, _ client: FakeGitHubClient
  ) async throws {
    let person = client.with(scene.grace)
    expect(try await person("GET", "/user"), 200)
    expect(try await person("GET", "/users/stet-test%5Bbot%5D"), 200)
    expect(try await person("GET", "/users/nobody"), 404)
    expect(try await person("GET", "/rate_limit"), 200)
    let app = client.with(try scene.jwt())
    expect(try await app("GET", "/app"), 200)
    expect(try await app("GET", "/app/installations"), 200)
    expect(try await app("GET", "/app/installations/70"), 200)
    for status in [0, 202, 500] {
      scene.hub.record(
        GitHubDelivery(payload: [0x7B, 0x7D], event: "push"), of: .app(7), status: status)
    }
    expect(try await app("GET", "/app/hook/deliveries"), 200)
    expect(try await app("GET", "/app/hook/deliveries?per_page=2"), 200)
    expect(try await app("GET", "/app/hook/deliveries?cursor=none"), 400)
    expect(try await app("GET", scene.path + "/installation"), 200)
    expect(try await app("GET", "/repos/octo-org/none/installation"), 404)
    expect(
      try await app(
        "POST", "/app/installations/70/access_tokens",
        .parsed(#"{"repositories": ["orders"], "permissions": {"contents": "read"}}"#)), 201)
    let installation = client.with(try await scene.installed(client))
    expect(try await installation("GET", "/installation/repositories?per_page=5"), 200)
  }

  private static func readRepository(
    _ scene: FakeGitHubScene, _ client: FakeGitHubClient
  ) async throws {
    let client = client.with(try await scene.installed(client))
    for (path, status) in [
      ("", 200), ("/pulls", 200), ("/pulls?state=all&per_page=1&page=1", 200), ("/pulls/1", 200),
      ("/pulls/1/files", 200), ("/pulls/1/files?per_page=100", 200), ("/pulls/1/commits", 200),
      ("/pulls/1/reviews", 200), ("/pulls/1/comments?per_page=100", 200), ("/issues/1", 200),
      ("/issues/1/comments?per_page=100", 200), ("/contents/a.py", 200),
      ("/contents/docs/read%20me.md?ref=main", 200), ("/contents/docs", 200),
      ("/contents/none.txt", 404), ("/contents/a.py?ref=none", 404), ("/pulls/99", 404),
      ("/compare/main...change", 200), ("/compare/main...nothing", 404),
      ("/commits/\(scene.head)", 200), ("/collaborators/grace/permission", 200),
      ("/collaborators/nobody/permission", 404), ("/labels", 200),
    ] {
      expect(try await client("GET", scene.path + path), status)
    }
    for (path, type) in [
      ("/pulls/1", "application/vnd.github.diff"), ("/pulls/1", "application/vnd.github.v3.diff"),
      ("/compare/main...change", "application/vnd.github.diff"),
      ("/contents/a.py", "application/vnd.github.raw+json"),
    ] {
      expect(try await client("GET", scene.path + path, accept: type), 200)
    }
    let first = try await client("GET", scene.pullPath)
    let again = try await client(
      "GET", scene.pullPath, headers: ["if-none-match": first.headers["etag"] ?? ""])
    expect(again, 304)
  }

  private static func publish(
    _ scene: FakeGitHubScene, _ client: FakeGitHubClient
  ) async throws {
    let client = client.with(try await scene.installed(client))
    let review = try await client(
      "POST", scene.pullPath + "/reviews",
      .parsed(
        """
        {"commit_id": "\(scene.head)", "event": "COMMENT", "body": "Seen.", "comments": [
          {"path": "a.py", "side": "RIGHT", "line": 5, "body": "Here."},
          {"path": "a.py", "side": "LEFT", "line": 5, "body": "There."},
          {"path": "a.py", "side": "RIGHT", "start_line": 5, "start_side": "RIGHT", "line": 6,
           "body": "Both."}]}
        """))
    expect(review, 200)
    let id = review.json["id"]?.integer ?? 0
    expect(try await client("GET", scene.pullPath + "/reviews/\(id)"), 200)
    expect(try await client("GET", scene.pullPath + "/reviews/\(id)/comments"), 200)
    expect(
      try await client("PUT", scene.pullPath + "/reviews/\(id)", .parsed(#"{"body": "Again."}"#)),
      200)
    let comments = try await client("GET", scene.pullPath + "/comments")
    expect(comments, 200)
    let first = comments.json[0]?["id"]?.integer ?? 0
    expect(
      try await client(
        "POST", scene.pullPath + "/comments/\(first)/replies", .parsed(#"{"body": "Yes."}"#)), 201)
    expect(try await client("GET", scene.path + "/pulls/comments/\(first)"), 200)
    expect(
      try await client(
        "PATCH", scene.path + "/pulls/comments/\(first)", .parsed(#"{"body": "Here!"}"#)), 200)
    let single = try await client(
      "POST", scene.pullPath + "/comments",
      .parsed(
        """
        {"commit_id": "\(scene.head)", "path": "a.py", "side": "RIGHT", "line": 6, "body": "One."}
        """))
    expect(single, 201)
    expect(
      try await client("DELETE", scene.path + "/pulls/comments/\(single.json["id"]?.integer ?? 0)"),
      204)
    for kind in ["pulls", "issues"] {
      var target = first
      if kind == "issues" {
        let comment = try await client(
          "POST", scene.issuePath + "/comments", .parsed(#"{"body": "Summary."}"#))
        expect(comment, 201)
        target = comment.json["id"]?.integer ?? 0
        expect(try await client("GET", scene.path + "/issues/comments/\(target)"), 200)
        expect(
          try await client(
            "PATCH", scene.path + "/issues/comments/\(target)", .parsed(#"{"body": "New."}"#)), 200)
      }
      let reactions = scene.path + "/\(kind)/comments/\(target)/reactions"
      expect(try await client("POST", reactions, .parsed(#"{"content": "eyes"}"#)), 201)
      expect(try await client("POST", reactions, .parsed(#"{"content": "eyes"}"#)), 200)
      expect(try await client("GET", reactions), 200)
    }
    scene.hub.push(["a.py": Array("other\n".utf8)], to: scene.pull)
    expect(try await client("GET", scene.pullPath + "/comments"), 200)
    expect(try await client("GET", scene.issuePath + "/comments"), 200)
    let last = scene.hub.comments(on: scene.pull).last?.id ?? 0
    expect(try await client("DELETE", scene.path + "/issues/comments/\(last)"), 204)
  }

  private static func check(
    _ scene: FakeGitHubScene, _ client: FakeGitHubClient
  ) async throws {
    let client = client.with(try await scene.installed(client))
    let run = try await client(
      "POST", scene.path + "/check-runs",
      .parsed(
        """
        {"name": "stet", "head_sha": "\(scene.head)", "status": "in_progress",
         "external_id": "run-1", "output": {"title": "At work", "summary": "Reading."}}
        """))
    expect(run, 201)
    let path = scene.path + "/check-runs/\(run.json["id"]?.integer ?? 0)"
    expect(
      try await client(
        "PATCH", path,
        .parsed(
          #"{"conclusion": "success", "output": {"title": "Done", "summary": "Well."}}"#)), 200)
    expect(try await client("GET", path), 200)
    let commit = scene.path + "/commits/\(scene.head)"
    expect(try await client("GET", commit + "/check-runs?check_name=stet&filter=latest"), 200)
    expect(try await client("GET", commit + "/check-suites"), 200)
    expect(
      try await client(
        "POST", scene.path + "/statuses/\(scene.head)",
        .parsed(#"{"state": "pending", "context": "stet", "description": "Reading."}"#)), 201)
    expect(
      try await client(
        "POST", scene.path + "/statuses/\(scene.head)",
        .parsed(
          #"{"state": "success", "context": "stet", "target_url": "https://a.example/1"}"#)), 201)
    expect(try await client("GET", commit + "/statuses"), 200)
    expect(try await client("GET", commit + "/status"), 200)
  }

  private static func label(
    _ scene: FakeGitHubScene, _ client: FakeGitHubClient
  ) async throws {
    let client = client.with(scene.grace)
    let path = scene.issuePath + "/labels"
    expect(try await client("POST", path, .parsed(#"{"labels": ["a b", "c"]}"#)), 200)
    expect(try await client("GET", path), 200)
    expect(try await client("DELETE", path + "/a%20b"), 200)
    expect(try await client("DELETE", path + "/a%20b"), 404)
  }

  private static func beRefused(
    _ scene: FakeGitHubScene, _ client: FakeGitHubClient
  ) async throws {
    let person = client.with(scene.grace)
    expect(try await client.with("token no-such-token")("GET", "/user"), 401)
    expect(try await client("GET", "/user"), 401)
    expect(try await person("GET", "/app"), 401)
    for (path, body) in [
      ("/reviews", #"{"event": "COMMENT", "body": ""}"#),
      ("/reviews", #"{"event": "WRONG", "body": "x"}"#),
      (
        "/reviews",
        #"{"event": "COMMENT", "body": "x", "comments": [{"path": "a.py", "line": 99, "body": "x"}]}"#
      ),
      ("/comments", #"{"body": "x", "commit_id": "\#(scene.head)", "path": "a.py", "line": 99}"#),
      ("/comments", #"{"body": "x", "commit_id": "none", "path": "a.py", "line": 5}"#),
    ] {
      expect(try await person("POST", scene.pullPath + path, .parsed(body)), 422)
    }
    expect(
      try await person(
        "POST", scene.path + "/check-runs", .parsed(#"{"name": "x", "head_sha": "y"}"#)),
      403)
    scene.hub.setDiffLimit(files: 0)
    expect(
      try await person("GET", scene.pullPath, accept: "application/vnd.github.diff"), 406)
    scene.hub.setRateLimit(0)
    expect(try await person("GET", scene.pullPath), 403)
  }
}
