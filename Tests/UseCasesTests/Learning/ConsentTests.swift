import Domain
import Foundation
import Storage
import TestKit
import Testing

@testable import UseCases

/// Who may be learned, and by whom it may be asked.
@Suite struct ConsentTests {
  private func identity(_ login: String) -> ReviewerIdentity {
    ReviewerIdentity(
      forge: "github", repository: ServiceBench.repository, user: AskingBench.account(login))
  }

  private func agree(_ bench: AskingBench, _ login: String, _ isGiven: Bool = true) async throws {
    try await bench.consents.save(
      ReviewerConsent(identity: identity(login), isGiven: isGiven, at: Date(), by: "test"))
  }

  @Test func anotherIsAskedFirst() async throws {
    let bench = try await AskingBench(signsIn: false)
    let asked = try await bench.says("grace", "@tech-lead-bot lin")
    #expect(bench.started.now.isEmpty && bench.answers.count == 1)
    #expect(
      bench.answers[0].hasPrefix(
        "<!-- stet:answer \(asked.comment.comment.id) consent 107 -->"))
    #expect(bench.answers[0].contains("@lin, ") && !bench.answers[0].contains("@grace"))

    // Nobody agrees for another.
    try await bench.says("mallory", "@stet agree")
    #expect(try await bench.work() == 0)
    #expect(try await bench.consents.consent(of: identity("lin")) == nil)

    try await bench.says("lin", "@stet agree")
    let consent = try #require(try await bench.consents.consent(of: identity("lin")))
    #expect(consent.isGiven && consent.by.contains("conversation"))
    #expect(bench.answers.last?.contains("goes on now") == true)
    #expect(try await bench.work() == 1)
    let request = try #require(bench.started.now.first)
    #expect(request.asker.id == 105 && request.user.id == 107 && request.isBareAlias)
    #expect(request.comment.id == asked.comment.comment.id)
    let audited = try await bench.audited()
    #expect(audited.contains("consent.asked") && audited.contains("consent.given"))

    // From then on at once, whoever asks that may write.
    try await bench.says("ada", "@stet review as LIN")
    #expect(bench.started.now.count == 2)
  }

  @Test func consentComesBeforeTheSignIn() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as lin")
    #expect(!bench.answers[0].contains("authorize"))
    try await bench.says("lin", "@stet agree")
    try await bench.work()
    #expect(bench.started.now.isEmpty)
    #expect(bench.answers.last?.contains("/login/oauth/authorize") == true)
    // For the one who asked, not for the one who agreed.
    #expect(
      try await bench.signsIn(as: "lin") == .otherAccount(asked: "grace", came: "lin"))
    try await bench.signsIn(as: "grace")
    try await bench.work()
    #expect(bench.started.now.count == 1)
  }

  @Test func whoTakesItBackIsNotLearned() async throws {
    let bench = try await AskingBench(signsIn: false)
    try await agree(bench, "lin")
    try await bench.says("lin", "@stet disagree")
    #expect(bench.answers.last?.contains("not learned in this repository") == true)
    try await bench.says("grace", "@stet review as lin")
    #expect(bench.started.now.isEmpty)
    #expect(bench.answers.last?.contains("does not want") == true)
    #expect(try await bench.audited().contains("consent.withdrawn"))
    // What people ask for themselves is theirs.
    bench.hub.setPermission(.write, of: "lin", in: ServiceBench.repository)
    try await bench.says("lin", "@stet review as lin")
    #expect(bench.started.now.count == 1)
  }

  /// Taken back between the asking and the going on.
  @Test func whatWasAskedIsJudgedAgain() async throws {
    let bench = try await AskingBench()
    try await agree(bench, "lin")
    try await bench.says("grace", "@stet review as lin")
    let query = try bench.opens(try bench.link(), as: "grace")
    try await agree(bench, "lin", false)
    #expect(try await bench.comesBack(query) == .signedIn(login: "grace"))
    try await bench.work()
    #expect(bench.started.now.isEmpty)
    #expect(bench.answers.last?.contains("does not want") == true)

    try await agree(bench, "lin")
    try await bench.says("grace", "@stet review as lin")
    #expect(bench.started.now.count == 1)
  }

  @Test(arguments: [
    ("@stet review as nobody-of-that-name", "nobody called `nobody-of-that-name`"),
    ("@stet review as helper[bot]", "is a program"),
  ])
  func whoCannotBeLearned(_ command: String, _ words: String) async throws {
    let bench = try await AskingBench(signsIn: false)
    try await bench.says("grace", command)
    #expect(bench.answers.count == 1 && bench.answers[0].contains(words), "\(bench.answers)")
    #expect(bench.started.now.isEmpty)
  }

  @Test func whoMayNotWriteMayNotAsk() async throws {
    let bench = try await AskingBench(signsIn: false)
    for user in ["mallory", "lin"] {
      try await bench.says("mallory", "@stet review as \(user)")
      #expect(bench.started.now.isEmpty)
    }
    #expect(bench.answers.count == 1)
    #expect(bench.answers[0].contains("needs write permission"))
    try await bench.says("grace", "@stet review as grace", isPullRequest: false)
    #expect(bench.answers.last?.contains("works on pull requests") == true)
    #expect(bench.started.now.isEmpty)
  }

  // MARK: Policies

  @Test(arguments: [
    ("reviewers: {learn: false}", "grace", "grace", "has nobody learned"),
    ("reviewers: {learn: [ada]}", "grace", "grace", "does not name grace"),
    ("reviewers: {learn: [ada]}", "grace", "lin", "does not name lin"),
    ("reviewers: {asked_by: [ada]}", "grace", "lin", "does not name grace"),
    ("reviewers: {asked_by: ['@octo-org/leads']}", "grace", "lin", "does not name grace"),
    ("reviewers: {learn: }\nreview: 3", "grace", "grace", "cannot be read"),
  ])
  func aPolicySaysNo(
    _ policy: String, _ asker: String, _ user: String, _ words: String
  ) async throws {
    let bench = try await AskingBench(policy: policy, signsIn: false)
    try await agree(bench, "lin")
    try await bench.says(asker, "@stet review as \(user)")
    #expect(bench.started.now.isEmpty)
    #expect(bench.answers.count == 1 && bench.answers[0].contains(words), "\(bench.answers)")
  }

  @Test(arguments: [
    ("reviewers: {learn: [lin]}", "grace", "lin"), ("reviewers: {learn: lin}", "grace", "lin"),
    ("reviewers: {asked_by: [ada]}", "grace", "grace"),
    ("reviewers: {asked_by: [grace]}", "grace", "lin"), ("reviewers:", "grace", "lin"),
    ("reviewers: {learn: true, asked_by: 'gra*'}", "grace", "lin"), ("fix: {}", "grace", "lin"),
  ])
  func aPolicySaysYes(_ policy: String, _ asker: String, _ user: String) async throws {
    let bench = try await AskingBench(policy: policy, signsIn: false)
    try await agree(bench, "lin")
    try await bench.says(asker, "@stet review as \(user)")
    #expect(bench.started.now.count == 1, "\(bench.answers)")
  }

  /// A policy may name people; it does not agree for them.
  @Test func aPolicyIsNoConsent() async throws {
    let bench = try await AskingBench(
      policy: "reviewers: {learn: [lin], asked_by: [grace]}", signsIn: false)
    try await bench.says("grace", "@stet review as lin")
    #expect(bench.started.now.isEmpty)
    #expect(bench.answers[0].contains("@lin, "))
  }
}
