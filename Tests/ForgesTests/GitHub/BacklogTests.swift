import Domain
import Foundation
import TestKit
import Testing
import WebClient

@testable import Forges

@Suite("What is open on GitHub, and what was sent by it")
struct BacklogTests {
  private static let repository = ForgeBench.repository

  private func scene() async throws -> (FakeGitHub, FaultServer, GitHubForge) {
    let hub = FakeGitHub()
    hub.addRepository(Self.repository)
    hub.addToken(ForgeBench.token, for: "stet-account")
    hub.setPermission(.admin, of: "stet-account", in: Self.repository)
    let server = try await hub.listen { _ in }
    return (hub, server, try ForgeBench.forge(server.url))
  }

  @Test func whatIsOpenIsListedByItsLastChange() async throws {
    let (hub, server, forge) = try await scene()
    let day = 86_400.0
    let start = Date(timeIntervalSince1970: 1_800_000_000)
    let references = (1...3).map { number in
      hub.addIssue(
        in: Self.repository, title: "i\(number)", labels: number == 3 ? ["Stale", "x"] : [])
    }
    let pull = hub.addPullRequest(in: Self.repository, head: ["a": [1]], isDraft: true)
    hub.setAge(of: references[0], updated: start + 3 * day)
    hub.setAge(of: references[1], updated: start)
    hub.setAge(of: references[2], updated: start + 2 * day)
    hub.setAge(of: pull, updated: start + day)
    hub.setMilestone("v2", of: references[1])
    func listed(_ label: String? = nil, since: Date? = nil) async throws -> [Int] {
      try await forge.openItems(in: Self.repository, label: label, since: since, page: 1)
        .map(\.reference.number)
    }
    #expect(try await listed() == [2, 4, 3, 1])
    #expect(try await listed(since: start + day) == [4, 3, 1])
    #expect(try await listed("stale") == [3])
    let items = try await forge.openItems(in: Self.repository, label: nil, since: nil, page: 1)
    #expect(items[0].milestone == "v2" && items[0].kind == .issues && items[0].updatedAt == start)
    #expect(items[1].isDraft && items[1].kind == .pullRequests)
    #expect(items[2].has(label: "stale"))
    try await forge.closeItem(references[1], .issues)
    try await forge.closeItem(pull, .pullRequests)
    #expect(try await listed() == [3, 1])
    #expect(hub.item(references[1])?.reason == "not_planned")
    #expect(try await forge.openItem(pull) == nil)
    #expect(try await forge.openItem(references[0])?.title == "i1")
    withExtendedLifetime(server) {}
  }

  @Test func commentsSinceATimeAreThoseAlone() async throws {
    let (hub, server, forge) = try await scene()
    let issue = hub.addIssue(in: Self.repository, title: "t")
    hub.addComment("before", by: "ada", on: issue)
    hub.setClockOffset(.seconds(3_600))
    hub.addComment("after", by: "ada", on: issue)
    let found = try await forge.comments(on: issue, since: Date() + 1_800)
    #expect(found.map(\.body) == ["after"])
    withExtendedLifetime(server) {}
  }

  @Test func openPullRequestsComeOldestFirstAndByBase() async throws {
    let (hub, server, forge) = try await scene()
    for name in ["a", "b", "c"] {
      hub.addPullRequest(in: Self.repository, head: [name: [1]], headBranch: name)
    }
    hub.close(PullRequestReference(Self.repository, 2))
    func listed(_ base: String?) async throws -> [Int] {
      try await forge.openPullRequests(in: Self.repository, base: base, page: 1)
        .map(\.reference.number)
    }
    #expect(try await listed(nil) == [1, 3])
    #expect(try await listed("main") == [1, 3])
    #expect(try await listed("a") == [])
    withExtendedLifetime(server) {}
  }

  /// An App asks in its own name; nobody else may.
  @Test func theLogOfWebhooksIsReadPageByPage() async throws {
    let (hub, server, _) = try await scene()
    let key = try GitHubAppKey()
    hub.addApp(id: 12, slug: "stet", publicKeyPEM: key.publicPEM)
    for number in 0..<150 {
      hub.record(
        GitHubDelivery(payload: [], event: "push", id: "D\(number)"), of: .app(12),
        status: number == 3 ? 502 : 200)
    }
    let log = try GitHubConnection(
      ForgeBench.configuration(
        server.url, credentials: .app(id: "12", privateKeyPEM: key.privatePEM))
    ).deliveryLog
    let first = try await log.deliveries(of: .app, cursor: nil)
    #expect(first.items.count == 100 && first.items.first?.delivery == "D149")
    let second = try await log.deliveries(of: .app, cursor: first.next)
    #expect(second.items.count == 50 && second.next == nil)
    let failed = try #require(second.items.first { !$0.arrived })
    #expect(failed.delivery == "D3" && failed.status == 502)
    try await log.redeliver(failed.id, of: .app)
    #expect(hub.redelivered(of: .app(12)).map(\.id) == ["D3"])
    let error = await #expect(throws: ForgeError.self) {
      try await log.redeliver(1, of: .app)
    }
    #expect(error?.code == .notFound)
    let token = try GitHubConnection(ForgeBench.configuration(server.url)).deliveryLog
    #expect(!token.hasOneSource)
    await #expect(throws: ForgeError.self) {
      try await token.deliveries(of: .app, cursor: nil)
    }
  }
}
