/// The clock that retries, deadlines and breakers go by; a test brings its own.
public struct Timing: Sendable {
  public var now: @Sendable () -> ContinuousClock.Instant
  /// Sleeps, or throws `CancellationError` when the task is cancelled.
  public var sleep: @Sendable (Duration) async throws -> Void
  /// A number from 0 up to 1, for jitter.
  public var random: @Sendable () -> Double

  public init(
    now: @escaping @Sendable () -> ContinuousClock.Instant,
    sleep: @escaping @Sendable (Duration) async throws -> Void,
    random: @escaping @Sendable () -> Double
  ) {
    self.now = now
    self.sleep = sleep
    self.random = random
  }

  public static let system = Timing(
    now: { ContinuousClock().now },
    sleep: { try await ContinuousClock().sleep(for: $0) },
    random: { Double.random(in: 0..<1) })
}

extension Duration {
  var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
