import Synchronization

/// A clock that goes when it is told to.
final class SteppedClock: Sendable {
  private let instant = Mutex(ContinuousClock.now)
  var now: ContinuousClock.Instant { instant.withLock { $0 } }
  func advance(_ time: Duration) { instant.withLock { $0 += time } }
}
