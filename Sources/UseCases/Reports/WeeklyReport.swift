public import Domain
public import Foundation
public import Jobs

extension Work {
  /// Tells people what happened in a week, a notice for each repository: `WeeklyReport`. Added by a
  /// schedule.
  public struct WeeklyReport: JobArguments {
    public static let kind = "weekly-report"
    public init() {}
  }
}

/// Tells of the last seven days of every repository that had a review in them.
public struct WeeklyReport: Sendable {
  let report: MakeReport
  let runs: any RunStore
  let notices: NoticeQueue?
  let now: @Sendable () -> Date

  public init(
    report: MakeReport, runs: any RunStore, notices: NoticeQueue?,
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.report = report
    self.runs = runs
    self.notices = notices
    self.now = now
  }

  public func handle(_ context: JobContext) async throws -> JobOutcome {
    guard let notices else { return .cancelled(reason: "the settings name nobody to be told") }
    let now = now()
    var repositories: Set<RepositoryName> = []
    try await ReadOutcomes.each(runs, since: now.addingTimeInterval(-7 * 86_400)) { run in
      if run.kind == .review, let reference = PullRequestReference(run.subject) {
        repositories.insert(reference.repository)
      }
    }
    for repository in repositories.sorted(by: { "\($0)" < "\($1)" }) {
      try Task.checkCancellation()
      let report = try await report.report(of: repository, days: 7)
      let access = ForgeAccess(forge: "github", repository: repository)
      // The job's id makes a second try say nothing twice.
      try await notices.tell(
        Self.notice(report, repository, id: "report-\(context.job.id)-\(repository)", now),
        access: access)
      context.progress("told of \(repository)")
    }
    return .completed
  }

  static func notice(
    _ report: RepositoryReport, _ repository: RepositoryName, id: String, _ now: Date
  ) -> Notice {
    Notice(
      id: id, event: .report, severity: .note, forge: "github", repository: repository,
      headline: "The week in figures.",
      facts: ReportFigures.rows(report).map { Notice.Fact($0.0, $0.1) },
      lines: report.categories.prefix(10).map { rate in
        "\(rate.name): \(rate.findings) findings, "
          + (rate.rate.map { "\($0.percent) % acted on" } ?? "none decided yet")
      }, at: now)
  }
}
