import Domain
import Synchronization

/// Spaces out the attempts to connect to a server that does not answer: all connections of a
/// database share one rhythm.
final class PostgresOutage: Sendable {
  private struct State {
    var failures = 0
    var since: ContinuousClock.Instant?
    var next: ContinuousClock.Instant?
    var error: StoreError?
    var losses = 0
  }

  private let state = Mutex(State())

  private static let shortest = 0.05
  private static let longest = 1.0

  /// Connections that broke, ever: what was idle meanwhile is asked before it is used.
  var losses: Int { state.withLock(\.losses) }

  func lost() { state.withLock { $0.losses += 1 } }

  func connected() {
    state.withLock { state in
      state.failures = 0
      state.since = nil
      state.next = nil
      state.error = nil
    }
  }

  func failed(_ error: StoreError) {
    state.withLock { state in
      let now = ContinuousClock.now
      if state.since == nil { state.since = now }
      state.failures += 1
      state.error = error
      let pause = min(Self.longest, Self.shortest * Double(1 << min(state.failures - 1, 10)))
      state.next = now + .seconds(Double.random(in: pause / 2...pause))
    }
  }

  /// When to try again, and what to say where that is too late for whoever asks.
  func pause() -> (until: ContinuousClock.Instant, since: ContinuousClock.Instant, StoreError)? {
    state.withLock { state in
      guard let next = state.next, let since = state.since, let error = state.error, next > .now
      else { return nil }
      return (next, since, error)
    }
  }
}
