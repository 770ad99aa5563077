import Domain
import Testing

@testable import UseCases

@Suite struct ReviewDecisionTests {
  private func finding(
    _ source: FindingSource, line: Int = 3, severity: Severity = .warning, category: String = "bug",
    confidence: Double = 0.9, quote: String = "x = 1", path: String = "a.py", message: String = "m"
  ) -> Finding {
    Finding(
      path: path, side: .new, startLine: line, line: line, severity: severity, category: category,
      message: message, quote: quote, confidence: confidence, source: source,
      verified: [.anchor, .quote])
  }

  private let whole = Coverage(files: 1, hunks: 1, hunksReviewed: 1, skipped: [])

  @Test func aModelBelowTheThresholdIsDroppedAndARuleIsNot() {
    let decided = ReviewDecision(policy: ReviewPolicy(minConfidence: 0.6)).decide(
      [
        finding(.model("m"), line: 1, confidence: 0.59),
        finding(.rule("r"), line: 2, confidence: 0.1),
      ], dropped: [])
    #expect(decided.findings.map(\.line) == [2])
    #expect(decided.dropped.map(\.reason) == [.belowConfidence])
  }

  @Test func theSameCauseIsSaidOnceHoweverItIsWorded() {
    let decided = ReviewDecision(policy: ReviewPolicy()).decide(
      [
        finding(.model("m"), confidence: 0.7, message: "one wording"),
        finding(.model("m"), confidence: 0.9, message: "another wording"),
      ], dropped: [])
    #expect(decided.findings.map(\.message) == ["another wording"])
    #expect(decided.dropped.map(\.reason) == [.duplicate])
  }

  @Test func whatARuleSaidIsNotSaidAgainByAModelOnTheSameLine() {
    let decided = ReviewDecision(policy: ReviewPolicy()).decide(
      [
        finding(.model("m"), category: "security", confidence: 0.99),
        finding(.rule("bare-except"), category: "error-handling", confidence: 0.8),
      ], dropped: [])
    #expect(decided.findings.map(\.source) == [.rule("bare-except")])
  }

  @Test func anErrorIsNotTakenForADuplicateOfAnotherRulesWarning() {
    let decided = ReviewDecision(policy: ReviewPolicy()).decide(
      [
        finding(.rule("a"), severity: .warning, category: "security", confidence: 0.9),
        finding(.rule("b"), severity: .error, category: "security", confidence: 0.7),
      ], dropped: [])
    #expect(decided.verdict(whole) == .requestChanges)
    #expect(decided.findings.count == 2)
  }

  @Test(arguments: [SkipReason.generated, .vendored, .lockFile, .binary, .overBudget, .tooLarge])
  func whatAChangeCanSetAsideItselfIsNotApproved(reason: SkipReason) {
    let decided = ReviewDecision(policy: ReviewPolicy(approveWhenClean: true))
      .decide([], dropped: [])
    let coverage = Coverage(
      files: 1, hunks: 1, hunksReviewed: 0,
      skipped: [.init(path: "a.py", hunk: nil, reason: reason)])
    #expect(decided.verdict(coverage) == .comment)
  }

  @Test func whatARuleSaysIsNotSaidAgainByALinter() {
    let decided = ReviewDecision(policy: ReviewPolicy()).decide(
      [
        finding(.tool("ruff"), category: "S307", confidence: 1),
        finding(.rule("eval-call"), category: "security"),
      ], dropped: [])
    #expect(decided.findings.map(\.source) == [.rule("eval-call")])
  }

  @Test func twoRulesOnOneLineBothStay() {
    let decided = ReviewDecision(policy: ReviewPolicy()).decide(
      [
        finding(.rule("a"), category: "security"), finding(.rule("b"), category: "error-handling"),
      ], dropped: [])
    #expect(decided.findings.count == 2)
  }

  @Test func theMostImportantStayUnderTheLimitAndAreShownInFileOrder() {
    let decided = ReviewDecision(policy: ReviewPolicy(maxFindings: 2)).decide(
      [
        finding(.rule("a"), line: 9, severity: .error),
        finding(.rule("b"), line: 5, severity: .note),
        finding(.rule("c"), line: 7, severity: .warning),
      ], dropped: [])
    #expect(decided.findings.map(\.line) == [7, 9])
    #expect(decided.dropped.map(\.line) == [5])
    #expect(decided.dropped.map(\.reason) == [.overLimit])
  }

  @Test func thePolicySetsSeverityByRuleBeforeCategoryAndCanSwitchOff() {
    let policy = ReviewPolicy(severity: ["bare-except": .error, "bug": .off])
    let decided = ReviewDecision(policy: policy).decide(
      [
        finding(.rule("bare-except"), line: 1, severity: .note), finding(.model("m"), line: 2),
      ], dropped: [])
    #expect(decided.findings.map(\.severity) == [.error])
    #expect(decided.dropped.isEmpty)
  }

  @Test func theVerdictIsByRuleAndNeverApprovesUnasked() {
    #expect(
      ReviewDecision(policy: ReviewPolicy()).decide([], dropped: []).verdict(whole) == .comment)
    let decision = ReviewDecision(policy: ReviewPolicy(approveWhenClean: true))
    let clean = decision.decide([], dropped: [])
    #expect(clean.verdict(whole) == .approve)
    let failed = Coverage(
      files: 1, hunks: 1, hunksReviewed: 0,
      skipped: [.init(path: "a.py", hunk: 1, reason: .modelFailed)])
    #expect(clean.verdict(failed) == .comment)
    let bad = decision.decide([finding(.rule("r"), severity: .error)], dropped: [])
    #expect(bad.verdict(whole) == .requestChanges)
  }

  @Test func aFingerprintOutlivesMovesAndRewordingAndTellsRepeatsApart() {
    let decision = ReviewDecision(policy: ReviewPolicy())
    let here = decision.decide([finding(.rule("r"), line: 3, message: "a")], dropped: [])
    let moved = decision.decide(
      [finding(.rule("r"), line: 40, quote: "    x  =  1", message: "b")], dropped: [])
    #expect(here.findings[0].fingerprint == moved.findings[0].fingerprint)

    let twice = decision.decide(
      [finding(.rule("r"), line: 3), finding(.rule("r"), line: 8)], dropped: [])
    #expect(Set(twice.findings.map(\.fingerprint)).count == 2)
    #expect(twice.findings[0].fingerprint == here.findings[0].fingerprint)
    let other = decision.decide([finding(.rule("r"), path: "b.py")], dropped: [])
    #expect(other.findings[0].fingerprint != here.findings[0].fingerprint)
  }
}
