import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing

@testable import UseCases

/// A pull request of a fake GitHub, reviewed as somebody would.
@Suite struct ReviewAsTests {
  private static let said = "Wrap this error: who reads it has no context."

  @Test func whoIsAskedForIsLearnedAndSpeaksAtTheLine() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    let pull = bench.addPresent()
    try await bench.agree()
    try await bench.enqueue(bench.asking(pull))
    try await bench.work()
    let comments = bench.likenesses(on: pull)
    let comment = try #require(comments.first)
    #expect(comments.count == 1)
    #expect(comment.path == "save.go" && comment.side == .new)
    #expect(comment.body.contains("Wrap this error"))
    // It says what it is, and calls nobody.
    #expect(comment.body.contains("A likeness of `lin`"))
    #expect(!comment.body.contains("@lin"))
    let answer = try #require(bench.answers(on: pull).first)
    #expect(bench.answers(on: pull).count == 1)
    #expect(answer.contains("1 comment at lines, silence at 1"))
    #expect(answer.contains("12 comments and"))
    #expect(answer.contains("speaks by examples"))
    // Nothing was asked about the document, at whose like they are silent.
    let asked = bench.model.asked
    #expect(asked.count == 1 && asked[0].contains("os.WriteFile"))
    #expect(asked[0].contains(LearningBench.phrase))
    let run = try #require(try await bench.runs.run(id: "run-as"))
    #expect(run.outcome == .completed && run.result?["posted"] == .integer(1))
    #expect(run.review == nil)
    let record = try await bench.publications.publication(on: "github", of: pull)
    #expect(record?.likeness?.map(\.message) == ["", ""])
  }

  @Test func theSameIsNotSaidTwice() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    let pull = bench.addPresent()
    try await bench.agree()
    try await bench.enqueue(bench.asking(pull))
    try await bench.work()
    // In other words, as an adapter that was trained anew would say it; and its comment was deleted.
    bench.model.server.script([], always: .text("Please add context to this failure."))
    try await bench.enqueue(bench.asking(pull, run: "run-2"))
    try await bench.work()
    #expect(bench.likenesses(on: pull).count == 1)
    #expect(bench.answers(on: pull).count == 2)
    #expect(bench.answers(on: pull).contains { $0.contains("1 were said") })
    bench.hub.deleteComment(bench.likenesses(on: pull)[0].id, in: LearningBench.repository)
    try await bench.enqueue(bench.asking(pull, run: "run-3"))
    try await bench.work()
    #expect(bench.likenesses(on: pull).isEmpty)
  }

  @Test(arguments: ["PASS", "", "\"PASS\""])
  func silenceIsSilence(_ reply: String) async throws {
    let bench = try await LearningBench(always: .text(reply.isEmpty ? "\n" : reply))
    bench.addPast()
    let pull = bench.addPresent()
    try await bench.agree()
    try await bench.enqueue(bench.asking(pull))
    try await bench.work()
    #expect(bench.likenesses(on: pull).isEmpty)
    #expect(bench.answers(on: pull).first?.contains("nothing to say") == true)
  }

  @Test func whatAModelSaysCallsNobodyAndTellsNoSecrets() async throws {
    let token = "ghp_" + String(repeating: "aB3dE6gH", count: 5).prefix(36)
    let bench = try await LearningBench(
      always: .text("@octo-org/everyone see [this](https://evil.example) and \(token)"))
    bench.addPast()
    let pull = bench.addPresent()
    try await bench.agree()
    try await bench.enqueue(bench.asking(pull))
    try await bench.work()
    let body = try #require(bench.likenesses(on: pull).first?.body)
    #expect(!body.contains(token))
    #expect(body.contains("`@octo-org/everyone`"))
    #expect(!body.contains("](https://evil.example)") || body.contains("`[this]"))
  }

  @Test func withoutConsentNothingIsRead() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    let pull = bench.addPresent()
    try await bench.enqueue(bench.asking(pull))
    try await bench.work()
    #expect(bench.answers(on: pull).first?.contains("has not agreed") == true)
    #expect(!bench.hub.log.contains { $0.plainPath.hasSuffix("/pulls/comments") })
    #expect(try await bench.reviewer() == nil)
    // Who asks for themselves agrees by it.
    try await bench.enqueue(bench.asking(pull, run: "run-2", asker: LearningBench.lin))
    try await bench.work()
    #expect(bench.likenesses(on: pull).count == 1)
  }

  @Test func twoWhoAskAtOnceCauseOneLearning() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    let pulls = [bench.addPresent(), bench.addPast(pulls: 1)[0]]
    try await bench.agree()
    for (number, pull) in pulls.enumerated() {
      try await bench.enqueue(bench.asking(pull, run: "run-\(number)"))
    }
    try await bench.work()
    #expect(try await bench.jobs.jobs(JobFilter(kind: Work.LearnReviewer.kind)).count == 1)
    for pull in pulls { #expect(bench.answers(on: pull).count == 1) }
  }

  @Test func whatWentWrongIsToldOnThePullRequest() async throws {
    let bench = try await LearningBench()
    let pull = bench.addPresent()
    try await bench.agree()
    try await bench.enqueue(bench.asking(pull))
    try await bench.work()
    #expect(bench.answers(on: pull).first?.contains("no review comments") == true)

    let silent = try await LearningBench(usesModel: false)
    silent.addPast()
    let other = silent.addPresent()
    try await silent.agree()
    try await silent.enqueue(silent.asking(other))
    try await silent.work()
    #expect(silent.answers(on: other).first?.contains("LLM_PROVIDER") == true)

    silent.hub.close(other)
    try await silent.enqueue(silent.asking(other, run: "run-2"))
    try await silent.work()
    #expect(silent.answers(on: other).contains { $0.contains("is closed") })
  }

  @Test func aModelThatFailsIsToldOf() async throws {
    let bench = try await LearningBench(always: .error(status: 500, message: "out of order"))
    bench.addPast()
    let pull = bench.addPresent()
    try await bench.agree()
    try await bench.enqueue(bench.asking(pull))
    try await bench.work()
    #expect(bench.likenesses(on: pull).isEmpty)
    #expect(bench.answers(on: pull).first?.contains("did not answer for 1 hunk") == true)
  }

  @Test(arguments: ReviewTone.allCases)
  func aToneIsAskedForAndSaid(_ tone: ReviewTone) async throws {
    let bench = try await LearningBench()
    bench.addPast()
    let pull = bench.addPresent()
    try await bench.agree()
    try await bench.enqueue(bench.asking(pull, tone: tone))
    try await bench.work()
    let asked = try #require(bench.model.asked.first)
    #expect(asked.contains("wit about the code") == (tone == .snarky))
    #expect(asked.contains("neutral") == (tone == .plain))
    let answer = try #require(bench.answers(on: pull).first)
    #expect(answer.contains("\(tone.rawValue) tone") == (tone != .learned))
  }

  /// The command of a comment, through the one that answers it.
  @Test func aCommentBeginsIt() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    let pull = bench.addPresent()
    try await bench.agree()
    bench.hub.setPermission(.write, of: "ada", in: LearningBench.repository)
    let review = ReviewAs(ports: bench.ports, syntax: DataSyntaxChecker())
    let forget = ForgetReviewer(ports: bench.ports)
    let answer = AnswerCommand(
      ports: .init(
        openForge: bench.ports.openForge, publications: bench.publications, runs: bench.runs,
        audit: bench.audit, jobs: bench.jobs, limiter: InMemoryUsageLimiter(), model: nil,
        reviewers: ReviewerAsking(
          accounts: LinkedAccounts(
            ports: .init(
              authority: nil, links: NoLinks(), openForge: bench.ports.openForge,
              openAs: { access, _ throws(ForgeError) in
                try await bench.ports.openForge(access)
              })),
          signIns: nil, consents: bench.consents,
          forget: { try await forget.forget($0, on: $1, by: "github:themselves") },
          start: { try await review.start($0) })))
    func says(_ body: String, _ account: ForgeAccount) async throws {
      let id = bench.hub.addComment(body, by: account.login, on: pull)
      _ = try await answer.run(
        Work.AnswerCommand(
          access: bench.access,
          comment: ForgeEvent.CommentEvent(
            change: .created,
            comment: ForgeComment(id: id, author: account, body: body, createdAt: Date()),
            kind: .conversation, subject: pull, isPullRequest: true,
            subjectAuthor: LearningBench.ada), repository: LearningBench.repository))
    }
    try await says("@tech-lead-bot lin", LearningBench.ada)
    try await bench.work()
    #expect(bench.likenesses(on: pull).count == 1)
    // The bare alias keeps the tone of its origin.
    #expect(bench.answers(on: pull).first?.contains("snarky tone") == true)

    try await says("@stet forget me", LearningBench.lin)
    #expect(try await bench.reviewer() == nil)
    #expect(try await bench.consents.consent(of: bench.identity) == nil)
    let last = try #require(bench.hub.comments(on: pull).last)
    #expect(last.body.contains("Forgotten"))
  }

  private struct NoLinks: AccountLinkStore {
    func save(_ link: AccountLink) async throws(StoreError) {}
    func link(forge: String, user: Int64) async throws(StoreError) -> AccountLink? { nil }
    func remove(forge: String, user: Int64) async throws(StoreError) {}
    func remove(_ link: AccountLink) async throws(StoreError) {}
  }
}
