import Synchronization

/// What holds for every call of one client.
public struct WebClientConfiguration: Sendable {
  /// Sent as `User-Agent` unless the request brings its own, such as `stet/0.1.0`.
  public var userAgent: String
  public var proxy: ProxySettings
  public var connectTimeout: Duration
  /// The longest silence on a connection while an answer is awaited; `nil`: only deadlines count.
  public var idleTimeout: Duration?
  /// Connections that stay open to one host.
  public var connectionsPerHost: Int
  public var time: WebTime

  public init(
    userAgent: String, proxy: ProxySettings = .none, connectTimeout: Duration = .seconds(10),
    idleTimeout: Duration? = .seconds(120), connectionsPerHost: Int = 8, time: WebTime = .system
  ) {
    self.userAgent = userAgent
    self.proxy = proxy
    self.connectTimeout = connectTimeout
    self.idleTimeout = idleTimeout
    self.connectionsPerHost = connectionsPerHost
    self.time = time
  }
}

/// Time and chance as closures, so that a test of waiting need not wait.
public struct WebTime: Sendable {
  /// Seconds since 1970; read only to understand dates in headers.
  public var now: @Sendable () -> Double
  /// Time since any fixed moment; never goes backwards. Deadlines are measured with it.
  public var uptime: @Sendable () -> Duration
  /// Waits; throws when the task is cancelled.
  public var sleep: @Sendable (Duration) async throws -> Void
  /// From 0 up to but not including 1.
  public var random: @Sendable () -> Double

  public init(
    now: @escaping @Sendable () -> Double, uptime: @escaping @Sendable () -> Duration,
    sleep: @escaping @Sendable (Duration) async throws -> Void,
    random: @escaping @Sendable () -> Double
  ) {
    self.now = now
    self.uptime = uptime
    self.sleep = sleep
    self.random = random
  }

  public static let system: WebTime = {
    let start = ContinuousClock.now
    return WebTime(
      now: { systemSeconds() }, uptime: { start.duration(to: .now) },
      sleep: { try await Task.sleep(for: $0) }, random: { Double.random(in: 0..<1) })
  }()
}
