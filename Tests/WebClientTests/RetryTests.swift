import Synchronization
import TestKit
import Testing

@testable import WebClient

/// A clock that moves only when somebody sleeps on it.
final class FakeTime: Sendable {
  private let state = Mutex((elapsed: Duration.zero, waits: [Duration]()))
  private let start: Double
  private let chance: Double

  /// - Parameters:
  ///   - start: seconds since 1970 at the beginning.
  ///   - chance: what every draw of a random number gives.
  init(start: Double = 784_111_777, chance: Double = 0.5) {
    self.start = start
    self.chance = chance
  }

  var waits: [Duration] { state.withLock { $0.waits } }

  var time: WebTime {
    WebTime(
      now: { self.start + self.state.withLock { $0.elapsed.inSeconds } },
      uptime: { self.state.withLock { $0.elapsed } },
      sleep: { wait in
        self.state.withLock {
          $0.elapsed += wait
          $0.waits.append(wait)
        }
      }, random: { self.chance })
  }
}

@Suite("Retries")
struct RetryTests {
  private func client(_ time: FakeTime) -> WebClient {
    WebClient(configuration: WebClientConfiguration(userAgent: "stet/test", time: time.time))
  }

  @Test(
    "wait as long as a 429 asks",
    arguments: [
      ([("Retry-After-Ms", "1500")], Duration.milliseconds(1500)),
      ([("retry-after-ms", "12.5"), ("Retry-After", "9")], .microseconds(12_500)),
      ([("Retry-After", "3")], .seconds(3)),
      ([("Retry-After", " 2.25 ")], .milliseconds(2250)),
      ([("Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT")], .seconds(10)),
      ([("Retry-After", "Sunday, 06-Nov-94 08:49:47 GMT")], .seconds(10)),
      ([("Retry-After", "Sun Nov  6 08:49:47 1994")], .seconds(10)),
      // What says nothing leaves the jittered wait: half of the first 500 ms.
      ([("Retry-After", "Sun, 06 Nov 1994 08:00:00 GMT")], .milliseconds(250)),
      ([("Retry-After", "soon")], .milliseconds(250)),
      ([("Retry-After", "-5")], .milliseconds(250)),
      ([("Retry-After", "1e9")], .milliseconds(250)),
      ([("Retry-After", "99999999999999")], .milliseconds(250)),
      ([("Retry-After", "")], .milliseconds(250)),
      ([("retry-after-ms", "x"), ("Retry-After", "4")], .seconds(4)),
      ([], .milliseconds(250)),
    ] as [([(String, String)], Duration)])
  func retryAfter(headers: [(String, String)], expected: Duration) async throws {
    try await FaultServer.with { request in
      request.number == 1
        ? .text("slow down", status: 429, headers: headers) : .text("ok")
    } _: { server in
      let time = FakeTime()  // 1994-11-06 08:49:37
      let response = try await client(time).send(
        WebRequest(url: server.url, retry: RetryPolicy(attempts: 3)))
      #expect(response.status == 200)
      #expect(response.attempts == 2)
      #expect(time.waits == [expected])
    }
  }

  @Test("do not begin a wait that would pass the deadline, and say how long it would be")
  func waitBeyondDeadline() async throws {
    try await FaultServer.with { _ in
      .text("", status: 429, headers: [("Retry-After", "3600")])
    } _: { server in
      let time = FakeTime()
      let error = await #expect(throws: WebError.self) {
        try await client(time).send(
          WebRequest(url: server.url, deadline: .seconds(60), retry: RetryPolicy(attempts: 5)))
      }
      #expect(error?.code == .status)
      #expect(error?.status == 429)
      #expect(error?.retryAfter == .seconds(3600))
      #expect(error?.attempts == 1)
      #expect(time.waits.isEmpty)
      #expect(server.requests.count == 1)
    }
  }

  @Test("come through after some server errors", arguments: [500, 502, 503, 504, 529, 408, 425])
  func recovery(status: Int) async throws {
    try await FaultServer.with { request in
      request.number < 3 ? .text("no", status: status) : .text("yes")
    } _: { server in
      let time = FakeTime(chance: 0.999)
      let response = try await client(time).send(
        WebRequest(
          method: "POST", url: server.url, body: [1, 2, 3], retry: RetryPolicy(attempts: 4)))
      #expect(response.body == Array("yes".utf8))
      #expect(response.attempts == 3)
      #expect(server.requests.map(\.body) == [[1, 2, 3], [1, 2, 3], [1, 2, 3]])
    }
  }

  @Test(
    "are not made for an answer that will not change", arguments: [400, 401, 403, 404, 409, 422])
  func finalStatus(status: Int) async throws {
    try await FaultServer.with { _ in
      .json(#"{"error":"no"}"#, status: status)
    } _: { server in
      let error = await #expect(throws: WebError.self) {
        try await client(FakeTime()).send(
          WebRequest(url: server.url + "/v1?key=value", retry: RetryPolicy(attempts: 4)))
      }
      #expect(error?.status == status)
      #expect(error?.excerpt == Array(#"{"error":"no"}"#.utf8))
      #expect(error?.detail.contains("key") == false)
      #expect(server.requests.count == 1)
      let response = try await client(FakeTime()).send(
        WebRequest(url: server.url, acceptsErrorStatus: true))
      #expect(response.status == status)
    }
  }

  @Test("end exactly with their number, or with the budget where that is smaller")
  func exhaustion() async throws {
    try await FaultServer.with { _ in
      .text("broken", status: 500)
    } _: { server in
      let client = client(FakeTime())
      for (attempts, budget, sent) in [(4, nil, 4), (9, RetryBudget(attempts: 3), 3), (1, nil, 1)] {
        let before = server.requests.count
        let error = await #expect(throws: WebError.self) {
          try await client.send(
            WebRequest(
              url: server.url, deadline: .seconds(1000), retry: RetryPolicy(attempts: attempts),
              budget: budget))
        }
        #expect(error?.status == 500)
        #expect(error?.attempts == sent)
        #expect(server.requests.count - before == sent)
      }
    }
  }

  @Test("of layers inside layers share one budget and never multiply")
  func sharedBudget() async throws {
    try await FaultServer.with { _ in
      .text("broken", status: 503)
    } _: { server in
      let client = client(FakeTime())
      let whole = RetryBudget(attempts: 8)
      var codes: [WebError.Code] = []
      for _ in 0..<5 {  // an outer layer that repeats what repeats
        do {
          _ = try await client.send(
            WebRequest(
              url: server.url, deadline: .seconds(1000), retry: RetryPolicy(attempts: 3),
              budget: RetryBudget(attempts: 3, within: whole)))
        } catch let error as WebError { codes.append(error.code) }
      }
      #expect(server.requests.count == 8)
      #expect(codes == [.status, .status, .status, .budgetSpent, .budgetSpent])
      #expect(whole.remaining == 0)
    }
  }

  @Test("draw their wait evenly from nothing to a doubling, capped bound")
  func jitter() {
    let policy = RetryPolicy(attempts: 9, base: .seconds(1), cap: .seconds(10))
    #expect(
      (0..<6).map { policy.wait(failures: $0, random: 0.5) }
        == [0.5, 1, 2, 4, 5, 5].map { .seconds($0) })
    #expect(policy.wait(failures: 3, random: 0) == .zero)
    #expect(policy.wait(failures: Int.max, random: 0.5) == .seconds(5))
  }

  @Test("take from a budget what is there, from many tasks at once")
  func budgetUnderContention() async {
    let budget = RetryBudget(attempts: 50)
    let granted = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<200 { group.addTask { budget.take() } }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(granted == 50)
  }

  @Test(
    "read the dates of HTTP",
    arguments: [
      ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Thu, 29 Feb 2024 23:59:60 GMT", 1_709_251_200),
      ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777), ("Sun Nov  6 08:49:37 1994", 784_111_777),
      ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800), ("", nil), ("tomorrow", nil),
      ("Sun, 06 Nov 1994 08:49:37 EST", nil), ("Sun, 06 Nov 1994 25:49:37 GMT", nil),
      ("Sun, 99 Nov 1994 08:49:37 GMT", nil), ("Sun, 06 Foo 1994 08:49:37 GMT", nil),
    ] as [(String, Double?)])
  func dates(text: String, seconds: Double?) {
    #expect(HTTPDate.secondsSince1970(text) == seconds)
  }
}
