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
  let limit: Duration
  let startedAt: ContinuousClock.Instant
  private let state: Mutex<State>

  /// - Parameter askedAt: when the claim was sent, since the lease began no earlier.
  init(_ claimed: ClaimedJob, limit: Duration, askedAt: ContinuousClock.Instant) {
    self.claimed = claimed
    self.limit = limit
    startedAt = .now
    state = Mutex(State(extendedAt: askedAt))
  }

  func begin(_ work: @escaping @Sendable () async -> Void) {
    state.withLock { $0.task = Task(operation: work) }
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

  /// Who gets true writes the result; it is given once.
  func close() -> Bool {
    state.withLock { state in
      defer { state.isClosed = true }
      return !state.isClosed
    }
  }

  var extendedAt: ContinuousClock.Instant {
    get { state.withLock(\.extendedAt) }
    set { state.withLock { $0.extendedAt = newValue } }
  }
}

/// What a worker runs at this moment.
final class RunningJobs: Sendable {
  private let running = Mutex<[Lease: RunningJob]>([:])

  var all: [RunningJob] { running.withLock { Array($0.values) } }
  var count: Int { running.withLock(\.count) }

  func count(of kind: String) -> Int {
    running.withLock { $0.values.count { $0.claimed.job.kind == kind } }
  }

  func add(_ job: RunningJob) { running.withLock { $0[job.claimed.lease] = job } }
  func remove(_ job: RunningJob) { running.withLock { $0[job.claimed.lease] = nil } }
}
