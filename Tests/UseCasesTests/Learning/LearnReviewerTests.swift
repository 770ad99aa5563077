import Domain
import Forges
import Foundation
import Jobs
import Storage
import TestKit
import Testing
import WebClient

@testable import UseCases

/// Gathering what somebody said on a fake GitHub, with the real adapter and the real stores.
@Suite struct LearnReviewerTests {
  @Test func aPersonIsLearnedFromTheirOwnComments() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    #expect(try await bench.learn() == .completed)
    let reviewer = try #require(try await bench.reviewer())
    #expect(reviewer.comments == 12)
    #expect(reviewer.silences > 0 && reviewer.silences <= 24)
    #expect(reviewer.dropped == [.approval: 12])
    #expect(reviewer.gatheredAt != nil && reviewer.cursor != nil)
    let examples = try await bench.ports.reviewers.examples(of: reviewer.id)
    let spoken = examples.filter { $0.comment != nil }
    #expect(spoken.allSatisfy { $0.comment?.contains(LearningBench.phrase) == true })
    #expect(spoken.allSatisfy { $0.became?.contains("return err") == true && $0.line == 6 })
    #expect(spoken.map(\.at) == spoken.map(\.at).sorted())
    // Documents, beside which they said nothing.
    #expect(examples.filter { $0.comment == nil }.allSatisfy { $0.path.hasPrefix("docs/") })
    // Of other people nothing is kept.
    #expect(examples.allSatisfy { $0.comment?.contains("strangers") != true })
    #expect(
      try await bench.audit.entries(after: 0, limit: 9).map(\.event.action)
        == ["reviewer.learned"])
  }

  @Test func answersOfTheForgeAreGoneWhenTheRunEnds() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    _ = try await bench.learn()
    #expect(try await bench.rows("gatherings") == 0)
    #expect(try await bench.rows("validators") == 0)
    // Nothing of it ever stood in the clear: not in the database, its log, nor what is kept of
    // answers of the forge.
    #expect(try bench.filesHolding(LearningBench.phrase).isEmpty)
    #expect(try bench.filesHolding("strangers").isEmpty)
  }

  @Test func aLaterGatheringReadsWhatIsNewAlone() async throws {
    let bench = try await LearningBench()
    let pulls = bench.addPast()
    _ = try await bench.learn()
    bench.hub.clearLog()
    #expect(try await bench.learn() == .completed)
    let asked = bench.hub.log.filter { $0.plainPath.hasSuffix("/pulls/comments") }
    // Nothing is new: it costs no rate limit.
    #expect(asked.map(\.status) == [304])
    bench.hub.addPastComment(
      "This lock is never released on the early return.", by: "lin", on: pulls[11],
      path: "load12.go", line: 4, hunk: "@@ -0,0 +1,9 @@\n+mu.Lock()",
      at: LearningBench.start.addingTimeInterval(20 * 86_400))
    #expect(try await bench.learn() == .completed)
    let reviewer = try #require(try await bench.reviewer())
    #expect(reviewer.comments == 13)
    #expect(reviewer.dropped[.approval] == 12 || reviewer.dropped[.approval] == 13)
  }

  @Test func aReloadReadsEverythingAgain() async throws {
    let bench = try await LearningBench()
    let pulls = bench.addPast()
    _ = try await bench.learn()
    let before = try #require(try await bench.reviewer())
    bench.hub.deleteComment(
      try #require(
        bench.hub.reviewComments(on: pulls[0]).first { $0.body.contains("load1:") }?.id),
      in: LearningBench.repository)
    #expect(try await bench.learn(forceReload: true) == .completed)
    let after = try #require(try await bench.reviewer())
    #expect(after.id == before.id && after.version > before.version)
    #expect(after.dropped == [.approval: 12])
  }

  /// More comments than a page holds, of which the forge fails in the middle.
  @Test(arguments: [
    GitHubFault.Kind.answer(
      status: 403, body: "{\"message\":\"API rate limit exceeded\"}",
      headers: ["x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999"]),
    .resetBefore, .half,
  ])
  func whatWasCutOffGoesOnWhereItStood(_ kind: GitHubFault.Kind) async throws {
    let bench = try await LearningBench()
    bench.addPast(pulls: 90)
    bench.hub.inject(GitHubFault(kind, on: "GET", "/pulls/comments", skipping: 1))
    let job = try await bench.jobs.enqueue([
      NewJob(
        kind: Work.LearnReviewer.kind, arguments: try bench.learning().json(), maxAttempts: 3)
    ]).first
    let id = try #require(job?.id)
    let found = try #require(try await bench.jobs.job(id: id))
    let outcome = try await LearnReviewer(ports: bench.ports).run(
      bench.learning(), job: found
    ) { _ in }
    guard case .snoozed = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(try await bench.rows("gatherings") == 1)
    #expect(try bench.filesHolding(LearningBench.phrase).isEmpty)
    bench.hub.clearLog()
    bench.hub.clearFaults()
    bench.hub.setRateLimit(5_000)
    // Another connection, as another process would have.
    let again = try await bench.learnWithNewConnection()
    #expect(again == .completed)
    let first = bench.hub.log.first { $0.plainPath.hasSuffix("/pulls/comments") }
    #expect(first?.path.contains("since=") == true)
    #expect(try await bench.reviewer()?.comments == 90)
    #expect(try await bench.rows("gatherings") == 0)
  }

  @Test func somebodyWithoutCommentsIsToldWhy() async throws {
    let bench = try await LearningBench()
    let pull = bench.hub.addPullRequest(
      in: LearningBench.repository, author: "ada", head: ["a.go": Array("package a\n".utf8)])
    bench.hub.addPastComment(
      "LGTM", by: "lin", on: pull, path: "a.go", line: 1, hunk: "@@ -0,0 +1 @@\n+package a",
      at: LearningBench.start)
    let failure = await #expect(throws: JobFailure.self) { try await bench.learn() }
    #expect(failure?.isFinal == true)
    #expect(failure?.message.contains("1 of them theirs") == true)
    #expect(failure?.message.contains("1 that only approve") == true)
    #expect(try await bench.reviewer() == nil)
    #expect(try await bench.rows("gatherings") == 0)
  }

  @Test func aRepositoryThatTheAskerCannotSeeIsToldOf() async throws {
    let bench = try await LearningBench()
    try await bench.agree()
    bench.hub.deleteRepository(LearningBench.repository)
    let work = bench.learning(asker: LearningBench.ada)
    let failure = await #expect(throws: JobFailure.self) {
      try await LearnReviewer(ports: bench.ports).run(work, job: nil) { _ in }
    }
    #expect(failure?.isFinal == true && failure?.message.contains("cannot see") == true)
  }

  @Test func aSignInThatIsRevokedMeanwhileIsToldOf() async throws {
    let bench = try await LearningBench()
    try await bench.agree()
    bench.addPast()
    bench.hub.inject(
      GitHubFault(
        .answer(status: 401, body: "{\"message\":\"Bad credentials\"}"), on: "GET",
        "/pulls/comments", times: 9))
    var ports = bench.ports
    let asked = Noted<[String]>([])
    ports.isOver = { error, asker, _ in
      asked.change { $0.append(asker.login) }
      return error.code == .unauthorized
    }
    let work = bench.learning(asker: LearningBench.ada)
    let failure = await #expect(throws: JobFailure.self) {
      try await LearnReviewer(ports: ports).run(work, job: nil) { _ in }
    }
    #expect(failure?.message.contains("revoked") == true && failure?.isFinal == true)
    #expect(asked.now == ["ada"])
    #expect(try await bench.rows("gatherings") == 0)
  }

  @Test func whoeverIsForgottenMeanwhileLeavesNothing() async throws {
    let bench = try await LearningBench()
    bench.addPast(pulls: 90)
    let forgetting = ForgetReviewer(ports: bench.ports)
    var ports = bench.ports
    let store = bench.ports.gatherings
    // After the first page, before the second is kept.
    ports.gatherings = InterruptedGatherings(store: store) {
      _ = try? await forgetting.forget(LearningBench.lin, on: "github", by: "github:themselves")
    }
    let outcome = try await LearnReviewer(ports: ports).run(bench.learning(), job: nil) { _ in }
    guard case .cancelled = outcome else {
      Issue.record("\(outcome)")
      return
    }
    for table in ["reviewers", "reviewer_examples", "reviewer_vectors", "gatherings"] {
      #expect(try await bench.rows(table) == 0, "\(table)")
    }
  }

  @Test func aRenamedPersonIsTheSamePerson() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    _ = try await bench.learn()
    bench.hub.rename("lin", to: "lin-new")
    var work = bench.learning()
    work.user.login = "lin-new"
    #expect(try await LearnReviewer(ports: bench.ports).run(work, job: nil) { _ in } == .completed)
    let all = try await bench.ports.reviewers.reviewers(of: nil)
    #expect(all.map(\.identity.user.login) == ["lin-new"])
    #expect(all.first?.comments == 12)
  }
}

extension LearningBench {
  /// The gathering goes on with what is stored alone.
  func learnWithNewConnection() async throws -> JobOutcome {
    let token = ["another", "token", "of", "the", "bench"].joined(separator: "-")
    hub.addToken(token, for: "stet-account")
    let other = try GitHubConnection(
      GitHubConfiguration(
        apiURL: server.url, credentials: .token(token), client: client, retry: .never))
    var ports = ports
    ports.openHistory = { access, _ in other.forge(for: access.repository) }
    return try await LearnReviewer(ports: ports).run(learning(), job: nil) { _ in }
  }
}

/// Does something between two pages.
struct InterruptedGatherings: GatheringStore {
  let store: any GatheringStore
  let between: @Sendable () async -> Void

  func pages(of gathering: String) async throws(StoreError) -> [GatheredPage] {
    try await store.pages(of: gathering)
  }
  func add(
    _ page: GatheredPage, number: Int, to gathering: String
  ) async throws(StoreError) {
    try await store.add(page, number: number, to: gathering)
    if number == 0 { await between() }
  }
  func remove(_ gathering: String) async throws(StoreError) {
    try await store.remove(gathering)
  }
  func removeAll(olderThan age: Duration) async throws(StoreError) -> Int {
    try await store.removeAll(olderThan: age)
  }
}
