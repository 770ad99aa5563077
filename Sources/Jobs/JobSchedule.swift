public import Foundation

/// A job that is added again and again, at times of the wall clock of a place.
public struct JobSchedule: Sendable, Hashable {
  /// Unique, in kebab-case; stays the same over versions.
  public var name: String
  public var cron: CronExpression
  public var zone: TimeZone
  /// Added at each time, by the database's clock.
  public var job: NewJob
  public var missed: MissedRuns

  /// What becomes of times that passed while no process ran.
  public enum MissedRuns: String, Sendable, Hashable, Codable {
    /// One run makes up for all of them, at once.
    case runOnce = "run_once"
    case skip
  }

  public init(
    name: String, cron: CronExpression, zone: TimeZone, job: NewJob,
    missed: MissedRuns = .runOnce
  ) {
    self.name = name
    self.cron = cron
    self.zone = zone
    self.job = job
    self.missed = missed
  }
}

/// A schedule as it stands in the store.
public struct ScheduleState: Sendable, Hashable, Codable {
  public var name: String
  public var expression: String
  /// Such as `Europe/Berlin`.
  public var zone: String
  public var kind: String
  public var nextAt: Date
  public var lastAt: Date?
  public var lastJob: String?

  public init(
    name: String, expression: String, zone: String, kind: String, nextAt: Date, lastAt: Date?,
    lastJob: String?
  ) {
    self.name = name
    self.expression = expression
    self.zone = zone
    self.kind = kind
    self.nextAt = nextAt
    self.lastAt = lastAt
    self.lastJob = lastJob
  }
}

/// Keeps when each schedule is next due, so that however many processes look, each time fires once.
public protocol ScheduleStore: Sendable {
  /// Adds the job of every schedule that is due, and moves it on, in one transaction each. A schedule
  /// that is new begins with its next time from now, and so does one whose expression or zone
  /// changed, after what was due before. One that fails keeps none of the others from firing.
  /// - Returns: what was added, and the time until the next is due.
  func fireDue(
    _ schedules: [JobSchedule]
  ) async throws -> (added: [EnqueuedJob], untilNext: Duration?)
  /// All, by name; also those that no version knows any more.
  func schedules() async throws -> [ScheduleState]
}
