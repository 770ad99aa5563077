import Domain
import Jobs

extension JobChanges {
  /// Adds all, in their order.
  func add(_ jobs: [AdmittedJob]) throws(StoreError) -> [EnqueuedJob] {
    try takeTurns(jobs)
    var added: [EnqueuedJob] = []
    var plain: [AdmittedJob] = []
    for job in jobs {
      if job.isPlain {
        plain.append(job)
      } else {
        added += try addPlain(plain)
        plain = []
        added.append(try addSingly(job))
      }
    }
    return added + (try addPlain(plain))
  }

  /// Whoever adds jobs that give way to each other, or several that may be in each other's way,
  /// does so one after the other, and in the same order.
  private func takeTurns(_ jobs: [AdmittedJob]) throws(StoreError) {
    guard let takingTurn = statements.dialect.takingTurn else { return }
    var keys: Set<String> = []
    for job in jobs.map(\.job) {
      if let key = job.supersedeKey { keys.insert("jobs superseded \(job.kind) \(key)") }
      if let key = job.uniqueKey, jobs.count > 1 || job.uniquePeriod != nil {
        keys.insert("jobs unique \(job.kind) \(key)")
      }
    }
    for key in keys.sorted() { _ = try transaction.query(SQLStatement(takingTurn, [.text(key)])) }
  }

  private func addPlain(_ jobs: [AdmittedJob]) throws(StoreError) -> [EnqueuedJob] {
    var added: [EnqueuedJob] = []
    for piece in jobs.pieces(of: SQLText.largestBatch) {
      let rows = try transaction.query(statements.insertion(of: piece))
      let new = Set(rows.compactMap { $0.text(0) })
      for job in piece {
        added.append(
          new.contains(job.id) ? EnqueuedJob(id: job.id, isNew: true) : try addSingly(job))
      }
    }
    return added
  }

  private func present(_ job: NewJob) throws(StoreError) -> EnqueuedJob? {
    guard let key = job.uniqueKey else { return nil }
    let rows = try transaction.query(
      SQLStatement(statements.adding.present, [.text(job.kind), .text(key)]))
    return rows.first?.text(0).map { EnqueuedJob(id: $0, isNew: false) }
  }

  private func addSingly(_ new: AdmittedJob) throws(StoreError) -> EnqueuedJob {
    let needed = try needed(new.job.needs)
    // The job in the way may end between two looks, where others write at the same time.
    for _ in 0..<8 {
      if let present = try present(new.job) { return present }
      if let earlier = try takePeriod(new) { return earlier }
      let insert = SQLStatement(
        statements.adding.insert(1), new.row(blockers: needed.unfinished.count))
      if try !transaction.query(insert).isEmpty {
        try follow(new, needed)
        return EnqueuedJob(id: new.id, isNew: true)
      }
      try givePeriodBack(new)
    }
    throw StoreError(
      code: .conflict, detail: "a job of the kind \(new.job.kind) could not be added; try again.")
  }

  /// What follows from a job that was added.
  private func follow(_ new: AdmittedJob, _ needed: Needed) throws(StoreError) {
    for id in needed.unfinished + needed.ended.map(\.id) {
      try transaction.change(SQLStatement(statements.needs.add, [.text(new.id), .plain(id)]))
    }
    let there = needed.unfinished + needed.ended.filter { $0.state != nil }.map(\.id)
    if !there.isEmpty {
      try transaction.change(
        SQLStatement(statements.needs.mark(there.count), there.map { .text($0) }))
    }
    if let ended = needed.ended.first {
      for job in try standing(SQLStatement(statements.locked, [.text(new.id)])) {
        try cancel(job, reason: Self.unmet(ended.id, ended.state))
      }
    } else if let key = new.job.supersedeKey {
      let older = try standing(
        SQLStatement(
          statements.adding.superseded, [.text(new.job.kind), .text(key), .text(new.id)]))
      for job in older { try cancel(job, reason: "superseded by the job \(new.id).") }
    }
  }

  // MARK: - Periods

  /// - Returns: the job that was added in a period that is not over.
  private func takePeriod(_ new: AdmittedJob) throws(StoreError) -> EnqueuedJob? {
    guard let period = new.job.uniquePeriod, let key = new.job.uniqueKey else { return nil }
    let which: [SQLValue] = [.text(new.job.kind), .text(key)]
    let taken = try transaction.query(
      SQLStatement(
        statements.adding.takePeriod, which + [.text(new.id), .real(period.inSeconds)]))
    guard taken.isEmpty else { return nil }
    let first = try transaction.query(SQLStatement(statements.adding.period, which))
    return first.first?.text(0).map { EnqueuedJob(id: $0, isNew: false) }
  }

  private func givePeriodBack(_ new: AdmittedJob) throws(StoreError) {
    guard new.job.uniquePeriod != nil, let key = new.job.uniqueKey else { return }
    try transaction.change(
      SQLStatement(
        statements.adding.givePeriodBack, [.text(new.job.kind), .text(key), .text(new.id)]))
  }

  // MARK: - Needs

  /// Of the jobs that one needs, those that are not completed.
  struct Needed {
    var unfinished: [String] = []
    /// Otherwise than completed; `nil`: not there.
    var ended: [(id: String, state: JobState?)] = []
  }

  /// Locks them, so that none of them ends before it is known that another waits for it.
  func needed(_ ids: [String]) throws(StoreError) -> Needed {
    guard !ids.isEmpty else { return Needed() }
    let rows = try transaction.query(
      SQLStatement(statements.needs.states(ids.count), ids.map { .plain($0) }))
    var states: [String: JobState] = [:]
    for row in rows { states[row.text(0) ?? ""] = JobState(rawValue: row.text(1) ?? "") }
    var needed = Needed()
    for id in ids {
      switch states[id] {
      case .completed: continue
      case .available, .scheduled, .running, .retryable: needed.unfinished.append(id)
      case .cancelled, .discarded, nil: needed.ended.append((id, states[id]))
      }
    }
    return needed
  }
}

extension JobStatements {
  /// In the order of their keys, so that two processes that add the same never wait for each other.
  func insertion(of jobs: [AdmittedJob]) -> SQLStatement {
    let ordered = jobs.enumerated().sorted { first, second in
      let (one, other) = (first.element.job, second.element.job)
      return (one.kind, one.uniqueKey ?? "", first.offset)
        < (other.kind, other.uniqueKey ?? "", second.offset)
    }
    return SQLStatement(
      adding.insert(SQLText.batch(for: jobs.count)),
      SQLText.values(ordered.map { $0.element.row() }))
  }
}
