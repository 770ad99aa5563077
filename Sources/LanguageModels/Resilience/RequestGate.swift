import Synchronization

/// Lets at most `limit` calls through at a time, in the order in which they came.
///
/// A waiting task that is cancelled leaves the queue at once and takes no place.
final class RequestGate: Sendable {
  private struct Waiter {
    var id: UInt64
    var continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var inside = 0
    var nextID: UInt64 = 0
    var waiting: [Waiter] = []
    /// On their way in; taken out by their own task, so that neither set grows.
    var entering: Set<UInt64> = []
    /// Cancelled before they came to wait.
    var cancelled: Set<UInt64> = []
  }

  let limit: Int
  private let state = Mutex(State())

  init(limit: Int) { self.limit = max(1, limit) }

  /// How many wait; for tests and metrics.
  var waiting: Int { state.withLock { $0.waiting.count } }

  /// Comes back when there is room. Every return is answered by one call of `leave`.
  /// - Throws: `CancellationError`; then there is nothing to answer.
  func enter() async throws {
    let id = state.withLock { state in
      state.nextID += 1
      state.entering.insert(state.nextID)
      return state.nextID
    }
    try await withTaskCancellationHandler {
      defer {
        state.withLock { state in
          state.entering.remove(id)
          state.cancelled.remove(id)
        }
      }
      try await withCheckedThrowingContinuation { continuation in
        let outcome: Result<Void, any Error>? = state.withLock { state in
          if state.cancelled.contains(id) { return .failure(CancellationError()) }
          if state.inside < limit {
            state.inside += 1
            return .success(())
          }
          state.waiting.append(Waiter(id: id, continuation: continuation))
          return nil
        }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      let waiter: Waiter? = state.withLock { state in
        guard let index = state.waiting.firstIndex(where: { $0.id == id }) else {
          if state.entering.contains(id) { state.cancelled.insert(id) }
          return nil
        }
        return state.waiting.remove(at: index)
      }
      waiter?.continuation.resume(throwing: CancellationError())
    }
  }

  func leave() {
    let next: Waiter? = state.withLock { state in
      guard !state.waiting.isEmpty else {
        state.inside -= 1
        return nil
      }
      return state.waiting.removeFirst()
    }
    next?.continuation.resume()
  }
}
