import Domain
import Foundation
import TestKit
import Testing
import WebClient

@testable import Forges

/// Answers that the API does not promise, and what Stet never does whatever the answer.
@Suite("A forge with bad manners")
struct MannersTests {
  private func failure<Value: Sendable>(
    _ body: () async throws -> Value
  ) async throws -> ForgeError {
    try #require(await #expect(throws: ForgeError.self) { _ = try await body() })
  }

  @Test("answers with a page in HTML", arguments: ["text/html", "application/json"])
  func html(type: String) async throws {
    try await FaultServer.with { _ in
      .text("<html><body>Sign in</body></html>", type: type)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let errors = [
        try await failure { try await forge.pullRequest(ForgeBench.reference) },
        try await failure { try await forge.diff(of: ForgeBench.reference) },
        try await failure { try await forge.comment("x", on: ForgeBench.reference) },
      ]
      for error in errors {
        #expect(error.code == .malformed)
        #expect(error.detail.contains("HTML"), Comment(rawValue: error.detail))
        #expect(!error.detail.contains("Sign in"))
      }
    }
  }

  @Test("has something else in its JSON")
  func otherJSON() async throws {
    try await FaultServer.with { _ in
      .json(#"{"number": "seven"}"#)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let error = try await failure { try await forge.pullRequest(ForgeBench.reference) }
      #expect(error.code == .malformed)
      #expect(error.detail.contains("GET /repos/octo/hello/pulls/7"))
    }
  }

  @Test("breaks off: a read is repeated, a change is not")
  func half() async throws {
    let half = Array(ForgeBench.pullRequest.utf8.prefix(60))
    try await FaultServer.with { _ in
      FaultReply(parts: [.bytes(half), .cut], framing: .declared(4000))
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let read = try await failure { try await forge.pullRequest(ForgeBench.reference) }
      #expect(read.code == .unreachable)
      #expect(server.requests.count == 3)
      let change = try await failure { try await forge.comment("x", on: ForgeBench.reference) }
      #expect(change.code == .unreachable)
      #expect(server.requests.count == 4)
    }
  }

  @Test("breaks off without saying so")
  func quietlyHalf() async throws {
    let half = Array(ForgeBench.pullRequest.utf8.prefix(60))
    try await FaultServer.with { _ in
      FaultReply(parts: [.bytes(half)], framing: .untilClose)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let error = try await failure { try await forge.pullRequest(ForgeBench.reference) }
      #expect(error.code == .unreachable)
    }
  }

  @Test("fails: a read is repeated, a change is not", arguments: [500, 502, 503])
  func serverError(status: Int) async throws {
    try await FaultServer.with { request in
      request.method == "GET" && request.number == 3
        ? .json(ForgeBench.pullRequest) : .text("<h1>down</h1>", status: status, type: "text/html")
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      #expect(try await forge.pullRequest(ForgeBench.reference).title == "T")
      let draft = ReviewDraft(commit: "c", verdict: .comment, body: "b", comments: [])
      let error = try await failure { try await forge.post(draft, on: ForgeBench.reference) }
      #expect(error.code == .unreachable)
      #expect(error.status == status)
      #expect(server.requests.filter { $0.method == "POST" }.count == 1)
    }
  }

  @Test("is not there: even a change is tried again, as it cannot have arrived")
  func refused() async throws {
    let time = BenchTime()
    let forge = try ForgeBench.forge(ClosedPort().url, time: time)
    let error = try await failure { try await forge.comment("x", on: ForgeBench.reference) }
    #expect(error.code == .unreachable)
    #expect(time.sleeps.count == 2)
  }

  @Test("has renamed the repository: followed with the credential", arguments: [301, 307])
  func renamed(status: Int) async throws {
    try await FaultServer.with { request in
      request.path.hasPrefix("/repositories/")
        ? .json(ForgeBench.pullRequest)
        : FaultReply(
          status: status, headers: [("Location", "/repositories/42/pulls/7")],
          parts: [.bytes(Array("{}".utf8))])
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      #expect(try await forge.pullRequest(ForgeBench.reference).title == "T")
      #expect(server.requests.map { $0.header("authorization") != nil } == [true, true])
    }
  }

  @Test("moves a change: sent on by 307 as it is, never turned into a read", arguments: [301, 307])
  func movedChange(status: Int) async throws {
    try await FaultServer.with { request in
      request.path.hasPrefix("/repositories/")
        ? .json(ForgeBench.comment(1), status: 201)
        : FaultReply(
          status: status, headers: [("Location", "/repositories/42/issues/7/comments")])
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      if status == 307 {
        #expect(try await forge.comment("x", on: ForgeBench.reference).id == 1)
        #expect(server.requests.map(\.method) == ["POST", "POST"])
        #expect(server.requests.map(\.text) == [#"{"body":"x"}"#, #"{"body":"x"}"#])
      } else {
        let error = try await failure { try await forge.comment("x", on: ForgeBench.reference) }
        #expect(error.code == .malformed)
        #expect(server.requests.count == 1)
      }
    }
  }

  @Test("sends us to another host: nothing goes there")
  func elsewhere() async throws {
    try await FaultServer.with { _ in
      .json(ForgeBench.pullRequest)
    } _: { other in
      let away = other.url
      try await FaultServer.with { request in
        request.path.contains("comments")
          ? .json(
            "[\(ForgeBench.comment(1))]",
            headers: [("Link", #"<\#(away)/repos/x?page=2>; rel="next""#)])
          : FaultReply(status: 301, headers: [("Location", away + "/repos/x")])
      } _: { server in
        let forge = try ForgeBench.forge(server.url)
        let redirect = try await failure { try await forge.pullRequest(ForgeBench.reference) }
        #expect(redirect.code == .malformed)
        let link = try await failure { try await forge.comments(on: ForgeBench.reference) }
        #expect(link.code == .malformed)
        #expect(other.requests.isEmpty)
      }
    }
  }

  @Test("repeats our credential: no error does", arguments: [200, 400, 401, 403, 404, 422, 500])
  func secret(status: Int) async throws {
    try await FaultServer.with { request in
      let text = request.header("authorization") ?? ""
      return .json(
        #"{"message": "you sent \#(text)", "errors": ["\#(text)"], "number": 1}"#, status: status)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let error = try await failure { try await forge.comment("x", on: ForgeBench.reference) }
      #expect(!"\(error)".contains(ForgeBench.token))
      #expect(error.status == (status == 200 ? nil : status))
    }
  }

  @Test(
    "is named by a URL that cannot be used", arguments: ["", "ftp://x", "https://", "https://u@h"])
  func badURL(url: String) throws {
    #expect(throws: ForgeError.self) { try ForgeBench.forge(url) }
  }

  @Test("is told a token that cannot be one", arguments: ["", "a b", "a\r\nX-Evil: 1", "é"])
  func badToken(token: String) throws {
    let error = #expect(throws: ForgeError.self) {
      try ForgeBench.forge(GitHubConfiguration.publicAPI, credentials: .token(token))
    }
    #expect(error?.code == .unauthorized)
  }

  @Test("says what every request needs")
  func headers() async throws {
    try await FaultServer.with { _ in
      .json(ForgeBench.pullRequest)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      _ = try await forge.pullRequest(ForgeBench.reference)
      let request = try #require(server.requests.first)
      #expect(request.header("accept") == "application/vnd.github+json")
      #expect(request.header("x-github-api-version") == "2022-11-28")
      #expect(request.header("user-agent") == "stet/test")
      #expect(request.header("authorization") == "Bearer \(ForgeBench.token)")
    }
  }

  @Test(
    "is asked for GraphQL where its kind of server has it",
    arguments: [("", "/graphql"), ("/api/v3", "/api/graphql"), ("/api/v3/", "/api/graphql")])
  func graphQL(suffix: String, path: String) async throws {
    try await FaultServer.with { _ in
      .json(#"{"data": {"resolveReviewThread": null}}"#)
    } _: { server in
      try await ForgeBench.forge(server.url + suffix).resolve(
        thread: "T", in: ForgeBench.repository)
      #expect(server.requests.map(\.path) == [path])
    }
  }
}
