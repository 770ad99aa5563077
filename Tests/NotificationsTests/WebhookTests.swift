import Domain
import Foundation
import TestKit
import Testing
import WebClient

@testable import Notifications

@Suite struct WebhookNotifierTests {
  private static let key = WebhookKey(String(repeating: "k", count: 32))

  private func client() -> WebClient {
    WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
  }

  private func notifier(
    _ client: WebClient, address: String? = nil, allowing hosts: [String] = [],
    deadline: Duration = .seconds(10)
  ) -> WebhookNotifier {
    WebhookNotifier(
      client: client, address: address, key: Self.key, addressGuard: AddressGuard(allowing: hosts),
      deadline: deadline, now: { Date(timeIntervalSince1970: 1_800_000_000) })
  }

  @Test func aMessageIsSignedSoThatItsReceiverCanTell() async throws {
    let server = try await FaultServer { _ in .text("ok") }
    let client = client()
    try await notifier(client, address: "http://127.0.0.1:\(server.port)/hook")
      .send(NoticeMessage(.sample()), to: .webhook)
    let request = try #require(server.requests.first)
    #expect(request.method == "POST")
    #expect(request.header("webhook-id") == "review-1")
    #expect(request.header("webhook-timestamp") == "1800000000")
    let signature = Self.key.signature(id: "review-1", timestamp: 1_800_000_000, body: request.body)
    #expect(request.header("webhook-signature") == signature)
    let read = try JSONDecoder().decode(JSONValue.self, from: Data(request.body))
    #expect(read["type"]?.string == "notice")
    #expect(read["data"]?["notices"]?.array?.first?["event"]?.string == "review")
    await client.shutdown()
  }

  /// Source: the example of the Standard Webhooks specification, whose secret is assembled here.
  @Test func theSignatureIsThatOfTheStandard() {
    let secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    let body = Array(#"{"test": 2432232314}"#.utf8)
    #expect(
      WebhookKey(secret).signature(
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: body)
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
  }

  @Test func eachAddressHasAKeyOfItsOwn() {
    let one = Self.key.derived(for: "https://one.example/")
    let other = Self.key.derived(for: "https://other.example/")
    #expect(one.text != other.text)
    #expect(one.text == Self.key.derived(for: "https://one.example/").text)
    #expect(one.text.hasPrefix("whsec_"))
    #expect(one.text != Self.key.text)
  }

  @Test(
    arguments: [
      (500, NotifierError.Code.unreachable), (503, .unreachable), (408, .unreachable),
      (400, .rejected), (404, .rejected), (410, .rejected), (429, .rateLimited),
    ])
  func answersSayWhetherAnotherTryHelps(_ status: Int, _ code: NotifierError.Code) async throws {
    let server = try await FaultServer { _ in
      .text("no", status: status, headers: [("Retry-After", "7")])
    }
    let client = client()
    let error = await #expect(throws: NotifierError.self) {
      try await notifier(client, address: "http://127.0.0.1:\(server.port)/hook?token=abc")
        .send(NoticeMessage(.sample()), to: .webhook)
    }
    #expect(error?.code == code)
    #expect(error?.retryAfter == .seconds(7))
    #expect(error?.detail.contains("token") == false)
    #expect(server.requests.count == 1)
    await client.shutdown()
  }

  @Test func aReceiverThatHangsIsNotWaitedForLong() async throws {
    let server = try await FaultServer { _ in FaultReply(parts: [.hang], framing: .declared(10)) }
    let client = client()
    let error = await #expect(throws: NotifierError.self) {
      try await notifier(
        client, address: "http://127.0.0.1:\(server.port)/", deadline: .milliseconds(300)
      ).send(NoticeMessage(.sample()), to: .webhook)
    }
    #expect(error?.code == .unreachable)
    await client.shutdown()
  }

  /// Neither the settings' webhook nor that of a policy is followed to another place.
  @Test(
    arguments: [
      "http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/", "http://127.0.0.1:9/",
      "/elsewhere", "http://localhost:9/",
    ], [301, 302, 307, 308])
  func noRedirectIsFollowed(_ location: String, _ status: Int) async throws {
    let server = try await FaultServer { _ in
      .text("", status: status, headers: [("Location", location)])
    }
    let client = client()
    let error = await #expect(throws: NotifierError.self) {
      try await notifier(client, address: "http://127.0.0.1:\(server.port)/")
        .send(NoticeMessage(.sample()), to: .webhook)
    }
    #expect(error?.code == .rejected)
    #expect(server.requests.count == 1)
    await client.shutdown()
  }

  @Test(
    arguments: [
      "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "https://10.0.0.1/",
      "https://localhost/", "https://[::ffff:127.0.0.1]/", "https://0.0.0.0/",
    ])
  func aPolicyLeadsNowhereIntoThisNetwork(_ address: String) async throws {
    let client = client()
    let error = await #expect(throws: NotifierError.self) {
      try await notifier(client).send(NoticeMessage(.sample()), to: .address(address))
    }
    #expect(error?.code == .forbiddenAddress)
    await client.shutdown()
  }
}

@Suite struct SlackNotifierTests {
  @Test func aChannelIsToldByItsName() async throws {
    let server = try await FaultServer { _ in .text("ok") }
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
    let root = "http://127.0.0.1:\(server.port)"
    let slack = SlackNotifier(
      client: client, webhooks: [("slack", root + "/first"), ("team", root + "/team")])
    try await slack.send(NoticeMessage(.sample()), to: .slack(nil))
    try await slack.send(NoticeMessage(.sample()), to: .slack("team"))
    #expect(server.requests.map(\.path) == ["/first", "/team"])
    let error = await #expect(throws: NotifierError.self) {
      try await slack.send(NoticeMessage(.sample()), to: .slack("other"))
    }
    #expect(error?.code == .notConfigured)
    await client.shutdown()
  }
}
