public import Domain
public import Foundation
public import Jobs

/// Where a use case leaves a notice. What becomes of it is decided by a job, so that nothing waits
/// for people to be told.
public struct NoticeQueue: Sendable {
  private let jobs: any JobQueue

  public init(jobs: any JobQueue) { self.jobs = jobs }

  /// For how long the same notice is not told again.
  static let memory = Duration.seconds(30 * 86_400)

  /// - Parameter access: by which the repository's policy is read; `nil`: only the server's routes
  ///   count.
  public func tell(_ notice: Notice, access: ForgeAccess?) async throws {
    let arguments = Work.NotifyPeople(access: access, notice: notice)
    _ = try await jobs.enqueue([
      NewJob(
        kind: Work.NotifyPeople.kind, arguments: try arguments.json(), uniqueKey: notice.id,
        uniquePeriod: Self.memory, group: access.map(WorkLimits.group), run: notice.run)
    ])
  }

  /// One message for a whole review, never one for each comment.
  func tell(
    of review: Review, _ pull: PullRequest, _ arguments: Work.ReviewPullRequest, at now: Date
  ) async throws {
    try await tell(
      ReviewNotice.of(review, pull, arguments, at: now), access: arguments.access)
  }

  /// Once a day for each mark.
  public func tell(of mark: BudgetMark, at now: Date) async throws {
    guard let notice = PullRequestNotice.budget(mark, at: now) else { return }
    try await tell(
      notice, access: ForgeAccess(forge: notice.forge, repository: notice.repository))
  }

  /// Best effort: it is told where something failed already.
  func tellOfFailure(_ arguments: Work.ReviewPullRequest, reason: String, at now: Date) async {
    try? await tell(
      ReviewNotice.ofFailure(arguments, reason: reason, at: now), access: arguments.access)
  }
}

/// What is told of a review.
enum ReviewNotice {
  static func of(
    _ review: Review, _ pull: PullRequest, _ arguments: Work.ReviewPullRequest, at now: Date
  ) -> Notice {
    let worst = review.findings.map(\.severity).max() ?? .note
    var facts = [
      Notice.Fact("verdict", words(review.verdict)),
      Notice.Fact("findings", counts(review.findings)),
      Notice.Fact(
        "looked at", "\(review.coverage.hunksReviewed) of \(review.coverage.hunks) hunks"),
      Notice.Fact("author", pull.author.login),
    ]
    if let cost = review.usage.costUSD, review.usage.modelCalls > 0 {
      facts.append(Notice.Fact("cost", "$" + CostLine.dollars(cost.value)))
    }
    let findings = review.findings.sorted {
      ($1.severity, $0.path, $0.line) < ($0.severity, $1.path, $1.line)
    }
    return Notice(
      id: "review-\(arguments.run)", event: .review,
      severity: review.verdict == .requestChanges ? max(worst, .warning) : worst,
      forge: arguments.access.forge, repository: arguments.reference.repository,
      subject: "\(arguments.reference)", subjectTitle: pull.title,
      headline: headline(review), url: pull.url, facts: facts,
      lines: findings.map { "\($0.path):\($0.line) \($0.severity.rawValue): \($0.message)" },
      at: now, run: arguments.run)
  }

  static func ofFailure(
    _ arguments: Work.ReviewPullRequest, reason: String, at now: Date
  ) -> Notice {
    Notice(
      id: "review-failed-\(arguments.run)", event: .reviewFailed, severity: .error,
      forge: arguments.access.forge, repository: arguments.reference.repository,
      subject: "\(arguments.reference)", subjectTitle: arguments.pullRequest?.title,
      headline: "The review failed.", url: arguments.pullRequest?.url, lines: [reason], at: now,
      run: arguments.run)
  }

  private static func headline(_ review: Review) -> String {
    switch review.verdict {
    case .approve: "Approved."
    case .requestChanges: "Changes are requested: \(counts(review.findings))."
    case .comment: review.findings.isEmpty ? "Nothing was found." : "\(counts(review.findings))."
    }
  }

  private static func words(_ verdict: Verdict) -> String {
    switch verdict {
    case .approve: "approve"
    case .comment: "comment"
    case .requestChanges: "request changes"
    }
  }

  private static func counts(_ findings: [Finding]) -> String {
    let parts = Severity.allCases.reversed().compactMap { severity -> String? in
      let count = findings.count { $0.severity == severity }
      return count == 0 ? nil : "\(count) \(severity.rawValue)\(count == 1 ? "" : "s")"
    }
    return parts.isEmpty ? "none" : parts.joined(separator: ", ")
  }
}
