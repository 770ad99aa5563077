import CryptoExtras
import Domain
import Foundation
import JWTKit
import Synchronization
import TestKit
import Testing

@testable import Forges

/// A key that lives as long as the tests: none is in the repository.
private enum TestKey {
  static let key = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }
  static var pkcs1: String { get throws { try key.get().pemRepresentation } }
  static var pkcs8: String { get throws { try key.get().pkcs8PEMRepresentation } }
}

private struct SeenClaims: JWTPayload {
  var iss: String
  var iat: Int
  var exp: Int
  func verify(using algorithm: some JWTAlgorithm) throws {}
}

/// The part of GitHub that lets Apps in, with a clock of its own.
private final class AppDoor: Sendable {
  struct State {
    var tokens = 0
    var valid: Set<String> = []
    var refusals = 0
    var lookUps = 0
    var tokenRequests: [String] = []
    var problem: String?
  }

  let state = Mutex(State())
  let lifetime: Double
  let tokenReply: @Sendable () -> FaultReply?

  init(lifetime: Double = 3600, tokenReply: @escaping @Sendable () -> FaultReply? = { nil }) {
    self.lifetime = lifetime
    self.tokenReply = tokenReply
  }

  func revokeAll() { state.withLock { $0.valid = [] } }

  func answer(_ request: ReceivedRequest) async -> FaultReply {
    let date = [(name: "Date", value: ForgeBench.httpDate(Date().timeIntervalSince1970))]
    let bearer = request.header("authorization")?.split(separator: " ").last.map(String.init) ?? ""
    if request.path == "/app" || request.path.hasSuffix("/installation")
      || request.path.hasSuffix("/access_tokens")
    {
      if let problem = await problem(ofJWT: bearer) {
        state.withLock { $0.refusals += 1 }
        return .json(#"{"message": "\#(problem)"}"#, status: 401, headers: date)
      }
    }
    switch request.path {
    case "/app": return .json(#"{"id": 12, "slug": "stet-app", "name": "Stet"}"#, headers: date)
    case "/repos/octo/hello/installation":
      state.withLock { $0.lookUps += 1 }
      return .json(#"{"id": 99}"#, headers: date)
    case "/app/installations/99/access_tokens":
      if let reply = tokenReply() { return reply }
      let token = state.withLock { state in
        state.tokens += 1
        state.tokenRequests.append(request.text)
        let token = "installation-token-\(state.tokens)"
        state.valid.insert(token)
        return token
      }
      let expiry = Date(timeIntervalSinceNow: lifetime).formatted(.iso8601)
      return .json(
        #"{"token": "\#(token)", "expires_at": "\#(expiry)"}"#, status: 201, headers: date)
    default:
      guard state.withLock({ $0.valid.contains(bearer) }) else {
        state.withLock { $0.refusals += 1 }
        return .json(#"{"message": "Bad credentials"}"#, status: 401, headers: date)
      }
      return .json(ForgeBench.pullRequest, headers: date)
    }
  }

  private func problem(ofJWT text: String) async -> String? {
    guard let key = try? TestKey.key.get().publicKey,
      let publicKey = try? Insecure.RSA.PublicKey(backing: key)
    else { return "no key" }
    let keys = await JWTKeyCollection().add(rsa: publicKey, digestAlgorithm: .sha256)
    guard let claims = try? await keys.verify(text, as: SeenClaims.self) else {
      return "A JSON web token could not be decoded"
    }
    let now = Int(Date().timeIntervalSince1970)
    if claims.iss != "12" { return "Integration not found" }
    if claims.iat > now {
      return "'Issued at' claim ('iat') must be an Integer representing the time that the "
        + "assertion was issued"
    }
    if claims.exp <= now {
      return "'Expiration time' claim ('exp') must be a numeric value representing the future time "
        + "at which the assertion expires"
    }
    if claims.exp > now + 600 { return "'Expiration time' claim ('exp') is too far in the future" }
    if claims.iat > now - 30 { return "'iat' leaves no room for clocks that differ" }
    return nil
  }
}

@Suite("App authentication")
struct AppAuthTests {
  private func with(
    _ door: AppDoor = AppDoor(), pem: String? = nil, time: BenchTime = BenchTime(),
    installation: Int64? = 99, _ body: (GitHubForge, AppDoor, FaultServer) async throws -> Void
  ) async throws {
    let pem = try pem ?? TestKey.pkcs1
    try await FaultServer.with {
      await door.answer($0)
    } _: { server in
      let forge = try ForgeBench.forge(
        server.url, credentials: .app(id: "12", privateKeyPEM: pem), time: time,
        installation: installation)
      try await body(forge, door, server)
    }
  }

  @Test("reads both forms of a key, and one whose lines came as escapes", arguments: [0, 1, 2])
  func keyForms(form: Int) async throws {
    let pem = [
      try TestKey.pkcs1, try TestKey.pkcs8 + "\n\n",
      try TestKey.pkcs1.replacing("\n", with: "\\n"),
    ][form]
    try await with(pem: pem) { forge, door, _ in
      let pull = try await forge.pullRequest(ForgeBench.reference)
      #expect(pull.title == "T")
      #expect(door.state.withLock { $0.refusals } == 0)
    }
  }

  @Test("asks for one repository and for what a review needs, once for many calls")
  func narrow() async throws {
    try await with { forge, door, server in
      for _ in 0..<3 { _ = try await forge.pullRequest(ForgeBench.reference) }
      #expect(server.requests.count == 4)
      let text = try #require(door.state.withLock { $0.tokenRequests }.first)
      let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
      #expect(object?["repositories"] as? [String] == ["hello"])
      #expect(
        object?["permissions"] as? [String: String] == [
          "contents": "read", "metadata": "read", "pull_requests": "write", "issues": "write",
          "checks": "write",
        ])
    }
  }

  @Test("looks the installation up once where no delivery named it")
  func lookUp() async throws {
    let time = BenchTime()
    try await with(time: time, installation: nil) { forge, door, _ in
      _ = try await forge.pullRequest(ForgeBench.reference)
      time.pass(.seconds(3600))
      _ = try await forge.pullRequest(ForgeBench.reference)
      #expect(door.state.withLock { $0.lookUps } == 1)
      #expect(door.state.withLock { $0.tokens } == 2)
    }
  }

  @Test("is shared by callers that come together")
  func shared() async throws {
    try await with { forge, door, server in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<12 {
          group.addTask { _ = try await forge.pullRequest(ForgeBench.reference) }
        }
        try await group.waitForAll()
      }
      #expect(door.state.withLock { $0.tokens } == 1)
      #expect(server.requests.count == 13)
    }
  }

  @Test("is renewed in the last five minutes", arguments: [(3290, 1), (3310, 2)])
  func renewal(seconds: Int, tokens: Int) async throws {
    let time = BenchTime()
    try await with(time: time) { forge, door, _ in
      _ = try await forge.pullRequest(ForgeBench.reference)
      time.pass(.seconds(seconds))
      _ = try await forge.pullRequest(ForgeBench.reference)
      #expect(door.state.withLock { $0.tokens } == tokens)
    }
  }

  @Test("is asked anew once when a cached token is refused")
  func revoked() async throws {
    try await with { forge, door, server in
      _ = try await forge.pullRequest(ForgeBench.reference)
      door.revokeAll()
      _ = try await forge.pullRequest(ForgeBench.reference)
      #expect(door.state.withLock { $0.tokens } == 2)
      #expect(door.state.withLock { $0.refusals } == 1)
      #expect(server.requests.count == 5)
    }
  }

  @Test("does not go round and round with a fresh token that is refused")
  func refusedFresh() async throws {
    let door = AppDoor(tokenReply: {
      .json(
        #"{"token": "never-good", "expires_at": "2999-01-01T00:00:00.123Z"}"#, status: 201)
    })
    try await with(door) { forge, _, server in
      let error = await #expect(throws: ForgeError.self) {
        try await forge.pullRequest(ForgeBench.reference)
      }
      #expect(error?.code == .unauthorized)
      #expect(error?.detail.contains("never-good") == false)
      #expect(server.requests.count == 2)
    }
  }

  @Test("bears a clock that is off by an hour", arguments: [-3600.0, 3600, -90_000, 20, 0])
  func clock(skew: Double) async throws {
    try await with(time: BenchTime(skew: skew)) { forge, door, _ in
      _ = try await forge.pullRequest(ForgeBench.reference)
      let refusals = door.state.withLock { $0.refusals }
      #expect(refusals == (abs(skew) > 60 ? 1 : 0))
      // What was learned is kept.
      _ = try await forge.ownAccount()
      #expect(door.state.withLock { $0.refusals } == refusals)
      #expect(door.state.withLock { $0.tokens } == 1)
    }
  }

  @Test("bears the wrong clock also where two callers come first")
  func clockTogether() async throws {
    let door = AppDoor()
    let pem = try TestKey.pkcs1
    let arrived = Mutex(0)
    try await FaultServer.with { request in
      arrived.withLock { $0 += 1 }
      // None is refused before both have been signed by the wrong clock.
      let limit = ContinuousClock.now + .seconds(30)
      while arrived.withLock({ $0 }) < 2, ContinuousClock.now < limit {
        try? await Task.sleep(for: .milliseconds(5))
      }
      return await door.answer(request)
    } _: { server in
      let forge = try ForgeBench.forge(
        server.url, credentials: .app(id: "12", privateKeyPEM: pem), time: BenchTime(skew: 3600))
      let logins = try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<2 { group.addTask { try await forge.ownAccount().login } }
        var logins: [String] = []
        for try await login in group { logins.append(login) }
        return logins
      }
      #expect(logins == ["stet-app[bot]", "stet-app[bot]"])
      #expect(door.state.withLock { $0.refusals } == 2)
      #expect(server.requests.count == 4)
    }
  }

  @Test("tells which permissions are missing")
  func permissions() async throws {
    let door = AppDoor(tokenReply: {
      .json(
        #"{"message": "The permissions requested are not granted to this installation."}"#,
        status: 422)
    })
    try await with(door) { forge, _, server in
      let error = await #expect(throws: ForgeError.self) {
        try await forge.pullRequest(ForgeBench.reference)
      }
      #expect(server.requests.count == 3)
      #expect(error?.code == .unauthorized)
      #expect(error?.detail.contains("lacks a permission on octo/hello") == true)
      #expect(error?.detail.contains("pull_requests: write") == true)
    }
  }

  @Test("tells that the App is not installed")
  func notInstalled() async throws {
    let pem = try TestKey.pkcs8
    try await FaultServer.with { _ in
      .json(#"{"message": "Not Found"}"#, status: 404)
    } _: { server in
      let forge = try ForgeBench.forge(
        server.url, credentials: .app(id: "12", privateKeyPEM: pem))
      let error = await #expect(throws: ForgeError.self) {
        try await forge.pullRequest(ForgeBench.reference)
      }
      #expect(error?.code == .notFound)
      #expect(error?.detail.contains("is not installed on octo/hello") == true)
      #expect(server.requests.count == 1)
    }
  }

  @Test("refuses an unusable key without showing it", arguments: 0..<5)
  func badKey(number: Int) throws {
    let good = try TestKey.pkcs1
    let secret = String(good.split(separator: "\n")[3])
    let bad = [
      "", "hunter2-" + secret, good.replacing("BEGIN RSA PRIVATE", with: "BEGIN PUBLIC"),
      String(good.prefix(400)), good.replacing(secret, with: String(secret.reversed().prefix(9))),
    ][number]
    let error = #expect(throws: ForgeError.self) {
      try ForgeBench.forge(
        GitHubConfiguration.publicAPI, credentials: .app(id: "12", privateKeyPEM: bad))
    }
    #expect(error?.code == .unauthorized)
    #expect(error?.detail.contains("PEM") == true)
    #expect(error?.detail.contains(secret) == false)
  }

  @Test("knows the App's own account, asked once")
  func account() async throws {
    try await with { forge, _, server in
      #expect(forge.connection.knownOwnLogin == nil)
      for _ in 0..<2 {
        let account = try await forge.ownAccount()
        #expect(account.login == "stet-app[bot]")
        #expect(account.isBot)
        #expect(forge.connection.knownOwnLogin == "stet-app[bot]")
      }
      #expect(server.requests.map(\.path) == ["/app"])
      #expect(forge.capabilities.hasCheckRuns)
    }
  }
}
