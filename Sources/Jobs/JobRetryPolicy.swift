/// When a job that failed is tried again: after twice as long each time, up to a cap, and not all
/// at once.
public struct JobRetryPolicy: Sendable, Hashable {
  /// After the first try.
  public var first: Duration
  public var factor: Double
  public var cap: Duration
  /// Up to this share of the time is taken off, by chance.
  public var jitter: Double

  public init(
    first: Duration = .seconds(5), factor: Double = 2, cap: Duration = .seconds(600),
    jitter: Double = 0.25
  ) {
    self.first = first
    self.factor = factor
    self.cap = cap
    self.jitter = jitter
  }

  /// - Parameters:
  ///   - attempt: tries begun, from 1.
  ///   - chance: from 0 up to 1.
  public func delay(after attempt: Int, chance: Double = .random(in: 0..<1)) -> Duration {
    var delay = min(first, cap)
    // Stops at the cap, so a large attempt costs nothing and overflows nothing.
    var left = attempt - 1
    while left > 0, delay < cap, factor > 1 {
      delay = min(cap, delay * factor)
      left -= 1
    }
    return delay * (1 - min(max(jitter, 0), 1) * min(max(chance, 0), 1))
  }
}
