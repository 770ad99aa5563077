public import Domain
public import Foundation
import Synchronization

/// GitHub's REST and a part of its GraphQL on a socket: it holds repositories and pull requests,
/// refuses what GitHub refuses, and remembers what it was asked.
///
///     let hub = FakeGitHub()
///     hub.addToken(token, for: "stet-bot")
///     let reference = hub.addPullRequest(in: repository, base: ["a.py": old], head: ["a.py": new])
///     let server = try await hub.listen()   // server.url is the API's root
public final class FakeGitHub: Sendable {
  /// A request and its answer, secrets masked.
  public struct Exchange: Sendable {
    /// From 1.
    public var number: Int
    public var method: String
    /// With the query.
    public var path: String
    /// By lower-case name; `authorization` only by its scheme.
    public var requestHeaders: [String: String]
    public var requestBody: [UInt8]
    /// 0 where nothing was answered.
    public var status: Int
    public var responseHeaders: [String: String]
    public var responseBody: [UInt8]
    /// Whether an injected fault made the answer other than GitHub's.
    public var isFault = false

    public init(
      number: Int, method: String, path: String, requestHeaders: [String: String],
      requestBody: [UInt8], status: Int, responseHeaders: [String: String], responseBody: [UInt8]
    ) {
      self.number = number
      self.method = method
      self.path = path
      self.requestHeaders = requestHeaders
      self.requestBody = requestBody
      self.status = status
      self.responseHeaders = responseHeaders
      self.responseBody = responseBody
    }

    public var requestJSON: JSONValue? { JSONValue(bytes: requestBody) }
    public var responseJSON: JSONValue? { JSONValue(bytes: responseBody) }
    /// Without the query.
    public var plainPath: String { String(path.split(separator: "?").first ?? "/") }
  }

  struct State {
    var world = GitHubWorld()
    var log: [Exchange] = []
    var faults: [GitHubFault] = []
    /// Requests so far, those that were never answered included.
    var count = 0
    /// The number of the request that is being held, and on which side of its change.
    var held: String?
    /// Requests that wait to be let go.
    var late = 0
    var releases = 0
    var clockOffset: TimeInterval = 0
    var versions: [String: Int] = [:]
  }

  let state = Mutex(State())
  /// Real repositories beside the fake ones.
  let git = Mutex<GitHTTPServer?>(nil)
  private let clock: @Sendable () -> Date

  /// - Parameter now: the true time; `setClockOffset` moves the server's from it.
  public init(now: @escaping @Sendable () -> Date = { Date() }) { clock = now }

  /// Serves on a port of this machine; 0 picks one.
  /// - Parameter note: told of each exchange, such as to print it.
  public func listen(
    port: Int = 0, note: @escaping @Sendable (Exchange) -> Void = { _ in }
  ) async throws -> FaultServer {
    try await FaultServer(port: port) { [self] request in
      if GitHTTPServer.repository(in: request.path) != nil, let git = git.withLock({ $0 }) {
        return await git.answer(request)
      }
      if let (reply, exchange) = exchange(request) {
        if let exchange { note(exchange) }
        return reply
      }
      await untilReleased()
      guard let (reply, exchange) = exchange(request, wasLate: true) else {
        return FaultReply(parts: [.cut], framing: .raw)
      }
      if let exchange { note(exchange) }
      return reply
    }
  }

  // MARK: what was asked

  /// Every request so far, oldest first. Those to `/_fake/…` are not among them.
  public var log: [Exchange] { state.withLock { $0.log } }

  public func clearLog() { state.withLock { $0.log = [] } }

  /// How many requests had this method, and a path that ends so (without its query).
  public func count(_ method: String, _ ending: String = "") -> Int {
    log.count { $0.method == method && (ending.isEmpty || $0.plainPath.hasSuffix(ending)) }
  }

  // MARK: how it behaves

  /// Moves the server's clock, which `Date`, tokens and JWTs follow.
  public func setClockOffset(_ offset: Duration) {
    state.withLock { $0.clockOffset = TimeInterval(offset.components.seconds) }
  }

  /// The primary limit from now on, for each account; counting begins anew.
  public func setRateLimit(_ limit: Int, window: Duration = .seconds(3600)) {
    update { $0.limits.set(limit: limit, window: Double(window.components.seconds), now: $0.now) }
  }

  /// After so many further requests the secondary limit strikes for `wait`; `nil`: never.
  /// - Parameter status: 403 or 429.
  public func setSecondaryLimit(
    after count: Int?, wait: Duration = .seconds(60), status: Int = 403
  ) {
    update {
      $0.limits.setSecondary(
        after: count, wait: Double(wait.components.seconds), status: status)
    }
  }

  /// Above either a pull request's diff answers 406.
  public func setDiffLimit(files: Int = 300, lines: Int = 20_000) {
    update {
      $0.maximumDiffFiles = files
      $0.maximumDiffLines = lines
    }
  }

  /// How long installation tokens made from now on are good; GitHub's live an hour.
  public func setTokenLifetime(_ time: Duration) {
    update { $0.tokenLifetime = Double(time.components.seconds) }
  }

  /// Misbehaves for the next requests that match; earlier faults come first.
  public func inject(_ fault: GitHubFault) { state.withLock { $0.faults.append(fault) } }

  public func clearFaults() { state.withLock { $0.faults = [] } }

  /// How many requests a fault `late` keeps waiting.
  public var late: Int { state.withLock { $0.late } }

  /// Lets them go.
  public func release() { state.withLock { $0.releases += 1 } }

  private func untilReleased() async {
    let before = state.withLock { state in
      state.late += 1
      return state.releases
    }
    // A forgotten one goes on in the end.
    let end = ContinuousClock.now + .seconds(60)
    while state.withLock({ $0.releases == before }), ContinuousClock.now < end {
      try? await Task.sleep(for: .milliseconds(2))
    }
    state.withLock { $0.late -= 1 }
  }

  /// The number of the request that a fault `holdBefore` or `holdAfter` holds, as `before 3`.
  public var held: String? { state.withLock { $0.held } }

  // MARK: the inside

  @discardableResult
  func update<Value: Sendable>(_ body: (inout GitHubWorld) -> Value) -> Value {
    state.withLock { state in
      state.world.now = clock().addingTimeInterval(state.clockOffset)
      return body(&state.world)
    }
  }

  func read<Value: Sendable>(_ body: (GitHubWorld) -> Value) -> Value {
    state.withLock { body($0.world) }
  }

  /// - Returns: `nil` for a request that has to wait.
  private func exchange(
    _ received: ReceivedRequest, wasLate: Bool = false
  ) -> (FaultReply, Exchange?)? {
    let request = GitHubRequest(received)
    if request.segments.first == "_fake" { return (control(request), nil) }
    return state.withLock { state in
      let now = clock().addingTimeInterval(state.clockOffset)
      state.world.now = now
      let fault = wasLate ? nil : state.takeFault(for: request)
      if fault == .late { return nil }
      state.count += 1
      var exchange = Exchange(
        number: state.count, method: request.method, path: request.target,
        requestHeaders: request.headers, requestBody: request.body, status: 0,
        responseHeaders: [:], responseBody: [])
      if let scheme = request.headers["authorization"]?.split(separator: " ").first {
        exchange.requestHeaders["authorization"] = "\(scheme) ***"
      }
      switch fault {
      case .resetBefore, .holdBefore:
        state.log.append(exchange)
        if fault == .resetBefore { return (FaultReply(parts: [.reset], framing: .raw), exchange) }
        state.held = "before \(state.count)"
        return (FaultReply(parts: [.hang], framing: .raw), exchange)
      default: break
      }
      var reply: GitHubReply
      switch fault {
      case .answer(let status, let body, let headers):
        reply = GitHubReply(status: status, headers: headers.map { ($0.key, $0.value) })
        exchange.isFault = true
        reply.body = Array(body.utf8)
      case .html(let status):
        reply = GitHubReply(status: status, type: "text/html; charset=utf-8")
        exchange.isFault = true
        reply.body = Array("<!DOCTYPE html><html><body>Unicorn!</body></html>".utf8)
      default: reply = state.world.answer(request)
      }
      exchange.status = reply.status
      exchange.responseBody = reply.body
      let headers = Self.headers(of: reply, number: state.count, now: now)
      exchange.responseHeaders = Dictionary(
        headers.map { ($0.name.lowercased(), $0.value) }
      ) { first, _ in first }
      let wire = Self.wire(reply, headers)
      switch fault {
      case .resetAfter, .holdAfter: exchange.status = 0
      default: break
      }
      state.log.append(exchange)
      let parts: [FaultReply.Part]
      switch fault {
      case .resetAfter: parts = [.reset]
      case .holdAfter:
        state.held = "after \(state.count)"
        parts = [.hang]
      case .half: parts = [.bytes(Array(wire.dropLast(reply.body.count / 2 + 1))), .cut]
      case .delay(let time): parts = [.pause(time), .bytes(wire)]
      default: parts = [.bytes(wire)]
      }
      return (FaultReply(parts: parts, framing: .raw), exchange)
    }
  }

  private static func headers(
    of reply: GitHubReply, number: Int, now: Date
  ) -> [(name: String, value: String)] {
    var headers: [(name: String, value: String)] = [
      ("server", "github.com"), ("date", now.httpText),
      ("x-github-request-id", "FAKE:\(number)"), ("x-github-media-type", "github.v3; format=json"),
      ("vary", "Accept, Authorization, Cookie, X-GitHub-OTP"),
    ]
    if reply.status != 204, reply.status != 304 {
      headers.append(("content-type", reply.type))
      headers.append(("content-length", "\(reply.body.count)"))
    }
    return headers + reply.headers
  }

  private static func wire(
    _ reply: GitHubReply, _ headers: [(name: String, value: String)]
  ) -> [UInt8] {
    let head = headers.map { "\($0.name): \($0.value)\r\n" }.joined()
    return Array("HTTP/1.1 \(reply.status) Status\r\n\(head)\r\n".utf8) + reply.body
  }
}
