import Domain
import Foundation
import Jobs

/// Jobs as rows.
enum JobRows {
  /// In the order of `JobStatements.columns`.
  static func job(_ row: SQLRow) throws(StoreError) -> Job {
    let id = row.text(0) ?? "?"
    guard let state = JobState(rawValue: row.text(3) ?? "") else {
      throw StoreError(
        code: .corrupt,
        detail: "the job \(id) is in a state that this Stet does not know; a newer one may have "
          + "written it.")
    }
    return Job(
      id: id, kind: row.text(1) ?? "", arguments: row.text(2) ?? "", state: state,
      uniqueKey: row.text(4), supersedeKey: row.text(5), priority: number(row, 6),
      attempt: number(row, 7), maxAttempts: number(row, 8), createdAt: date(row, 9) ?? .distantPast,
      scheduledAt: date(row, 10) ?? .distantPast, attemptedAt: date(row, 11),
      finishedAt: date(row, 12), errors: try errors(row.text(13), of: id),
      cancelRequested: row.integer(14) == 1, run: row.text(15))
  }

  static func jobs(_ rows: [SQLRow]) throws(StoreError) -> [Job] {
    var jobs: [Job] = []
    for row in rows { jobs.append(try job(row)) }
    return jobs
  }

  static func errors(_ text: String?, of id: String) throws(StoreError) -> [Job.Failure] {
    guard let text, text != "[]" else { return [] }
    return try StoredJSON.value(text, named: "the errors of the job \(id)")
  }

  static func number(_ row: SQLRow, _ column: Int) -> Int { Int(row.integer(column) ?? 0) }

  private static func date(_ row: SQLRow, _ column: Int) -> Date? {
    row.real(column).map { Date(timeIntervalSince1970: $0) }
  }
}

/// What a transition needs to know of a job: a row of `JobStatements.claimColumns`.
struct RunningRow {
  var id: String
  var kind: String
  var attempt: Int
  var maxAttempts: Int
  /// Set where somebody asked it to stop.
  var cancelReason: String?
  var errors: [Job.Failure]
  var worker: String
  var interruptions: Int

  init(_ row: SQLRow) throws(StoreError) {
    id = row.text(0) ?? "?"
    kind = row.text(1) ?? ""
    attempt = JobRows.number(row, 2)
    maxAttempts = JobRows.number(row, 3)
    cancelReason = row.integer(4) == 1 ? row.text(5) ?? "it was asked to stop." : nil
    errors = try JobRows.errors(row.text(6), of: id)
    worker = row.text(7) ?? "?"
    interruptions = JobRows.number(row, 8)
  }
}

/// What several statements of one transaction do to jobs.
struct JobChanges {
  let statements: JobStatements
  let transaction: any SQLTransaction
  /// Of the database, in seconds since 1970.
  let now: Double

  init(_ statements: JobStatements, _ transaction: any SQLTransaction) throws(StoreError) {
    self.statements = statements
    self.transaction = transaction
    let rows = try transaction.query(SQLStatement(statements.clock))
    guard let now = rows.first?.real(0) else {
      throw StoreError(code: .failed, detail: "the database does not tell the time.")
    }
    self.now = now
  }

  static let mostErrors = 20
  private static let longestMessage = 2_000

  // MARK: - Adding

  func add(_ jobs: [NewJob]) throws(StoreError) -> [EnqueuedJob] {
    var added: [EnqueuedJob] = []
    for (index, job) in jobs.enumerated() {
      // A microsecond apart, so that jobs added together run in their order.
      added.append(try add(job, at: now - Double(jobs.count - 1 - index) / 1_000_000))
    }
    return added
  }

  private func add(_ job: NewJob, at created: Double) throws(StoreError) -> EnqueuedJob {
    // The job in the way may end between two looks, where others write at the same time.
    for _ in 0..<8 {
      let id = TimeOrderedID.next(Date(timeIntervalSince1970: created))
      let delay = max(0, job.delay.inSeconds)
      let insert = SQLStatement(
        statements.insert,
        [
          .text(id), .text(job.kind), .text(job.arguments),
          .text((delay > 0 ? JobState.scheduled : .available).rawValue), .optional(job.uniqueKey),
          .optional(job.supersedeKey), .integer(Int64(job.priority)),
          .integer(Int64(max(1, job.maxAttempts))), .real(created), .real(created + delay),
          .optional(job.run),
        ])
      if try transaction.change(insert) == 1 {
        if let key = job.supersedeKey { try supersede(job.kind, key, by: id) }
        return EnqueuedJob(id: id, isNew: true)
      }
      let present = try transaction.query(
        SQLStatement(statements.present, [.text(job.kind), .optional(job.uniqueKey)]))
      if let id = present.first?.text(0) { return EnqueuedJob(id: id, isNew: false) }
    }
    throw StoreError(
      code: .conflict, detail: "a job of the kind \(job.kind) could not be added; try again.")
  }

  private func supersede(_ kind: String, _ key: String, by id: String) throws(StoreError) {
    let reason = "superseded by the job \(id)."
    let rows = try transaction.query(
      SQLStatement(statements.superseded, [.text(kind), .text(key), .text(id)]))
    for row in rows {
      var values = row.values
      let state = values.remove(at: 1)
      let older = try RunningRow(SQLRow(values))
      try cancel(older, isRunning: state == .text(JobState.running.rawValue), reason: reason)
    }
  }

  // MARK: - Ending

  /// Cancels one that waits, asks one that runs.
  func cancel(_ job: RunningRow, isRunning: Bool, reason: String) throws(StoreError) {
    guard isRunning else {
      return try settle(job, JobTransition(.cancelled, isCounted: true, note: reason))
    }
    // Whoever asked first is named.
    guard job.cancelReason == nil else { return }
    try transaction.change(
      SQLStatement(statements.requestCancel, [.text(Self.short(reason)), .text(job.id)]))
  }

  func settle(
    _ job: RunningRow, _ transition: JobTransition, interruptions: Int? = nil
  ) throws(StoreError) {
    var errors = job.errors
    if let note = transition.note {
      errors.append(
        Job.Failure(
          attempt: job.attempt, at: Date(timeIntervalSince1970: now), message: Self.short(note)))
    }
    let waits = !transition.state.isFinal
    try transaction.change(
      SQLStatement(
        statements.settle,
        [
          .text(transition.state.rawValue),
          .integer(Int64(transition.isCounted ? job.attempt : max(0, job.attempt - 1))),
          // Handed back, it keeps its place among those that wait.
          waits && transition.state != .available
            ? .real(now + max(0, transition.delay.inSeconds)) : .null,
          waits ? .null : .real(now),
          .text(try StoredJSON.text(Array(errors.suffix(Self.mostErrors)), named: job.id)),
          .integer(Int64(interruptions ?? 0)), .text(job.id),
        ]))
  }

  private static func short(_ message: String) -> String {
    message.count <= longestMessage ? message : message.prefix(longestMessage) + "…"
  }
}
