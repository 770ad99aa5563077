import Domain
import Forges
import Foundation
import Jobs
import Storage
import TestKit
import Testing
import WebClient

@testable import UseCases

/// Webhooks that never arrived, by what the forge remembers of them.
@Suite struct RedeliverTests {
  private static let repository = OnTimeBench.repository

  private func connection(_ bench: OnTimeBench) throws -> GitHubConnection {
    let key = try Self.key ?? GitHubAppKey()
    bench.hub.addApp(id: 88, slug: "hooks", publicKeyPEM: key.publicPEM)
    return try GitHubConnection(
      GitHubConfiguration(
        apiURL: bench.bench.server.url,
        credentials: .app(id: "88", privateKeyPEM: key.privatePEM), client: Self.client,
        deadline: .seconds(10), retry: .never))
  }

  /// One pair of keys for all tests: making one takes a while.
  private static let key = try? GitHubAppKey()
  private static let client = WebClient(
    configuration: WebClientConfiguration(userAgent: "stet/test"))

  private func redeliver(
    _ bench: OnTimeBench, _ log: any DeliveryLog, pages: Int = 50, redeliveries: Int = 50
  ) -> RedeliverWebhooks {
    var use = RedeliverWebhooks(
      ports: .init(
        log: log, inbox: bench.bench.inbox, notes: bench.bench.notes, audit: bench.bench.audit,
        register: bench.register, isOurs: { $0 == "https://stet.example/webhooks/github" },
        now: { bench.now }))
    use.budget.pages = pages
    use.budget.redeliveries = redeliveries
    return use
  }

  private func delivery(_ name: String, _ event: String = "pull_request") -> GitHubDelivery {
    GitHubDelivery(payload: Array("{}".utf8), event: event, id: name)
  }

  private func store(_ name: String, _ bench: OnTimeBench) async throws {
    _ = try await bench.bench.inbox.accept(
      Delivery(id: "github:\(name)", event: "push", meaning: name, body: Array("{}".utf8)),
      enqueuing: NewJob(kind: Work.HandleDelivery.kind, arguments: "{}"))
  }

  private func asked(_ bench: OnTimeBench, _ owner: FakeGitHub.HookOwner, _ status: Int = 202)
    -> [String]
  {
    bench.hub.redelivered(of: owner, status: status).map(\.id)
  }

  @Test func onlyWhatNeverArrivedIsAskedForAgain() async throws {
    let bench = try await OnTimeBench("")
    let app = FakeGitHub.HookOwner.app(88)
    let log = try connection(bench).deliveryLog
    #expect(log.hasOneSource)
    bench.hub.record(
      delivery("old"), of: app, status: 500, at: bench.now.addingTimeInterval(-4 * 86_400))
    bench.hub.record(delivery("arrived"), of: app, status: 202)
    bench.hub.record(delivery("lost"), of: app, status: 0)
    bench.hub.record(delivery("refused"), of: app, status: 503)
    // It failed, and a later attempt brought it.
    bench.hub.record(delivery("later"), of: app, status: 502)
    bench.hub.record(delivery("later"), of: app, status: 200)
    // The forge did not hear the answer; it is here.
    bench.hub.record(delivery("stored"), of: app, status: 504)
    try await store("stored", bench)
    bench.hub.record(delivery("hello", "ping"), of: app, status: 500)
    let use = redeliver(bench, log)
    #expect(try await use.run(job: "job-1") == .completed)
    #expect(asked(bench, app) == ["lost", "refused"])
    guard case .cancelled = try await use.run() else {
      Issue.record("what was asked for was asked for again at once")
      return
    }
    #expect(asked(bench, app).isEmpty)
    let entries = try await bench.bench.audit.entries(after: 0, limit: 9).map(\.event)
    #expect(entries.map(\.action) == ["webhook.redelivered", "webhook.redelivered"])
    #expect(
      entries.map { $0.facts["reason"] } == [
        "the forge could not deliver it", "the forge was answered 503",
      ])
  }

  @Test func itIsAskedForThreeTimesAndThenGivenUp() async throws {
    let bench = try await OnTimeBench("")
    let app = FakeGitHub.HookOwner.app(88)
    let use = redeliver(bench, try connection(bench).deliveryLog)
    bench.hub.record(delivery("poison"), of: app, status: 400)
    var count = 0
    for _ in 0..<12 {
      _ = try await use.run()
      count += asked(bench, app, 400).count
      bench.pass(days: 0.1)
    }
    #expect(count == 3)
    #expect(try await bench.audited().count { $0 == "webhook.given_up" } == 1)
  }

  @Test func aLongLogIsReadOverSeveralRuns() async throws {
    let bench = try await OnTimeBench("")
    let app = FakeGitHub.HookOwner.app(88)
    let log = try connection(bench).deliveryLog
    let names = (0..<350).map { "d\($0)" }
    for (index, name) in names.enumerated() {
      bench.hub.record(delivery(name), of: app, status: index % 50 == 0 ? 500 : 202)
    }
    let use = redeliver(bench, log, pages: 2, redeliveries: 3)
    var found: [String] = []
    for round in 0..<5 {
      _ = try await use.run()
      found += asked(bench, app)
      if round == 1 { bench.hub.record(delivery("new"), of: app, status: 500) }
    }
    #expect(Set(found) == Set(["d0", "d50", "d100", "d150", "d200", "d250", "d300", "new"]))
    #expect(found.count == 8)
  }

  @Test func aTokenAsksTheHookOfEachRepository() async throws {
    let bench = try await OnTimeBench("")
    try await bench.register.note(bench.bench.access.known)
    let ours = bench.hub.addHook(
      to: "https://stet.example/webhooks/github", in: Self.repository)
    let other = bench.hub.addHook(to: "https://ci.example/hook", in: Self.repository)
    bench.hub.record(delivery("a"), of: .repository(Self.repository, hook: ours), status: 500)
    bench.hub.record(delivery("b"), of: .repository(Self.repository, hook: other), status: 500)
    let token = ["token", "for", "hooks"].joined(separator: "-")
    bench.hub.addToken(token, for: ServiceBench.login(.token))
    let log = try GitHubConnection(
      GitHubConfiguration(
        apiURL: bench.bench.server.url, credentials: .token(token), client: Self.client,
        deadline: .seconds(10), retry: .never)
    ).deliveryLog
    let use = redeliver(bench, log)
    #expect(try await use.run() == .completed)
    #expect(asked(bench, .repository(Self.repository, hook: ours)) == ["a"])
    #expect(asked(bench, .repository(Self.repository, hook: other)).isEmpty)
    // Without the right to see hooks nothing is asked for a day.
    bench.hub.setPermission(.write, of: ServiceBench.login(.token), in: Self.repository)
    let before = bench.hub.count("GET", "/hooks")
    for _ in 0..<3 { _ = try await use.run() }
    #expect(bench.hub.count("GET", "/hooks") == before + 1)
  }
}
