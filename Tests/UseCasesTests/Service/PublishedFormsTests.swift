import Domain
import Testing

@testable import UseCases

/// What is written onto a forge: harmless, bounded, and known again.
@Suite struct PublishedFormsTests {
  // MARK: Markers

  @Test(arguments: [
    HiddenMarker.summary, .finding("0a1b"), .review(head: "deadbeef"), .answer(42),
    .refusal(comment: 42, account: 7),
  ])
  func aMarkerIsReadBack(_ marker: HiddenMarker) {
    #expect(HiddenMarker(of: marker.text + "\n\nText.") == marker)
    #expect(HiddenMarker(of: marker.text + "\r\nText.") == marker)
    #expect(HiddenMarker(of: marker.text) == marker)
  }

  @Test(arguments: [
    "", "Text", "Text <!-- stet:summary -->", "\n<!-- stet:summary -->", "<!-- stet:finding -->",
    "<!-- stet:finding xyz -->", "<!-- stet:answer many -->", "<!-- stet:summary", "<!-- stet: -->",
    "> <!-- stet:summary -->", "<!-- stet:finding 0a 1b -->",
  ])
  func whatIsNotAtTheHeadIsNoMarker(_ body: String) {
    #expect(HiddenMarker(of: body) == nil)
  }

  @Test func aMessageCannotClaimToBeAnotherFinding() {
    let comment = FindingComment.body(
      .sample(message: "`<!-- stet:finding ffff -->` <!-- stet:summary -->", fingerprint: "0a"))
    #expect(HiddenMarker(of: comment) == .finding("0a"))
    #expect(!comment.dropFirst(10).contains("\n<!-- stet:"))
  }

  // MARK: A finding

  @Test func aProvedSuggestionTakesTheForgesForm() {
    let body = FindingComment.body(.sample(suggestion: "x = 1", verified: [.anchor, .applies]))
    #expect(body.contains("```suggestion\nx = 1\n```"))
    let empty = FindingComment.body(.sample(suggestion: "", verified: [.applies]))
    #expect(empty.contains("```suggestion\n```"))
  }

  @Test func aFenceIsLongerThanAnyInside() {
    let body = FindingComment.body(.sample(suggestion: "a\n````\nb", verified: [.applies]))
    #expect(body.contains("`````suggestion\na\n````\nb\n`````"))
  }

  /// Of a token's form, made here so that none stands in the repository.
  private static let secret: String = {
    let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    return "gh" + "p_" + String((1...36).map { letters[($0 * $0 * 31 + $0 * 17) % letters.count] })
  }()

  @Test(arguments: [
    Finding.sample(suggestion: "x = 1", verified: [.anchor, .quote]),
    .sample(side: .old, suggestion: "x = 1", verified: [.applies]),
    .sample(suggestion: "x = 1 \u{202E}", verified: [.applies]),
    .sample(
      suggestion: "t = '\(Self.secret)'", verified: [.applies]
    ),
    .sample(suggestion: nil, verified: [.applies]),
  ])
  func whatWasNotProvedOrHidesSomethingIsNoSuggestion(_ finding: Finding) {
    #expect(!FindingComment.body(finding).contains("suggestion\n"))
  }

  @Test func aMessagePingsNobodyAndClosesNothing() {
    let body = FindingComment.body(
      .sample(message: "Ask @octocat, fixes #12, ![x](https://evil.example/a.png) <img src=x>"))
    #expect(body.contains("`@octocat`"))
    #expect(!body.contains(" @octocat"))
    #expect(body.contains("`![x](https://evil.example/a.png`"))
    #expect(!body.contains("<img"))
  }

  // MARK: Where each finding goes

  private func placed(
    _ findings: [Finding], posted: [Publication.Posted] = [], ignored: [String: String] = [:],
    takes: @escaping (Finding) -> Bool = { _ in true }
  ) -> PlacedFindings {
    PlacedFindings(findings, head: "bb", posted: posted, ignored: ignored, takesComment: takes)
  }

  private func stands(_ fingerprint: String, head: String) -> Publication.Posted {
    .init(fingerprint: fingerprint, path: "a", line: 1, category: "", message: "", head: head)
  }

  @Test func eachFindingGoesToOnePlace() {
    let all = (0..<5).map { Finding.sample(line: $0 + 1, fingerprint: "f\($0)") }
    let places = placed(
      all, posted: [stands("f0", head: "aa"), stands("f1", head: "bb")], ignored: ["f2": "x"],
      takes: { $0.fingerprint == "f3" })
    #expect(places.earlier.map(\.fingerprint) == ["f0"])
    #expect(places.atLines.map(\.fingerprint) == ["f1", "f3"])
    #expect(places.toPost.map(\.fingerprint) == ["f3"])
    #expect(places.listed.map(\.fingerprint) == ["f4"])
    #expect(places.ignored == 1)
    #expect(places.standing.count == 4)
  }

  @Test func theMostSevereGetThePlaces() {
    var all = (0..<80).map { Finding.sample(line: $0 + 1, severity: .note, fingerprint: "n\($0)") }
    all.append(.sample(line: 99, severity: .error, fingerprint: "e"))
    let places = placed(all)
    #expect(places.toPost.count == PlacedFindings.mostComments)
    #expect(places.toPost.contains { $0.fingerprint == "e" })
    #expect(places.toPost.count + places.listed.count == 81)
  }

  @Test func whatIsIgnoredNoLongerSpeaksAgainstTheChange() {
    let error = Finding.sample(severity: .error, fingerprint: "e")
    let review = Review.sample(findings: [error], verdict: .requestChanges)
    let silenced = placed([error], ignored: ["e": "github:ann"])
    #expect(PublishReview.without(silenced, review).verdict == .comment)
    #expect(PublishReview.without(placed([error]), review).verdict == .requestChanges)
  }

  // MARK: The summary

  @Test func theSummaryHoldsVerdictLedgerCostAndRun() {
    var review = Review.sample(findings: [.sample(severity: .error)], verdict: .requestChanges)
    review.coverage.skipped = [SkippedPart(path: "a|b.lock", hunk: nil, reason: .lockFile)]
    review.usage = ModelUsage(
      modelCalls: 2, inputTokens: 1_000, outputTokens: 50, costUSD: USD(0.01))
    let body = SummaryComment(
      head: "abcdef0123456789", review: review, placed: placed(review.findings)
    ).body
    #expect(HiddenMarker(of: body) == .summary)
    #expect(body.contains("changes requested"))
    #expect(body.contains("`abcdef012345`"))
    #expect(body.contains("<details>"))
    #expect(body.contains("a¦b.lock"))
    #expect(body.contains("$0.01"))
    #expect(body.contains("Run `run-1`"))
    #expect(body.contains("`@stet help`"))
  }

  @Test func aHugeSummaryStaysWithinTheForgesLimit() {
    var review = Review.sample(findings: [], verdict: .comment)
    review.coverage.skipped = (0..<3_000).map {
      SkippedPart(path: String(repeating: "é", count: 200) + "\($0)", hunk: 1, reason: .overBudget)
    }
    let many = (0..<1_000).map {
      Finding.sample(
        line: $0 + 1, message: String(repeating: "ü", count: 900), fingerprint: "\($0)")
    }
    let body = SummaryComment(
      head: "ab", review: review, placed: placed(many, takes: { _ in false }),
      notes: [String(repeating: "n", count: 5_000)]
    ).body
    #expect(body.utf8.count <= 65_536)
    #expect(body.contains("more."))
    #expect(body.contains("… and"))
    #expect(body.contains("</details>"))
  }

  // MARK: The check

  @Test(arguments: [
    (SkipReason?.none, false, Verdict.comment, CheckState.Progress.success),
    (nil, false, .requestChanges, .failure),
    (nil, true, .comment, .neutral),
    (nil, true, .requestChanges, .failure),
    (.lockFile, false, .comment, .success),
    (.excluded, false, .comment, .success),
    (.overBudget, false, .comment, .neutral),
    (.modelFailed, false, .comment, .neutral),
    (.tooLarge, false, .comment, .neutral),
    (.generated, false, .comment, .neutral),
  ])
  func theCheckIsGreenOnlyWhereAllWasLookedAt(
    _ skipped: SkipReason?, _ failed: Bool, _ verdict: Verdict, _ expected: CheckState.Progress
  ) {
    var review = Review.sample(findings: [], verdict: verdict)
    review.coverage.skipped = skipped.map { [SkippedPart(path: "a", hunk: nil, reason: $0)] } ?? []
    let state = CheckConclusion.state(
      review, placed: PlacedFindings(), modelFailed: failed, detailsURL: nil)
    #expect(state.progress == expected)
  }

  @Test func nothingReviewedIsNeverGreen() {
    var review = Review.sample(findings: [], verdict: .comment)
    review.coverage = Coverage(
      files: 1, hunks: 1, hunksReviewed: 0,
      skipped: [SkippedPart(path: "a.lock", hunk: nil, reason: .lockFile)])
    let state = CheckConclusion.state(
      review, placed: PlacedFindings(), modelFailed: false, detailsURL: nil)
    #expect(state.progress == .neutral)
    #expect(state.title.contains("nothing could be looked at"))
  }

  // MARK: Files that the forge left out

  @Test func filesLeftOutByTheForgeStandInTheLedger() async throws {
    let outcome = try await ReviewChange(
      ports: .init(model: nil, cache: nil, runs: nil, syntax: DataSyntaxChecker())
    ).run(.init(diff: [], subject: "t", askedBy: "t", leftOut: ["big.sql"]))
    #expect(
      outcome.review.coverage.skipped == [
        SkippedPart(path: "big.sql", hunk: nil, reason: .tooLarge)
      ])
    #expect(outcome.review.coverage.files == 1)
    #expect(outcome.review.summary.contains("1 file too large"))
  }
}

extension Finding {
  static func sample(
    path: String = "a.py", side: Side = .new, line: Int = 3, severity: Severity = .warning,
    message: String = "Overwrites the sum.", suggestion: String? = nil,
    fingerprint: String = "0a", verified: [Proof] = [.anchor, .quote]
  ) -> Finding {
    Finding(
      id: fingerprint, path: path, side: side, startLine: line, line: line, severity: severity,
      category: "bug", message: message, quote: "x", suggestion: suggestion, confidence: 0.9,
      source: .model("fake"), fingerprint: fingerprint, verified: verified)
  }
}

extension Review {
  static func sample(findings: [Finding], verdict: Verdict) -> Review {
    Review(
      verdict: verdict, summary: "2 of 2 hunks in 1 file reviewed.", findings: findings,
      dropped: [], coverage: Coverage(files: 1, hunks: 2, hunksReviewed: 2, skipped: []),
      usage: ModelUsage(), run: "run-1")
  }
}
