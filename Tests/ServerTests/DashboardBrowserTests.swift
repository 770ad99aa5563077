import Domain
import Foundation
import Jobs
import Testing
import UseCases

@testable import Server

/// The dashboard in a real browser, driven by nothing but what a person has: pages and forms.
///
/// It is told what to do over the browser's own debugging pipe by a small Python program, as no
/// package for it is at hand.
@Suite(
  .enabled(
    if: BrowserRunning.browser != nil && BrowserRunning.python != nil,
    "no command chromium (or no python3) is here: apt-get install chromium"))
struct DashboardBrowserTests {
  /// Where screenshots are kept; `nil`: they are looked at by the test alone.
  private static let folder = ProcessInfo.processInfo.environment["STET_SCREENSHOTS"]

  @Test(.timeLimit(.minutes(2)))
  func somebodySignsInConfirmsAndSeesItWithoutAnError() async throws {
    try await withServer({ ports, _ in
      ports.dashboard.webURL = "https://forge.example"
      let (runs, publications) = (ports.runs, try #require(ports.dashboard.publications))
      ports.dashboard.budget = BudgetReading(perDay: 200_000) { _ throws(StoreError) in
        [
          TokenUse(repository: "forge:octo-org/shop", tokens: 171_000),
          TokenUse(repository: "forge:octo-org/site", tokens: 24_500),
        ]
      }
      ports.dashboard.report = { name, days in
        try await MakeReport(
          runs: runs,
          outcomes: ReadOutcomes(
            ports: .init(runs: runs, publications: publications, openForge: nil))
        ).report(of: name, days: days)
      }
    }) { server async throws in
      let ports = server.ports
      let (text, token) = try await server.makeToken(.admin)
      for hours in [30.0, 3, 0.1] {
        let date = Date().addingTimeInterval(-hours * 3_600)
        var run = DashboardScene.run(TimeOrderedID.next(date), at: date)
        run.askedBy = "github:ada"
        try await ports.runs.save(run)
      }
      try await ports.runs.save(DashboardScene.run(TimeOrderedID.next(Date()), outcome: .failed))
      try await DashboardScene.giveUp(ports, message: "github:octo-org/shop#9: it does not answer.")
      try await DashboardScene.propose(ports, labels: ["bug", "ui", "performance"])
      try await MergeQueueSample.enqueue(
        [7, 8, 9], branch: "main", freeze: "a release is being made",
        ForgeAccess(forge: "forge", repository: DashboardScene.repository),
        notes: try #require(ports.dashboard.notes), jobs: ports.jobs)
      let runs = try await ports.runs.runs(limit: 10, before: nil)
      let shown = try #require(runs.first { $0.review != nil }).id
      let latest = runs[0].id

      let told = try await BrowserRunning.run(
        address: "http://127.0.0.1:\(server.port)", token: text,
        pages: [
          "/", "/ui/runs", "/ui/runs/\(shown)", "/ui/runs/\(latest)", "/ui/jobs", "/ui/issues",
          "/ui/audit", "/ui/reports/octo-org/shop?days=7", "/ui/runs/none",
        ], folder: Self.folder)

      #expect(told.errors == [], "the console tells of errors")
      #expect(told.widest.values.allSatisfy { $0 <= 400 }, "\(told.widest)")
      #expect(told.said == "Confirmed. A job sets the labels now.")
      #expect(told.signedOutAt == "/ui/sign-in")
      #expect(told.images > 0 && told.images == told.painted)
      #expect(told.alerts == 0)
      #expect(told.faint == [], "text that is hard to read")
      #expect(told.unnamed == [], "what a screen reader stumbles over")
      #expect(told.signedInAt == "/ui/issues")
      let said = try await ports.jobs.jobs(JobFilter(kind: Work.ConfirmIssueLabels.kind))
        .compactMap { try? Work.ConfirmIssueLabels(of: $0).word }
      #expect(said == [Work.ConfirmIssueLabels.Word(isYes: true, by: "token:\(token.id)")])
    }
  }
}
