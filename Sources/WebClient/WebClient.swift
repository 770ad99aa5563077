import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// The one way out of the program by HTTP. Cheap to make: threads, pools and certificates come with
/// the first request that needs them. May be dropped without `shutdown()`.
public final class WebClient: Sendable {
  private static let maxRedirects = 5
  /// Left out when a redirect leads to another origin, even if the caller did not call them secret.
  private static let privateHeaders = [
    "authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "private-token",
    "x-goog-api-key",
  ]

  private let configuration: WebClientConfiguration
  private let pools: ConnectionPools

  public init(configuration: WebClientConfiguration) {
    self.configuration = configuration
    pools = ConnectionPools(configuration: configuration)
  }

  /// Ends every request under way with `cancelled` and closes all connections.
  public func shutdown() async { await pools.shutDown() }

  /// One whole answer.
  public func send(_ request: WebRequest) async throws(WebError) -> WebResponse {
    try await perform(request) { (exchange, attempts) throws(WebError) in
      WebResponse(
        status: exchange.head.status, headers: exchange.head.headers,
        body: try await exchange.wholeBody(), attempts: attempts)
    }
  }

  /// An answer whose body is read as it arrives. Nothing is repeated once its head has come.
  public func stream(_ request: WebRequest) async throws(WebError) -> WebStream {
    try await perform(request) { (exchange, attempts) throws(WebError) in
      WebStream(exchange, attempts: attempts)
    }
  }

  private func perform<Answer: Sendable>(
    _ request: WebRequest,
    _ read: @Sendable (Exchange, Int) async throws(WebError) -> Answer
  ) async throws(WebError) -> Answer {
    let limit = configuration.time.uptime() + request.deadline
    let address = try WebAddress(request.url)
    var attempts = 0
    while true {
      guard request.budget?.take() ?? true else {
        throw WebError(
          code: .budgetSpent,
          detail: "No request may be sent to \(address.origin) any more: its budget is spent.",
          attempts: attempts)
      }
      attempts += 1
      let failure: WebError
      var wait: Duration?
      do throws(WebError) {
        let exchange = try await follow(request, from: address, until: limit)
        let head = exchange.head
        if head.status < 400 { return try await read(exchange, attempts) }
        let error = statusError(head, origin: address.origin, attempts)
        wait = pause(after: error, request, attempts, until: limit)
        if wait == nil, request.acceptsErrorStatus { return try await read(exchange, attempts) }
        failure = await with(excerptOf: exchange, error)
      } catch {
        failure = error.after(attempts)
        wait = pause(after: failure, request, attempts, until: limit)
      }
      guard let wait, !Task.isCancelled else { throw failure }
      do { try await configuration.time.sleep(wait) } catch {
        throw WebError(
          code: .cancelled, detail: "The request to \(address.origin) was cancelled.",
          attempts: attempts)
      }
    }
  }

  /// How long to wait before the next attempt; `nil`: there is none.
  private func pause(
    after error: WebError, _ request: WebRequest, _ attempts: Int, until limit: Duration
  ) -> Duration? {
    guard attempts < request.retry.attempts, request.budget?.remaining ?? 1 > 0 else { return nil }
    switch error.code {
    case .unreachable, .connectionLost, .timedOut: break
    case .status: if !request.retry.statuses.contains(error.status ?? 0) { return nil }
    default: return nil
    }
    var wait = request.retry.wait(failures: attempts - 1, random: configuration.time.random())
    if let asked = error.retryAfter, asked > .zero { wait = asked }
    return configuration.time.uptime() + wait < limit ? wait : nil
  }

  private func statusError(
    _ head: ResponseFeed.Head, origin: String, _ attempts: Int
  ) -> WebError {
    WebError(
      code: .status, detail: "\(origin) answered with status \(head.status).",
      retryAfter: RetryAfter.read(head.headers, now: configuration.time.now()),
      attempts: attempts, status: head.status)
  }

  private func with(excerptOf exchange: Exchange, _ error: WebError) async -> WebError {
    var error = error
    error.excerpt = await exchange.excerpt()
    return error
  }

  /// Sends one request and follows where it leads, as far as this request may.
  private func follow(
    _ request: WebRequest, from start: WebAddress, until limit: Duration
  ) async throws(WebError) -> Exchange {
    var (address, current) = (start, request)
    for _ in 0...Self.maxRedirects {
      let exchange = try await exchange(current, at: address, until: limit)
      let status = exchange.head.status
      guard [301, 302, 303, 307, 308].contains(status),
        let location = exchange.head.headers["location"]
      else { return exchange }
      let target = try? address.resolving(location)
      guard let target, target.isSecure || !address.isSecure,
        !request.carriesSecret || staysHome(current, status: status, from: address, to: target)
      else {
        throw WebError(
          code: .redirected,
          detail: "\(address.origin) redirects to \(target?.origin ?? "an unusable URL"), "
            + (request.carriesSecret
              ? "and a request with a secret is not sent elsewhere."
              : "which is not followed."),
          status: status)
      }
      if !target.sameOrigin(as: address) {
        for name in Self.privateHeaders { current.headers[name] = nil }
      }
      if status == 303 && current.method != "HEAD"
        || (status == 301 || status == 302) && current.method == "POST"
      {
        current.method = "GET"
        current.body = nil
        for name in ["content-type", "content-length", "content-encoding"] {
          current.headers[name] = nil
        }
      }
      address = target
    }
    throw WebError(
      code: .redirected, detail: "\(start.origin) redirects more than \(Self.maxRedirects) times.")
  }

  /// A secret may go where it came from, as long as the request stays what it was.
  private func staysHome(
    _ request: WebRequest, status: Int, from address: WebAddress, to target: WebAddress
  ) -> Bool {
    request.followsWithinOrigin && target.sameOrigin(as: address)
      && (["GET", "HEAD"].contains(request.method) || status == 307 || status == 308)
  }

  private func exchange(
    _ request: WebRequest, at address: WebAddress, until limit: Duration
  ) async throws(WebError) -> Exchange {
    let remaining = limit - configuration.time.uptime()
    guard remaining > .zero else {
      throw WebError(code: .timedOut, detail: "\(address.origin) did not answer in time.")
    }
    let proxy: ProxySettings.Proxy?
    switch configuration.proxy.choice(for: address) {
    case .direct: proxy = nil
    case .proxy(let chosen): proxy = chosen
    case .unusable(let problem): throw WebError(code: .invalidURL, detail: problem)
    }
    let pools = try await pools(for: request, at: address, throughProxy: proxy != nil)
    guard let client = pools.client(through: proxy) else {
      throw WebError(code: .cancelled, detail: "The HTTP client has been shut down.")
    }
    var headers = HTTPHeaders(request.headers.map { ($0.name, $0.value) })
    if !headers.contains(name: "user-agent") {
      headers.add(name: "User-Agent", value: configuration.userAgent)
    }
    let feed = ResponseFeed(origin: address.origin, maxBytes: request.maxResponseBytes)
    do {
      let prepared = try HTTPClient.Request(
        url: address.url, method: HTTPMethod(rawValue: request.method), headers: headers,
        body: request.body.map { .bytes($0) })
      feed.attach(
        client.execute(
          request: prepared, delegate: feed, deadline: .now() + TimeAmount(remaining)))
    } catch {
      throw WebError(explaining: error, origin: address.origin)
    }
    return Exchange(feed: feed, head: try await feed.head(), pools: pools)
  }

  /// Those of the client, or for an address that was looked at a pool of its own, which ends with the
  /// answer: it knows no other way to the name than the address that was found fit.
  private func pools(
    for request: WebRequest, at address: WebAddress, throughProxy: Bool
  ) async throws(WebError) -> ConnectionPools {
    guard let chosen = request.addressGuard else { return pools }
    guard !pools.isShutDown else {
      throw WebError(code: .cancelled, detail: "The HTTP client has been shut down.")
    }
    guard let fit = try await chosen.check(address, throughProxy: throughProxy) else {
      return pools
    }
    return ConnectionPools(configuration: configuration, pinning: [address.host: fit])
  }
}
