import Synchronization

/// How many failed requests one run may spend on a model, over all its calls, retries and fallbacks.
///
/// A request that succeeds costs nothing, so a long run on a healthy model is not limited, and a
/// dead model is left alone after `limit` requests however many calls the run makes at once.
public final class FailureBudget: Sendable, Hashable {
  private struct State {
    var failed: [String: Int] = [:]
    var inFlight: [String: Int] = [:]
  }

  public let limit: Int
  private let state = Mutex(State())

  public init(limit: Int = 8) { self.limit = limit }

  public enum Permit: Sendable { case granted, wait, spent }

  /// Asks for one request to `model`. `.wait`: as many requests are under way as may still fail.
  /// Every `.granted` is answered by one call of `finish`.
  public func request(_ model: String) -> Permit {
    state.withLock { state in
      let failed = state.failed[model, default: 0]
      if failed >= limit { return .spent }
      if failed + state.inFlight[model, default: 0] >= limit { return .wait }
      state.inFlight[model, default: 0] += 1
      return .granted
    }
  }

  public func finish(_ model: String, failed: Bool) {
    state.withLock { state in
      state.inFlight[model, default: 1] -= 1
      if failed { state.failed[model, default: 0] += 1 }
    }
  }

  public func failures(of model: String) -> Int {
    state.withLock { $0.failed[model, default: 0] }
  }

  public static func == (a: FailureBudget, b: FailureBudget) -> Bool { a === b }
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
