import Domain
import Jobs
import UseCases

extension ServiceWiring {
  /// With what recurs, and with people told of what is given up.
  func complete(_ handlers: [JobHandler]) -> [JobHandler] {
    (handlers + onTime + learning).map(tellingOfItsEnd)
  }

  /// What recurs, and what follows from it.
  private var onTime: [JobHandler] {
    var handlers = [
      JobHandler(Work.SweepRepositories.kind, concurrency: 1, limit: .seconds(600)) {
        try await SweepRepositories(
          register: wiring.register, jobs: wiring.jobs, limits: wiring.workLimits
        ).handle($0)
      },
      JobHandler(Work.SweepRepository.kind, concurrency: 2, limit: .seconds(1_800)) {
        try await SweepRepository(
          ports: .init(
            shepherd: shepherding, register: wiring.register, notices: wiring.noticeQueue)
        ).handle($0)
      },
      JobHandler(Work.ShepherdBase.kind, concurrency: 2, limit: .seconds(600)) {
        try await ShepherdBase(ports: shepherding).handle($0.job)
      },
      JobHandler(Work.WakeStaleItem.kind, concurrency: 2, limit: .seconds(120)) {
        try await WakeStaleItem(ports: shepherding).handle($0.job)
      },
      JobHandler(Work.RefreshCaches.kind, concurrency: 1, limit: .seconds(1_800)) {
        try await RefreshCaches(known: wiring.knownIssues).handle($0)
      },
    ]
    let redeliver = wiring.redeliverWebhooks
    handlers.append(
      JobHandler(Work.RedeliverWebhooks.kind, concurrency: 1, limit: .seconds(1_800)) {
        guard let redeliver else {
          return .cancelled(reason: "no forge is asked: it has no credentials or no webhook secret")
        }
        return try await redeliver.handle($0)
      })
    return handlers
  }

  /// People are told of what is given up for good, beside what the handler itself says of it.
  private func tellingOfItsEnd(_ handler: JobHandler) -> JobHandler {
    guard let queue = wiring.noticeQueue else { return handler }
    let notices = GivenUpNotices(notices: queue)
    var telling = handler
    telling.onGivenUp = { job, reason in
      await handler.onGivenUp?(job, reason)
      await notices.tell(job, reason: reason)
    }
    return telling
  }
}
