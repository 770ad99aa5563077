import Synchronization

/// How often one call may still try again, over all providers that it falls back to.
///
/// It travels with the task and not with the request, because a chain may hold models that wrap
/// others: whoever sends the requests at the bottom takes from the same few, so that nested
/// retries cannot multiply.
final class RetryAllowance: Sendable {
  static let perCall = 2

  @TaskLocal static var current: RetryAllowance?

  private let left: Mutex<Int>

  init(_ count: Int = RetryAllowance.perCall) { left = Mutex(count) }

  func take() -> Bool {
    left.withLock { left in
      guard left > 0 else { return false }
      left -= 1
      return true
    }
  }

  /// Before try number `attempt` (from 0) is repeated: from nothing to half a second, doubled each
  /// time, at most 8 seconds, evenly spread so that many callers do not come back together.
  static func delay(after attempt: Int, random: Double) -> Duration {
    let ceiling = min(8, 0.5 * Double(1 << min(attempt, 8)))
    return .milliseconds(Int(ceiling * 1000 * random))
  }
}
