/// Why a call failed, in terms its caller can act on.
public struct WebError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// The total deadline passed, or no byte came for the idle time.
    case timedOut = "timed_out"
    /// No connection: refused, no such host, or none within the connect time.
    case unreachable
    /// The connection ended before the answer did.
    case connectionLost = "connection_lost"
    /// The answer, or one of its events, is larger than the bound.
    case tooLarge = "too_large"
    case tlsFailed = "tls_failed"
    /// The URL, a header or a proxy setting cannot be used. Nothing was sent.
    case invalidURL = "invalid_url"
    /// The server points elsewhere and the request may not follow.
    case redirected
    case cancelled
    /// The answer has status 400 or above; see `status` and `excerpt`.
    case status
    /// What came back is not HTTP.
    case malformed
    /// The retry budget was empty before the first request. Nothing was sent.
    case budgetSpent = "budget_spent"
    /// The address, or one that it redirects to, is not of the public internet, and the request may
    /// go nowhere else. Nothing was sent there.
    case forbiddenAddress = "forbidden_address"
  }

  public var code: Code
  /// One sentence. Never a query string, a credential or the value of a header.
  public var detail: String
  /// Earliest useful retry, as the server gave it; `nil` when it gave none.
  public var retryAfter: Duration?
  /// Requests that were sent.
  public var attempts: Int
  public var status: Int?
  /// The first bytes of the body of an error status, at most `excerptLimit`, for the caller to read.
  public var excerpt: [UInt8]

  public static let excerptLimit = 8 << 10

  public init(
    code: Code, detail: String, retryAfter: Duration? = nil, attempts: Int = 0,
    status: Int? = nil, excerpt: [UInt8] = []
  ) {
    self.code = code
    self.detail = detail
    self.retryAfter = retryAfter
    self.attempts = attempts
    self.status = status
    self.excerpt = excerpt
  }

  public var description: String { "\(code.rawValue): \(detail)" }

  func after(_ attempts: Int) -> Self {
    var copy = self
    copy.attempts = attempts
    return copy
  }
}
