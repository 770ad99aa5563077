import Domain
import Foundation
import TestKit
import Testing
import WebClient

@testable import Forges

/// The comments of a whole repository, page by page.
@Suite struct ReviewHistoryTests {
  private static let repository = RepositoryName(owner: "octo-org", name: "shop")
  private static let start = Date(timeIntervalSince1970: 1_700_000_000)

  private func with(
    _ body: (GitHubForge, FakeGitHub, PullRequestReference) async throws -> Void
  ) async throws {
    let hub = FakeGitHub()
    let pull = hub.addPullRequest(
      in: Self.repository, base: ["a.go": []], head: ["a.go": Array("package a\n".utf8)])
    let token = ["token", "of", "a", "test"].joined(separator: "-")
    hub.addToken(token, for: "ada")
    let server = try await hub.listen()
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
    let validators = InMemoryValidatorStore()
    let connection = try GitHubConnection(
      GitHubConfiguration(
        apiURL: server.url, credentials: .token(token), client: client, validators: validators,
        retry: .never))
    do { try await body(connection.forge(for: Self.repository), hub, pull) } catch {
      await server.stop()
      await client.shutdown()
      throw error
    }
    // People's words are kept by whoever asks, and by nobody else.
    #expect(await validators.keys.allSatisfy { !$0.contains("/pulls/comments") })
    await server.stop()
    await client.shutdown()
  }

  private func add(
    _ count: Int, to hub: FakeGitHub, _ pull: PullRequestReference, from first: Int = 0,
    every seconds: Double = 60
  ) {
    for number in first..<(first + count) {
      hub.addPastComment(
        "c\(number)", by: "lin", on: pull, path: "a.go", line: 1,
        hunk: "@@ -0,0 +1 @@\n+package a", at: Self.start + Double(number) * seconds)
    }
  }

  private func all(_ forge: GitHubForge) async throws -> (bodies: [String], last: HistoryCursor) {
    var cursor: HistoryCursor? = HistoryCursor()
    var again = HistoryCursor()
    var byID: [Int64: String] = [:]
    while let at = cursor {
      let page = try await forge.pastComments(in: Self.repository, at: at)
      for past in page.comments { byID[past.comment.id] = past.comment.body }
      cursor = page.next
      again = page.again
    }
    return (byID.sorted { $0.key < $1.key }.map(\.value), again)
  }

  @Test(arguments: [(0, 60.0), (1, 60.0), (100, 60.0), (101, 60.0), (350, 60.0), (350, 0.0)])
  func everyCommentIsReadOnceOrMore(_ count: Int, _ seconds: Double) async throws {
    try await with { forge, hub, pull async throws in
      add(count, to: hub, pull, every: seconds)
      #expect(try await all(forge).bodies == (0..<count).map { "c\($0)" })
    }
  }

  @Test func aCommentIsReadWithItsPlace() async throws {
    try await with { forge, hub, pull async throws in
      add(1, to: hub, pull)
      let page = try await forge.pastComments(in: Self.repository, at: HistoryCursor())
      let past = try #require(page.comments.first)
      #expect(past.pullRequest == pull.number && past.line == 1)
      #expect(past.comment.author.login == "lin")
      #expect(past.comment.place?.diffHunk == "@@ -0,0 +1 @@\n+package a")
      #expect(past.comment.createdAt == Self.start && past.updatedAt == Self.start)
      #expect(page.next == nil && page.again.etag != nil)
    }
  }

  @Test func whatIsUnchangedCostsNothing() async throws {
    try await with { forge, hub, pull async throws in
      add(130, to: hub, pull)
      let last = try await all(forge).last
      #expect(last.etag != nil && last.since != nil)
      let page = try await forge.pastComments(in: Self.repository, at: last)
      #expect(page.isUnchanged && page.comments.isEmpty && page.next == nil)
      #expect(page.again == last && hub.log.last?.status == 304)
      add(2, to: hub, pull, from: 130)
      let news = try await forge.pastComments(in: Self.repository, at: last)
      #expect(!news.isUnchanged)
      #expect(news.comments.suffix(2).map(\.comment.body) == ["c130", "c131"])
    }
  }

  /// A page that is full stays the same when one more follows it.
  @Test func aFullLastPageIsAskedForWhole() async throws {
    try await with { forge, hub, pull async throws in
      add(100, to: hub, pull)
      #expect(try await all(forge).last.etag == nil)
    }
  }

  @Test func peopleAreFoundByTheirNumber() async throws {
    try await with { forge, hub, _ async throws in
      hub.addAccount("lin", id: 107)
      #expect(try await forge.account(id: 107)?.login == "lin")
      hub.rename("lin", to: "lin-new")
      #expect(try await forge.account(id: 107)?.login == "lin-new")
      #expect(try await forge.account(login: "lin") == nil)
      #expect(try await forge.account(id: 999) == nil)
    }
  }

  @Test func aRepositoryThatIsGoneIsNotFound() async throws {
    try await with { forge, hub, _ async throws in
      hub.deleteRepository(Self.repository)
      let error = await #expect(throws: ForgeError.self) {
        try await forge.pastComments(in: Self.repository, at: HistoryCursor())
      }
      #expect(error?.code == .notFound)
    }
  }
}
