/// Bad manners for the next requests that match.
public struct GitHubFault: Sendable {
  public enum Kind: Sendable, Equatable {
    /// This instead of the true answer; nothing is changed.
    case answer(status: Int, body: String, headers: [String: String] = [:])
    /// A page for people, as an outage or a proxy shows; nothing is changed.
    case html(status: Int)
    /// The change is done, and half the answer sent before the connection closes.
    case half
    /// The connection is reset before the change is done.
    case resetBefore
    /// The change is done, and the connection reset instead of an answer.
    case resetAfter
    /// Nothing is done or said until the other side goes away.
    case holdBefore
    /// The change is done, and nothing said until the other side goes away.
    case holdAfter
    /// Nothing is done until `FakeGitHub.release()`, then the true answer: a request that arrives
    /// late, whether or not its sender still waits.
    case late
    /// The change is done at once, and told late.
    case delay(Duration)
  }

  /// `nil`: any.
  public var method: String?
  /// Contained in the path; empty: any.
  public var path: String
  public var kind: Kind
  /// How many requests still meet it.
  public var times: Int
  /// Matching requests that it lets pass first.
  public var skipping: Int

  public init(
    _ kind: Kind, on method: String? = nil, _ path: String = "", times: Int = 1, skipping: Int = 0
  ) {
    self.kind = kind
    self.method = method
    self.path = path
    self.times = times
    self.skipping = skipping
  }
}

extension FakeGitHub.State {
  mutating func takeFault(for request: GitHubRequest) -> GitHubFault.Kind? {
    for index in faults.indices {
      let fault = faults[index]
      guard fault.method == nil || fault.method == request.method,
        fault.path.isEmpty || request.target.contains(fault.path)
      else { continue }
      if fault.skipping > 0 {
        faults[index].skipping -= 1
        continue
      }
      faults[index].times -= 1
      if faults[index].times <= 0 { faults.remove(at: index) }
      return fault.kind
    }
    return nil
  }
}
