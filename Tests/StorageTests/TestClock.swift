import Foundation
import Synchronization

/// A clock that a test moves.
final class TestClock: Sendable {
  private let seconds = Mutex(1_700_000_000.0)
  func advance(_ by: Double) { seconds.withLock { $0 += by } }
  var now: Date { Date(timeIntervalSince1970: seconds.withLock { $0 }) }
}
