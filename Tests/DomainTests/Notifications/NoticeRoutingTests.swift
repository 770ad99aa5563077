import Domain
import Foundation
import Testing

@Suite struct NoticeRoutingTests {
  private let noon = Date(timeIntervalSince1970: 1_800_014_400)

  private func notice(
    _ event: Notice.Event = .review, _ severity: Severity = .warning, of name: String = "app"
  ) -> Notice {
    Notice(
      id: "n", event: event, severity: severity, forge: "github",
      repository: RepositoryName(owner: "Acme", name: name), headline: "It happened.", at: noon)
  }

  private func plan(
    _ notice: Notice, _ routes: [NotifyPolicy.Route], quiet: QuietHours = QuietHours(),
    now: Date? = nil
  ) -> NoticeRouting.Plan {
    NoticeRouting.plan(
      notice, [.init(name: "policy", policy: NotifyPolicy(routes: routes, quiet: quiet))],
      now: now ?? noon)
  }

  @Test func aRouteChoosesByEventSeverityAndRepository() {
    let route = NotifyPolicy.Route(
      events: [.review], severity: .warning, repositories: ["acme/*"], destinations: [.slack(nil)])
    #expect(plan(notice(), [route]).deliveries.map(\.destination) == [.slack(nil)])
    for other in [notice(.merged), notice(.review, .note)] {
      let plan = plan(other, [route])
      #expect(plan.deliveries.isEmpty)
      #expect(plan.silences.count == 1)
    }
    let elsewhere = NotifyPolicy.Route(repositories: ["acme/lib*"], destinations: [.webhook])
    #expect(plan(notice(), [elsewhere]).deliveries.isEmpty)
    #expect(plan(notice(of: "library"), [elsewhere]).deliveries.count == 1)
  }

  @Test func nobodyIsToldTwice() {
    let routes = [
      NotifyPolicy.Route(destinations: [.slack(nil), .webhook], digest: DigestTime(.daily)),
      NotifyPolicy.Route(destinations: [.slack(nil)]),
    ]
    let deliveries = plan(notice(), routes).deliveries
    #expect(deliveries.count == 2)
    #expect(deliveries.first { $0.destination == .slack(nil) }?.time == .now)
  }

  @Test(
    arguments: [
      (NotifyPolicy.AtNight.send, NoticeRouting.Time.now as NoticeRouting.Time?), (.drop, nil),
      (.hold, .at(Date(timeIntervalSince1970: 1_800_086_400))),
    ])
  func quietHoursHoldDropOrLetThrough(
    _ atNight: NotifyPolicy.AtNight, _ time: NoticeRouting.Time?
  ) {
    let quiet = QuietHours(windows: [QuietHours.Window(from: 22 * 60, to: 8 * 60)])
    let night = Date(timeIntervalSince1970: 1_800_050_400 + 3_600)
    let route = NotifyPolicy.Route(destinations: [.webhook], atNight: atNight)
    let plan = plan(notice(), [route], quiet: quiet, now: night)
    #expect(plan.deliveries.first?.time == time)
    #expect(plan.silences.isEmpty == (time != nil))
  }

  /// Slashes keep an owner's star from reaching another owner's repositories.
  @Test(
    arguments: [
      ("acme/*", "acme/app", true), ("*/app", "acme/app", true), ("acme/a*p", "acme/app", true),
      ("*", "acme/app", false), ("acme*", "acme/app", false), ("acme/app", "acme/app2", false),
      ("*/*", "acme/app", true),
    ])
  func globs(_ glob: String, _ name: String, _ isMatch: Bool) {
    let route = NotifyPolicy.Route(repositories: [glob], destinations: [.webhook])
    var notice = notice()
    let parts = name.split(separator: "/").map(String.init)
    notice.repository = RepositoryName(owner: parts[0], name: parts[1])
    #expect(plan(notice, [route]).deliveries.isEmpty != isMatch)
  }

  @Test func noticesOfOneDigestHaveOneName() {
    let route = NotifyPolicy.Route(destinations: [.webhook], digest: DigestTime(.daily))
    let first = plan(notice(), [route]).deliveries.first?.time
    let second = plan(notice(.merged), [route], now: noon.addingTimeInterval(600))
      .deliveries.first?.time
    #expect(first != nil)
    #expect(first == second)
  }

  @Test(
    arguments: [
      "slack", "slack:ops", "mail", "mail:ann@example.org", "webhook", "https://hooks.example/x",
    ])
  func destinationsReadAsTheyAreWritten(_ text: String) {
    #expect(NoticeDestination(text)?.description == text)
  }

  @Test(
    arguments: [
      "slack:", "mail:", "mail:ann", "mail:a b@example.org", "mail:a@b\r\nBcc: c@d.example",
      "webhook:x", "http://hooks.example/", "ftp://x", "https://a b", "Slack", "",
      "mail:<a@example.org>", "mail:a@-x.example", "mail:a..b@example.org",
    ])
  func othersAreNone(_ text: String) { #expect(NoticeDestination(text) == nil) }

  @Test func whatIsShownOfAnAddressHasNoPath() {
    #expect(
      NoticeDestination("https://hooks.example/T0/secret?k=1")?.shown == "https://hooks.example")
  }
}

@Suite struct NoticeMessageTests {
  @Test func aTemplateFillsEachNameOnce() {
    var notice = Notice(
      id: "n", event: .review, severity: .error, forge: "github",
      repository: RepositoryName(owner: "acme", name: "app"), subject: "acme/app#7",
      subjectTitle: "{url} {headline}", headline: "Approved.", at: Date())
    notice.url = "https://forge.example/7"
    let message = NoticeMessage(notice, template: NoticeTemplate("{subject}: {title} [{severity}]"))
    #expect(message.title == "acme/app#7: {url} {headline} [error]")
    #expect(NoticeTemplate("{who} {title} {").unknownNames == ["who"])
  }

  /// Hidden characters, line breaks and secrets of others do not go out.
  @Test func textsOfOthersAreMadeHarmless() {
    let key = ["AKIA", "Q3EGRI7M", "X2LJW5TZ"].joined()
    let notice = Notice(
      id: "n", event: .review, forge: "github",
      repository: RepositoryName(owner: "acme", name: "app"),
      subjectTitle: "a\r\nb\u{202E}c", headline: "x", url: "javascript:alert(1)",
      facts: [.init("k\n", "v\u{200B}")], lines: ["token = \"\(key)\"\nnext"], at: Date())
    let message = NoticeMessage(notice)
    let item = message.items[0]
    for text in [message.title, item.title, item.lines[0], item.facts[0].value] {
      #expect(!text.contains("\n") && !text.contains("\r\n") && !text.contains("\u{202E}"))
    }
    #expect(item.url == nil)
    #expect(!item.lines[0].contains(key))
  }

  @Test func aDigestKeepsWhatMattersMost() {
    let notices = (0..<100).map { number in
      Notice(
        id: "n\(number)", event: .review, severity: number == 77 ? .error : .note, forge: "github",
        repository: RepositoryName(owner: "acme", name: "app"), headline: "Number \(number).",
        at: Date(timeIntervalSince1970: Double(number)))
    }
    let message = NoticeMessage(digest: "d", of: notices.reversed(), at: Date())
    #expect(message.items.count == NoticeMessage.mostItems)
    #expect(message.leftOut == 60)
    #expect(message.items.contains { $0.severity == .error })
    #expect(message.items.map(\.at) == message.items.map(\.at).sorted())
  }
}
