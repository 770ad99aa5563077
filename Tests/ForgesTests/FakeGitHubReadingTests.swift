import Domain
import Foundation
import TestKit
import Testing
import WebClient

/// What the fake tells of its pull requests, by REST and by GraphQL.
@Suite struct FakeGitHubReadingTests {
  @Test func printsTheDiffAsGitDoes() async throws {
    let scene = try FakeGitHubScene()
    try await FakeGitHubClient.with(scene.hub, scene.grace) { client in
      let answer = try await client(
        "GET", scene.pullPath, accept: "application/vnd.github.v3.diff")
      #expect(answer.status == 200)
      #expect(answer.text.hasPrefix("diff --git a/a.py b/a.py\nindex "))
      #expect(answer.text.contains("\n@@ -2,7 +2,8 @@\n"))
      let diff = try Diff(parsing: answer.bytes)
      #expect(diff.files.map(\.additions) == [2])
      let comparison = try await client(
        "GET", scene.path + "/compare/\(scene.base)...\(scene.head)",
        accept: "application/vnd.github.diff")
      #expect(comparison.bytes == answer.bytes)
      let raw = try await client(
        "GET", scene.path + "/contents/docs/read%20me.md",
        accept: "application/vnd.github.raw+json")
      #expect(raw.text == "# Read\n")
    }
  }

  @Test func refusesALargeDiffAndPages() async throws {
    let hub = FakeGitHub()
    let repository = RepositoryName(owner: "o", name: "r")
    let files = Dictionary(
      uniqueKeysWithValues: (0..<305).map { ("f\(1000 + $0).txt", [UInt8]?(Array("x\n".utf8))) })
    let pull = hub.addPullRequest(in: repository, base: [:], head: files)
    hub.addToken("t-1", for: "grace")
    try await FakeGitHubClient.with(hub, "token t-1") { client in
      let refused = try await client(
        "GET", "/repos/o/r/pulls/\(pull.number)", accept: "application/vnd.github.diff")
      #expect(refused.status == 406)
      #expect(refused.json["errors"]?[0]?["code"]?.string == "too_large")
      #expect(refused.text.contains("maximum number of files (300)"))
      var next: String? = "/repos/o/r/pulls/1/files?per_page=1000"
      var names: [String] = []
      var pages = 0
      while let path = next {
        let answer = try await client("GET", path)
        pages += 1
        names += (answer.json.array ?? []).compactMap { $0["filename"]?.string }
        let links = (answer.headers["link"] ?? "").components(separatedBy: ", ")
        next = links.first { $0.hasSuffix("rel=\"next\"") }
          .flatMap { $0.split(separator: ">").first.map { String($0.dropFirst()) } }
      }
      #expect(pages == 4)
      #expect(names.count == 305)
      #expect(Set(names).count == 305)
    }
  }

  @Test func followsCommentsOverPushes() async throws {
    let scene = try FakeGitHubScene()
    let hub = scene.hub
    let kept = hub.addReviewComment(
      "Stays", by: "grace", on: scene.pull, path: "a.py", line: 6)
    let lost = hub.addReviewComment("Goes", by: "grace", on: scene.pull, path: "a.py", line: 5)
    let text = FakeGitHubScene.new.replacingOccurrences(of: "line five\n", with: "1\n2\n")
    let head = hub.push(["a.py": Array(text.utf8)], to: scene.pull)
    #expect(head != scene.head)
    let lines = Dictionary(
      uniqueKeysWithValues: hub.reviewComments(on: scene.pull).map { ($0.id, $0.line) })
    #expect(lines == [kept: 7, lost: nil])
    // A commit that a force push took away can no longer be reviewed.
    hub.forcePush(["a.py": Array("new\n".utf8)], to: scene.pull)
    try await FakeGitHubClient.with(hub, scene.grace) { client in
      let answer = try await client(
        "POST", scene.pullPath + "/reviews",
        .object([
          "event": .string("COMMENT"), "body": .string("x"), "commit_id": .string(scene.head),
        ]))
      #expect(answer.status == 422)
      hub.close(scene.pull)
      #expect(try await client("GET", scene.pullPath).json["state"]?.string == "closed")
      hub.deleteFork(of: scene.pull)
      #expect(try await client("GET", scene.pullPath).json["head"]?["repo"] == .null)
      hub.delete(scene.pull)
      #expect(try await client("GET", scene.pullPath).status == 404)
    }
  }

  private static let threads = """
    query Threads($owner: String!, $name: String!, $number: Int!, $after: String) {
      repository(owner: $owner, name: $name) {
        pullRequest(number: $number) {
          reviewThreads(first: 1, after: $after) {
            pageInfo { hasNextPage endCursor }
            nodes {
              id isResolved isOutdated path line
              comments(first: 50) {
                nodes { databaseId body author { __typename login ...Number } replyTo { databaseId } }
              }
            }
          }
        }
      }
    }
    fragment Number on Bot { databaseId }
    """

  @Test func speaksGraphQLOfThreads() async throws {
    let scene = try FakeGitHubScene()
    let hub = scene.hub
    let first = hub.addReviewComment("One", by: "grace", on: scene.pull, path: "a.py", line: 5)
    hub.addReviewComment(
      "Answer", by: "stet-test[bot]", on: scene.pull, path: "a.py", line: 5, inReplyTo: first)
    hub.addReviewComment("Two", by: "grace", on: scene.pull, path: "a.py", line: 6)
    try await FakeGitHubClient.with(hub, scene.grace) { client in
      var threads: [JSONValue] = []
      var after = JSONValue.null
      repeat {
        let answer = try await client(
          "POST", "/graphql",
          .object([
            "query": .string(Self.threads),
            "variables": .object([
              "owner": .string("octo-org"), "name": .string("orders"), "number": .integer(1),
              "after": after,
            ]),
          ]))
        #expect(answer.status == 200)
        #expect(answer.json["errors"] == nil, "\(answer.text)")
        let page = answer.json["data"]?["repository"]?["pullRequest"]?["reviewThreads"]
        threads += page?["nodes"]?.array ?? []
        after =
          page?["pageInfo"]?["hasNextPage"] == .bool(true)
          ? page?["pageInfo"]?["endCursor"] ?? .null : .null
      } while after != .null
      #expect(threads.count == 2)
      let comments = threads[0]["comments"]?["nodes"]
      #expect(comments?.array?.count == 2)
      // GraphQL writes a bot's login without its suffix.
      #expect(comments?[1]?["author"]?["login"]?.string == "stet-test")
      #expect(comments?[1]?["author"]?["__typename"]?.string == "Bot")
      #expect(comments?[1]?["author"]?["databaseId"]?.integer != nil)
      #expect(comments?[1]?["replyTo"]?["databaseId"]?.integer == Int(first))
      let id = try #require(threads[0]["id"]?.string)
      let mutation = """
        mutation($id: ID!) {
          resolveReviewThread(input: {threadId: $id}) { thread { id isResolved } }
        }
        """
      let resolved = try await client(
        "POST", "/graphql",
        .object(["query": .string(mutation), "variables": .object(["id": .string(id)])]))
      let thread = resolved.json["data"]?["resolveReviewThread"]?["thread"]
      #expect(thread?["isResolved"] == .bool(true), "\(resolved.text)")
      #expect(hub.reviewComments(on: scene.pull).map(\.isResolved) == [true, true, false])
    }
  }

  @Test(arguments: [
    ("{ repository(owner: \"o\", name: \"none\") { id } }", "NOT_FOUND"),
    (
      "{ repository(owner: \"octo-org\", name: \"orders\") { pullRequest(number: 9) { id } } }",
      "NOT_FOUND"
    ),
    (
      "{ repository(owner: \"octo-org\", name: \"orders\") { pullRequest(number: 1) "
        + "{ reviewThreads { totalCount } } } }", "MISSING_PAGINATION_BOUNDARIES"
    ),
    (
      "{ repository(owner: \"octo-org\", name: \"orders\") { pullRequest(number: 1) "
        + "{ reviewThreads(first: 101) { totalCount } } } }", "EXCESSIVE_PAGINATION"
    ),
    ("{ repository(owner: \"octo-org\", name: \"orders\") { nothing } }", "undefinedField"),
    ("{ repository(owner: \"octo-org\", name: \"orders\") }", "selectionMismatch"),
    ("mutation { resolveReviewThread(input: {threadId: \"x\"}) { thread { id } } }", "NOT_FOUND"),
    ("{ viewer { login }", "Expected one of"),
    ("query($a: ID!) { viewer { login } }", "invalid value"),
  ]) func refusesInGraphQLsForm(_ query: String, _ word: String) async throws {
    let scene = try FakeGitHubScene()
    try await FakeGitHubClient.with(scene.hub, scene.grace) { client in
      let answer = try await client("POST", "/graphql", .object(["query": .string(query)]))
      #expect(answer.status == 200)
      #expect(answer.json["errors"]?[0]?["message"]?.string != nil)
      #expect(answer.text.contains(word), "\(answer.text)")
    }
  }

  /// A real webhook's pull request can be made, with something in it to find.
  @Test func playsRealPayloads() throws {
    let folder = ProcessInfo.processInfo.environment["STET_SHARED_DATA"] ?? "../shared/data"
    let names =
      (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/github/webhooks")) ?? []
    let payloads = names.filter { $0.hasPrefix("pull_request.") }
    if payloads.isEmpty {
      print("no payloads: STET_SHARED_DATA names no folder with github/webhooks")
      return
    }
    for name in payloads {
      let bytes =
        FileManager.default.contents(atPath: "\(folder)/github/webhooks/\(name)") ?? .init()
      let event = try JSONDecoder().decode(JSONValue.self, from: bytes)
      let hub = FakeGitHub()
      let reference = try #require(hub.seed(webhook: Array(bytes)), "\(name)")
      #expect(reference.number == event["pull_request"]?["number"]?.integer)
      #expect(hub.head(of: reference) == event["pull_request"]?["head"]?["sha"]?.string)
      #expect(hub.base(of: reference) == event["pull_request"]?["base"]?["sha"]?.string)
    }
    print("\(payloads.count) payloads seeded")
  }
}
