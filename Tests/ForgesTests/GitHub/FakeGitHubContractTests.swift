import Domain
import Foundation
import TestKit
import Testing
import WebClient

@testable import Forges

/// The adapter against the whole of the fake forge, by each way of being let in.
@Suite("GitHubForge and FakeGitHub")
struct FakeGitHubContractTests {
  enum Entrance: String, Sendable, CaseIterable { case app, appByLookUp, token }

  private static let repository = RepositoryName(owner: "octo-org", name: "shop")

  private func with(
    _ entrance: Entrance, time: BenchTime = BenchTime(), validators: BenchValidators? = nil,
    _ body: (GitHubForge, FakeGitHub, PullRequestReference) async throws -> Void
  ) async throws {
    let hub = FakeGitHub()
    let old = (1...9).map { "line \($0)\n" }.joined()
    let reference = hub.addPullRequest(
      in: Self.repository, base: ["a.py": Array(old.utf8), "gone.txt": Array("x\n".utf8)],
      head: [
        "a.py": Array(old.replacing("line 5", with: "line five").utf8),
        "new file.txt": Array("hello\n".utf8), "gone.txt": nil,
      ])
    let credentials: GitHubCredentials
    if entrance == .token {
      hub.addToken(ForgeBench.token, for: "stet-bot")
      hub.setPermission(.write, of: "stet-bot", in: Self.repository)
      credentials = .token(ForgeBench.token)
    } else {
      let key = try GitHubAppKey()
      hub.addApp(id: 12, slug: "stet", publicKeyPEM: key.publicPEM)
      hub.addInstallation(id: 99, of: 12, on: "octo-org")
      credentials = .app(id: "12", privateKeyPEM: key.privatePEM)
    }
    let server = try await hub.listen()
    do {
      let connection = try GitHubConnection(
        ForgeBench.configuration(
          server.url, credentials: credentials, time: time, validators: validators))
      let forge = connection.forge(
        for: Self.repository, installation: entrance == .app ? 99 : nil)
      try await body(forge, hub, reference)
    } catch {
      await server.stop()
      throw error
    }
    await server.stop()
  }

  @Test(arguments: Entrance.allCases)
  func reads(entrance: Entrance) async throws {
    try await with(entrance) { forge, hub, reference in
      let pull = try await forge.pullRequest(reference)
      #expect(pull.head == hub.head(of: reference))
      #expect(pull.author.login == "ada")
      let diff = try await forge.diff(of: reference)
      let files = try Diff(parsing: diff.bytes).files
      #expect(files.map(\.path.description).sorted() == ["a.py", "gone.txt", "new file.txt"])
      let compared = try await forge.comparison(
        Self.repository, base: pull.base, head: pull.head)
      #expect(try Diff(parsing: compared.bytes).files.count == 3)
      let file = try await forge.file("new file.txt", in: Self.repository, at: pull.head)
      #expect(file == Array("hello\n".utf8))
      let none = try await forge.file("none", in: Self.repository, at: pull.head)
      #expect(none == nil)
      hub.setPermission(.maintain, of: "mia", in: Self.repository)
      let permission = try await forge.permission(of: "mia", in: Self.repository)
      #expect(permission == .maintain)
      let account = try await forge.ownAccount()
      #expect(account.login == (entrance == .token ? "stet-bot" : "stet[bot]"))
    }
  }

  @Test(arguments: Entrance.allCases)
  func publishes(entrance: Entrance) async throws {
    try await with(entrance) { forge, hub, reference in
      let head = try #require(hub.head(of: reference))
      let own = try await forge.ownAccount()
      let draft = ReviewDraft(
        commit: head, verdict: .requestChanges, body: "Two things.",
        comments: [
          .init(path: "a.py", side: .new, startLine: 4, line: 5, body: "new"),
          .init(path: "gone.txt", side: .old, startLine: 1, line: 1, body: "old"),
        ])
      let posted = try await forge.post(draft, on: reference)
      #expect(posted.author.login == own.login)
      #expect(hub.reviews(of: reference).map(\.state) == ["CHANGES_REQUESTED"])
      let reviews = try await forge.reviews(of: reference)
      #expect(reviews.map(\.id) == [posted.id])
      let comments = try await forge.reviewComments(on: reference)
      #expect(comments.map(\.body).sorted() == ["new", "old"])
      #expect(comments.allSatisfy { $0.author.login == own.login })
      let first = try #require(comments.first { $0.body == "new" })
      #expect(first.place?.line == 5)
      #expect(first.place?.side == .new)
      #expect(comments.first { $0.body == "old" }?.place?.side == .old)
      let reply = try await forge.reply("why", to: first.id, on: reference)
      #expect(reply.place?.inReplyTo == first.id)
      try await forge.react(.eyes, to: CommentReference(.review, first.id), in: Self.repository)

      let threads = try await forge.reviewThreads(of: reference)
      let thread = try #require(threads.first { $0.comments.first?.id == first.id })
      #expect(thread.comments.map(\.body) == ["new", "why"])
      #expect(thread.comments.allSatisfy { $0.author.login == own.login })
      #expect(!thread.isResolved)
      try await forge.resolve(thread: thread.id, in: Self.repository)
      let after = try await forge.reviewThreads(of: reference)
      #expect(after.first { $0.id == thread.id }?.isResolved == true)

      let comment = try await forge.comment("summary", on: reference)
      try await forge.edit(comment: comment.id, in: Self.repository, to: "edited")
      try await forge.react(
        .thumbsUp, to: CommentReference(.conversation, comment.id), in: Self.repository)
      let listed = try await forge.comments(on: reference)
      #expect(listed.map(\.body) == ["edited"])
      try await forge.addLabels(["needs work"], to: reference)
      #expect(hub.labels(of: reference) == ["needs work"])
      for _ in 1...2 { try await forge.removeLabel("needs work", from: reference) }
      #expect(hub.labels(of: reference).isEmpty)
    }
  }

  @Test(arguments: Entrance.allCases)
  func tellsTheState(entrance: Entrance) async throws {
    try await with(entrance) { forge, hub, reference in
      let head = try #require(hub.head(of: reference))
      var state = CheckState(progress: .inProgress, title: "Reviewing", summary: "…")
      let id = try await forge.setCheck(state, on: head, of: reference, existing: nil)
      #expect(try await forge.unfinishedCheck(on: head, of: reference) == id)
      state.progress = .neutral
      let again = try await forge.setCheck(state, on: head, of: reference, existing: id)
      #expect(again == id)
      #expect(try await forge.unfinishedCheck(on: head, of: reference) == nil)
      if entrance == .token {
        #expect(id == nil)
        #expect(hub.statuses(in: Self.repository, of: head).map(\.state).contains("error"))
      } else {
        #expect(hub.checkRuns(in: Self.repository).map(\.conclusion) == ["neutral"])
      }
    }
  }

  @Test(arguments: Entrance.allCases)
  func isRefused(entrance: Entrance) async throws {
    try await with(entrance) { forge, hub, reference in
      let head = try #require(hub.head(of: reference))
      let outside = ReviewDraft(
        commit: head, verdict: .comment, body: "b",
        comments: [.init(path: "a.py", side: .new, startLine: 900, line: 900, body: "x")])
      let rejected = await #expect(throws: ForgeError.self) {
        try await forge.post(outside, on: reference)
      }
      #expect(rejected?.code == .rejected)
      let missing = await #expect(throws: ForgeError.self) {
        try await forge.pullRequest(PullRequestReference(Self.repository, 4711))
      }
      #expect(missing?.code == .notFound)
      let thread = await #expect(throws: ForgeError.self) {
        try await forge.resolve(thread: "nonsense", in: Self.repository)
      }
      #expect(thread?.code == .notFound)
      hub.setSecondaryLimit(after: 0)
      let limited = await #expect(throws: ForgeError.self) {
        try await forge.comments(on: reference)
      }
      #expect(limited?.code == .rateLimited)
      #expect((limited?.retryAfter ?? .zero) > .seconds(30))
    }
  }

  @Test func putsALargeDiffTogether() async throws {
    try await with(.token) { forge, hub, reference in
      let whole = try Diff(parsing: try await forge.diff(of: reference).bytes).files
      hub.setDiffLimit(files: 1)
      let rebuilt = try await forge.diff(of: reference)
      let files = try Diff(parsing: rebuilt.bytes).files
      #expect(files.map(\.path) == whole.map(\.path))
      #expect(files.map(\.status) == whole.map(\.status))
      #expect(rebuilt.leftOut.isEmpty)
    }
  }

  @Test func asksAnewWithARevokedToken() async throws {
    try await with(.app) { forge, hub, reference in
      _ = try await forge.pullRequest(reference)
      hub.revokeInstallationTokens()
      _ = try await forge.pullRequest(reference)
      #expect(hub.count("POST", "/access_tokens") == 2)
    }
  }

  @Test(arguments: [-3600, 3600])
  func bearsAWrongClock(seconds: Int) async throws {
    try await with(.appByLookUp) { forge, hub, reference in
      hub.setClockOffset(.seconds(seconds))
      let pull = try await forge.pullRequest(reference)
      #expect(pull.state == .open)
    }
  }

  @Test func sparesWhatHasNotChanged() async throws {
    let validators = BenchValidators()
    try await with(.token, validators: validators) { forge, hub, reference in
      for _ in 1...2 { _ = try await forge.pullRequest(reference) }
      #expect(hub.log.map(\.status) == [200, 304])
    }
  }

  @Test(arguments: Entrance.allCases)
  func readsIssues(entrance: Entrance) async throws {
    try await with(entrance) { forge, hub, pull in
      hub.addLabels(["bug", "ui/ux"], to: Self.repository)
      var numbers: [Int] = []
      for number in 0..<120 {
        let issue = hub.addIssue(
          in: Self.repository, title: "t\(number)", body: number == 0 ? nil : "b",
          labels: number == 5 ? ["bug"] : [])
        numbers.append(issue.number)
      }
      let first = PullRequestReference(Self.repository, numbers[5])
      hub.close(first)
      let read = try await forge.issue(first)
      #expect(read.title == "t5" && read.labels == ["bug"] && !read.isOpen && !read.isPullRequest)
      #expect(read.author.login == "ada")
      #expect(try await forge.issue(pull).isPullRequest)
      // Newest first, over pages, without the pull request.
      let all = try await forge.issues(in: Self.repository, limit: 1_000)
      #expect(all.map(\.reference.number) == numbers.reversed())
      #expect(all.last?.body == "")
      #expect(try await forge.issues(in: Self.repository, limit: 3).count == 3)
      #expect(try await Set(forge.labels(in: Self.repository)) == ["bug", "ui/ux"])
      let missing = PullRequestReference(Self.repository, 9_999)
      let error = await #expect(throws: ForgeError.self) { try await forge.issue(missing) }
      #expect(error?.code == .notFound)

      let comment = try await forge.comment("hello", on: first)
      let place = CommentReference(.conversation, comment.id)
      hub.react(.thumbsUp, by: "grace", to: comment.id, in: Self.repository)
      hub.react(.heart, by: "ada", to: comment.id, in: Self.repository)
      let who = try await forge.accounts(
        reacting: .thumbsUp, to: place, in: Self.repository)
      #expect(who.map(\.login) == ["grace"])
      #expect(
        try await forge.accounts(reacting: .rocket, to: place, in: Self.repository).isEmpty)
    }
  }
}
