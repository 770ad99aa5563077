import Domain
import Foundation
import Storage
import UseCases

extension Wiring {
  var filters: any OutcomeFilterStore { SQLOutcomeFilterStore(database) }

  func outcomes(asksForge: Bool) -> ReadOutcomes {
    ReadOutcomes(
      ports: .init(
        runs: runs, publications: publications, openForge: asksForge ? openForge : nil))
  }

  func learnFilter(asksForge: Bool) -> LearnFilter {
    LearnFilter(outcomes: outcomes(asksForge: asksForge), filters: filters, audit: audit)
  }

  var weeklyReport: WeeklyReport {
    WeeklyReport(
      report: report(asksForge: settings.github.credentials != nil), runs: runs,
      notices: noticeQueue)
  }

  func report(asksForge: Bool) -> MakeReport {
    MakeReport(
      runs: runs, outcomes: outcomes(asksForge: asksForge),
      pullRequests: asksForge ? pullRequestsSince : nil)
  }
}
