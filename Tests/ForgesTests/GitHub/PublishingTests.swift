import Domain
import Foundation
import TestKit
import Testing

@testable import Forges

@Suite("Publishing on GitHub")
struct PublishingTests {
  private func object(_ text: String) throws -> NSDictionary {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary)
  }

  /// What one call sent, beside what it should have.
  private func expect(
    _ server: FaultServer, _ method: String, _ path: String, _ body: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let request = try #require(server.requests.last, sourceLocation: sourceLocation)
    #expect(request.method == method, sourceLocation: sourceLocation)
    #expect(request.path == path, sourceLocation: sourceLocation)
    #expect(try object(request.text) == object(body), sourceLocation: sourceLocation)
    #expect(
      request.header("content-type") == "application/json", sourceLocation: sourceLocation)
  }

  @Test(
    "a review with all its comments in one call",
    arguments: [
      (Verdict.approve, "APPROVE"), (.requestChanges, "REQUEST_CHANGES"), (.comment, "COMMENT"),
    ])
  func review(verdict: Verdict, event: String) async throws {
    try await FaultServer.with { _ in
      .json(
        #"{"id": 80, "user": {"login": "stet[bot]", "id": 1}, "body": "B", "state": "X", "commit_id": "abc"}"#
      )
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let posted = try await forge.post(
        ReviewDraft(
          commit: "abc", verdict: verdict, body: "B",
          comments: [
            .init(path: "a b.py", side: .new, startLine: 3, line: 3, body: "one"),
            .init(path: "c.py", side: .old, startLine: 1, line: 4, body: "more"),
          ]), on: ForgeBench.reference)
      #expect(posted.id == 80 && posted.commit == "abc" && posted.author.isBot)
      try expect(
        server, "POST", "/repos/octo/hello/pulls/7/reviews",
        #"""
        {"commit_id": "abc", "event": "\#(event)", "body": "B", "comments": [
          {"path": "a b.py", "line": 3, "side": "RIGHT", "body": "one"},
          {"path": "c.py", "line": 4, "side": "LEFT", "start_line": 1, "start_side": "LEFT",
           "body": "more"}]}
        """#)
      #expect(server.requests.count == 1)
    }
  }

  @Test("a review that GitHub refuses, in its words")
  func refused() async throws {
    try await FaultServer.with { _ in
      .json(
        #"""
        {"message": "Unprocessable Entity",
         "errors": ["Can not approve your own pull request"]}
        """#, status: 422)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let draft = ReviewDraft(commit: "a", verdict: .approve, body: "", comments: [])
      let error = await #expect(throws: ForgeError.self) {
        try await forge.post(draft, on: ForgeBench.reference)
      }
      #expect(error?.code == .rejected)
      #expect(error?.detail.contains("Can not approve your own pull request") == true)
    }
  }

  @Test("comments, answers, reactions and labels")
  func conversation() async throws {
    try await FaultServer.with { request in
      switch true {
      case request.path.hasSuffix("/reactions"):
        .json(#"{"id": 1, "content": "+1"}"#, status: 201)
      case request.path.hasSuffix("/labels"): .json(#"[{"name": "bug"}]"#)
      case request.path.hasSuffix("/replies"):
        .json(
          #"""
          {"id": 6, "user": null, "body": "r", "created_at": "2026-01-02T03:04:05Z",
           "path": "a", "side": "LEFT", "line": 2, "commit_id": "n", "original_commit_id": "o",
           "in_reply_to_id": 5, "diff_hunk": "@@"}
          """#, status: 201)
      default: .json(ForgeBench.comment(5), status: 201)
      }
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let (repository, reference) = (ForgeBench.repository, ForgeBench.reference)
      #expect(try await forge.comment("c", on: reference).id == 5)
      try expect(server, "POST", "/repos/octo/hello/issues/7/comments", #"{"body": "c"}"#)
      try await forge.edit(comment: 5, in: repository, to: "e")
      try expect(server, "PATCH", "/repos/octo/hello/issues/comments/5", #"{"body": "e"}"#)
      let reply = try await forge.reply("r", to: 5, on: reference)
      #expect(
        reply.place
          == .init(path: "a", side: .old, line: 2, commit: "o", inReplyTo: 5, diffHunk: "@@"))
      try expect(
        server, "POST", "/repos/octo/hello/pulls/7/comments/5/replies", #"{"body": "r"}"#)
      try await forge.react(.eyes, to: CommentReference(.review, 5), in: repository)
      try expect(
        server, "POST", "/repos/octo/hello/pulls/comments/5/reactions", #"{"content": "eyes"}"#)
      try await forge.react(.thumbsUp, to: CommentReference(.conversation, 5), in: repository)
      try expect(
        server, "POST", "/repos/octo/hello/issues/comments/5/reactions", #"{"content": "+1"}"#)
      try await forge.addLabels(["bug"], to: reference)
      try expect(server, "POST", "/repos/octo/hello/issues/7/labels", #"{"labels": ["bug"]}"#)
      let before = server.requests.count
      try await forge.addLabels([], to: reference)
      await #expect(throws: ForgeError.self) {
        try await forge.react(.eyes, to: CommentReference(.discussion, 5), in: repository)
      }
      #expect(server.requests.count == before)
    }
  }

  @Test("the end of a label, also of one that is not there")
  func removeLabel() async throws {
    try await FaultServer.with { request in
      switch request.number {
      case 1: .json("[]")
      case 2: .json(#"{"message": "Label does not exist"}"#, status: 404)
      default: .json(#"{"message": "Not Found"}"#, status: 404)
      }
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      for _ in 1...2 { try await forge.removeLabel("a b/c", from: ForgeBench.reference) }
      await #expect(throws: ForgeError.self) {
        try await forge.removeLabel("a b/c", from: ForgeBench.reference)
      }
      #expect(server.requests.first?.path == "/repos/octo/hello/issues/7/labels/a%20b%2Fc")
      #expect(server.requests.allSatisfy { $0.method == "DELETE" })
    }
  }

  // MARK: Checks

  private static let actionsToken = "ghs" + "_bench0123456789"

  private static let pull = PullRequestReference(ForgeBench.repository, 4)

  @Test("a check run, created and brought to its end")
  func checkRun() async throws {
    try await FaultServer.with { _ in
      .json(#"{"id": 31, "status": "in_progress"}"#, status: 201)
    } _: { server in
      let forge = try ForgeBench.forge(server.url, credentials: .token(Self.actionsToken))
      #expect(forge.capabilities.hasCheckRuns)
      var state = CheckState(progress: .inProgress, title: "Reviewing", summary: "S")
      let id = try await forge.setCheck(
        state, on: "abc", of: Self.pull, existing: nil)
      #expect(id == 31)
      try expect(
        server, "POST", "/repos/octo/hello/check-runs",
        #"""
        {"name": "stet", "head_sha": "abc", "external_id": "stet:4", "status": "in_progress",
         "output": {"title": "Reviewing", "summary": "S"}}
        """#)
      state = CheckState(
        progress: .neutral, title: "Not\nreviewed", summary: "S", detailsURL: "https://x/1")
      _ = try await forge.setCheck(state, on: "abc", of: Self.pull, existing: 31)
      try expect(
        server, "PATCH", "/repos/octo/hello/check-runs/31",
        #"""
        {"name": "stet", "status": "completed", "conclusion": "neutral",
         "details_url": "https://x/1", "output": {"title": "Not reviewed", "summary": "S"}}
        """#)
    }
  }

  @Test(
    "a commit status where the token is a person's; what was not reviewed is never green",
    arguments: [
      (CheckState.Progress.queued, "pending"), (.inProgress, "pending"), (.success, "success"),
      (.failure, "failure"), (.neutral, "error"), (.cancelled, "error"),
    ])
  func status(progress: CheckState.Progress, word: String) async throws {
    try await FaultServer.with { _ in
      .json(#"{"id": 1, "state": "pending"}"#, status: 201)
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      #expect(!forge.capabilities.hasCheckRuns)
      let title = String(repeating: "ä", count: 200)
      let id = try await forge.setCheck(
        CheckState(progress: progress, title: title, summary: ""), on: "abc",
        of: Self.pull, existing: nil)
      #expect(id == nil)
      let shown = String(repeating: "ä", count: 139) + "…"
      try expect(
        server, "POST", "/repos/octo/hello/statuses/abc",
        #"{"state": "\#(word)", "description": "\#(shown)", "context": "stet"}"#)
    }
  }
}

@Suite("Texts within GitHub's lengths")
struct CommentTextTests {
  @Test("are left alone up to the last character")
  func short() {
    let text = String(repeating: "x", count: CommentText.commentLimit)
    #expect(CommentText.fitting(text) == text)
  }

  @Test(
    "are cut with a note",
    arguments: ["x", "ä\n", "👩‍👩‍👧 words\n", "| a | b |\r\n", "```\ncode\n```\n"])
  func cut(piece: String) {
    let text = String(repeating: piece, count: 70_000)
    let fitted = CommentText.fitting(text)
    #expect(fitted.utf16.count <= CommentText.commentLimit)
    #expect(fitted.utf16.count > CommentText.commentLimit - 3000)
    #expect(fitted.hasSuffix("GitHub takes no longer text._"))
    #expect(!fitted.contains("\u{FFFD}"))
  }

  @Test("close a code block that the cut has opened")
  func fence() {
    let fitted = CommentText.fitting(
      "intro\n```swift\n" + String(repeating: "let x = 1\n", count: 20_000) + "```\n")
    #expect(fitted.contains("\n```\n\n_The rest is cut"))
  }

  @Test("keep the hidden mark of the last line")
  func mark() {
    let mark = "<!-- stet:finding 0123 -->"
    let fitted = CommentText.fitting(String(repeating: "x\n", count: 70_000) + mark + "\n")
    #expect(fitted.hasSuffix("\n\n" + mark))
    #expect(fitted.utf16.count <= CommentText.commentLimit)
  }
}
