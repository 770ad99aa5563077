import Domain
import Foundation
import Testing

@Suite struct OutcomeDerivationTests {
  private static let start = Date(timeIntervalSince1970: 1_800_000_000)

  private func finding(
    _ fingerprint: String, path: String = "a.py", source: FindingSource = .rule("bare-except")
  ) -> Finding {
    Finding(
      path: path, side: .new, startLine: 1, line: 1, severity: .warning, category: "bug",
      message: "m", quote: "q", confidence: 1, source: source, fingerprint: fingerprint)
  }

  private func review(
    _ number: Int, _ findings: [Finding], content: String? = nil, skipped: Set<String> = [],
    hadModel: Bool = true
  ) -> OutcomeDerivation.Reviewed {
    .init(
      run: "run-\(number)", at: Self.start.addingTimeInterval(Double(number) * 3_600),
      content: content ?? "diff-\(number)", findings: findings, skipped: skipped,
      hadModel: hadModel)
  }

  private func fates(
    _ reviews: [OutcomeDerivation.Reviewed],
    _ around: OutcomeDerivation.Surroundings = .init(), after hours: Double = 10
  ) -> [String: FindingFate] {
    let outcomes = OutcomeDerivation.outcomes(
      of: "acme/app#1", reviews, around, now: Self.start.addingTimeInterval(hours * 3_600))
    return Dictionary(uniqueKeysWithValues: outcomes.map { ($0.fingerprint, $0.fate) })
  }

  @Test func whatALaterPushTakesAwayIsFixed() {
    let reviews = [review(1, [finding("a"), finding("b")]), review(2, [finding("b")])]
    #expect(fates(reviews) == ["a": .fixed, "b": .open])
    // The order in which they are read says nothing.
    #expect(fates(reviews.reversed()) == ["a": .fixed, "b": .open])
  }

  /// A look at the same change, one that left the file out, and one without the model prove nothing.
  @Test func whatWasNotLookedAtIsNotFixed() {
    #expect(
      fates([review(1, [finding("a")], content: "d"), review(2, [], content: "d")]) == ["a": .open])
    #expect(fates([review(1, [finding("a")]), review(2, [], skipped: ["a.py"])]) == ["a": .open])
    let ofModel = finding("a", source: .model("m"))
    #expect(fates([review(1, [ofModel]), review(2, [], hadModel: false)]) == ["a": .open])
    #expect(fates([review(1, [finding("a")]), review(2, [], hadModel: false)]) == ["a": .fixed])
  }

  @Test func whatComesBackIsNotFixed() {
    let reviews = [review(1, [finding("a")]), review(2, []), review(3, [finding("a")])]
    #expect(fates(reviews) == ["a": .open])
  }

  /// A filter that hides a kind would otherwise prove itself wrong: what it hides looks fixed.
  @Test func whatIsSilencedIsNotFixed() {
    var hiding = review(2, [])
    hiding.silenced = ["a", "never shown"]
    #expect(fates([review(1, [finding("a")]), hiding]) == ["a": .open])
    #expect(fates([review(1, [finding("a")]), hiding, review(3, [])]) == ["a": .fixed])
  }

  @Test func whatPeopleSayComesFirst() {
    let reviews = [review(1, [finding("a")]), review(2, [])]
    #expect(fates(reviews, .init(disputed: ["a": "ann"])) == ["a": .disputed])
    #expect(fates(reviews, .init(thumbsDown: ["a"])) == ["a": .disputed])
    let open = [review(1, [finding("a")])]
    #expect(fates(open, .init(resolved: ["a"])) == ["a": .resolved])
    #expect(fates(open, .init(thumbsUp: ["a"])) == ["a": .resolved])
    #expect(fates(open, .init(end: .merged)) == ["a": .ignored])
    #expect(fates(open, .init(end: .merged, resolved: ["a"])) == ["a": .resolved])
  }

  @Test func aQuietPullRequestHasEnded() {
    #expect(fates([review(1, [finding("a")])], after: 24 * 14) == ["a": .open])
    #expect(fates([review(1, [finding("a")])], after: 24 * 15) == ["a": .ignored])
  }
}

@Suite struct OutcomeFilterTests {
  private static let repository = RepositoryName(owner: "acme", name: "app")

  /// - Parameter share: how often it is acted on.
  private func outcomes(
    _ rule: String, count: Int, share: Double, severity: Severity = .note,
    category: String = "style", seed: UInt64 = 3, fateLater: FindingFate? = nil
  ) -> [FindingOutcome] {
    var state = seed
    return (0..<count).map { number in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let chance = Double(state >> 40) / Double(1 << 24)
      var fate: FindingFate = chance < share ? .fixed : .ignored
      if let fateLater, number > count * 7 / 10 { fate = fateLater }
      return FindingOutcome(
        subject: "acme/app#\(number)", fingerprint: "\(rule)-\(number)", category: category,
        severity: severity, source: .rule(rule), path: "a.py",
        at: Date(timeIntervalSince1970: Double(number) * 3_600), fate: fate, reason: "r")
    }
  }

  private func learn(_ outcomes: [FindingOutcome]) -> OutcomeFilter {
    OutcomeFilter.learn(
      from: outcomes, repository: Self.repository, version: 1, now: Date(timeIntervalSince1970: 0))
  }

  private func finding(
    _ rule: String, _ severity: Severity = .note, category: String = "style"
  ) -> Finding {
    Finding(
      path: "a.py", side: .new, startLine: 1, line: 1, severity: severity, category: category,
      message: "m", quote: "q", confidence: 1, source: .rule(rule))
  }

  @Test func whatIsIgnoredIsSilencedAndTheRestIsNot() {
    let filter = learn(
      outcomes("noise", count: 60, share: 0.02) + outcomes("useful", count: 60, share: 0.8, seed: 9)
    )
    #expect(filter.silences.map(\.source) == [.rule("noise")])
    #expect(filter.isFit)
    #expect(filter.silence(of: finding("noise"))?.reason.contains("were acted on") == true)
    #expect(filter.silence(of: finding("useful")) == nil)
    #expect(filter.silence(of: finding("noise", .error)) == nil)
    #expect(filter.silence(of: finding("noise", category: "security")) == nil)
    #expect(filter.measure.silenced > 0)
    #expect(filter.measure.findings > filter.measure.silenced)
  }

  @Test func fewFindingsSilenceNothing() {
    #expect(learn(outcomes("noise", count: 8, share: 0)).silences.isEmpty)
    #expect(learn([]).silences.isEmpty)
    #expect(!learn([]).isFit)
  }

  @Test func errorsAndSecurityAreNeverLearned() {
    #expect(learn(outcomes("noise", count: 80, share: 0, severity: .error)).silences.isEmpty)
    #expect(learn(outcomes("noise", count: 80, share: 0, category: "security")).silences.isEmpty)
  }

  /// People have changed their minds: the newer findings do not bear it out.
  @Test func aFilterThatTheNewerFindingsRefuteIsNotUsed() {
    let filter = learn(outcomes("noise", count: 80, share: 0, fateLater: .fixed))
    #expect(filter.silences.count == 1)
    #expect(filter.measure.silencedActedOn > filter.measure.silenced / 2)
    #expect(!filter.isFit)
  }

  /// Findings of one pull request are not parted.
  @Test func whatIsHeldOutIsOfOtherPullRequests() {
    var all = outcomes("noise", count: 40, share: 0)
    for index in all.indices { all[index].subject = "acme/app#1" }
    #expect(learn(all).measure.findings == 0)
    #expect(!learn(all).isFit)
  }

  @Test func ratesLeaveOutWhatIsNotDecided() throws {
    let rate = OutcomeRate(name: "bug", fates: [.fixed: 3, .ignored: 1, .open: 6])
    #expect(rate.findings == 10)
    #expect(rate.decided == 4)
    #expect(rate.rate == 0.75)
    let interval = try #require(rate.interval)
    #expect(interval.contains(0.75))
    #expect(OutcomeRate(name: "x", fates: [.open: 2]).rate == nil)
  }
}
