import Domain
import Foundation
import Hummingbird

/// Decides who may call the API.
///
/// What the store said of a token is believed for a short while, so that a busy client costs one
/// look in the store now and then, and one that was revoked is refused within seconds.
actor AccessControl {
  private struct Remembered {
    var token: APIToken?
    var at: ContinuousClock.Instant
  }

  private static let capacity = 1000

  private let store: any TokenStore
  private let memory: Duration
  private let now: @Sendable () -> Date
  private let isReachedFromElsewhere: Bool
  private let clock = ContinuousClock()
  private var remembered: [String: Remembered] = [:]
  /// Whether any token exists, and when that was seen. Tokens are revoked, never deleted.
  private var tokensExist: (answer: Bool, at: ContinuousClock.Instant)?

  /// - Parameter isReachedFromElsewhere: a proxy stands before the server, and one that adds no
  ///   header makes everybody look like a program of this machine: nobody is taken for one.
  init(
    store: any TokenStore, memory: Duration, isReachedFromElsewhere: Bool = false,
    now: @escaping @Sendable () -> Date
  ) {
    self.store = store
    self.memory = memory
    self.isReachedFromElsewhere = isReachedFromElsewhere
    self.now = now
  }

  /// - Parameter opensToThisMachine: answers programs of this machine also when tokens exist.
  /// - Throws: a `Problem`, 401 or 403, or what the store threw.
  func admit(
    _ head: HTTPRequest, peer: String, needing scope: APIToken.Scope,
    opensToThisMachine: Bool = false
  ) async throws -> Caller {
    if let authorization = head.headerFields[.authorization] {
      let parts = authorization.split(separator: " ", maxSplits: 1)
      guard parts.count == 2, parts[0].lowercased() == "bearer" else {
        throw Self.unauthorized("The Authorization header has to be `Bearer` and a token.")
      }
      guard let token = try await token(String(parts[1]).trimmingCharacters(in: .whitespaces)),
        token.isValid(at: now())
      else {
        throw Self.unauthorized(
          "This token is unknown, revoked or expired. `stet token create` makes one.",
          error: "invalid_token")
      }
      guard token.scope >= scope else {
        throw Problem(
          .forbidden,
          "This token has the scope `\(token.scope.rawValue)`; this needs `\(scope.rawValue)`.",
          headers: [
            "WWW-Authenticate":
              "Bearer realm=\"stet\", error=\"insufficient_scope\", scope=\"\(scope.rawValue)\""
          ])
      }
      return Caller(actor: "token:\(token.id)", scope: token.scope)
    }
    let refusal = Loopback.refusal(head: head, peer: peer)
    if opensToThisMachine, !isReachedFromElsewhere, refusal == nil { return .local }
    if try await anyTokenExists() {
      throw Self.unauthorized("This route needs `Authorization: Bearer TOKEN`.")
    }
    if isReachedFromElsewhere {
      throw Self.unauthorized(
        "This server has a public address, so every call needs a token, also from its own "
          + "machine. Make one with `stet token create` and send it as "
          + "`Authorization: Bearer TOKEN`.")
    }
    if let reason = refusal {
      throw Self.unauthorized(
        "While no API token exists only programs of this machine are answered, and this request "
          + "is refused because \(reason). Make a token with `stet token create` and send it as "
          + "`Authorization: Bearer TOKEN`.")
    }
    return .local
  }

  private static func unauthorized(_ detail: String, error: String? = nil) -> Problem {
    let suffix = error.map { ", error=\"\($0)\"" } ?? ""
    return Problem(
      .unauthorized, detail, headers: ["WWW-Authenticate": "Bearer realm=\"stet\"\(suffix)"])
  }

  /// The token of an id, whatever has become of it.
  func token(id: String) async throws -> APIToken? {
    if let known = remembered["id \(id)"], clock.now - known.at < memory { return known.token }
    let found = try await store.tokens().first { $0.id == id }
    remember(found, as: "id \(id)")
    return found
  }

  /// The token of a text. The store is asked by the hash, so that no comparison tells how much of a
  /// guess is right.
  func token(_ text: String) async throws -> APIToken? {
    guard text.utf8.count <= 200 else { return nil }
    let hash = TokenText.hash(text)
    if let known = remembered[hash], clock.now - known.at < memory { return known.token }
    let found = try await store.token(hash: hash)
    remember(found, as: hash)
    return found
  }

  private func remember(_ token: APIToken?, as key: String) {
    if remembered.count >= Self.capacity {
      let now = clock.now
      remembered = remembered.filter { now - $0.value.at < memory }
      if remembered.count >= Self.capacity { remembered = [:] }
    }
    remembered[key] = Remembered(token: token, at: clock.now)
  }

  func anyTokenExists() async throws -> Bool {
    if let tokensExist, tokensExist.answer || clock.now - tokensExist.at < memory {
      return tokensExist.answer
    }
    let answer = try await !store.tokens().isEmpty
    tokensExist = (answer, clock.now)
    return answer
  }
}
