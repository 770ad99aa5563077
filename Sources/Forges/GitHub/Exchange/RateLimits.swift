import Domain
import Synchronization
import WebClient

/// Whose limits a request is counted against.
enum Principal: Sendable, Hashable {
  case token
  /// The App itself, by its JWT.
  case app
  case installation(Int64)
}

/// What GitHub has said of its limits, so that nothing is sent that it would refuse.
final class RateLimits: Sendable {
  /// GitHub's windows last an hour: a reset beyond that is a wrong clock or a wrong header.
  static let longest: Duration = .seconds(3600)
  /// What GitHub asks for after a secondary limit that names no time.
  static let secondaryPause: Duration = .seconds(60)

  private struct Key: Hashable {
    var principal: Principal
    /// `nil`: a secondary limit, which holds for everything.
    var resource: String?
  }

  private let uptime: @Sendable () -> Duration
  private let blocked = Mutex<[Key: Duration]>([:])

  init(uptime: @escaping @Sendable () -> Duration) { self.uptime = uptime }

  /// How long nothing of this kind may be sent; `nil` when it may.
  func wait(_ principal: Principal, _ resource: String) -> Duration? {
    let now = uptime()
    return blocked.withLock { blocked in
      blocked = blocked.filter { $0.value > now }
      return [resource, nil].compactMap { blocked[Key(principal: principal, resource: $0)] }
        .max().map { $0 - now }
    }
  }

  /// Takes note of an answer's headers.
  /// - Returns: the wait until the primary limit resets where it is spent.
  @discardableResult
  func note(
    _ headers: WebHeaders, _ principal: Principal, _ resource: String, serverTime: Double
  ) -> Duration? {
    guard let remaining = headers["x-ratelimit-remaining"].flatMap({ Int($0) }) else { return nil }
    let key = Key(principal: principal, resource: headers["x-ratelimit-resource"] ?? resource)
    guard remaining <= 0 else {
      blocked.withLock { $0[key] = nil }
      return nil
    }
    let wait = Self.untilReset(headers, serverTime: serverTime)
    guard let wait else { return nil }
    block(key, for: wait)
    return wait
  }

  func blockAll(_ principal: Principal, for wait: Duration) {
    block(Key(principal: principal, resource: nil), for: wait)
  }

  private func block(_ key: Key, for wait: Duration) {
    let until = uptime() + wait
    blocked.withLock { $0[key] = max($0[key] ?? .zero, until) }
  }

  /// The wait until `x-ratelimit-reset` by the server's own clock: at least a second, at most
  /// `longest`; `nil` where the header is missing.
  static func untilReset(_ headers: WebHeaders, serverTime: Double) -> Duration? {
    guard let reset = headers["x-ratelimit-reset"].flatMap({ Double($0) }), reset.isFinite else {
      return nil
    }
    let seconds = min(max(reset - serverTime, 0) + 1, longest.inSeconds)
    return .seconds(seconds.rounded(.up))
  }
}

extension Duration {
  var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
