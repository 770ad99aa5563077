public import Domain
public import Jobs

/// Jobs in a database.
public struct SQLJobStore: JobStore {
  let database: any SQLDatabase
  let statements: JobStatements
  let memory = ClaimMemory()
  private let clock = DatabaseClock()
  private let signal: JobSignal?

  /// - Parameter signal: rung when jobs were added or made available, so that workers of this
  ///   process need not wait for their next look.
  public init(_ database: any SQLDatabase, signal: JobSignal? = nil) {
    self.database = database
    self.signal = signal
    statements = JobStatements(database.dialect)
  }

  /// Rows of one transaction of `rescue` and `retryAll`, so that no writer waits long for it.
  static let batch = 100

  /// Jobs are available that may stand before what was claimed last.
  func ring() {
    memory.forgetMarks()
    signal?.ring()
  }

  // MARK: - Adding

  /// - Throws: `.tooLarge` or `.failed` for a job that cannot be stored; nothing is added then.
  public func enqueue(_ jobs: [NewJob]) async throws(StoreError) -> [EnqueuedJob] {
    guard !jobs.isEmpty else { return [] }
    let new = try AdmittedJob.all(jobs, at: try await clock.now(database))
    let added = try await add(new)
    if added.contains(where: \.isNew) {
      memory.added(jobs)
      signal?.ring()
    }
    return added
  }

  private func add(_ new: [AdmittedJob]) async throws(StoreError) -> [EnqueuedJob] {
    let statements = statements
    // One statement is enough, where it adds all or none: several of which one may be there already
    // need more.
    if new.count <= SQLText.largestBatch, new.allSatisfy(\.isPlain),
      new.count == 1 || new.allSatisfy({ $0.job.uniqueKey == nil })
    {
      let rows = try await database.changing(statements.insertion(of: new))
      if rows.count == new.count { return new.map { EnqueuedJob(id: $0.id, isNew: true) } }
    }
    if new.count > SQLText.largestBatch, new.allSatisfy({ $0.isPlain && $0.job.uniqueKey == nil }) {
      // Nothing can be in their way.
      try await database.change(
        new.pieces(of: SQLText.largestBatch).map { statements.insertion(of: $0) })
      return new.map { EnqueuedJob(id: $0.id, isNew: true) }
    }
    return try await database.transaction { transaction throws(StoreError) in
      try JobChanges(statements, transaction).add(new)
    }
  }

  // MARK: - Running

  public func extend(
    _ leases: [Lease], by lease: Duration
  ) async throws(StoreError) -> [LeaseState] {
    var states: [Held: LeaseState] = [:]
    let ordered = Set(leases.map { Held($0) }).sorted { $0.job < $1.job }
    for piece in ordered.pieces(of: SQLText.largestBatch) {
      let rows = try await database.changing(
        SQLStatement(
          statements.extend(SQLText.batch(for: piece.count)),
          JobStatements.values(of: piece.map { ($0.job, $0.token) }) + [.real(lease.inSeconds)]))
      for row in rows {
        let held = Held(job: row.text(0) ?? "", token: row.integer(1) ?? 0)
        states[held] = row.integer(2) == 1 ? .cancelRequested : .held
      }
      let missing = piece.filter { states[$0] == nil }
      guard !missing.isEmpty else { continue }
      // Lost, or their rows are held by a transaction that may hang: it delays no other.
      let present = try await database.query(
        SQLStatement(
          statements.stillHeld(SQLText.batch(for: missing.count)),
          JobStatements.values(of: missing.map { ($0.job, $0.token) })))
      for row in present {
        states[Held(job: row.text(0) ?? "", token: row.integer(1) ?? 0)] = .notExtended
      }
    }
    return leases.map { states[Held($0)] ?? .lost }
  }

  /// What tells a lease from every other.
  private struct Held: Hashable {
    var job: String
    var token: Int64

    init(job: String, token: Int64) { (self.job, self.token) = (job, token) }
    init(_ lease: Lease) { self.init(job: lease.job, token: lease.token) }
  }

  public func finish(_ ended: [EndedTry]) async throws(StoreError) -> [Bool] {
    guard !ended.isEmpty else { return [] }
    // In the order of ids, as locks go everywhere.
    let ordered = ended.enumerated().sorted { $0.element.lease.job < $1.element.lease.job }
    var held = Array(repeating: false, count: ended.count)
    var left = ordered
    var freed = Freed()
    let completed = ordered.filter { $0.element.result == .completed }
    for piece in completed.pieces(of: SQLText.largestBatch) {
      let rows = try await database.changing(completion(of: piece.map(\.element.lease)))
      // Told twice, it is done once.
      var done = Set(rows.map { Held(job: $0.text(0) ?? "", token: $0.integer(1) ?? 0) })
      for (index, one) in piece where done.remove(Held(one.lease)) != nil { held[index] = true }
      if rows.contains(where: { $0.text(2) != nil }) { freed.places = true }
    }
    left.removeAll { held[$0.offset] }
    let statements = statements
    for piece in left.pieces(of: Self.batch) {
      let tries = piece.map(\.element)
      let answers = try await database.transaction { transaction throws(StoreError) in
        let changes = try JobChanges(statements, transaction)
        var answers: [StandingJob?] = []
        for one in tries { answers.append(try changes.finish(one)) }
        return answers
      }
      for (one, job) in zip(piece, answers) {
        guard let job else { continue }
        held[one.offset] = true
        freed.note(job, one.element.result)
      }
    }
    if freed.jobs { ring() } else if freed.places { signal?.ring() }
    return held
  }

  /// What ends of tries made possible, of which all hear. That a job is done is news for nobody.
  private struct Freed {
    /// Perhaps: those handed back, and those that needed what was completed.
    var jobs = false
    /// Within limits, and turns.
    var places = false

    mutating func note(_ job: StandingJob, _ result: JobResult) {
      switch result {
      case .completed: if job.hasDependents { jobs = true }
      case .handedBack: jobs = true
      case .snoozed, .cancelled, .failed, .discarded: break
      }
      if job.hasGroup { places = true }
    }
  }

  private func completion(of leases: [Lease]) -> SQLStatement {
    SQLStatement(
      statements.complete(SQLText.batch(for: leases.count)),
      JobStatements.values(of: leases.map { ($0.job, $0.token) }))
  }

  public func steps(of job: String) async throws(StoreError) -> [String: String] {
    let rows = try await database.query(SQLStatement(statements.steps, [.plain(job)]))
    return Dictionary(rows.map { ($0.text(0) ?? "", $0.text(1) ?? "") }) { $1 }
  }

  /// - Throws: `.tooLarge` for more than `NewJob.largestArguments` bytes.
  public func remember(
    _ step: String, _ value: String, under lease: Lease
  ) async throws(StoreError) -> Bool {
    guard value.utf8.count <= NewJob.largestArguments else {
      throw StoreError(
        code: .tooLarge,
        detail: "what the step \(step) of the job \(lease.job) gave has \(value.utf8.count) bytes, "
          + "and at most \(NewJob.largestArguments) are kept.")
    }
    let statement = SQLStatement(
      statements.remember,
      [.plain(step), .plain(value), .text(lease.job), .integer(lease.token)])
    return try await database.change([statement]) == [1]
  }

  // MARK: - What was left behind

  public func rescueLost() async throws(StoreError) -> RescuedJobs {
    let statements = statements
    var rescued = RescuedJobs(count: 0, givenUp: [])
    while true {
      let batch = try await database.transaction { transaction throws(StoreError) in
        let changes = try JobChanges(statements, transaction)
        let lost = try changes.standing(SQLStatement(statements.expired, [.number(Self.batch)]))
        var batch = RescuedJobs(count: lost.count, givenUp: [])
        for job in lost {
          let transition = JobTransition.lost(
            worker: job.worker, attempt: job.attempt, maxAttempts: job.maxAttempts,
            cancelReason: job.cancelReason)
          try changes.settle(job, transition)
          if transition.state.isFinal, let ended = try changes.job(job.id) {
            batch.givenUp.append(ended)
          }
        }
        return batch
      }
      rescued.count += batch.count
      rescued.givenUp += batch.givenUp
      if batch.count < Self.batch { break }
    }
    if rescued.count > 0 { ring() }
    return rescued
  }

  public func rescueAll() async throws(StoreError) -> Int {
    let statements = statements
    let rescued = try await database.transaction { transaction throws(StoreError) in
      let changes = try JobChanges(statements, transaction)
      let running = try changes.standing(SQLStatement(statements.running))
      for job in running {
        try changes.settle(
          job, .interrupted(interruptions: job.interruptions, cancelReason: job.cancelReason),
          interruptions: job.interruptions + 1)
      }
      return running.count
    }
    if rescued > 0 { ring() }
    return rescued
  }
}
