import Foundation

/// How the server is reached and what it bears.
public struct ServerConfiguration: Sendable {
  /// A name or an address, without brackets.
  public var host: String
  /// 0 picks a free one.
  public var port: Int
  /// The address that links use, without a slash at its end; `nil`: the listening address.
  public var publicURL: String?
  /// Of the program: shown on `/docs`, never in a header.
  public var version: String
  public var limits: ServerLimits
  /// Only `/healthz` and `/metrics` are served, as beside a worker.
  public var servesFiguresOnly: Bool

  public init(
    host: String = "127.0.0.1", port: Int = 8080, publicURL: String? = nil,
    version: String = "0", limits: ServerLimits = ServerLimits(), servesFiguresOnly: Bool = false
  ) {
    self.servesFiguresOnly = servesFiguresOnly
    self.host = host
    self.port = port
    self.publicURL = publicURL
    self.version = version
    self.limits = limits
  }

  /// Whether its public address is one that other machines use, so that a proxy or a tunnel passes
  /// their requests on. An address that cannot be read counts as such.
  var isReachedFromElsewhere: Bool {
    guard let publicURL, !publicURL.isEmpty else { return false }
    guard let host = URLComponents(string: publicURL)?.host, !host.isEmpty else { return true }
    return !Loopback.isLoopback(name: host.trimmingCharacters(in: ["[", "]"]))
  }
}

/// What one client, and all of them together, may ask of the server.
public struct ServerLimits: Sendable {
  /// Largest body of a webhook in bytes. GitHub sends at most 25 MB.
  public var webhookBody = 25_000_000
  /// Largest body of an API request in bytes.
  public var apiBody = 5_000_000
  /// From the opening of a connection, or the end of an answer, to the end of the next head.
  public var headDeadline = Duration.seconds(15)
  /// From the end of a request's head to the end of its body.
  public var bodyDeadline = Duration.seconds(30)
  /// Bytes of all bodies together that were received for requests still being answered.
  public var bodiesInFlight = 256 << 20
  /// How long a client may read nothing of what is written to it.
  public var writeDeadline = Duration.seconds(30)
  /// Open connections; further ones wait to be accepted.
  public var connections = 1024
  /// Requests to `/fix`, `/issues` and `/v1` that one token may make in a minute.
  public var requestsPerMinute = 120
  /// How many of them may come at once; `nil`: a quarter of a minute's.
  public var requestBurst: Int?
  /// Requests of one address that may be refused in a minute because they bear no valid token;
  /// `nil`: four times `requestsPerMinute`. Those with a valid token do not count here, so that
  /// nobody behind the same proxy locks their sender out.
  public var requestsPerMinutePerAddress: Int?
  /// How many of them may come at once; `nil`: a quarter of a minute's.
  public var requestBurstPerAddress: Int?
  /// Texts that are no token which one address may try on the sign-in page in a minute.
  public var signInFailuresPerMinute = 10
  /// Longest `?wait=`.
  public var longestWait = Duration.seconds(120)
  public var fixDeadline = Duration.seconds(30)
  /// Time between two comments that keep an idle event stream open.
  public var heartbeat = Duration.seconds(15)
  /// Event streams open at once.
  public var eventStreams = 100
  /// How long a token may still be believed after it was revoked.
  public var tokenMemory = Duration.seconds(2)
  /// How long requests that run may take to finish when the server is stopped.
  public var stopDeadline = Duration.seconds(10)

  public init() {}

  func tokenLimiter() -> RequestLimiter {
    Self.limiter(requestsPerMinute, requestBurst)
  }

  func addressLimiter() -> RequestLimiter {
    Self.limiter(
      requestsPerMinutePerAddress ?? 4 * min(requestsPerMinute, 1_000_000), requestBurstPerAddress)
  }

  private static func limiter(_ perMinute: Int, _ burst: Int?) -> RequestLimiter {
    RequestLimiter(perMinute: perMinute, burst: burst ?? max(1, perMinute / 4))
  }
}
