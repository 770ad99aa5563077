import Synchronization

/// Keeps calls away from a provider that fails, and lets one through now and then to see.
///
///     closed ──N failures in a row──▶ open ──cool-down──▶ half-open (one probe)
///        ▲                              ▲                     │
///        └──────────── success ─────────┼──── failure ────────┘
///
/// The cool-down doubles with each failed probe, up to 16 times the first.
final class CircuitBreaker: Sendable {
  struct Policy: Sendable {
    /// Failing calls in a row that open it.
    var failures = 3
    var coolDown: Duration = .seconds(15)
  }

  enum Admission: Sendable, Equatable {
    case closed
    /// This call alone is let through, to see whether the provider is back.
    case probe
    /// Nothing is let through before this time has passed.
    case refused(retryAfter: Duration)
  }

  private enum State {
    case closed(failures: Int)
    case open(until: ContinuousClock.Instant, times: Int)
    case probing(times: Int)
  }

  private let policy: Policy
  private let timing: Timing
  private let state = Mutex(State.closed(failures: 0))

  init(_ policy: Policy = Policy(), timing: Timing = .system) {
    self.policy = policy
    self.timing = timing
  }

  /// Every admission but `.refused` is answered by one of `succeeded`, `failed` and `abandoned`.
  func admit() -> Admission {
    let now = timing.now()
    return state.withLock { state in
      switch state {
      case .closed: return .closed
      case .open(let until, let times):
        guard now >= until else { return .refused(retryAfter: now.duration(to: until)) }
        state = .probing(times: times)
        return .probe
      case .probing: return .refused(retryAfter: policy.coolDown)
      }
    }
  }

  func succeeded() {
    state.withLock { $0 = .closed(failures: 0) }
  }

  /// - Parameter retryAfter: what the server asked for; the breaker stays open at least as long.
  func failed(retryAfter: Duration? = nil) {
    let now = timing.now()
    state.withLock { state in
      switch state {
      case .closed(let failures):
        guard failures + 1 >= policy.failures else {
          state = .closed(failures: failures + 1)
          return
        }
        state = .open(until: now + coolDown(1, retryAfter), times: 1)
      case .probing(let times):
        state = .open(until: now + coolDown(times + 1, retryAfter), times: times + 1)
      case .open: return  // A call that began before it opened says nothing new.
      }
    }
  }

  /// The call ended without saying anything of the provider, such as when it was cancelled.
  func abandoned(_ admission: Admission) {
    guard admission == .probe else { return }
    let now = timing.now()
    state.withLock { state in
      if case .probing(let times) = state { state = .open(until: now, times: times) }
    }
  }

  private func coolDown(_ times: Int, _ retryAfter: Duration?) -> Duration {
    max(policy.coolDown * (1 << min(times - 1, 4)), retryAfter ?? .zero)
  }
}
