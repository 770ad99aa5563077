import Domain

/// What the check of a commit says in the end. Green means: everything that is text of this change
/// was looked at, and nothing in it is an error.
enum CheckConclusion {
  static func state(
    _ review: Review, placed: PlacedFindings, modelFailed: Bool, detailsURL: String?
  ) -> CheckState {
    let unseen = unseen(review.coverage)
    let progress: CheckState.Progress
    if review.verdict == .requestChanges {
      progress = .failure
    } else if modelFailed || !unseen.isEmpty || review.coverage.hunksReviewed == 0 {
      progress = .neutral
    } else {
      progress = .success
    }
    var summary = Defanged.forMarkdown(review.summary, oneLine: true)
    summary += "\n\n" + SummaryComment.ledger(review.coverage, room: 20_000)
    return CheckState(
      progress: progress, title: title(review, placed, unseen, modelFailed), summary: summary,
      detailsURL: detailsURL)
  }

  /// What should have been looked at and was not. Lock files, vendored files and the like are told
  /// by their names; that a file is generated or minified may be its author's word alone, and one
  /// NUL byte makes any file binary.
  static func unseen(_ coverage: Coverage) -> [SkippedPart] {
    let settled: Set<SkipReason> = [
      .lockFile, .vendored, .submodule, .excluded, .noTextChange,
    ]
    return coverage.skipped.filter { part in
      if part.reason == .binary { return !BinaryFormats.contains(part.path) }
      return !settled.contains(part.reason)
    }
  }

  private static func title(
    _ review: Review, _ placed: PlacedFindings, _ unseen: [SkippedPart], _ modelFailed: Bool
  ) -> String {
    let standing = placed.standing
    var parts = Severity.allCases.reversed().compactMap { severity -> String? in
      let number = standing.count { $0.severity == severity }
      return number == 0 ? nil : ReviewSummary.count(number, severity.rawValue)
    }
    if parts.isEmpty { parts.append("Nothing found") }
    if unseen.contains(where: { $0.reason == .budgetSpent }) {
      parts.append("the tokens of this day are spent")
    } else if modelFailed {
      parts.append("the model failed")
    } else if review.coverage.hunksReviewed == 0 {
      parts.append("nothing could be looked at")
    } else if !unseen.isEmpty {
      parts.append("not all was looked at")
    }
    return parts.joined(separator: ", ")
  }

  static func begun(_ detailsURL: String?) -> CheckState {
    CheckState(
      progress: .inProgress, title: "Reviewing", summary: "Stet is looking at this commit.",
      detailsURL: detailsURL)
  }

  /// Another state of the pull request is looked at.
  static var superseded: CheckState {
    ended(.cancelled, "A newer state of the pull request is looked at instead.")
  }

  /// Work that ended without a review.
  static func ended(_ progress: CheckState.Progress, _ reason: String) -> CheckState {
    CheckState(
      progress: progress, title: "Not reviewed",
      summary: Defanged.forMarkdown(reason, oneLine: true))
  }
}
