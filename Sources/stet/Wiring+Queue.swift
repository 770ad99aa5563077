import Domain
import Foundation
import Jobs
import ServiceLifecycle
import Storage
import UseCases

extension Wiring {
  var schedules: any ScheduleStore { SQLScheduleStore(database, signal: signal) }

  /// What a repository may spend on the model in a day. Without a limit nothing is asked for leave,
  /// and what was spent is counted all the same.
  var tokenBudget: any TokenBudget {
    let budget = SQLTokenBudget(database, perDay: settings.service.tokensPerDay)
    guard let perDay = settings.service.tokensPerDay else { return budget }
    return NoticedBudget(budget, perDay: perDay) { [audit, logger, notices = noticeQueue] mark in
      logger.warning(
        "a repository has spent much of its tokens of the day",
        metadata: ["repo": "\(mark.repository)", "percent": "\(mark.percent)"])
      // A notice that is lost is no reason to fail what was paid for.
      _ = try? await audit.append(
        AuditEvent(
          actor: "budget", action: "budget.reached", place: mark.repository,
          decidedBy: "STET_TOKENS_PER_DAY",
          facts: [
            "percent": "\(mark.percent)", "spent": "\(mark.spent)", "per_day": "\(mark.perDay)",
          ]))
      try? await notices?.tell(of: mark, at: Date())
    }
  }

  /// What recurs.
  var recurring: [JobSchedule] {
    let settings = settings.service
    guard let zone = TimeZone(identifier: settings.timeZone) else { return [] }
    let times = [
      ("weekly-report", settings.reports, Work.WeeklyReport.kind),
      ("upkeep", settings.upkeep, Work.Upkeep.kind),
      ("sweep", settings.sweep, Work.SweepRepositories.kind),
      ("redeliver", settings.redeliver, Work.RedeliverWebhooks.kind),
      ("refresh", "*/10 * * * *", Work.RefreshCaches.kind),
    ]
    return times.compactMap { name, expression, kind in
      guard let cron = try? CronExpression(expression) else { return nil }
      return JobSchedule(
        name: name, cron: cron, zone: zone,
        job: NewJob(kind: kind, arguments: "{}", uniqueKey: kind, maxAttempts: 3))
    }
  }

  /// What tells this process of jobs that others added, and others of its own; `nil` where there are
  /// no others.
  var signals: (any Service)? {
    guard case .postgres(let address) = settings.database else { return nil }
    return SignalService(signals: PostgresSignals(address: address, signal: signal))
  }
}

/// Carries rings between processes until the program is asked to stop.
private struct SignalService: Service {
  let signals: PostgresSignals

  func run() async throws {
    await cancelWhenGracefulShutdown { await signals.run() }
  }
}
