import Domain
public import Foundation
public import Jobs

/// What is told of a pull request's way, and of work that was given up.
enum PullRequestNotice {
  /// A merge is told once, whoever made it and however it was heard of.
  static func merged(
    _ reference: PullRequestReference, title: String?, url: String?, forge: String, by: String?,
    facts: [Notice.Fact] = [], at now: Date
  ) -> Notice {
    Notice(
      id: "merged-\("\(forge):\(reference)".lowercased())", event: .merged, severity: .note,
      forge: forge, repository: reference.repository, subject: "\(reference)",
      subjectTitle: title, headline: by.map { "Merged by \($0)." } ?? "Merged.", url: url,
      facts: facts, at: now)
  }

  /// - Parameter entry: what sets this time apart from others.
  static func leftQueue(
    _ reference: PullRequestReference, reason: String, branch: String, forge: String,
    entry: String, at now: Date
  ) -> Notice {
    Notice(
      id: "left-queue-\(ContentHash.of(parts: ["\(forge):\(reference)".lowercased(), entry]))",
      event: .leftQueue, severity: .warning, forge: forge, repository: reference.repository,
      subject: "\(reference)", headline: "Taken out of the merge queue of \(branch): \(reason).",
      facts: [Notice.Fact("branch", branch)], at: now)
  }
}

extension PullRequestNotice {
  /// - Returns: `nil` where the mark is of no repository.
  static func budget(_ mark: BudgetMark, at now: Date) -> Notice? {
    let parts = mark.repository.split(separator: ":", maxSplits: 1).map(String.init)
    guard parts.count == 2, let repository = RepositoryName(parts[1]) else { return nil }
    let day = Int((now.timeIntervalSince1970 / 86_400).rounded(.down))
    let isSpent = mark.percent >= 100
    return Notice(
      id: "budget-\(mark.repository)-\(mark.percent)-\(day)", event: .budget,
      severity: isSpent ? .error : .warning, forge: parts[0], repository: repository,
      headline: isSpent
        ? "The tokens of the day are spent; the model is not asked before midnight UTC."
        : "\(mark.percent) % of the tokens of the day are spent.",
      facts: [
        Notice.Fact("spent", "\(mark.spent)"), Notice.Fact("per day", "\(mark.perDay)"),
      ], at: now)
  }
}

/// Tells people of work that is given up for good, and that nobody tells of otherwise.
public struct GivenUpNotices: Sendable {
  let notices: NoticeQueue
  let now: @Sendable () -> Date

  public init(notices: NoticeQueue, now: @escaping @Sendable () -> Date = { Date() }) {
    self.notices = notices
    self.now = now
  }

  /// A review tells of its failure itself, and a notice of a notice would go on for ever.
  static let silent: Set<String> = [
    Work.ReviewPullRequest.kind, Work.NotifyPeople.kind, Work.DeliverNotice.kind,
    Work.DeliverDigest.kind,
  ]

  /// What many kinds of arguments have.
  private struct Place: Decodable {
    var access: ForgeAccess?
    var reference: PullRequestReference?
  }

  /// Best effort: something failed already. Only what was given up is told; what somebody cancelled
  /// is not.
  public func tell(_ job: Job, reason: String) async {
    guard job.state == .discarded, !Self.silent.contains(job.kind) else { return }
    let place = try? JSONDecoder().decode(Place.self, from: Data(job.arguments.utf8))
    try? await notices.tell(
      Self.notice(job, place, reason: reason, at: now()), access: place?.access)
  }

  private static func notice(_ job: Job, _ place: Place?, reason: String, at now: Date) -> Notice {
    Notice(
      id: "given-up-\(job.id)-\(job.attempt)", event: .jobFailed, severity: .error,
      forge: place?.access?.forge ?? "",
      // Of the server's own work, which is nobody's repository.
      repository: place?.access?.repository ?? RepositoryName(owner: "stet", name: "server"),
      subject: place?.reference.map { "\($0)" },
      headline: "A job was given up for good: \(job.kind).",
      facts: [Notice.Fact("job", job.id), Notice.Fact("tries", "\(job.attempt)")],
      lines: [SecretMask.masked(reason).text, "`stet jobs retry \(job.id)` tries it again."],
      at: now, run: job.run)
  }
}
