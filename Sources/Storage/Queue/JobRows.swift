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
      attempt: number(row, 7), maxAttempts: number(row, 8), createdAt: row.time(9) ?? .distantPast,
      scheduledAt: row.time(10) ?? .distantPast, attemptedAt: row.time(11),
      finishedAt: row.time(12), errors: try errors(row.text(13), of: id),
      cancelRequested: row.integer(14) == 1, run: row.text(15), version: number(row, 16),
      group: row.text(17), limits: try limits(row.text(18), of: id), blockers: number(row, 19),
      note: row.text(20))
  }

  static func jobs(_ rows: [SQLRow]) throws(StoreError) -> [Job] {
    var jobs: [Job] = []
    for row in rows { jobs.append(try job(row)) }
    return jobs
  }

  static func claimed(_ rows: [SQLRow], by worker: String) throws(StoreError) -> [ClaimedJob] {
    var claimed: [ClaimedJob] = []
    for row in rows {
      claimed.append(ClaimedJob(job: try job(row), lease: lease(row, of: worker)))
    }
    return claimed
  }

  static func lease(_ row: SQLRow, of worker: String) -> Lease {
    Lease(job: row.text(0) ?? "?", token: row.integer(21) ?? 0, worker: worker)
  }

  static func errors(_ text: String?, of id: String) throws(StoreError) -> [Job.Failure] {
    guard let text, text != "[]" else { return [] }
    return try StoredJSON.value(text, named: "the errors of the job \(id)")
  }

  static func limits(_ text: String?, of id: String) throws(StoreError) -> [JobLimit] {
    guard let text else { return [] }
    return try StoredJSON.value(text, named: "the limits of the job \(id)")
  }

  static func number(_ row: SQLRow, _ column: Int) -> Int { Int(row.integer(column) ?? 0) }
}

/// What a transition needs to know of a job: a row of `JobStatements.standing`.
struct StandingJob {
  var id: String
  var kind: String
  var attempt: Int
  var maxAttempts: Int
  /// Set where somebody asked it to stop.
  var cancelReason: String?
  /// As they are stored. Whoever settles a job must be able to, also where they cannot be read.
  var errors: String
  var worker: String
  var interruptions: Int
  /// Others wait for it to be completed.
  var hasDependents: Bool
  /// It has one, or limits.
  var hasGroup: Bool
  var state: JobState?

  init(_ row: SQLRow) {
    id = row.text(0) ?? "?"
    kind = row.text(1) ?? ""
    attempt = JobRows.number(row, 2)
    maxAttempts = JobRows.number(row, 3)
    cancelReason = row.integer(4) == 1 ? row.text(5) ?? "it was asked to stop." : nil
    errors = row.text(6) ?? "[]"
    worker = row.text(7) ?? "?"
    interruptions = JobRows.number(row, 8)
    hasDependents = row.integer(9) == 1
    state = JobState(rawValue: row.text(10) ?? "")
    hasGroup = row.integer(11) == 1
  }
}
