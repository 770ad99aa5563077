import Jobs
import Storage
import Synchronization

/// The real store, with a look at what a worker asks of it, and faults on the way.
final class WatchedStore: JobStore {
  struct Fault: Error {}

  /// What befalls a call of `finish`.
  enum Trouble: Sendable {
    case none
    /// It fails, and nothing was written.
    case fails
    /// It was written, and the answer is lost.
    case answerIsLost
  }

  struct Seen: Sendable {
    var claims: [Int] = []
    var finishes: [Int] = []
    var stepReads = 0
  }

  private let store: SQLJobStore
  private let trouble: @Sendable ([EndedTry]) async -> Trouble
  /// Changes what a claim gives.
  private let changed: @Sendable (ClaimedJob) -> ClaimedJob
  /// Before a claim of these kinds, and before its answer is given.
  private let asked: @Sendable ([String]) throws -> Void
  private let answering: @Sendable ([String]) async throws -> Void
  private let state = Mutex(Seen())

  init(
    _ store: SQLJobStore,
    trouble: @escaping @Sendable ([EndedTry]) async -> Trouble = { _ in .none },
    changed: @escaping @Sendable (ClaimedJob) -> ClaimedJob = { $0 },
    asked: @escaping @Sendable ([String]) throws -> Void = { _ in },
    answering: @escaping @Sendable ([String]) async throws -> Void = { _ in }
  ) {
    self.store = store
    self.asked = asked
    self.answering = answering
    self.changed = changed
    self.trouble = trouble
  }

  var seen: Seen { state.withLock { $0 } }

  func claim(
    kinds: [String], limit: Int, worker: String, lease: Duration
  ) async throws -> [ClaimedJob] {
    try asked(kinds)
    let claimed = try await store.claim(kinds: kinds, limit: limit, worker: worker, lease: lease)
    try await answering(kinds)
    state.withLock { $0.claims.append(claimed.count) }
    return claimed.map(changed)
  }

  func finish(_ ended: [EndedTry]) async throws -> [Bool] {
    state.withLock { $0.finishes.append(ended.count) }
    switch await trouble(ended) {
    case .none: return try await store.finish(ended)
    case .fails: throw Fault()
    case .answerIsLost:
      _ = try await store.finish(ended)
      throw Fault()
    }
  }

  func steps(of job: String) async throws -> [String: String] {
    state.withLock { $0.stepReads += 1 }
    return try await store.steps(of: job)
  }

  func remember(_ step: String, _ value: String, under lease: Lease) async throws -> Bool {
    try await store.remember(step, value, under: lease)
  }

  func enqueue(_ jobs: [NewJob]) async throws -> [EnqueuedJob] { try await store.enqueue(jobs) }
  func extend(_ leases: [Lease], by lease: Duration) async throws -> [LeaseState] {
    try await store.extend(leases, by: lease)
  }
  func rescueLost() async throws -> RescuedJobs { try await store.rescueLost() }
  func rescueAll() async throws -> Int { try await store.rescueAll() }
  func untilNext(kinds: [String]) async throws -> Duration? {
    try await store.untilNext(kinds: kinds)
  }
  func job(id: String) async throws -> Job? { try await store.job(id: id) }
  func jobs(_ filter: JobFilter) async throws -> [Job] { try await store.jobs(filter) }
  func counts() async throws -> [JobState: Int] { try await store.counts() }
  func oldestDue() async throws -> Duration? { try await store.oldestDue() }
  func cancel(id: String, reason: String) async throws -> Job? {
    try await store.cancel(id: id, reason: reason)
  }
  func retry(id: String) async throws -> Job? { try await store.retry(id: id) }
  func retryAll(_ filter: JobFilter) async throws -> Int { try await store.retryAll(filter) }
}
