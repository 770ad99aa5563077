import LanguageModels
import Synchronization

/// A clock that moves only when told.
final class ManualClock: Sendable {
  private let state = Mutex(ContinuousClock().now)

  var timing: Timing {
    Timing(now: { self.state.withLock { $0 } }, sleep: { self.advance($0) }, random: { 0 })
  }

  /// Time as this clock has it, but real sleeping: for what waits for other tasks.
  var timingWithRealSleep: Timing {
    Timing(
      now: { self.state.withLock { $0 } }, sleep: { try await ContinuousClock().sleep(for: $0) },
      random: { 0 })
  }

  func advance(_ duration: Duration) { state.withLock { $0 += duration } }
}

extension Timing {
  /// The real clock, without waiting between retries.
  static let impatient = Timing(
    now: { ContinuousClock().now }, sleep: { try await ContinuousClock().sleep(for: $0) },
    random: { 0 })
}
