import Synchronization

/// How often and how patiently one request is repeated.
public struct RetryPolicy: Sendable, Equatable {
  /// Requests at most, the first one included; at least 1.
  public var attempts: Int
  /// Upper bound of the first wait; it doubles with each further one, up to `cap`.
  public var base: Duration
  public var cap: Duration
  /// Answers that are worth a further request.
  public var statuses: Set<Int>

  /// 409 is not among them: for most servers it is an answer, not an accident.
  public static let usualStatuses: Set<Int> = [408, 425, 429, 500, 502, 503, 504, 529]
  /// For what must not be sent twice.
  public static let never = RetryPolicy(attempts: 1)

  public init(
    attempts: Int = 4, base: Duration = .milliseconds(500), cap: Duration = .seconds(20),
    statuses: Set<Int> = RetryPolicy.usualStatuses
  ) {
    self.attempts = max(1, attempts)
    self.base = base
    self.cap = cap
    self.statuses = statuses
  }

  /// Full jitter: evenly between nothing and `min(cap, base * 2^failures)`. The spread keeps
  /// clients that failed together from returning together.
  /// - Parameters:
  ///   - failures: failed requests before the last one, from 0.
  ///   - random: from 0 up to but not including 1.
  public func wait(failures: Int, random: Double) -> Duration {
    let ceiling = min(cap.inSeconds, base.inSeconds * exponent(failures))
    return .seconds(max(0, ceiling) * random)
  }

  private func exponent(_ failures: Int) -> Double {
    // 2^40 times any base is past every sensible cap; more would overflow to infinity.
    Double(UInt64(1) << UInt64(min(max(0, failures), 40)))
  }
}

/// Requests that one call may still send, shared by every layer beneath it. A layer inside a layer
/// takes from the same number, so their retries never multiply.
public final class RetryBudget: Sendable {
  public let attempts: Int
  private let parent: RetryBudget?
  private let spent = Mutex(0)

  /// - Parameter parent: a wider budget that every request here is taken from as well.
  public init(attempts: Int, within parent: RetryBudget? = nil) {
    self.attempts = max(0, attempts)
    self.parent = parent
  }

  public var remaining: Int {
    let own = attempts - spent.withLock { $0 }
    return min(own, parent?.remaining ?? own)
  }

  /// Takes one request; false when none is left, here or above.
  public func take() -> Bool {
    let granted = spent.withLock { spent in
      guard spent < attempts else { return false }
      spent += 1
      return true
    }
    guard granted else { return false }
    guard let parent, !parent.take() else { return true }
    spent.withLock { $0 -= 1 }
    return false
  }
}

extension Duration {
  var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
