import Dispatch
import Domain
import Synchronization

/// A place for one connection, and the queue it belongs to. Its members are touched there only.
final class PostgresSlot: @unchecked Sendable {
  let queue = DispatchQueue(label: "stet.postgres")
  var connection: PostgresConnection?
  /// The number of lost connections when this one was last known to be well.
  var losses = 0
}

/// Hands connections to calls in the order in which they came.
final class PostgresPool: Sendable {
  private struct State {
    /// Those used last are taken first, so that few are opened where few are needed.
    var free: [PostgresSlot]
    var waiting: [PostgresCall] = []
    var isWatching = false
  }

  let slots: [PostgresSlot]
  private let state: Mutex<State>
  private let late: @Sendable () -> StoreError
  private static let watching = DispatchQueue(label: "stet.postgres.turns")

  /// - Parameter late: what a call is told that waited past its deadline.
  init(_ count: Int, late: @escaping @Sendable () -> StoreError) {
    slots = (0..<count).map { _ in PostgresSlot() }
    state = Mutex(State(free: slots))
    self.late = late
  }

  func add(_ call: PostgresCall) {
    let slot = state.withLock { state in
      if let slot = state.free.popLast() { return slot as PostgresSlot? }
      state.waiting.append(call)
      watch(&state)
      return nil
    }
    if let slot { return begin(call, on: slot) }
    // It may have been cancelled before it stood in the queue.
    if call.isCancelled { cancelled(call) }
  }

  /// Takes it out of the queue where it still stands there.
  func cancelled(_ call: PostgresCall) {
    let wasWaiting = state.withLock { state in
      guard let place = state.waiting.firstIndex(where: { $0 === call }) else { return false }
      state.waiting.remove(at: place)
      return true
    }
    if wasWaiting {
      call.refuse(
        StoreError(code: .cancelled, detail: "the call was cancelled; nothing was changed."))
    }
  }

  private func begin(_ call: PostgresCall, on slot: PostgresSlot) {
    slot.queue.async { call.serve(call, slot) }
  }

  /// On the slot's queue, when its call is done.
  func isFree(_ slot: PostgresSlot) {
    let next = state.withLock { state -> PostgresCall? in
      guard !state.waiting.isEmpty else {
        state.free.append(slot)
        return nil
      }
      return state.waiting.removeFirst()
    }
    if let next { begin(next, on: slot) }
  }

  /// All wait equally long, so the first in the queue is the first to be late.
  private func watch(_ state: inout State) {
    guard !state.isWatching, let first = state.waiting.first else { return }
    state.isWatching = true
    let left = max(0, (first.deadline - .now).inSeconds)
    Self.watching.asyncAfter(deadline: .now() + left + 0.001) { [weak self] in self?.look() }
  }

  private func look() {
    let late = state.withLock { state in
      state.isWatching = false
      let now = ContinuousClock.now
      let late = state.waiting.prefix { $0.deadline <= now }
      state.waiting.removeFirst(late.count)
      watch(&state)
      return Array(late)
    }
    for call in late { call.refuse(self.late()) }
  }
}
