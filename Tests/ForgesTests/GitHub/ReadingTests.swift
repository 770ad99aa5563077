import Domain
import Foundation
import TestKit
import Testing

@testable import Forges

@Suite("Reading from GitHub")
struct ReadingTests {
  @Test("a pull request whose fork and author are gone")
  func pullRequest() async throws {
    try await FaultServer.with { _ in
      .json(ForgeBench.pullRequest)
    } _: { server in
      let pull = try await ForgeBench.forge(server.url).pullRequest(ForgeBench.reference)
      #expect(server.requests.map(\.path) == ["/repos/octo/hello/pulls/7"])
      #expect(pull.reference == ForgeBench.reference)
      #expect(pull.author.login == "ghost")
      #expect(pull.headRepository == nil)
      #expect(pull.head == String(repeating: "1", count: 40))
      #expect(pull.baseBranch == "main")
      #expect(pull.labels == ["bug"])
      #expect([pull.commentCount, pull.reviewCommentCount, pull.changedFiles] == [2, 3, 4])
      #expect(pull.isDraft && pull.state == .open && pull.body.isEmpty)
      #expect(pull.updatedAt == Date(timeIntervalSince1970: 1_767_323_045))
    }
  }

  @Test("a diff and a comparison as they are")
  func diff() async throws {
    try await FaultServer.with { request in
      .text("diff --git a/x b/x\n", type: "application/vnd.github.diff; charset=utf-8")
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let diff = try await forge.diff(of: ForgeBench.reference)
      #expect(diff == ForgeDiff(bytes: Array("diff --git a/x b/x\n".utf8)))
      _ = try await forge.comparison(ForgeBench.repository, base: "a/b", head: "c?d")
      #expect(
        server.requests.map(\.path) == [
          "/repos/octo/hello/pulls/7", "/repos/octo/hello/compare/a%2Fb...c%3Fd",
        ])
      #expect(server.requests.allSatisfy { $0.header("accept") == "application/vnd.github.diff" })
    }
  }

  @Test("the empty diff of a pull request that was emptied")
  func emptyDiff() async throws {
    try await FaultServer.with { _ in
      .text("", type: "application/vnd.github.diff")
    } _: { server in
      let diff = try await ForgeBench.forge(server.url).diff(of: ForgeBench.reference)
      #expect(diff == ForgeDiff(bytes: []))
    }
  }

  struct FileCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var type: String
    var status = 200
    var body: String
    var expected: String?
  }

  static let files = [
    FileCase(
      testDescription: "raw", type: "application/vnd.github.raw+json; charset=utf-8",
      body: "{\"a\": 1}\r\n", expected: "{\"a\": 1}\r\n"),
    FileCase(
      testDescription: "empty", type: "application/vnd.github.raw+json", body: "", expected: ""),
    FileCase(
      testDescription: "none", type: "application/json", status: 404,
      body: #"{"message": "Not Found"}"#, expected: nil),
    FileCase(
      testDescription: "a folder", type: "application/json; charset=utf-8",
      body: #"[{"type": "file", "sha": "1", "path": "a/b"}]"#, expected: nil),
    FileCase(
      testDescription: "a submodule", type: "application/json; charset=utf-8",
      body: #"{"type": "submodule", "sha": "1", "path": "a"}"#, expected: nil),
    FileCase(
      testDescription: "wrapped by an old server", type: "application/json; charset=utf-8",
      body:
        #"{"type": "file", "sha": "1", "path": "a", "encoding": "base64", "content": "aGVs\nbG8=\n"}"#,
      expected: "hello"),
  ]

  @Test("a file", arguments: files)
  func file(example: FileCase) async throws {
    try await FaultServer.with { _ in
      .text(example.body, status: example.status, type: example.type)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let bytes = try await forge.file(
        "a b/ü#?.txt", in: ForgeBench.repository, at: "feature/x")
      #expect(bytes == example.expected.map { Array($0.utf8) })
      #expect(
        server.requests.map(\.path) == [
          "/repos/octo/hello/contents/a%20b/%C3%BC%23%3F.txt?ref=feature%2Fx"
        ])
      #expect(server.requests.first?.header("accept") == "application/vnd.github.raw+json")
    }
  }

  @Test(
    "no file under a path that would leave the folder",
    arguments: ["../../user", "a/./b", "a//b", "/etc/passwd", "..", ""])
  func escaping(path: String) async throws {
    try await FaultServer.with { _ in
      .json("{}")
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      #expect(try await forge.file(path, in: ForgeBench.repository, at: "main") == nil)
      #expect(server.requests.isEmpty)
    }
  }

  @Test("a file over 1 MB from a server that wants it asked for as a blob")
  func blob() async throws {
    let big = [UInt8](repeating: 0x61, count: 1_200_000)
    let encoded = Data(big).base64EncodedString()
    try await FaultServer.with { request in
      if request.path.contains("/git/blobs/") {
        return .json(
          #"{"sha": "abc", "encoding": "base64", "content": "\#(encoded)"}"#)
      }
      if request.path.hasSuffix("/contents/dir?ref=main") {
        return .json(#"[{"type": "file", "sha": "abc", "path": "dir/big", "size": 1200000}]"#)
      }
      return .json(
        #"""
        {"message": "This API returns blobs up to 1 MB in size.",
         "errors": [{"resource": "Blob", "field": "data", "code": "too_large"}]}
        """#, status: 403)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      #expect(try await forge.file("dir/big", in: ForgeBench.repository, at: "main") == big)
      #expect(server.requests.count == 3)
    }
  }

  @Test(
    "what somebody may do",
    arguments: [
      (#"{"permission": "write", "role_name": "maintain"}"#, ForgePermission.maintain),
      (#"{"permission": "read", "role_name": "triage"}"#, .triage),
      (#"{"permission": "write", "role_name": "our own role"}"#, .write),
      (#"{"permission": "admin"}"#, .admin), (#"{"permission": "none"}"#, .none),
      (#"{"permission": "something new"}"#, .none),
    ])
  func permission(body: String, expected: ForgePermission) async throws {
    try await FaultServer.with { _ in
      .json(body)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      #expect(try await forge.permission(of: "a/../b", in: ForgeBench.repository) == expected)
      #expect(
        server.requests.map(\.path) == ["/repos/octo/hello/collaborators/a%2F..%2Fb/permission"])
    }
  }

  @Test("that somebody is no user, and may do nothing")
  func noUser() async throws {
    try await FaultServer.with { request in
      .json(
        request.number == 1
          ? #"{"message": "renovate[bot] is not a user"}"# : #"{"message": "Not Found"}"#,
        status: 404)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let repository = ForgeBench.repository
      #expect(try await forge.permission(of: "renovate[bot]", in: repository) == .none)
      await #expect(throws: ForgeError.self) {
        try await forge.permission(of: "x", in: repository)
      }
    }
  }

  // MARK: Pages

  @Test("every page, as the links lead")
  func pages() async throws {
    try await FaultServer.with { request in
      let host = request.header("host") ?? ""
      switch request.path {
      case "/repos/octo/hello/issues/7/comments?per_page=100":
        return .json(
          "[\(ForgeBench.comment(1)), \(ForgeBench.comment(2))]",
          headers: [
            (
              "Link",
              "<http://\(host)/repositories/9/issues/7/comments?per_page=100&page=2>; "
                + "rel=\"next\", <http://\(host)/x?page=3>; rel=\"last\""
            )
          ])
      case "/repositories/9/issues/7/comments?per_page=100&page=2":
        return .json(
          "[\(ForgeBench.comment(3))]",
          headers: [
            ("Link", "<http://\(host)/repos/octo/hello/issues/7/comments?page=1>; rel=\"prev\"")
          ])
      default: return .json("{}", status: 404)
      }
    } _: { server in
      let comments = try await ForgeBench.forge(server.url).comments(on: ForgeBench.reference)
      #expect(comments.map(\.id) == [1, 2, 3])
      #expect(comments.allSatisfy { $0.author.isBot })
    }
  }

  @Test("no endless list")
  func endless() async throws {
    try await FaultServer.with { request in
      let host = request.header("host") ?? ""
      return .json(
        "[]", headers: [("Link", "<http://\(host)/repos/octo/hello/x>; rel=\"next\"")])
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      await #expect(throws: ForgeError.self) { try await forge.reviews(of: ForgeBench.reference) }
      #expect(server.requests.count == GitHubForge.maxPages)
    }
  }

  @Test("reviews without those that are not posted yet")
  func reviews() async throws {
    try await FaultServer.with { _ in
      .json(
        #"""
        [{"id": 1, "user": null, "body": null, "state": "APPROVED", "commit_id": null},
         {"id": 2, "user": {"login": "x", "id": 3}, "body": "b", "state": "PENDING"}]
        """#)
    } _: { server in
      let reviews = try await ForgeBench.forge(server.url).reviews(of: ForgeBench.reference)
      #expect(reviews.map(\.id) == [1])
    }
  }

  // MARK: Validators

  @Test("again only what has changed")
  func notModified() async throws {
    let validators = BenchValidators()
    try await FaultServer.with { request in
      let host = request.header("host") ?? ""
      guard request.header("if-none-match") == nil else {
        return FaultReply(status: 304, headers: [("ETag", "W/\"1\"")])
      }
      let link = "<http://\(host)/repos/octo/hello/issues/7/comments?page=2>; rel=\"next\""
      if request.path.hasSuffix("?page=2") {
        return .json("[\(ForgeBench.comment(2))]", headers: [("ETag", "\"two\"")])
      }
      return request.path.contains("comments")
        ? .json("[\(ForgeBench.comment(1))]", headers: [("ETag", "W/\"1\""), ("Link", link)])
        : .json(ForgeBench.pullRequest, headers: [("ETag", "\"p\"")])
    } _: { server in
      for round in 1...2 {
        let forge = try ForgeBench.forge(server.url, validators: validators)
        #expect(try await forge.pullRequest(ForgeBench.reference).title == "T")
        #expect(try await forge.comments(on: ForgeBench.reference).map(\.id) == [1, 2])
        #expect(server.requests.count == 3 * round)
      }
      #expect(
        server.requests.map { $0.header("if-none-match") } == [
          nil, nil, nil, "\"p\"", "W/\"1\"", "\"two\"",
        ])
      #expect(await validators.answers.count == 3)
    }
  }

  @Test("nothing from a 304 that nobody asked for")
  func unasked() async throws {
    try await FaultServer.with { _ in
      FaultReply(status: 304)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let error = await #expect(throws: ForgeError.self) {
        try await forge.pullRequest(ForgeBench.reference)
      }
      #expect(error?.code == .malformed)
    }
  }

  // MARK: GraphQL

  @Test("review threads page by page, bots as REST calls them")
  func threads() async throws {
    try await FaultServer.with { request in
      let isSecond = request.text.contains(#""after":"c1""#)
      return .json(
        #"""
        {"data": {"repository": {"pullRequest": {"reviewThreads": {
          "pageInfo": {"hasNextPage": \#(!isSecond), "endCursor": "c1"},
          "nodes": [{"id": "T\#(isSecond ? 2 : 1)", "isResolved": \#(isSecond), "isOutdated": false,
            "path": "a.py", "diffSide": "LEFT", "comments": {"nodes": [
              {"databaseId": 5, "author": {"__typename": "Bot", "login": "stet", "databaseId": 8},
               "body": "b", "createdAt": "2026-01-02T03:04:05Z", "line": null, "diffHunk": "@@",
               "originalCommit": {"oid": "abc"}, "replyTo": {"databaseId": 4}},
              {"databaseId": 6, "author": null, "body": "", "createdAt": "2026-01-02T03:04:05Z",
               "line": 3, "diffHunk": "@@", "originalCommit": null, "replyTo": null}]}}, null]}}}}}
        """#)
    } _: { server in
      let threads = try await ForgeBench.forge(server.url).reviewThreads(of: ForgeBench.reference)
      #expect(threads.map(\.id) == ["T1", "T2"])
      #expect(threads.map(\.isResolved) == [false, true])
      let comments = try #require(threads.first?.comments)
      #expect(comments.map(\.author.login) == ["stet[bot]", "ghost"])
      #expect(comments.map(\.author.isBot) == [true, false])
      #expect(comments.first?.place?.side == .old)
      #expect(comments.first?.place?.inReplyTo == 4)
      #expect(comments.first?.place?.commit == "abc")
      #expect(comments.last?.place?.line == 3)
      #expect(server.requests.allSatisfy { $0.method == "POST" && $0.path == "/graphql" })
    }
  }

  @Test(
    "errors of GraphQL, which come with status 200",
    arguments: [
      ("NOT_FOUND", ForgeError.Code.notFound), ("FORBIDDEN", .unauthorized),
      ("RATE_LIMITED", .rateLimited), ("UNPROCESSABLE", .rejected),
    ])
  func graphQLError(type: String, code: ForgeError.Code) async throws {
    try await FaultServer.with { _ in
      .json(
        #"{"data": null, "errors": [{"type": "\#(type)", "message": "Because of this."}]}"#)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let error = await #expect(throws: ForgeError.self) {
        try await forge.resolve(thread: "T", in: ForgeBench.repository)
      }
      #expect(error?.code == code)
      #expect(error?.detail.contains("Because of this.") == true)
    }
  }

  @Test("whose token it is, also where only GraphQL tells", arguments: [true, false])
  func account(isPerson: Bool) async throws {
    try await FaultServer.with { request in
      if request.path == "/graphql" {
        return .json(
          #"{"data": {"viewer": {"login": "github-actions[bot]", "databaseId": 41898282}}}"#)
      }
      return isPerson
        ? .json(#"{"login": "mona", "id": 4, "type": "User"}"#)
        : .json(#"{"message": "Resource not accessible by integration"}"#, status: 403)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      for _ in 0..<2 {
        let account = try await forge.ownAccount()
        #expect(account.login == (isPerson ? "mona" : "github-actions[bot]"))
        #expect(account.isBot == !isPerson)
      }
      #expect(server.requests.count == (isPerson ? 1 : 2))
    }
  }
}
