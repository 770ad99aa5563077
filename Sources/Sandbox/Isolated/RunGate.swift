import Domain
import Synchronization

/// Lets so many in at a time, and the others in the order in which they came.
final class RunGate: Sendable {
  private struct State {
    var free: Int
    var waiting: [(number: Int, caller: CheckedContinuation<Bool, Never>)] = []
    var next = 0
  }

  private let state: Mutex<State>

  init(places: Int) {
    state = Mutex(State(free: places))
  }

  /// - Throws: `.cancelled`, after which there is nothing to leave.
  func enter() async throws(SandboxError) {
    let number = state.withLock { state in
      state.next += 1
      return state.next
    }
    let isIn = await withTaskCancellationHandler {
      await withCheckedContinuation { caller in
        let isIn: Bool? = state.withLock { state in
          // Looked at within the lock: a cancellation after this finds the caller in the queue.
          if Task.isCancelled { return false }
          if state.free > 0 {
            state.free -= 1
            return true
          }
          state.waiting.append((number, caller))
          return nil
        }
        if let isIn { caller.resume(returning: isIn) }
      }
    } onCancel: {
      let caller = state.withLock { state in
        state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0).caller }
      }
      caller?.resume(returning: false)
    }
    if !isIn { throw .cancelled }
  }

  var waitingCount: Int { state.withLock { $0.waiting.count } }

  func leave() {
    let caller = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      guard !state.waiting.isEmpty else {
        state.free += 1
        return nil
      }
      return state.waiting.removeFirst().caller
    }
    caller?.resume(returning: true)
  }
}
