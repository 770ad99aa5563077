public import Domain
public import Jobs

/// Jobs in a database.
public struct SQLJobStore: JobStore {
  private let database: any SQLDatabase
  private let statements: JobStatements
  private let signal: JobSignal?

  /// - Parameter signal: rung when jobs were added or made available, so that workers of this
  ///   process need not wait for their next look.
  public init(_ database: any SQLDatabase, signal: JobSignal? = nil) {
    self.database = database
    self.signal = signal
    statements = JobStatements(database.dialect)
  }

  /// Rows of one transaction of `rescue`, so that no writer waits long for it.
  private static let rescueBatch = 100

  // MARK: - Adding and running

  public func enqueue(_ jobs: [NewJob]) async throws(StoreError) -> [EnqueuedJob] {
    guard !jobs.isEmpty else { return [] }
    let statements = statements
    let added = try await database.transaction { transaction throws(StoreError) in
      try JobChanges(statements, transaction).add(jobs)
    }
    if added.contains(where: \.isNew) { signal?.ring() }
    return added
  }

  public func claim(
    kinds: [String], limit: Int, worker: String, lease: Duration
  ) async throws(StoreError) -> [ClaimedJob] {
    guard !kinds.isEmpty, limit > 0 else { return [] }
    let statement = SQLStatement(
      statements.claim(kinds: kinds.count),
      [.real(lease.inSeconds), .text(worker)] + kinds.map { .text($0) }
        + [.integer(Int64(limit))])
    let claimed = try await database.transaction { transaction throws(StoreError) in
      var claimed: [ClaimedJob] = []
      for row in try transaction.query(statement) {
        let job = try JobRows.job(row)
        claimed.append(
          ClaimedJob(
            job: job, lease: Lease(job: job.id, token: row.integer(16) ?? 0, worker: worker)))
      }
      return claimed
    }
    // Rows come back in no order.
    return claimed.sorted {
      ($0.job.priority, $0.job.scheduledAt, $0.job.id)
        < ($1.job.priority, $1.job.scheduledAt, $1.job.id)
    }
  }

  public func extend(
    _ leases: [Lease], by lease: Duration
  ) async throws(StoreError) -> [LeaseState] {
    guard !leases.isEmpty else { return [] }
    let text = statements.extend
    return try await database.transaction { transaction throws(StoreError) in
      var states: [LeaseState] = []
      for held in leases {
        let rows = try transaction.query(
          SQLStatement(text, [.real(lease.inSeconds), .text(held.job), .integer(held.token)]))
        switch rows.first?.integer(0) {
        case nil: states.append(.lost)
        case 1: states.append(.cancelRequested)
        default: states.append(.held)
        }
      }
      return states
    }
  }

  public func finish(_ ended: [EndedTry]) async throws(StoreError) -> [Bool] {
    guard !ended.isEmpty else { return [] }
    let statements = statements
    let held = try await database.transaction { transaction throws(StoreError) in
      var held: [Bool] = []
      for ended in ended { held.append(try Self.finish(ended, statements, transaction)) }
      return held
    }
    if zip(held, ended).contains(where: { $0 && $1.result == .handedBack }) { signal?.ring() }
    return held
  }

  private static func finish(
    _ ended: EndedTry, _ statements: JobStatements, _ transaction: any SQLTransaction
  ) throws(StoreError) -> Bool {
    let which: [SQLValue] = [.text(ended.lease.job), .integer(ended.lease.token)]
    if ended.result == .completed {
      return try transaction.change(SQLStatement(statements.complete, which)) == 1
    }
    let rows = try transaction.query(SQLStatement(statements.held, which))
    guard let row = rows.first else { return false }
    let job = try RunningRow(row)
    try JobChanges(statements, transaction).settle(
      job,
      .finished(
        ended.result, attempt: job.attempt, maxAttempts: job.maxAttempts,
        cancelReason: job.cancelReason))
    return true
  }

  public func steps(of job: String) async throws(StoreError) -> [String: String] {
    let rows = try await database.query(SQLStatement(statements.steps, [.text(job)]))
    return Dictionary(rows.map { ($0.text(0) ?? "", $0.text(1) ?? "") }) { $1 }
  }

  public func remember(
    _ step: String, _ value: String, under lease: Lease
  ) async throws(StoreError) -> Bool {
    let statement = SQLStatement(
      statements.remember,
      [.text(lease.job), .text(step), .text(value), .integer(lease.token)])
    return try await database.change([statement]) == [1]
  }

  // MARK: - What was left behind

  public func rescueLost() async throws(StoreError) -> RescuedJobs {
    let statements = statements
    var rescued = RescuedJobs(count: 0, givenUp: [])
    while true {
      let batch = try await database.transaction { transaction throws(StoreError) in
        let rows = try transaction.query(
          SQLStatement(statements.expired, [.integer(Int64(Self.rescueBatch))]))
        var batch = RescuedJobs(count: rows.count, givenUp: [])
        guard !rows.isEmpty else { return batch }
        let changes = try JobChanges(statements, transaction)
        for row in rows {
          let job = try RunningRow(row)
          let transition = JobTransition.lost(
            worker: job.worker, attempt: job.attempt, maxAttempts: job.maxAttempts,
            cancelReason: job.cancelReason)
          try changes.settle(job, transition)
          if transition.state.isFinal, let ended = try Self.read(job.id, statements, transaction) {
            batch.givenUp.append(ended)
          }
        }
        return batch
      }
      rescued.count += batch.count
      rescued.givenUp += batch.givenUp
      if batch.count < Self.rescueBatch { break }
    }
    if rescued.count > 0 { signal?.ring() }
    return rescued
  }

  public func rescueAll() async throws(StoreError) -> Int {
    let statements = statements
    let rescued = try await database.transaction { transaction throws(StoreError) in
      let rows = try transaction.query(SQLStatement(statements.running))
      let changes = try JobChanges(statements, transaction)
      for row in rows {
        let job = try RunningRow(row)
        try changes.settle(
          job, .interrupted(interruptions: job.interruptions, cancelReason: job.cancelReason),
          interruptions: job.interruptions + 1)
      }
      return rows.count
    }
    if rescued > 0 { signal?.ring() }
    return rescued
  }

  // MARK: - Looking

  public func untilNext(kinds: [String]) async throws(StoreError) -> Duration? {
    guard !kinds.isEmpty else { return nil }
    let rows = try await database.query(
      SQLStatement(statements.untilNext(kinds: kinds.count), kinds.map { .text($0) }))
    return rows.first?.real(0).map { .seconds(max(0, $0)) }
  }

  public func oldestDue() async throws(StoreError) -> Duration? {
    let rows = try await database.query(SQLStatement(statements.oldest))
    return rows.first?.real(0).map { .seconds(max(0, $0)) }
  }

  public func job(id: String) async throws(StoreError) -> Job? {
    let rows = try await database.query(SQLStatement(statements.one, [.text(id)]))
    return try JobRows.jobs(rows).first
  }

  public func jobs(_ filter: JobFilter) async throws(StoreError) -> [Job] {
    try JobRows.jobs(try await database.query(statements.list(filter)))
  }

  public func counts() async throws(StoreError) -> [JobState: Int] {
    var counts: [JobState: Int] = [:]
    for row in try await database.query(SQLStatement(statements.counts)) {
      guard let state = JobState(rawValue: row.text(0) ?? "") else { continue }
      counts[state] = JobRows.number(row, 1)
    }
    return counts
  }

  // MARK: - What somebody asks for

  public func cancel(id: String, reason: String) async throws(StoreError) -> Job? {
    let statements = statements
    return try await database.transaction { transaction throws(StoreError) in
      guard let (row, state) = try Self.lock(id, statements, transaction) else { return nil }
      if !state.isFinal {
        try JobChanges(statements, transaction).cancel(
          row, isRunning: state == .running, reason: reason)
      }
      return try Self.read(id, statements, transaction)
    }
  }

  /// - Throws: `.conflict` where another unfinished job has its unique key by now.
  public func retry(id: String) async throws(StoreError) -> Job? {
    let statements = statements
    let job: Job? = try await database.transaction { transaction throws(StoreError) in
      guard let (_, state) = try Self.lock(id, statements, transaction),
        let before = try Self.read(id, statements, transaction)
      else { return nil }
      switch state {
      case .available, .running, .completed: return before
      case .discarded, .cancelled, .retryable, .scheduled: break
      }
      if let key = before.uniqueKey {
        let present = try transaction.query(
          SQLStatement(statements.present, [.text(before.kind), .text(key)]))
        if let other = present.first?.text(0), other != id {
          throw StoreError(
            code: .conflict,
            detail: "the job \(other) does the same and is not finished; cancel it first.")
        }
      }
      try transaction.change(SQLStatement(statements.revive, [.text(id)]))
      return try Self.read(id, statements, transaction)
    }
    if job?.state == .available { signal?.ring() }
    return job
  }

  public func retryAll(_ filter: JobFilter) async throws(StoreError) -> Int {
    var retried = 0
    for job in try await jobs(filter) {
      do throws(StoreError) {
        if try await retry(id: job.id)?.state == .available { retried += 1 }
      } catch { if error.code != .conflict { throw error } }
    }
    return retried
  }

  private static func lock(
    _ id: String, _ statements: JobStatements, _ transaction: any SQLTransaction
  ) throws(StoreError) -> (RunningRow, JobState)? {
    let rows = try transaction.query(SQLStatement(statements.locked, [.text(id)]))
    guard let row = rows.first, let state = JobState(rawValue: row.text(9) ?? "") else {
      return nil
    }
    return (try RunningRow(row), state)
  }

  private static func read(
    _ id: String, _ statements: JobStatements, _ transaction: any SQLTransaction
  ) throws(StoreError) -> Job? {
    try JobRows.jobs(try transaction.query(SQLStatement(statements.one, [.text(id)]))).first
  }
}
