import Domain
import Foundation
import TestKit
import Testing

@testable import UseCases

@Suite struct ReportTests {
  private static let from = Date(timeIntervalSince1970: 1_799_971_200)
  private static let app = RepositoryName(owner: "acme", name: "app")

  private func run(
    _ id: String, hours: Double, subject: String = "acme/app#1", failed: Bool = false,
    cost: Double? = 0.25, verdict: Verdict = .comment
  ) -> Run {
    Run(
      id: id, kind: .review, startedAt: Self.from.addingTimeInterval(hours * 3_600), seconds: 30,
      outcome: failed ? .failed : .completed, askedBy: "github:ann", subject: subject,
      inputs: ["diff": id],
      modelCalls: [
        .init(
          model: "m", inputTokens: 100, outputTokens: 10, costUSD: cost.map { USD($0) },
          seconds: 1, cacheHit: false),
        .init(
          model: "m", inputTokens: 100, outputTokens: 10, costUSD: USD(0), seconds: 0,
          cacheHit: true),
      ], claims: 1, masked: [:],
      review: failed
        ? nil
        : Review(
          verdict: verdict, summary: "", findings: [], dropped: [],
          coverage: Coverage(files: 1, hunks: 1, hunksReviewed: 1, skipped: []),
          usage: ModelUsage(), run: id), failure: failed ? "f" : nil)
  }

  private func outcome(
    _ category: String, _ fate: FindingFate, hours: Double = 1
  ) -> FindingOutcome {
    FindingOutcome(
      subject: "acme/app#1", fingerprint: UUID().uuidString, category: category,
      severity: .warning, source: .rule(category), path: "a.py",
      at: Self.from.addingTimeInterval(hours * 3_600), fate: fate, reason: "r")
  }

  private func pull(
    _ number: Int, opened: Double, merged: Double? = nil, closed: Double? = nil
  ) -> PullRequestTimes {
    func date(_ hours: Double) -> Date { Self.from.addingTimeInterval(hours * 3_600) }
    return PullRequestTimes(
      reference: PullRequestReference(Self.app, number), openedAt: date(opened),
      mergedAt: merged.map(date), closedAt: (merged ?? closed).map(date))
  }

  private func report(
    _ runs: [Run], _ outcomes: [FindingOutcome] = [], pulls: [PullRequestTimes]? = nil
  )
    -> RepositoryReport
  {
    RepositoryReport(
      repository: Self.app, from: Self.from, to: Self.from.addingTimeInterval(7 * 86_400),
      runs: runs, outcomes: outcomes, pullRequests: pulls)
  }

  @Test func itCountsWhatHappenedInItsTimeAndRepository() {
    let report = report(
      [
        run("a", hours: 1), run("b", hours: 30, verdict: .requestChanges),
        run("c", hours: 31, failed: true), run("d", hours: 2, subject: "acme/lib#1"),
        run("e", hours: -1), run("f", hours: 7 * 24), run("g", hours: 3, cost: nil),
      ],
      [outcome("bug", .fixed), outcome("bug", .ignored), outcome("style", .open, hours: -5)])
    #expect(report.reviews == 3)
    #expect(report.failed == 1)
    #expect(report.pullRequests == 1)
    #expect(report.verdicts == ["comment": 2, "request_changes": 1])
    #expect(report.findings == 2)
    #expect(report.categories.map(\.name) == ["bug"])
    #expect(report.categories.first?.rate == 0.5)
    #expect(report.modelCalls == 4)
    #expect(report.inputTokens == 400)
    #expect(abs(report.costUSD - 0.75) < 1e-9)
    #expect(report.unpriced == 1)
    #expect(report.days.count == 7)
    #expect(report.days.map(\.reviews) == [2, 1, 0, 0, 0, 0, 0])
  }

  @Test func timesAreThoseOfTheForge() throws {
    let report = report(
      [run("a", hours: 3), run("b", hours: 5, subject: "acme/app#2")],
      pulls: [
        pull(1, opened: 2, merged: 50), pull(2, opened: 4), pull(3, opened: -30, merged: 2),
        pull(4, opened: -50, closed: 3), pull(5, opened: -900, merged: -800),
      ])
    #expect(report.opened == 2)
    #expect(report.merged == 2)
    #expect(report.closed == 1)
    #expect(try #require(report.firstReview).count == 2)
    #expect(try #require(report.firstReview).median == 3_630)
    #expect(try #require(report.merge).median == 32 * 3_600)
    #expect(try #require(report.merge).ninth == 48 * 3_600)
  }

  /// What others named cannot leave its place in any form.
  @Test(arguments: [
    "<script>alert(1)</script>", "a|b`c", "\u{1B}[31mred", "[x](https://e.example)",
  ])
  func namesOfOthersDoNothing(_ name: String) throws {
    let report = report([run("a", hours: 1)], [outcome(name, .fixed)])
    let html = try ReportFormat.html.render(report)
    #expect(!html.contains("<script"))
    #expect(html.contains("<svg"))
    #expect(!(try ReportFormat.text.render(report)).contains("\u{1B}"))
    let row = try #require(
      try ReportFormat.markdown.render(report).split(separator: "\n").last { $0.contains("100 %") })
    #expect(row.count { $0 == "|" } == 9)
    #expect(row.hasPrefix("| `"))
  }

  /// A page stands for itself: nothing is loaded, and each plot says in words what it shows.
  @Test func aPageLoadsNothing() throws {
    let html = try ReportFormat.html.render(
      report([run("a", hours: 1)], [outcome("bug", .fixed), outcome("style", .ignored)]))
    #expect(!html.contains("src=") && !html.contains("<link") && !html.contains("@import"))
    #expect(html.contains("default-src 'none'"))
    #expect(html.contains("<title>Findings by category: bug 1, style 1</title>"))
    #expect(
      html.components(separatedBy: "<svg").count == html.components(separatedBy: "</svg>").count)
  }

  @Test func everyFormHasTheFiguresAlsoOfNothing() throws {
    for format in ReportFormat.allCases {
      let text = try format.render(report([]))
      #expect(text.hasSuffix("\n"))
      #expect(!text.contains("nan") && !text.contains("inf"))
    }
  }
}
