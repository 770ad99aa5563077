/// The right to run a job for a while. The token grows with every claim of the job, so that a
/// worker that lost its lease cannot write about it any more.
public struct Lease: Sendable, Hashable {
  public var job: String
  public var token: Int64
  public var worker: String

  public init(job: String, token: Int64, worker: String) {
    self.job = job
    self.token = token
    self.worker = worker
  }
}

public struct ClaimedJob: Sendable, Hashable {
  public var job: Job
  public var lease: Lease

  public init(job: Job, lease: Lease) {
    self.job = job
    self.lease = lease
  }
}

public enum LeaseState: Sendable, Hashable {
  case held
  /// Held, and somebody asked the job to stop.
  case cancelRequested
  /// Held, and not extended, because another transaction holds the job's row just then: to be asked
  /// for again soon.
  case notExtended
  /// Another has it, or it is finished.
  case lost
}

public struct EnqueuedJob: Sendable, Hashable {
  public var id: String
  /// False where an unfinished job of the same key was there already; `id` is then that one's.
  public var isNew: Bool

  public init(id: String, isNew: Bool) {
    self.id = id
    self.isNew = isNew
  }
}

/// What became of jobs whose lease ran out.
public struct RescuedJobs: Sendable, Hashable {
  /// All of them.
  public var count: Int
  /// Those that were discarded or cancelled, as they are now.
  public var givenUp: [Job]

  public init(count: Int, givenUp: [Job]) {
    self.count = count
    self.givenUp = givenUp
  }
}

public struct JobFilter: Sendable, Hashable {
  public var states: [JobState]
  public var kind: String?
  /// None of these: such as the kinds that a handler is there for, to find those that nobody knows.
  public var kindsNotIn: [String]
  /// The run that was promised.
  public var run: String?
  /// Newest first; only jobs with a smaller id.
  public var before: String?
  public var limit: Int

  public init(
    states: [JobState] = [], kind: String? = nil, kindsNotIn: [String] = [], run: String? = nil,
    before: String? = nil, limit: Int = 50
  ) {
    self.states = states
    self.kind = kind
    self.kindsNotIn = kindsNotIn
    self.run = run
    self.before = before
    self.limit = limit
  }
}

/// How one try ended.
public struct EndedTry: Sendable, Hashable {
  public var lease: Lease
  public var result: JobResult

  public init(_ lease: Lease, _ result: JobResult) {
    self.lease = lease
    self.result = result
  }
}

/// Keeps jobs. Every call is one transaction, on disk when it returns; the database's clock is the
/// only clock.
public typealias JobStore = JobQueue & JobRecords

/// What adds jobs and what runs them.
public protocol JobQueue: Sendable {
  /// Adds all or none.
  func enqueue(_ jobs: [NewJob]) async throws -> [EnqueuedJob]
  /// Takes what is due: by priority and then age, groups in turn, within the limits of each job.
  /// - Parameter kinds: only these; empty takes none.
  func claim(
    kinds: [String], limit: Int, worker: String, lease: Duration
  ) async throws -> [ClaimedJob]
  /// Holds leases for another while. One whose row is locked holds up none of the others.
  /// - Returns: one state for each, in order.
  func extend(_ leases: [Lease], by lease: Duration) async throws -> [LeaseState]
  /// Writes how tries ended, all in as few transactions as can be, each whole. - Returns: for each, in
  /// order, false where the lease was lost; nothing is written about that one.
  func finish(_ ended: [EndedTry]) async throws -> [Bool]
  /// Makes jobs whose lease ran out available again, or discards them where no attempt is left.
  func rescueLost() async throws -> RescuedJobs
  /// Makes every running job available again without counting the try: for the one process that
  /// holds the embedded database's lock, which knows that nobody else runs any.
  func rescueAll() async throws -> Int
  /// Time until the next job is due; zero for now, `nil` for none.
  func untilNext(kinds: [String]) async throws -> Duration?
  /// What the steps of a job gave so far, as JSON by name.
  func steps(of job: String) async throws -> [String: String]
  /// Keeps what a step gave. - Returns: false where the lease was lost; nothing is written then.
  func remember(_ step: String, _ value: String, under lease: Lease) async throws -> Bool
}

/// What people ask about jobs, and of them.
public protocol JobRecords: Sendable {
  func job(id: String) async throws -> Job?
  func jobs(_ filter: JobFilter) async throws -> [Job]
  func counts() async throws -> [JobState: Int]
  /// For how long the oldest due job has been waiting; `nil` for none. Any kind, also such as no
  /// worker knows.
  func oldestDue() async throws -> Duration?
  /// Cancels one that waits; asks one that runs to stop. - Returns: the job after it; `nil` for none.
  func cancel(id: String, reason: String) async throws -> Job?
  /// Makes a discarded, cancelled, retryable or scheduled job available now, with its attempts
  /// afresh; one that needs an unfinished job waits for that.
  /// - Returns: the job after it; `nil` for none.
  func retry(id: String) async throws -> Job?
  /// Does so with every job of the filter, however many (its `limit` does not count), in batches.
  /// One whose unique key another has by now is passed over, and so is one that still needs a job
  /// which ended otherwise than completed. - Returns: how many.
  func retryAll(_ filter: JobFilter) async throws -> Int
}

extension JobQueue {
  /// Writes how one try ended. - Returns: false where the lease was lost; nothing is written then.
  public func finish(_ lease: Lease, _ result: JobResult) async throws -> Bool {
    try await finish([EndedTry(lease, result)]).first ?? false
  }
}
