import Domain
import Foundation
import Jobs
import ServiceLifecycle
import Storage
import UseCases

extension Wiring {
  var schedules: (any ScheduleStore)? { nil }

  /// What a repository may spend on the model in a day; `nil`: anything.
  var tokenBudget: (any TokenBudget)? { nil }

  /// What recurs.
  var recurring: [JobSchedule] {
    let settings = settings.service
    guard let cron = try? CronExpression(settings.upkeep),
      let zone = TimeZone(identifier: settings.timeZone)
    else { return [] }
    return [
      JobSchedule(
        name: "upkeep", cron: cron, zone: zone,
        job: NewJob(
          kind: Work.Upkeep.kind, arguments: "{}", uniqueKey: Work.Upkeep.kind, maxAttempts: 3))
    ]
  }

  /// What tells this process of jobs that others added; `nil` where there are no others.
  var signals: (any Service)? { nil }
}
