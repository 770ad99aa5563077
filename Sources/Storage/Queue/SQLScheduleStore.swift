public import Domain
import Foundation
public import Jobs

/// Schedules in a database, by its clock. However many processes look, each time fires once.
///
/// A time that is more than a minute past when somebody looks was missed. Where the clock is set
/// back, a schedule waits until it is there again.
public struct SQLScheduleStore: ScheduleStore {
  private let database: any SQLDatabase
  private let jobs: JobStatements
  private let signal: JobSignal?
  private let look: String
  private let locked: String

  /// - Parameter signal: rung when a job was added.
  public init(_ database: any SQLDatabase, signal: JobSignal? = nil) {
    self.database = database
    self.signal = signal
    jobs = JobStatements(database.dialect)
    look = """
      SELECT 0, \(database.dialect.now), '', '', 0
      UNION ALL SELECT 1, next_at, name, expression || ' ' || zone, 0 FROM schedules
      """
    locked = """
      SELECT expression, zone, next_at, kind FROM schedules WHERE name = $1\(database.dialect.lockingRows)
      """
  }

  private static let add = """
    INSERT INTO schedules (name, expression, zone, kind, next_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (name) DO NOTHING
    """
  private static let change = """
    UPDATE schedules SET expression = $1, zone = $2, kind = $3, next_at = $4 WHERE name = $5
    """
  private static let moveOn = "UPDATE schedules SET next_at = $1, kind = $2 WHERE name = $3"
  private static let fired = """
    UPDATE schedules SET next_at = $1, kind = $2, last_at = $3, last_job = $4 WHERE name = $5
    """
  private static let all = """
    SELECT name, expression, zone, kind, next_at, last_at, last_job FROM schedules ORDER BY name
    """
  /// Seconds after which a time counts as missed.
  static let lateness = 60.0
  /// For an expression that names no time to come: the end of the year 9999.
  private static let never = 253_402_300_799.0

  public func fireDue(
    _ schedules: [JobSchedule]
  ) async throws(StoreError) -> (added: [EnqueuedJob], untilNext: Duration?) {
    guard !schedules.isEmpty else { return ([], nil) }
    // Most looks find nothing to do, and take no lock.
    var now = 0.0
    var times: [String: (at: Double, meaning: String)] = [:]
    for row in try await database.query(SQLStatement(look)) {
      if row.integer(0) == 0 {
        now = row.real(1) ?? 0
      } else {
        times[row.text(2) ?? ""] = (row.real(1) ?? 0, row.text(3) ?? "")
      }
    }
    var added: [EnqueuedJob] = []
    var next: Double?
    var failure: StoreError?
    for schedule in schedules {
      var at = times[schedule.name]?.at ?? 0
      if at <= now || times[schedule.name]?.meaning != Self.meaning(schedule) {
        do throws(StoreError) {
          let outcome = try await fire(schedule)
          if let job = outcome.job { added.append(job) }
          at = outcome.next
        } catch {
          failure = failure ?? error
          guard Self.concernsOne(error) else { break }
          continue
        }
      }
      if at < Self.never { next = min(next ?? at, at) }
    }
    if added.contains(where: \.isNew) { signal?.ring() }
    if let failure { throw failure }
    return (added, next.map { .seconds(max(0, $0 - now)) })
  }

  /// A job that cannot be added keeps no other schedule from firing; a database that does not serve
  /// is not asked once for each.
  private static func concernsOne(_ error: StoreError) -> Bool {
    switch error.code {
    case .failed, .tooLarge, .conflict, .corrupt: true
    default: false
    }
  }

  private static func meaning(_ schedule: JobSchedule) -> String {
    "\(schedule.cron.description) \(schedule.zone.identifier)"
  }

  private struct Outcome: Sendable {
    var job: EnqueuedJob?
    var next: Double
  }

  /// Looks again under a lock, since another process may have been first.
  private func fire(_ schedule: JobSchedule) async throws(StoreError) -> Outcome {
    let (jobs, locked) = (jobs, locked)
    return try await database.transaction { transaction throws(StoreError) in
      let changes = try JobChanges(jobs, transaction)
      let now = changes.now
      let date = Date(timeIntervalSince1970: now)
      let following =
        schedule.cron.next(after: date, in: schedule.zone)?.timeIntervalSince1970 ?? Self.never
      let name = SQLValue.plain(schedule.name)
      let kind = SQLValue.plain(schedule.job.kind)
      let (expression, zone) = (schedule.cron.description, schedule.zone.identifier)
      let rows = try transaction.query(SQLStatement(locked, [name]))
      guard let row = rows.first else {
        try transaction.change(
          SQLStatement(
            Self.add, [name, .plain(expression), .plain(zone), kind, .real(following)]))
        return Outcome(next: following)
      }
      let due = row.real(2) ?? Self.never
      if row.text(0) != expression || row.text(1) != zone {
        // What was due before it changed fires below: two versions that run side by side change it
        // to and fro, and would skip the times of both.
        try transaction.change(
          SQLStatement(
            Self.change, [.plain(expression), .plain(zone), kind, .real(following), name]))
        guard due <= now else { return Outcome(next: following) }
      }
      guard due <= now else { return Outcome(next: due) }
      if schedule.missed == .skip, now - due > Self.lateness {
        try transaction.change(SQLStatement(Self.moveOn, [.real(following), kind, name]))
        return Outcome(next: following)
      }
      let added = try changes.add(try AdmittedJob.all([schedule.job], at: now))
      try transaction.change(
        SQLStatement(
          Self.fired, [.real(following), kind, .real(now), .optional(added.first?.id), name]))
      return Outcome(job: added.first, next: following)
    }
  }

  public func schedules() async throws(StoreError) -> [ScheduleState] {
    try await database.query(SQLStatement(Self.all)).map { row in
      ScheduleState(
        name: row.text(0) ?? "", expression: row.text(1) ?? "", zone: row.text(2) ?? "",
        kind: row.text(3) ?? "", nextAt: row.time(4) ?? .distantFuture, lastAt: row.time(5),
        lastJob: row.text(6))
    }
  }
}
