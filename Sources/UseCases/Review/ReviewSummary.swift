import Domain

/// The sentence over a review. Written by rule: no word of it comes from a model.
enum ReviewSummary {
  static func sentence(for review: Review, model: String?, failure: ModelError?) -> String {
    if review.coverage.files == 0 { return "The change is empty: there is nothing to review." }
    var text = found(review) + " " + looked(review.coverage, model: model)
    if let failure, failure.code == .budgetSpent {
      text += " \(failure.detail) The ledger names what the model did not see."
    } else if let failure {
      text += " The model failed (\(failure.code.rawValue)); the ledger names what it did not see."
    }
    text += dropped(review.dropped.filter { !$0.suggestionOnly }, "claim")
    text += dropped(review.dropped.filter(\.suggestionOnly), "suggestion")
    return text
  }

  private static func dropped(_ claims: [DroppedClaim], _ noun: String) -> String {
    guard !claims.isEmpty else { return "" }
    let reasons = DropReason.allCases.compactMap { reason -> String? in
      let number = claims.count { $0.reason == reason }
      return number == 0 ? nil : "\(number) \(reason.rawValue)"
    }
    return " \(count(claims.count, noun)) dropped (\(reasons.joined(separator: ", ")))."
  }

  private static func found(_ review: Review) -> String {
    guard !review.findings.isEmpty else { return "Nothing found." }
    let parts = Severity.allCases.reversed().compactMap { severity -> String? in
      let number = review.findings.count { $0.severity == severity }
      return number == 0 ? nil : count(number, severity.rawValue)
    }
    let files = Set(review.findings.map(\.path)).count
    return "\(parts.joined(separator: ", ")) in \(count(files, "file"))."
  }

  private static func looked(_ coverage: Coverage, model: String?) -> String {
    let by = model.map { "\($0) and the built-in rules" } ?? "the built-in rules (no model)"
    let unseen = coverage.skipped.count { $0.reason == .tooLarge && $0.hunk == nil }
    if coverage.hunks == 0, unseen > 0 {
      return "Nothing could be reviewed: \(count(unseen, "file")) too large to be looked at."
    }
    if coverage.hunks == 0 { return "No text was changed in \(count(coverage.files, "file"))." }
    let seen =
      "\(coverage.hunksReviewed) of \(count(coverage.hunks, "hunk")) in "
      + "\(count(coverage.files, "file")) reviewed by \(by)."
    return seen
  }

  static func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }
}
