import Domain
import Foundation
import TestKit
import Testing

@testable import Forges

@Suite("Setting right on GitHub what stands twice")
struct MendingTests {
  @Test("a comment is removed, also one that is gone already")
  func remove() async throws {
    try await FaultServer.with { request in
      request.number == 1
        ? FaultReply(status: 204) : .json(#"{"message": "Not Found"}"#, status: 404)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let repository = ForgeBench.repository
      for _ in 1...2 {
        try await forge.remove(comment: CommentReference(.conversation, 5), in: repository)
      }
      try await forge.remove(comment: CommentReference(.review, 6), in: repository)
      #expect(
        server.requests.map { "\($0.method) \($0.path)" } == [
          "DELETE /repos/octo/hello/issues/comments/5",
          "DELETE /repos/octo/hello/issues/comments/5",
          "DELETE /repos/octo/hello/pulls/comments/6",
        ])
      await #expect(throws: ForgeError.self) {
        try await forge.remove(comment: CommentReference(.discussion, 5), in: repository)
      }
      #expect(server.requests.count == 3)
    }
  }

  @Test("the body of a review is replaced")
  func editReview() async throws {
    try await FaultServer.with { _ in
      .json(#"{"id": 80, "user": null, "body": "B", "state": "COMMENTED", "commit_id": "abc"}"#)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      try await forge.edit(review: 80, on: ForgeBench.reference, to: "B")
      let request = try #require(server.requests.last)
      #expect(request.method == "PUT")
      #expect(request.path == "/repos/octo/hello/pulls/7/reviews/80")
      #expect(request.text == #"{"body":"B"}"#)
    }
  }

  @Test("a change is not waited for as long as a read, so that it does not come late")
  func deadline() async throws {
    try await FaultServer.with { _ in
      FaultReply(parts: [.hang], framing: .raw)
    } _: { server in
      var configuration = ForgeBench.configuration(server.url)
      configuration.deadline = .seconds(60)
      configuration.changeDeadline = .milliseconds(200)
      let forge = try GitHubForge(
        configuration: configuration, repository: ForgeBench.repository)
      let begin = ContinuousClock.now
      let error = await #expect(throws: ForgeError.self) {
        try await forge.comment("c", on: ForgeBench.reference)
      }
      #expect(error?.code == .unreachable)
      #expect(ContinuousClock.now - begin < .seconds(20))
      #expect(server.requests.count == 1)
    }
  }

  // MARK: Against the fake forge

  private static let place = RepositoryName(owner: "octo-org", name: "shop")

  private func with(
    app: Bool, _ body: (GitHubForge, FakeGitHub, PullRequestReference) async throws -> Void
  ) async throws {
    let hub = FakeGitHub()
    let reference = hub.addPullRequest(
      in: Self.place, base: ["a.py": Array("x = 1\n".utf8)],
      head: ["a.py": Array("x = 2\n".utf8)])
    let credentials: GitHubCredentials
    if app {
      let key = try GitHubAppKey()
      hub.addApp(id: 12, slug: "stet", publicKeyPEM: key.publicPEM)
      hub.addInstallation(id: 99, of: 12, on: "octo-org")
      credentials = .app(id: "12", privateKeyPEM: key.privatePEM)
    } else {
      hub.addToken(ForgeBench.token, for: "stet-bot")
      hub.setPermission(.write, of: "stet-bot", in: Self.place)
      credentials = .token(ForgeBench.token)
    }
    let server = try await hub.listen()
    do {
      let connection = try GitHubConnection(
        ForgeBench.configuration(server.url, credentials: credentials))
      try await body(
        connection.forge(for: Self.place, installation: app ? 99 : nil), hub, reference)
    } catch {
      await server.stop()
      throw error
    }
    await server.stop()
  }

  @Test(arguments: [true, false])
  func comments(app: Bool) async throws {
    try await with(app: app) { forge, hub, reference in
      let head = try #require(hub.head(of: reference))
      let posted = try await forge.post(
        ReviewDraft(
          commit: head, verdict: .comment, body: "One.",
          comments: [.init(path: "a.py", side: .new, startLine: 1, line: 1, body: "c")]),
        on: reference)
      let line = try #require(try await forge.reviewComments(on: reference).first)
      #expect(line.place?.review == posted.id)
      let said = try await forge.comment("s", on: reference)
      try await forge.edit(review: posted.id, on: reference, to: "Other.")
      #expect(try await forge.reviews(of: reference).map(\.body) == ["Other."])
      for _ in 1...2 {
        try await forge.remove(comment: CommentReference(.review, line.id), in: Self.place)
        try await forge.remove(comment: CommentReference(.conversation, said.id), in: Self.place)
      }
      #expect(hub.comments(on: reference).isEmpty)
      #expect(hub.reviewComments(on: reference).isEmpty)
      #expect(hub.reviews(of: reference).count == 1)
    }
  }

  @Test func othersAreRefused() async throws {
    try await with(app: false) { forge, hub, reference in
      hub.setPermission(.read, of: "stet-bot", in: Self.place)
      let id = hub.addComment("mine", by: "mallory", on: reference)
      let refused = await #expect(throws: ForgeError.self) {
        try await forge.remove(comment: CommentReference(.conversation, id), in: Self.place)
      }
      #expect(refused?.code == .unauthorized)
      let review = hub.addReviewComment("m", by: "mallory", on: reference, path: "a.py", line: 1)
      let theirs = try #require(hub.reviewComments(on: reference).first { $0.id == review }?.review)
      let other = await #expect(throws: ForgeError.self) {
        try await forge.edit(review: theirs, on: reference, to: "x")
      }
      #expect(other?.code == .rejected)
      #expect(hub.comments(on: reference).map(\.body) == ["mine"])
    }
  }

  @Test(arguments: [true, false])
  func checks(app: Bool) async throws {
    try await with(app: app) { forge, hub, reference in
      let head = try #require(hub.head(of: reference))
      #expect(try await forge.checks(on: head, of: reference) == [])
      let begun = CheckState(progress: .inProgress, title: "Reviewing", summary: "…")
      let ended = CheckState(progress: .neutral, title: "Nothing found", summary: "…")
      let id = try await forge.setCheck(begun, on: head, of: reference, existing: nil)
      #expect(
        try await forge.checks(on: head, of: reference)
          == [PostedCheck(id: id, progress: .inProgress, title: "Reviewing")])
      let second = try await forge.setCheck(ended, on: head, of: reference, existing: nil)
      let found = try await forge.checks(on: head, of: reference)
      #expect(found.map(\.id) == (app ? [id, second] : [nil]))
      #expect(found.last?.says(ended) == true)
      #expect(found.last?.says(begun) == false)
      #expect(found.first?.says(begun) == app)
      // Of another pull request with the same head.
      let other = PullRequestReference(Self.place, reference.number + 1)
      let theirs = try await forge.setCheck(begun, on: head, of: other, existing: nil)
      guard app else { return }
      #expect(try await forge.checks(on: head, of: reference).map(\.id) == [id, second])
      #expect(try await forge.checks(on: head, of: other).map(\.id) == [theirs])
      #expect(try await forge.unfinishedCheck(on: head, of: other) == theirs)
      #expect(try await forge.unfinishedCheck(on: head, of: reference) == id)
    }
  }

  @Test("a request that comes late is done when it is let go, also when nobody waits for it")
  func late() async throws {
    try await with(app: false) { forge, hub, reference in
      hub.inject(GitHubFault(.late, on: "POST", "/comments"))
      let call = Task { try await forge.comment("late", on: reference) }
      while hub.late == 0 { try await Task.sleep(for: .milliseconds(2)) }
      _ = try await forge.comment("soon", on: reference)
      call.cancel()
      _ = await call.result
      #expect(hub.comments(on: reference).map(\.body) == ["soon"])
      hub.release()
      while hub.comments(on: reference).count < 2 { try await Task.sleep(for: .milliseconds(2)) }
      #expect(hub.comments(on: reference).map(\.body) == ["soon", "late"])
    }
  }
}
