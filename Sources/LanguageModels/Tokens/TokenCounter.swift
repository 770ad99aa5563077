import Domain
import Synchronization

/// Asks a server how many tokens a text takes.
///
/// A server that does not answer is left alone for half a minute, and until it has answered once
/// only one question is under way: counting must not flood a server that is down.
final class TokenCounter: Sendable {
  private enum State {
    case unknown
    case works
    case failedAt(ContinuousClock.Instant)
    case absent
  }

  private static let patience: Duration = .seconds(5)
  private static let pause: Duration = .seconds(30)

  private let endpoint: TokenizerEndpoint?
  private let transport: ModelTransport
  private let timing: Timing
  private let state: Mutex<State>
  private let discovery = RequestGate(limit: 1)

  init(endpoint: TokenizerEndpoint?, transport: ModelTransport, timing: Timing) {
    self.endpoint = endpoint
    self.transport = transport
    self.timing = timing
    state = Mutex(endpoint == nil ? .absent : .unknown)
  }

  /// `nil` where the server does not count, or not now.
  func count(_ text: String) async -> TokenCount? {
    guard let endpoint, mayAsk else { return nil }
    if case .works = state.withLock({ $0 }) { return await ask(text, endpoint) }
    guard (try? await discovery.enter()) != nil else { return nil }
    defer { discovery.leave() }
    guard mayAsk else { return nil }
    return await ask(text, endpoint)
  }

  private var mayAsk: Bool {
    let now = timing.now()
    return state.withLock { state in
      switch state {
      case .unknown, .works: true
      case .failedAt(let when): when.duration(to: now) > Self.pause
      case .absent: false
      }
    }
  }

  private func ask(_ text: String, _ endpoint: TokenizerEndpoint) async -> TokenCount? {
    let request = WireRequest(
      url: endpoint.url, headers: endpoint.headers, body: endpoint.body(text).bytes)
    let response = try? await transport.send(request, Self.patience)
    if let response, response.status == 200, let value = try? JSONParser.value(of: response.body),
      let count = endpoint.count(value)
    {
      state.withLock { $0 = .works }
      return TokenCount(count)
    }
    if Task.isCancelled { return nil }
    let now = timing.now()
    let status = response?.status ?? 0
    state.withLock { $0 = [404, 405, 501].contains(status) ? .absent : .failedAt(now) }
    return nil
  }
}
