import Domain
import Synchronization

/// One call of a database by a task: it waits for a connection, runs there, and is answered once.
///
/// It may be cancelled until the end of its transaction is sent. A task that was cancelled before
/// it began the call is served all the same: that is how ends are written down.
final class PostgresCall: Sendable {
  private struct State {
    var cancelledAt: ContinuousClock.Instant?
    /// Whom to ask to stop, while it runs and may be cancelled.
    var canceller: PostgresCanceller?
    var mayBeKept = false
  }

  private let state = Mutex(State())
  /// To be called by whoever took it out of the queue, once.
  let serve: @Sendable (PostgresCall, PostgresSlot) -> Void
  let refuse: @Sendable (StoreError) -> Void
  let deadline: ContinuousClock.Instant

  init(
    deadline: ContinuousClock.Instant,
    serve: @escaping @Sendable (PostgresCall, PostgresSlot) -> Void,
    refuse: @escaping @Sendable (StoreError) -> Void
  ) {
    self.deadline = deadline
    self.serve = serve
    self.refuse = refuse
  }

  var cancelledAt: ContinuousClock.Instant? { state.withLock(\.cancelledAt) }
  var isCancelled: Bool { cancelledAt != nil }

  /// A change is under way whose outcome only the server's answer tells.
  var mayBeKept: Bool { state.withLock(\.mayBeKept) }

  func cancel() {
    let canceller = state.withLock { state in
      if state.cancelledAt == nil { state.cancelledAt = .now }
      return state.canceller
    }
    canceller?.cancel()
  }

  /// From here on the connection is asked to stop when the call is cancelled.
  /// - Throws: `.cancelled` where it was before.
  func runs(on canceller: PostgresCanceller) throws(PostgresFailure) {
    let isCancelled = state.withLock { state in
      guard state.cancelledAt == nil else { return true }
      state.canceller = canceller
      state.mayBeKept = false
      return false
    }
    if isCancelled { throw .cancelled }
  }

  /// From here on nothing is asked to stop. - Throws: `.cancelled` where it was before.
  func endsTransaction() throws(PostgresFailure) {
    let isCancelled = state.withLock { state in
      guard state.cancelledAt == nil else { return true }
      state.canceller = nil
      state.mayBeKept = true
      return false
    }
    if isCancelled { throw .cancelled }
  }

  /// One exchange does all, and the server's answer tells whether it was stopped before its end.
  func changesAtOnce() { state.withLock { $0.mayBeKept = true } }

  func ended() { state.withLock { $0.canceller = nil } }
}
