import Domain
import Server
import Storage
import UseCases

extension Wiring {
  /// What the pages for people ask for.
  var dashboard: DashboardPorts {
    let reports = report(asksForge: false)
    return DashboardPorts(
      publications: publications, notes: policyNotes, budget: budgetReading,
      report: { name, days in try await reports.report(of: name, days: days) },
      webURL: settings.github.webURL,
      secret: secretKey?.derived(for: "dashboard sessions"))
  }

  private var budgetReading: BudgetReading? {
    guard let perDay = settings.service.tokensPerDay else { return nil }
    let budget = SQLTokenBudget(database, perDay: perDay)
    return BudgetReading(perDay: perDay) { limit async throws(StoreError) in
      try await budget.uses(limit: limit)
    }
  }

  /// The one to write with, as the start of the service has checked or made it.
  private var secretKey: SecretKey? {
    if let key = settings.secretKeys.first { return key }
    let file = SecretKeyFile(dataFolder: settings.dataFolder)
    return (try? file.keys())?.first
  }
}
