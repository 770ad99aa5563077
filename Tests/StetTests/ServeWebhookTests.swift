import Domain
import Foundation
import Jobs
import TestKit
import Testing
import WebClient

/// A webhook comes to the running program, and one review stands on the pull request.
@Suite struct ServeWebhookTests {
  enum Payload: String, CaseIterable { case own, real }

  @Test(arguments: [ServiceRunning.Credentials.token, .app], Payload.allCases)
  func aWebhookBecomesOnePostedReview(
    _ credentials: ServiceRunning.Credentials, _ payload: Payload
  ) async throws {
    let service = try await ServiceRunning(credentials)
    let posting: ServicePosting
    switch payload {
    case .own: posting = ServicePosting(service)
    case .real:
      guard let sample = ServicePosting.shared("pull_request.opened.json") else {
        print("skipped: the shared data with GitHub's webhooks is not here (STET_SHARED_DATA)")
        return
      }
      posting = try ServicePosting(service, webhook: sample)
    }
    try await service.start()
    let answer = try await service.deliver(posting.delivery())
    #expect(answer.status == 202)
    try await service.idles()
    posting.expectPostedOnce()

    let first = posting.calls.firstIndex {
      $0.hasSuffix("/comments 201") || $0.hasSuffix("/reviews 200")
    }
    let before = try #require(first)
    print(
      "\(credentials.rawValue), \(payload.rawValue): \(before) calls before publishing,",
      "\(posting.calls.count) in all")
    // Some of them look for a policy, at the event and at the end of the review.
    #expect(before <= 8, "\(posting.calls)")
    #expect(posting.calls.count <= 13, "\(posting.calls)")
    #expect(posting.summaries[0].login == (credentials == .app ? "stet-test[bot]" : "stet-account"))
  }

  /// The same delivery again, and the same event under another id.
  @Test func whatIsDeliveredTwiceIsPostedOnce() async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    try await service.start()
    #expect(try await service.deliver(posting.delivery(id: "one")).status == 202)
    let again = try await service.deliver(posting.delivery(id: "one"))
    #expect(again.status == 200)
    #expect(String(decoding: again.body, as: UTF8.self).contains("\"duplicate\":true"))
    #expect(try await service.deliver(posting.delivery(id: "two")).status == 200)
    try await service.idles()
    posting.expectPostedOnce()

    // After a restart too.
    try await service.current?.killed()
    try await service.start()
    #expect(try await service.deliver(posting.delivery(id: "one")).status == 200)
    #expect(try await service.deliver(posting.delivery(id: "three")).status == 200)
    try await service.idles()
    posting.expectPostedOnce()
    #expect(try await service.jobs().count == 2)
  }

  /// GitHub's clock is what an App's tokens are judged by.
  @Test(arguments: [-3600, 3600])
  func aClockOffByAnHour(_ seconds: Int) async throws {
    let service = try await ServiceRunning(.app)
    service.hub.setClockOffset(.seconds(seconds))
    let posting = ServicePosting(service)
    try await service.start()
    #expect(try await service.deliver(posting.delivery()).status == 202)
    try await service.idles()
    posting.expectPostedOnce()
  }

  // MARK: Bad ones

  @Test func withoutASecretNothingIsTaken() async throws {
    let service = try await ServiceRunning()
    service.environment["GITHUB_WEBHOOK_SECRET"] = nil
    let posting = ServicePosting(service)
    try await service.start()
    let answer = try await service.deliver(posting.delivery())
    #expect(answer.status == 503)
    #expect(String(decoding: answer.body, as: UTF8.self).contains("GITHUB_WEBHOOK_SECRET"))
    #expect(try await service.jobs().isEmpty)
  }

  @Test func badWebhooksAreRefusedAndLeaveNothing() async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    let delivery = posting.delivery()
    try await service.start()

    let wrong = try await service.deliver(delivery, secret: service.secret + "x")
    #expect(wrong.status == 401)
    #expect(wrong.headers["content-type"]?.hasPrefix("application/problem+json") == true)
    let none = try await service.deliver(delivery, without: ["x-hub-signature-256"])
    #expect(none.status == 401)
    #expect(try await service.deliver(delivery, without: ["x-github-event"]).status == 400)
    #expect(try await service.deliver(delivery, without: ["x-github-delivery"]).status == 400)

    var form = delivery.headers(secret: service.secret).filter { $0.name != "content-type" }
    form.append(("content-type", "application/x-www-form-urlencoded"))
    let typed = try await service.ask(
      "POST", "/webhooks/github", headers: form.map { ($0.name, $0.value) },
      body: String(decoding: delivery.payload, as: UTF8.self))
    #expect([400, 415].contains(typed.status), "\(typed.status)")
    #expect(String(decoding: typed.body, as: UTF8.self).contains("application/json"))

    let noJSON = GitHubDelivery(payload: Array("no JSON".utf8), event: "pull_request")
    #expect(try await service.deliver(noJSON).status == 400)

    #expect(try await service.jobs().isEmpty)
    #expect(try await service.deliver(delivery).status == 202)
    try await service.idles()
    posting.expectPostedOnce()
  }

  @Test(arguments: ["declared", "chunked"])
  func aHugeBodyIsRefused(_ kind: String) async throws {
    let service = try await ServiceRunning()
    let url = try await service.start().url
    let file = service.folder.path + "/huge"
    #expect(FileManager.default.createFile(atPath: file, contents: Data(count: 26_000_000)))
    var arguments = [
      "--silent", "--show-error", "--max-time", "20", "--output", "/dev/null", "--write-out",
      "%{http_code}", "--header", "Content-Type: application/json", "--header",
      "X-GitHub-Event: push", "--header", "X-GitHub-Delivery: huge", "--header",
      "X-Hub-Signature-256: sha256=" + String(repeating: "0", count: 64), "--data-binary",
      "@" + file,
    ]
    if kind == "chunked" { arguments += ["--header", "Transfer-Encoding: chunked"] }
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/curl") else {
      print("skipped: there is no curl here")
      return
    }
    let outcome = try await StartedService(
      try service.launched(arguments + [url + "/webhooks/github"], program: "/usr/bin/curl")
    ).ended(within: .seconds(30))
    #expect(outcome.output == "413", "\(outcome.output) \(outcome.error)")
    #expect(try await service.ask("GET", "/healthz").status == 200)
    #expect(try await service.jobs().isEmpty)
  }
}
