import Foundation
import Jobs
import Storage
import TestKit
import Testing

@testable import Domain
@testable import UseCases

@Suite struct NotifyPeopleTests {
  private func policy(
    _ destinations: [NoticeDestination], digest: DigestTime? = nil, severity: Severity = .note
  ) -> NotifyPolicy {
    NotifyPolicy(routes: [
      NotifyPolicy.Route(severity: severity, destinations: destinations, digest: digest)
    ])
  }

  @Test func everyPlaceIsToldOnceHoweverOftenItHappens() async throws {
    let bench = try await NotifyBench(policy([.webhook, .slack(nil)]))
    for _ in 0..<3 {
      try await bench.queue.tell(bench.notice(), access: nil)
      try await bench.work()
    }
    #expect(bench.receiver.requests.map(\.path).sorted() == ["/hook", "/slack"])
    #expect(try await bench.actions() == ["notice.sent", "notice.sent"])
    try await bench.queue.tell(bench.notice("review-2"), access: nil)
    try await bench.work()
    #expect(bench.receiver.requests.count == 4)
  }

  @Test func aPlaceThatFailsIsTriedAgainAndHoldsUpNoOther() async throws {
    let bench = try await NotifyBench(policy([.webhook]), answers: [503])
    try await bench.queue.tell(bench.notice(), access: nil)
    #expect(
      try await bench.work() == ["notify-people completed", "deliver-notice failed"])
    let waiting = try await bench.jobs.jobs(JobFilter(states: [.retryable]))
    #expect(waiting.count == 1)
    #expect(waiting.first?.errors.last?.message.contains("status 503") == true)
    _ = try await bench.jobs.retry(id: try #require(waiting.first).id)
    #expect(try await bench.work() == ["deliver-notice completed"])
    // The same message under the same id, so that its receiver knows it.
    #expect(Set(bench.receiver.requests.map { $0.header("webhook-id") ?? "" }) == ["review-1"])
    #expect(try await bench.actions() == ["notice.sent"])
  }

  @Test func whatIsRefusedIsGivenUpAndTold() async throws {
    let bench = try await NotifyBench(policy([.webhook]), answers: [410])
    try await bench.queue.tell(bench.notice(), access: nil)
    #expect(
      try await bench.work() == ["notify-people completed", "deliver-notice discarded"])
    #expect(try await bench.actions() == ["notice.failed"])
  }

  private struct ForgeAway: ForgeOpening {
    func open(_ access: ForgeAccess) async throws(ForgeError) -> any Forge {
      throw ForgeError(code: .unreachable, detail: "the forge is away")
    }
  }

  /// What is told may be that very outage.
  @Test func theServersOwnPlacesHearWhileTheForgeIsAway() async throws {
    let bench = try await NotifyBench(policy([.webhook]), forge: ForgeAway())
    let repository = RepositoryName(owner: "acme", name: "app")
    try await bench.queue.tell(
      bench.notice(), access: ForgeAccess(forge: "github", repository: repository))
    let endings = try await bench.work()
    #expect(endings.contains("deliver-notice completed"), "\(endings)")
    #expect(!endings.contains("notify-people completed"), "its own policy is asked for again")
    #expect(bench.receiver.requests.map(\.path) == ["/hook"])
  }

  @Test func nothingIsSentBelowTheLevel() async throws {
    let bench = try await NotifyBench(policy([.webhook], severity: .error))
    try await bench.queue.tell(bench.notice(), access: nil)
    #expect(try await bench.work() == ["notify-people cancelled"])
    #expect(bench.receiver.requests.isEmpty)
  }

  @Test func aDigestGathersAndIsSentOnce() async throws {
    let bench = try await NotifyBench(
      policy([.webhook], digest: DigestTime(.daily)), answers: [500])
    for number in 1...3 {
      try await bench.queue.tell(bench.notice("review-\(number)"), access: nil)
    }
    try await bench.work()
    #expect(bench.receiver.requests.isEmpty)
    let waiting = try await bench.jobs.jobs(JobFilter(states: [.scheduled]))
    #expect(waiting.map(\.kind) == [Work.DeliverDigest.kind])
    let digest = try #require(waiting.first)
    // It is due at the next 09:00, and is asked for now.
    _ = try await bench.jobs.retry(id: digest.id)
    #expect(try await bench.work() == ["deliver-digest failed"])
    _ = try await bench.jobs.retry(id: digest.id)
    #expect(try await bench.work() == ["deliver-digest completed"])
    #expect(bench.receiver.requests.count == 2)
    #expect(bench.receiver.requests[0].body == bench.receiver.requests[1].body)
    let read = try JSONDecoder().decode(
      JSONValue.self, from: Data(try #require(bench.receiver.requests.last).body))
    #expect(read["type"]?.string == "digest")
    #expect(read["data"]?["notices"]?.array?.count == 3)
    let key = try JSONDecoder().decode(JSONValue.self, from: Data(digest.arguments.utf8))
    #expect(try await bench.notices.held(in: key["digest"]?.string ?? "").isEmpty)
  }

  /// Mail is one message for each person, and goes nowhere that the settings do not name.
  @Test func theServerDecidesWhomAPolicyMayHaveTold() {
    let server = NoticeServer(mailTo: ["ann@example.org"], mailDomains: ["acme.example"])
    func refusal(_ text: String, by route: String = ".stet.yml, route 1") -> String? {
      server.refusal(
        of: .init(
          destination: NoticeDestination(text) ?? .webhook, time: .now, template: nil,
          reason: route))
    }
    #expect(refusal("mail:ann@example.org") == nil)
    #expect(refusal("mail:bob@ACME.example") == nil)
    #expect(refusal("mail:eve@evil.example")?.contains("STET_MAIL_DOMAINS") == true)
    #expect(refusal("mail:eve@evil.example", by: "the settings, route 1") == nil)
    #expect(refusal("https://hooks.example/")?.contains("STET_WEBHOOK_SECRET") == true)
  }
}

@Suite struct NotifyPolicyReadingTests {
  private func read(_ text: String) throws -> NotifyPolicy {
    try PolicyReader.read(Array(text.utf8)).notify
  }

  @Test func everything() throws {
    let policy = try read(
      """
      notify:
        time_zone: Europe/Berlin
        quiet_hours: ["22:00-07:00", "sat,sun 00:00-24:00", "fri-mon 20:00-21:00"]
        routes:
          - events: [review, review_failed]
            severity: warning
            repositories: ["acme/*"]
            to: [slack, "mail:team@example.org", "https://hooks.example.org/stet"]
            digest: weekly tue 09:30
            quiet: drop
            template: "{subject}: {headline}"
          - to: webhook
      """)
    #expect(
      policy
        == NotifyPolicy(
          routes: [
            .init(
              events: [.review, .reviewFailed], severity: .warning, repositories: ["acme/*"],
              destinations: [
                .slack(nil), .mail("team@example.org"), .address("https://hooks.example.org/stet"),
              ], digest: DigestTime(.weekly, minute: 570, weekday: 2), atNight: .drop,
              template: NoticeTemplate("{subject}: {headline}")),
            .init(destinations: [.webhook]),
          ],
          quiet: QuietHours(
            zone: "Europe/Berlin",
            windows: [
              .init(from: 1_320, to: 420), .init(days: [6, 0], from: 0, to: 1_440),
              .init(days: [5, 6, 0, 1], from: 1_200, to: 1_260),
            ])))
  }

  @Test(
    arguments: [
      ("notify: [a]", "expected keys"), ("notify:\n  rotes: []", "did you mean 'routes'?"),
      ("notify:\n  time_zone: Mars/Base", "no time zone"),
      ("notify:\n  time_zone: GMT+2", "no time zone"),
      ("notify:\n  quiet_hours: 25:00-26:00", "expected hours"),
      ("notify:\n  quiet_hours: \"00:00-24:00\"", "no minute of the week"),
      ("notify:\n  routes:\n    - severity: error", "'to' is missing"),
      ("notify:\n  routes:\n    - to: [irc]", "expected slack"),
      ("notify:\n  routes:\n    - {to: slack, events: reviews}", "did you mean 'review'?"),
      ("notify:\n  routes:\n    - {to: slack, digest: monthly}", "expected hourly"),
      (
        "notify:\n  routes:\n    - {to: slack, template: \"{sbject}\"}", "did you mean '{subject}'?"
      ),
      ("notify:\n  routes:\n    - {to: slack, quiet: never}", "expected hold, drop, send"),
      ("notify:\n  routes:\n    - {to: \"mail:a@b\\r\\nBcc: c@d.example\"}", "expected slack"),
    ])
  func mistakesAreTold(_ text: String, _ words: String) {
    #expect {
      try read(text)
    } throws: { error in
      "\(error)".contains(words)
    }
  }
}
