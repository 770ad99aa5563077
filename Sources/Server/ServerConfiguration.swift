/// How the server is reached and what it bears.
public struct ServerConfiguration: Sendable {
  /// A name or an address, without brackets.
  public var host: String
  /// 0 picks a free one.
  public var port: Int
  /// The address that links use, without a slash at its end; `nil`: the listening address.
  public var publicURL: String?
  /// Of the program: shown to those who may read `/docs`, never in a header.
  public var version: String
  public var limits: ServerLimits

  public init(
    host: String = "127.0.0.1", port: Int = 8080, publicURL: String? = nil,
    version: String = "0", limits: ServerLimits = ServerLimits()
  ) {
    self.host = host
    self.port = port
    self.publicURL = publicURL
    self.version = version
    self.limits = limits
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
  /// Open connections; further ones wait to be accepted.
  public var connections = 1024
  /// Requests to `/fix`, `/issues` and `/v1` that one token may make in a minute.
  public var requestsPerMinute = 120
  /// How many of them may come at once.
  public var requestBurst = 30
  /// The same for all callers of one address together, also those without a valid token.
  public var requestsPerMinutePerAddress = 480
  public var requestBurstPerAddress = 120
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
  public var stopDeadline = Duration.seconds(40)

  public init() {}
}
