import Domain
import Foundation
import Hummingbird
import TestKit
import Testing

@testable import Server

@Suite struct AccessTests {
  @Test func programsOfThisMachineAreAnsweredWhileNoTokenExists() async throws {
    try await withServer { server async throws in
      #expect(try await server.call("GET", "/v1/jobs").status == 200)
      #expect(try await server.call("GET", "/metrics").status == 200)
    }
  }

  @Test(arguments: [
    ["Host": "stet.example.org"], ["Host": "192.168.1.4:8080"], ["Host": "127.0.0.1.example.org"],
    ["Host": "localhost.example.org"], ["Host": "127.0.0.1@example.org"], ["Host": "0.0.0.0"],
    ["X-Forwarded-For": "127.0.0.1"], ["X-Forwarded-Host": "localhost"],
    ["X-Forwarded-Proto": "https"], ["Forwarded": "for=127.0.0.1"], ["Via": "1.1 proxy"],
    ["X-Real-IP": "127.0.0.1"], ["CF-Connecting-IP": "127.0.0.1"], ["CF-Ray": "x"],
    ["Origin": "https://example.org"], ["Origin": "null"], ["Origin": "http://127.0.0.1:1"],
    ["Origin": "http://localhost"], ["Sec-Fetch-Site": "cross-site"],
    ["Sec-Fetch-Site": "same-site"],
  ])
  func whatATunnelOrAPageSendsIsRefusedWithoutAToken(headers: [String: String]) async throws {
    try await withServer { server async throws in
      for (method, path) in [("GET", "/v1/jobs"), ("GET", "/metrics"), ("POST", "/issues")] {
        let response = try await server.call(
          method, path, headers: headers,
          body: method == "POST" ? #"{"title": "t", "description": "d"}"# : nil)
        #expect(response.status == 401, "\(method) \(path)")
        #expect(response.headers["www-authenticate"] == #"Bearer realm="stet""#)
        #expect(response.text.contains("stet token create"))
        #expect(response.headers["access-control-allow-origin"] == nil)
      }
      #expect(try await server.ports.issues.issues(limit: 1, before: nil).isEmpty)
      // Health stays open, as what watches it has no token.
      #expect(try await server.call("GET", "/healthz", headers: headers).status == 200)
    }
  }

  @Test func aPageOfTheServerItselfIsAnswered() async throws {
    try await withServer { server async throws in
      for name in ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.8.8.8"] {
        let response = try await server.call(
          "GET", "/v1/jobs",
          headers: [
            "Host": "\(name):\(server.port)", "Origin": "http://\(name):\(server.port)",
            "Sec-Fetch-Site": "same-origin",
          ])
        #expect(response.status == 200, "\(name)")
      }
    }
  }

  @Test func onceATokenExistsItIsNeeded() async throws {
    try await withServer { server async throws in
      #expect(try await server.call("GET", "/v1/runs").status == 200)
      let (text, token) = try await server.makeToken(.read)
      try await eventually { try await server.call("GET", "/v1/runs").status == 401 }

      func status(_ authorization: String, _ method: String = "GET") async throws -> Int {
        try await server.call(
          method, method == "GET" ? "/v1/runs" : "/issues",
          headers: ["Authorization": authorization], body: method == "GET" ? nil : "{}"
        ).status
      }
      #expect(try await status("Bearer \(text)") == 200)
      #expect(try await status("bearer \(text)") == 200)
      #expect(try await status("Basic \(text)") == 401)
      #expect(try await status("Bearer \(TokenText.make())") == 401)
      #expect(try await status("Bearer " + String(repeating: "x", count: 5000)) == 401)
      #expect(try await status("Bearer \(text)", "POST") == 403)

      _ = try await server.ports.tokens.revoke(id: token.id, at: Date())
      try await eventually { try await status("Bearer \(text)") == 401 }
      // A revoked token is no reason to open the door again.
      #expect(try await server.call("GET", "/v1/runs").status == 401)
    }
  }

  @Test func aTokenWorksFromAnywhereAndTellsNoOrigin() async throws {
    try await withServer { server async throws in
      let (text, _) = try await server.makeToken(.write)
      let response = try await server.call(
        "GET", "/v1/jobs",
        headers: [
          "Authorization": "Bearer \(text)", "Host": "stet.example.org",
          "Origin": "https://elsewhere.example.org", "X-Forwarded-For": "8.8.8.8",
        ])
      #expect(response.status == 200)
      #expect(response.headers["access-control-allow-origin"] == nil)
    }
  }

  @Test func aTokenExpires() async throws {
    try await withServer { server async throws in
      let (text, _) = try await server.makeToken(expiresAt: Date().addingTimeInterval(-1))
      let response = try await server.call(
        "GET", "/v1/jobs", headers: ["Authorization": "Bearer \(text)"])
      #expect(response.status == 401)
      #expect(response.headers["www-authenticate"]?.contains("invalid_token") == true)
    }
  }

  @Test func aScopeIsToldWhereItIsMissing() async throws {
    try await withServer { server async throws in
      let (text, _) = try await server.makeToken(.write)
      let response = try await server.call(
        "POST", "/v1/jobs/x/retry", headers: ["Authorization": "Bearer \(text)"])
      #expect(response.status == 403)
      #expect(
        response.headers["www-authenticate"]
          == #"Bearer realm="stet", error="insufficient_scope", scope="admin""#)
    }
  }

  @Test func tooManyRequestsAreToldWhenToComeAgain() async throws {
    try await withServer({ _, configuration in
      configuration.limits.requestBurst = 3
      configuration.limits.requestsPerMinute = 1
    }) { server async throws in
      var statuses: [Int] = []
      for _ in 0..<5 { statuses.append(try await server.call("GET", "/v1/jobs").status) }
      #expect(statuses == [200, 200, 200, 429, 429])
      let response = try await server.call("GET", "/v1/jobs")
      #expect(Int(response.headers["retry-after"] ?? "").map { $0 > 30 && $0 <= 60 } == true)
      // What must always answer is not limited.
      #expect(try await server.call("GET", "/healthz").status == 200)
    }
  }

  @Test func guessingTokensIsLimitedByAddress() async throws {
    try await withServer({ _, configuration in
      configuration.limits.requestBurstPerAddress = 5
      configuration.limits.requestsPerMinutePerAddress = 1
    }) { server async throws in
      _ = try await server.makeToken()
      var statuses: [Int] = []
      for _ in 0..<7 {
        statuses.append(
          try await server.call(
            "GET", "/v1/jobs", headers: ["Authorization": "Bearer \(TokenText.make())"]
          ).status)
      }
      #expect(statuses == [401, 401, 401, 401, 401, 429, 429])
    }
  }

  @Test func aTokenStoreThatFailsOpensNoDoor() async throws {
    try await withServer { server async throws in
      let broken = ServerPorts(
        inbox: server.ports.inbox, jobs: server.ports.jobs, runs: server.ports.runs,
        issues: server.ports.issues, storeIssues: server.ports.storeIssues,
        tokens: BrokenTokens(), audit: server.ports.audit)
      let control = AccessControl(store: broken.tokens, memory: .zero, now: { Date() })
      let head = HTTPRequest(
        method: .get, scheme: "http", authority: "127.0.0.1", path: "/v1/jobs")
      await #expect(throws: StoreError.self) {
        _ = try await control.admit(head, peer: "127.0.0.1", needing: .read)
      }
    }
  }
}

struct BrokenTokens: TokenStore {
  private var failure: StoreError { StoreError(code: .failed, detail: "no store") }
  func save(_ token: APIToken) async throws(StoreError) { throw failure }
  func token(hash: String) async throws(StoreError) -> APIToken? { throw failure }
  func tokens() async throws(StoreError) -> [APIToken] { throw failure }
  func revoke(id: String, at: Date) async throws(StoreError) -> Bool { throw failure }
}

/// Asks again and again until it holds, for at most ten seconds.
func eventually(
  _ condition: () async throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  let end = ContinuousClock.now + .seconds(10)
  while ContinuousClock.now < end {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(20))
  }
  Issue.record("it did not come to hold", sourceLocation: sourceLocation)
}

@Suite struct LoopbackTests {
  @Test(arguments: [
    ("127.0.0.1", true), ("127.255.255.254", true), ("::1", true), ("::ffff:127.0.0.1", true),
    ("localhost", true), ("LocalHost", true), ("128.0.0.1", false), ("127.0.0.1.x", false),
    ("127.0.0", false), ("127.0.0.256", false), ("127.1", false), ("0.0.0.0", false), ("", false),
    ("::", false), ("localhost.", false), ("127.+0.0.1", false),
  ])
  func knowsItsNames(name: String, isLoopback: Bool) {
    #expect(Loopback.isLoopback(name: name) == isLoopback)
  }

  @Test(arguments: ["10.0.0.5", "", "::2", "192.168.0.1"])
  func aPeerElsewhereIsRefusedWhateverItSays(peer: String) {
    let head = HTTPRequest(method: .get, scheme: "http", authority: "127.0.0.1", path: "/")
    #expect(Loopback.refusal(head: head, peer: peer) != nil)
    #expect(Loopback.refusal(head: head, peer: "127.0.0.1") == nil)
  }
}

@Suite struct TokenTextTests {
  @Test func hasThirtyTwoRandomBytes() {
    let texts = (0..<50).map { _ in TokenText.make() }
    #expect(Set(texts).count == 50)
    for text in texts {
      #expect(text.wholeMatch(of: /stet_[A-Za-z0-9_\-]{43}/) != nil)
      #expect(TokenText.hash(text).wholeMatch(of: /[0-9a-f]{64}/) != nil)
    }
    // FIPS 180-2, appendix B.1.
    #expect(
      TokenText.hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }
}

@Suite struct RequestLimiterTests {
  @Test func fillsAgainWithTime() async {
    let clock = SteppedClock()
    let limiter = RequestLimiter(perMinute: 60, burst: 2, now: { clock.now })
    #expect(await limiter.take("a") == nil)
    #expect(await limiter.take("a") == nil)
    #expect(await limiter.take("a") == .seconds(1))
    #expect(await limiter.take("b") == nil)
    clock.advance(.milliseconds(1100))
    #expect(await limiter.take("a") == nil)
    #expect(await limiter.take("a") != nil)
  }

  @Test func remembersSoManyKeysOnly() async {
    let clock = SteppedClock()
    let limiter = RequestLimiter(perMinute: 1, burst: 1, capacity: 100, now: { clock.now })
    for number in 0..<1000 {
      clock.advance(.milliseconds(1))
      _ = await limiter.take("k\(number)")
      #expect(await limiter.keys <= 100)
    }
    // The last one is still known.
    #expect(await limiter.take("k999") != nil)
  }

  @Test(arguments: [
    ("10.0.0.1", "10.0.0.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2"),
    ("2001:db8::1", "2001:db8:0:0"), ("::1", "0:0:0:0"), ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
  ])
  func anAddressOfIPv6CountsByItsNetwork(address: String, key: String) {
    #expect(RequestLimiter.key(address: address) == key)
  }
}
