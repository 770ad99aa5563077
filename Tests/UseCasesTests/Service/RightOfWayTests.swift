import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing

@testable import UseCases

/// Several jobs about one pull request, in whichever order they come.
@Suite struct RightOfWayTests {
  /// Until something was asked of the forge. - Returns: false where it took too long.
  private func waits(_ bench: ServiceBench, _ method: String, _ ending: String) async -> Bool {
    for _ in 0..<2_000 {
      if bench.hub.count(method, ending) > 0 { return true }
      try? await Task.sleep(for: .milliseconds(5))
    }
    return false
  }

  // MARK: Closed while it is begun

  @Test func closedWhileACheckIsMadeNoneIsLeftOpen() async throws {
    let bench = try await ServiceBench(.app)
    bench.hub.inject(GitHubFault(.delay(.milliseconds(800)), on: "POST", "/check-runs"))
    async let outcome = bench.work("run-1")
    #expect(await waits(bench, "POST", "/check-runs"))
    bench.hub.close(bench.reference)
    var ending = try await bench.arguments(run: "run-2")
    ending.pullRequest?.state = .closed
    guard case .cancelled = try await bench.review.run(ending) else {
      Issue.record("a closed pull request was reviewed")
      return
    }
    #expect(try await outcome.wait == .seconds(15))
    #expect(bench.openChecks.isEmpty)
    #expect(bench.summaries.isEmpty)
  }

  @Test func anEndedPullRequestIsNotBegunByAnOlderJob() async throws {
    let bench = try await ServiceBench(.app)
    bench.hub.close(bench.reference)
    var ending = try await bench.arguments(run: "run-2")
    ending.pullRequest?.state = .closed
    _ = try await bench.review.run(ending)
    // Nobody has to wait for a run that has ended.
    let record = try await bench.publications.publication(on: "github", of: bench.reference)
    #expect(record?.claimant == nil)
    // Its event tells of an open one.
    let older = try await bench.arguments(run: "run-1")
    guard case .cancelled = try await bench.review.run(older, job: "job-1") else {
      Issue.record("a closed pull request was reviewed")
      return
    }
    #expect(bench.hub.checkRuns(in: ServiceBench.repository).isEmpty)
    // Nothing was cut off, so nothing is looked after.
    #expect(try await bench.jobs.jobs(JobFilter(kind: Work.ReconcilePublication.kind)).isEmpty)
  }

  @Test func closedHandledAfterReopenedIsReviewed() async throws {
    let bench = try await ServiceBench(.app)
    var ending = try await bench.arguments()
    ending.pullRequest?.state = .closed
    #expect(try await bench.review.run(ending) == .completed)
    #expect(bench.summaries.count == 1)
    #expect(bench.openChecks.isEmpty)
  }

  @Test func whatIsPublishedConcludesTheCheckOfAnotherHead() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    let base = try #require(bench.hub.base(of: bench.reference))
    var record = try #require(
      try await bench.publications.publication(on: "github", of: bench.reference))
    record.checkHead = base
    _ = try await bench.publications.save(record)
    #expect(try await bench.work("run-2") == .completed)
    #expect(bench.state(of: base) == "cancelled")
    let after = try await bench.publications.publication(on: "github", of: bench.reference)
    #expect(after?.checkHead == nil)
    #expect(after?.claimant == nil)
  }

  // MARK: Claims

  @Test func theLaterRunHasTheRightOfWay() async throws {
    let store = InMemoryPublicationStore()
    let reference = PullRequestReference(ServiceBench.repository, 1)
    func claim(_ run: String, at seconds: Double) async throws -> PublicationClaim {
      try await PublicationClaim.take(
        store, forge: "github", reference: reference,
        by: PublicationClaim.Claimant(run: run) { Date(timeIntervalSince1970: seconds) })
    }
    let older = try await claim("run-1", at: 0)
    var newer = try await claim("run-2", at: 1)
    await #expect(throws: PublicationClaim.TakenOver.self) { try await older.confirm() }
    await #expect(throws: PublicationClaim.TakenOver.self) { try await claim("run-1", at: 30) }
    try await newer.release()
    let again = try await claim("run-1", at: 31)
    try await again.confirm()
    // Of one that was never heard of again, the claim ends.
    _ = try await claim("run-3", at: 40)
    _ = try await claim("run-1", at: 40 + PublicationClaim.lease)
  }

  @Test func oneKeyHoweverTheRepositoryIsWritten() {
    let shouted = RepositoryName(owner: "Octo-Org", name: "Orders")
    let work = Work.ReviewPullRequest(
      access: ForgeAccess(forge: "github", repository: shouted),
      reference: PullRequestReference(shouted, 5), askedBy: "cli", run: "r")
    #expect(work.supersedeKey == "github:octo-org/orders#5")
  }

  // MARK: Posted once

  @Test func theSameHeadIsApprovedOnce() async throws {
    let policy = Array("review:\n  approve_when_clean: true\n".utf8)
    let bench = try await ServiceBench(
      base: [".stet.yml": policy], head: ["app/new.py": Array("x = 1\n".utf8)])
    try await bench.work()
    try await bench.work("run-2", isAskedFor: true)
    #expect(bench.hub.reviews(of: bench.reference).map(\.state) == ["APPROVED"])
  }

  @Test func aStrangersFirstCommentCostsOneCall() async throws {
    let bench = try await ServiceBench(.app)
    bench.hub.addComment("What is this about?", by: "mallory", on: bench.reference)
    try await bench.work()
    let calls = bench.calls
    let before = try #require(calls.firstIndex { $0.contains("/comments 201") })
    #expect(before <= 6, "\(calls)")
    #expect(bench.summaries.count == 1)
  }

  @Test func aNewerSummaryIsNotWrittenOver() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    let summary = try #require(bench.summaries.first)
    let body = "@stet summary"
    let id = bench.hub.addComment(body, by: "ada", on: bench.reference)
    let ada = ForgeAccount(id: 1, login: "ada", isBot: false)
    let work = Work.AnswerCommand(
      access: bench.access,
      comment: ForgeEvent.CommentEvent(
        change: .created,
        comment: ForgeComment(
          id: id, author: ada, body: body, createdAt: Date(timeIntervalSince1970: 1)),
        kind: .conversation, subject: bench.reference, isPullRequest: true, subjectAuthor: ada),
      repository: ServiceBench.repository)
    bench.hub.inject(GitHubFault(.delay(.milliseconds(800)), on: "POST", "/reactions"))
    async let outcome = bench.answer.run(work)
    #expect(await waits(bench, "POST", "/reactions"))
    let record = try #require(
      try await bench.publications.publication(on: "github", of: bench.reference))
    _ = try await bench.publications.save(record)
    #expect(try await outcome.wait == .seconds(15))
    #expect(bench.hub.count("PATCH", "/comments/\(summary.id)") == 0)
  }
}
