import Domain
import Foundation
import Testing

@Suite struct StalePolicyTests {
  private static let now = Date(timeIntervalSince1970: 1_800_000_000)
  private static let day = 86_400.0

  private func item(
    quiet days: Double, labels: [String] = [], isDraft: Bool = false, milestone: String? = nil,
    isAssigned: Bool = false
  ) -> OpenItem {
    OpenItem(
      reference: PullRequestReference(RepositoryName(owner: "acme", name: "app"), 1),
      kind: .issues, title: "t", author: ForgeAccount(id: 1, login: "ada", isBot: false),
      labels: labels, isDraft: isDraft, milestone: milestone, isAssigned: isAssigned,
      createdAt: .distantPast, updatedAt: Self.now - days * Self.day)
  }

  private func mark(
    _ stage: StaleMark.Stage, days: Double, isShadow: Bool = false
  ) -> StaleMark {
    StaleMark(stage: stage, at: Self.now - days * Self.day, label: "stale", isShadow: isShadow)
  }

  private func word(_ step: StaleStep) -> String { String("\(step)".prefix { $0 != "(" }) }

  @Test(arguments: [
    (59.9, "leave"), (60.0, "remind"), (400.0, "remind"), (-5.0, "leave"),
  ]) func whatIsQuietForLongIsRemindedOf(_ days: Double, _ expected: String) {
    #expect(word(StalePolicy().step(item(quiet: days), nil, now: Self.now)) == expected)
  }

  @Test func aReminderSaysForHowLong() {
    let step = StalePolicy().step(item(quiet: 75), nil, now: Self.now)
    #expect(step.reason == "nothing happened for 75 days; the limit is 60 days")
  }

  @Test func whatStaysQuietIsClosedAndWhatIsAnsweredIsNot() {
    let policy = StalePolicy()
    let quiet = item(quiet: 14, labels: ["Stale"])
    #expect(word(policy.step(quiet, mark(.reminded, days: 13.9), now: Self.now)) == "leave")
    #expect(word(policy.step(quiet, mark(.reminded, days: 14), now: Self.now)) == "close")
    #expect(
      policy.step(quiet, mark(.reminded, days: 14), answer: "ada answered", now: Self.now)
        == .wake("ada answered"))
    // A person took the label off.
    let bare = item(quiet: 14)
    #expect(word(policy.step(bare, mark(.reminded, days: 14), now: Self.now)) == "wake")
    var never = policy
    never.close = nil
    #expect(word(never.step(quiet, mark(.reminded, days: 900), now: Self.now)) == "leave")
  }

  @Test(arguments: [
    (StaleMark.Stage.reminding, "remind"), (.closing, "close"), (.closed, "leave"),
    (.woken, "leave"), (.refused, "leave"),
  ]) func whatWasCutOffIsFinished(_ stage: StaleMark.Stage, _ expected: String) {
    let step = StalePolicy().step(item(quiet: 1), mark(stage, days: 1), now: Self.now)
    #expect(word(step) == expected)
  }

  @Test func whatTheForgeRefusedIsTriedAgainLater() {
    let policy = StalePolicy()
    #expect(word(policy.step(item(quiet: 90), mark(.refused, days: 6), now: Self.now)) == "leave")
    #expect(word(policy.step(item(quiet: 90), mark(.refused, days: 8), now: Self.now)) == "remind")
  }

  @Test func exemptionsProtectAlsoWhatIsMarked() {
    var policy = StalePolicy(
      exemptLabels: [NameGlob("keep-*", ignoresCase: true)],
      exemptMilestones: .named([NameGlob("v2*")]), exemptDrafts: true, exemptAssigned: true)
    let protected = [
      item(quiet: 90, labels: ["Keep-open"]), item(quiet: 90, isDraft: true),
      item(quiet: 90, milestone: "v2.1"), item(quiet: 90, isAssigned: true),
    ]
    for item in protected {
      #expect(word(policy.step(item, nil, now: Self.now)) == "leave")
      #expect(word(policy.step(item, mark(.reminded, days: 30), now: Self.now)) == "wake")
    }
    #expect(word(policy.step(item(quiet: 90, milestone: "v3"), nil, now: Self.now)) == "remind")
    policy.exemptMilestones = .all
    #expect(word(policy.step(item(quiet: 90, milestone: "v3"), nil, now: Self.now)) == "leave")
  }

  @Test func whatAPolicyOnlyRecordedWasNeverSaid() {
    var policy = StalePolicy(isShadow: true)
    let shadow = mark(.reminded, days: 20, isShadow: true)
    #expect(word(policy.step(item(quiet: 90), shadow, now: Self.now)) == "close")
    #expect(word(policy.step(item(quiet: 10), shadow, now: Self.now)) == "wake")
    policy.isShadow = false
    #expect(word(policy.step(item(quiet: 90), shadow, now: Self.now)) == "remind")
  }
}
