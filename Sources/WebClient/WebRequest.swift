/// One call as its caller means it: what to send, how long it may take and how often it may be tried.
public struct WebRequest: Sendable {
  public var method: String
  /// An absolute `http` or `https` URL in ASCII, without user information.
  public var url: String
  public var headers: WebHeaders
  public var body: [UInt8]?
  /// The request holds a key or a token: no redirect is followed, whatever the server says.
  public var carriesSecret: Bool
  /// Follow a redirect of a request with a secret where it stays on the same scheme, host and port,
  /// and the method with it: GET and HEAD always, others only by 307 and 308.
  public var followsWithinOrigin: Bool
  /// Total time: every retry, every wait between them, and the whole body of the answer.
  public var deadline: Duration
  /// The largest body that is read. One byte more is `WebError.Code.tooLarge`.
  public var maxResponseBytes: Int
  /// How often the request may be repeated. `.never` for one that must not be sent twice.
  public var retry: RetryPolicy
  /// Requests that may be sent over everything beneath one call; `nil`: only `retry` counts.
  public var budget: RetryBudget?
  /// Hand back an answer of status 400 and above as a value, after the retries, and do not throw it.
  public var acceptsErrorStatus: Bool
  /// For an address that somebody else chose: where it may lead. `nil`: anywhere.
  public var addressGuard: AddressGuard?

  public init(
    method: String = "GET", url: String, headers: WebHeaders = [:], body: [UInt8]? = nil,
    carriesSecret: Bool = false, followsWithinOrigin: Bool = false,
    deadline: Duration = .seconds(60),
    maxResponseBytes: Int = 16 << 20, retry: RetryPolicy = .never, budget: RetryBudget? = nil,
    acceptsErrorStatus: Bool = false, addressGuard: AddressGuard? = nil
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.carriesSecret = carriesSecret
    self.followsWithinOrigin = followsWithinOrigin
    self.deadline = deadline
    self.maxResponseBytes = maxResponseBytes
    self.retry = retry
    self.budget = budget
    self.acceptsErrorStatus = acceptsErrorStatus
    self.addressGuard = addressGuard
  }
}

public struct WebResponse: Sendable, Equatable {
  public var status: Int
  public var headers: WebHeaders
  /// As sent: no content coding is undone.
  public var body: [UInt8]
  /// Requests that were sent for it, the last one included; redirects that were followed are not counted.
  public var attempts: Int

  public init(status: Int, headers: WebHeaders, body: [UInt8], attempts: Int) {
    self.status = status
    self.headers = headers
    self.body = body
    self.attempts = attempts
  }
}
