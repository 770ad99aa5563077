import Domain
import Foundation
import NIOCore
import Testing

@testable import Server

/// What one client may take away from the others.
@Suite struct SharedLimitsTests {
  @Test func whoHasATokenIsNotHeldBackByThoseWithout() async throws {
    try await withServer({ _, configuration in
      configuration.limits.requestBurstPerAddress = 2
      configuration.limits.requestsPerMinutePerAddress = 1
    }) { server async throws in
      let (text, _) = try await server.makeToken(.read)
      var statuses: [Int] = []
      for _ in 0..<4 {
        statuses.append(
          try await server.call("GET", "/v1/jobs", headers: ["X-Forwarded-For": "8.8.8.8"]).status)
      }
      #expect(statuses == [401, 401, 429, 429])
      let response = try await server.call(
        "GET", "/v1/jobs",
        headers: ["X-Forwarded-For": "8.8.8.8", "Authorization": "Bearer \(text)"])
      #expect(response.status == 200)
    }
  }

  @Test func burstsFollowTheRequestsPerMinute() async {
    var limits = ServerLimits()
    limits.requestsPerMinute = 8
    let tokens = limits.tokenLimiter()
    let addresses = limits.addressLimiter()
    #expect(await Self.burst(of: tokens) == 2)
    #expect(await Self.burst(of: addresses) == 8)
  }

  private static func burst(of limiter: RequestLimiter) async -> Int {
    var count = 0
    while count < 100, await limiter.take("key") == nil { count += 1 }
    return count
  }

  // MARK: Bodies

  @Test(
    arguments: [
      ([:], 401, "X-Signature"), (["X-Signature": "bad"], 401, "X-Signature"),
      (["X-Signature": "none"], 503, "no secret"),
    ] as [([String: String], Int, String)])
  func headersThatCannotBeRightAreRefusedBeforeTheBody(
    headers: [String: String], status: Int, says: String
  ) async throws {
    try await withServer({ ports, _ in ports.webhooks = [ReadsHeaders()] }) {
      server async throws in
      let connection = try await RawConnection(port: server.port)
      let lines = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
      try await connection.send(
        "POST /webhooks/forge HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
          + "Content-Length: 20000000\r\n" + lines + "\r\n")
      let response = try await connection.response()
      #expect(response.status == status)
      #expect(response.text.contains(says))
      #expect(response.headers["connection"] == "close")
      await connection.close()
    }
  }

  @Test func allBodiesTogetherHaveTheirBound() async throws {
    try await withServer({ $1.limits.bodiesInFlight = 1000 }) { server async throws in
      let signed = ["X-Signature": "good", "X-Delivery": "d", "X-Event": "push"]
      let large = "{" + String(repeating: " ", count: 2000) + "}"
      let refused = try await server.call(
        "POST", "/webhooks/forge", headers: signed, body: large)
      #expect(refused.status == 503)
      #expect(refused.headers["retry-after"] != nil)
      // What was taken is given back.
      for number in 0..<5 {
        var headers = signed
        headers["X-Delivery"] = "d\(number)"
        let body = "{" + String(repeating: " ", count: 500 + number) + "}"
        let taken = try await server.call(
          "POST", "/webhooks/forge", headers: headers, body: body)
        #expect(taken.status == 202)
      }
    }
  }

  // MARK: Streams and writes

  @Test func aSlotIsFreeAgainWhateverBecameOfItsAnswer() {
    let slots = StreamSlots(most: 1)
    var slot = slots.take()
    #expect(slot != nil)
    #expect(slots.take() == nil)
    slot = nil
    slot = slots.take()
    #expect(slot != nil)
    slot?.giveBack()
    slot?.giveBack()
    let second = slots.take()
    #expect(second != nil)
    #expect(slots.take() == nil)
    second?.giveBack()
  }

  @Test func aClientThatReadsNothingIsCutOff() async throws {
    let start = ContinuousClock.now
    try await withServer({ _, configuration in
      configuration.limits.writeDeadline = .seconds(1)
      configuration.limits.stopDeadline = .seconds(60)
    }) { server async throws in
      let connection = try await RawConnection(port: server.port)
      try await connection.channel.setOption(.autoRead, value: false).get()
      let request = "GET /docs HTTP/1.1\r\nHost: x\r\n\r\n"
      try await connection.send(String(repeating: request, count: 1000))
      // Until the answers fill what lies between, and no further one is written.
      let answered: @Sendable () -> String? = {
        server.ports.metrics?.text().split(separator: "\n")
          .first { $0.hasPrefix("stet_http_requests_total") && $0.contains("/docs") }
          .map { String($0) }
      }
      var last: String?
      try await eventually {
        try await Task.sleep(for: .milliseconds(300))
        let now = answered()
        defer { last = now }
        return now != nil && now == last
      }
    }
    // Its connection held the stop for no longer than the deadline.
    #expect(ContinuousClock.now - start < .seconds(30))
  }
}

/// Tells by its headers alone what it refuses.
private struct ReadsHeaders: WebhookReader {
  var forge: String { "forge" }

  func refusal(header: (String) -> String?) -> WebhookError? {
    switch header("x-signature") {
    case "good": nil
    case "none": WebhookError(code: .notConfigured, detail: "There is no secret.")
    default: WebhookError(code: .unsigned, detail: "The X-Signature cannot be right.")
    }
  }

  func verify(
    body: [UInt8], header: (String) -> String?
  ) throws(WebhookError) -> WebhookIdentity {
    throw WebhookError(code: .malformed, detail: "The body was read.")
  }

  func event(named event: String, body: [UInt8]) throws(WebhookError) -> ForgeEvent {
    throw WebhookError(code: .malformed, detail: "no event is read here")
  }
}
