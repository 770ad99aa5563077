import Domain
import Foundation
import Jobs
import Synchronization

/// What several statements of one transaction do to jobs.
struct JobChanges {
  let statements: JobStatements
  let transaction: any SQLTransaction
  /// Of the database, in seconds since 1970.
  let now: Double

  init(_ statements: JobStatements, _ transaction: any SQLTransaction) throws(StoreError) {
    self.statements = statements
    self.transaction = transaction
    now = try DatabaseClock.time(
      try transaction.query(SQLStatement(statements.clock)).first?.real(0))
  }

  static let mostErrors = 20
  private static let longestMessage = 2_000

  func standing(_ statement: SQLStatement) throws(StoreError) -> [StandingJob] {
    try transaction.query(statement).map(StandingJob.init)
  }

  func job(_ id: String) throws(StoreError) -> Job? {
    try JobRows.jobs(transaction.query(SQLStatement(statements.records.one, [.text(id)]))).first
  }

  // MARK: - Ending

  /// - Returns: the job as it stood before; `nil` where the lease was lost.
  func finish(_ ended: EndedTry) throws(StoreError) -> StandingJob? {
    let held = try standing(
      SQLStatement(
        statements.heldByLease, [.text(ended.lease.job), .integer(ended.lease.token)]))
    guard let job = held.first else { return nil }
    try settle(
      job,
      .finished(
        ended.result, attempt: job.attempt, maxAttempts: job.maxAttempts,
        cancelReason: job.cancelReason))
    return job
  }

  /// Cancels one that waits, asks one that runs.
  func cancel(_ job: StandingJob, reason: String) throws(StoreError) {
    guard job.state == .running else {
      return try settle(job, JobTransition(.cancelled, isCounted: true, note: reason))
    }
    // Whoever asked first is named.
    guard job.cancelReason == nil else { return }
    try transaction.change(
      SQLStatement(statements.requestCancel, [.text(Self.short(reason)), .text(job.id)]))
  }

  /// Writes where a job stands now, and what that means for those that need it.
  func settle(
    _ job: StandingJob, _ transition: JobTransition, interruptions: Int? = nil
  ) throws(StoreError) {
    var errors = job.errors
    if let note = transition.note {
      // Those that cannot be read give way: one damaged row must not keep others from being settled.
      var known: [Job.Failure] = []
      do throws(StoreError) { known = try JobRows.errors(job.errors, of: job.id) } catch {}
      known.append(
        Job.Failure(
          attempt: job.attempt, at: Date(timeIntervalSince1970: now), message: Self.short(note)))
      errors = try StoredJSON.text(Array(known.suffix(Self.mostErrors)), named: job.id)
    }
    let waits = !transition.state.isFinal
    try transaction.change(
      SQLStatement(
        statements.settle,
        [
          .text(transition.state.rawValue),
          .number(transition.isCounted ? job.attempt : max(0, job.attempt - 1)),
          // Handed back, it keeps its place among those that wait.
          waits && transition.state != .available
            ? .real(now + max(0, transition.delay.inSeconds)) : .null,
          waits ? .null : .real(now),
          .text(errors),
          .number(interruptions ?? 0),
          transition.because.map { .plain(Self.short($0)) } ?? .null, .text(job.id),
        ]))
    guard job.hasDependents, transition.state.isFinal else { return }
    if transition.state == .completed {
      try transaction.change(SQLStatement(statements.needs.release, [.text(job.id)]))
      try transaction.change(SQLStatement(statements.needs.forget, [.text(job.id)]))
    } else {
      for waiting in try standing(SQLStatement(statements.needs.waiting, [.text(job.id)])) {
        try cancel(waiting, reason: Self.unmet(job.id, transition.state))
      }
    }
  }

  static func unmet(_ id: String, _ state: JobState?) -> String {
    "it needs the job \(id), which "
      + (state.map { "was \($0.rawValue)." } ?? "is not there.")
  }

  private static func short(_ message: String) -> String {
    message.count <= longestMessage ? message : message.prefix(longestMessage) + "…"
  }

  // MARK: - Asked for

  /// Makes it available, or lets it wait for what it needs. - Returns: as it is then.
  /// - Throws: `.conflict` where another unfinished job has its unique key by now, or where a job
  ///   that it needs ended otherwise than completed.
  func retry(_ id: String) throws(StoreError) -> Job? {
    // What it needs is locked first, as where that ends, and so that it does not end meanwhile.
    let needed = try needed(
      try transaction.query(SQLStatement(statements.needs.of, [.text(id)]))
        .compactMap { $0.text(0) })
    let locked = try standing(SQLStatement(statements.locked, [.text(id)]))
    guard let state = locked.first?.state, let before = try job(id) else { return nil }
    switch state {
    case .available, .running, .completed: return before
    case .scheduled where before.blockers > 0: return before
    case .discarded, .cancelled, .retryable, .scheduled: break
    }
    if let key = before.uniqueKey {
      let present = try transaction.query(
        SQLStatement(statements.adding.present, [.text(before.kind), .text(key)]))
      if let other = present.first?.text(0), other != id {
        throw StoreError(
          code: .conflict,
          detail: "the job \(other) does the same and is not finished; cancel it first.")
      }
    }
    if let ended = needed.ended.first {
      throw StoreError(
        code: .conflict,
        detail: "the job \(id) cannot be retried: \(Self.unmet(ended.id, ended.state)) "
          + (ended.state == nil ? "Add it anew." : "Retry that one first."))
    }
    let blockers = needed.unfinished.count
    let next: JobState = blockers > 0 ? .scheduled : .available
    try transaction.change(
      SQLStatement(
        statements.records.revive, [.text(next.rawValue), .number(blockers), .text(id)]))
    return try job(id)
  }
}

/// What the database's clock says, asked now and then: near enough for identifiers that sort by
/// time, whatever the clock of this machine says.
final class DatabaseClock: Sendable {
  private struct Look {
    var at: ContinuousClock.Instant
    var seconds: Double
  }

  private let last = Mutex<Look?>(nil)
  private static let goodFor = Duration.seconds(30)

  func now(_ database: any SQLDatabase) async throws(StoreError) -> Double {
    let look = last.withLock(\.self)
    if let look, look.at.duration(to: .now) < Self.goodFor {
      return look.seconds + look.at.duration(to: .now).inSeconds
    }
    let rows = try await database.query(SQLStatement("SELECT \(database.dialect.now)"))
    let seconds = try Self.time(rows.first?.real(0))
    last.withLock { $0 = Look(at: .now, seconds: seconds) }
    return seconds
  }

  static func time(_ seconds: Double?) throws(StoreError) -> Double {
    guard let seconds else {
      throw StoreError(code: .failed, detail: "the database does not tell the time.")
    }
    return seconds
  }
}
