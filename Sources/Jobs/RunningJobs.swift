import Synchronization

/// One try of a job in this process.
final class RunningJob: Sendable {
  /// Why its task was cancelled.
  enum Stop: Sendable, Hashable {
    /// Another has the job.
    case leaseLost
    /// The store could not be asked for as long as a lease holds, so another may have it.
    case leaseUncertain
    case cancelRequested
    case shutdown
    case tooLong
  }

  private struct State {
    var task: Task<Void, Never>?
    var stop: Stop?
    var stoppedAt: ContinuousClock.Instant?
    var isClosed = false
    var extendedAt: ContinuousClock.Instant
  }

  let claimed: ClaimedJob
  let handler: JobHandler
  let startedAt: ContinuousClock.Instant
  private let state: Mutex<State>

  /// - Parameter askedAt: when the claim was sent, since the lease began no earlier.
  init(_ claimed: ClaimedJob, _ handler: JobHandler, askedAt: ContinuousClock.Instant) {
    self.claimed = claimed
    self.handler = handler
    startedAt = .now
    state = Mutex(State(extendedAt: askedAt))
  }

  var job: Job { claimed.job }

  func begin(_ work: @escaping @Sendable () async -> Void) {
    state.withLock { state in
      guard !state.isClosed else { return }
      let task = Task(operation: work)
      state.task = task
      // It was known to the other loops before it began.
      if state.stop != nil { task.cancel() }
    }
  }

  /// Cancels the handler's task. The first reason counts, except that a lost lease outweighs all.
  func stop(_ reason: Stop) {
    let task = state.withLock { state in
      if state.stop == nil || reason == .leaseLost { state.stop = reason }
      if state.stoppedAt == nil { state.stoppedAt = .now }
      return state.task
    }
    task?.cancel()
  }

  var stopReason: Stop? { state.withLock(\.stop) }
  var stoppedAt: ContinuousClock.Instant? { state.withLock(\.stoppedAt) }
  /// Whether it is decided what is written about the try, so that nothing else may be.
  var isClosed: Bool { state.withLock(\.isClosed) }

  /// Who gets true writes the result; it is given once.
  func close() -> Bool {
    state.withLock { state in
      defer {
        state.isClosed = true
        state.task = nil
      }
      return !state.isClosed
    }
  }

  var extendedAt: ContinuousClock.Instant {
    get { state.withLock(\.extendedAt) }
    set { state.withLock { $0.extendedAt = newValue } }
  }
}

/// The tries whose leases a worker holds: those that run, and those that ended and are not written
/// yet. The place of one is free once it ended; what its limits count is free once it is written.
final class RunningJobs: Sendable {
  private struct State {
    var active: [ObjectIdentifier: RunningJob] = [:]
    var ended: [ObjectIdentifier: RunningJob] = [:]
    /// Of both, by kind.
    var kinds: [String: Int] = [:]

    mutating func forget(_ kind: String) {
      let left = kinds[kind, default: 0] - 1
      kinds[kind] = left > 0 ? left : nil
    }
  }

  private let state = Mutex(State())

  /// Whose leases are to be held.
  var held: [RunningJob] { state.withLock { Array($0.active.values) + Array($0.ended.values) } }
  var active: [RunningJob] { state.withLock { Array($0.active.values) } }
  var activeCount: Int { state.withLock(\.active.count) }
  var heldCount: Int { state.withLock { $0.active.count + $0.ended.count } }

  /// How many are held of a kind.
  func count(of kind: String) -> Int { state.withLock { $0.kinds[kind, default: 0] } }

  func add(_ jobs: [RunningJob]) {
    state.withLock { state in
      for job in jobs {
        state.active[ObjectIdentifier(job)] = job
        state.kinds[job.job.kind, default: 0] += 1
      }
    }
  }

  /// - Returns: how many still run.
  func end(_ job: RunningJob) -> Int {
    state.withLock { state in
      if state.active.removeValue(forKey: ObjectIdentifier(job)) != nil {
        state.ended[ObjectIdentifier(job)] = job
      }
      return state.active.count
    }
  }

  /// After they ended.
  func remove(_ jobs: [RunningJob]) {
    state.withLock { state in
      for job in jobs where state.ended.removeValue(forKey: ObjectIdentifier(job)) != nil {
        state.forget(job.job.kind)
      }
    }
  }
}
