import Domain
import Foundation
import Jobs
import Storage
import Synchronization
import TestKit
import Testing

@testable import UseCases

/// Consent that is taken back, and forgetting, while jobs are under way or something fails.
@Suite struct WithdrawalTests {
  private static let tables = [
    "reviewers", "reviewer_examples", "reviewer_vectors", "vector_scopes", "gatherings", "consents",
  ]

  private func isEmpty(_ bench: LearningBench) async throws {
    for table in Self.tables {
      #expect(try await bench.rows(table) == 0, "\(table)")
    }
    #expect(try bench.filesHolding(LearningBench.phrase).isEmpty)
  }

  // MARK: Consent

  @Test func consentWithdrawnBeforeTheJobBeginsIsHeeded() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    let work = bench.learning(asker: LearningBench.ada)
    let failure = await #expect(throws: JobFailure.self) { try await bench.outcome(of: work) }
    #expect(failure?.isFinal == true && failure?.message.contains("has not agreed") == true)
    let wasRead = bench.hub.log.contains { $0.plainPath.hasSuffix("/pulls/comments") }
    #expect(!wasRead)
    try await isEmpty(bench)
  }

  @Test func consentWithdrawnWhileItIsReadIsHeeded() async throws {
    let bench = try await LearningBench()
    bench.addPast(pulls: 3)
    try await bench.agree()
    var ports = bench.ports
    let consent = ReviewerConsent(
      identity: bench.identity, isGiven: false, at: bench.time.now, by: "comment 2")
    ports.gatherings = InterruptedGatherings(store: bench.ports.gatherings) {
      _ = try? await bench.consents.save(consent)
    }
    let changed = ports
    let work = bench.learning(asker: LearningBench.ada)
    let failure = await #expect(throws: JobFailure.self) {
      try await bench.outcome(of: work, with: changed)
    }
    #expect(failure?.message.contains("has not agreed") == true)
    #expect(try await bench.reviewer() == nil)
    #expect(try await bench.rows("reviewer_examples") == 0)
    #expect(try await bench.rows("gatherings") == 0)
  }

  @Test func consentWithdrawnWhileTheReviewIsQueuedIsTold() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    let pull = bench.addPresent()
    try await bench.agree()
    try await bench.enqueue(bench.asking(pull))
    try await bench.consents.save(
      ReviewerConsent(
        identity: bench.identity, isGiven: false, at: bench.time.now, by: "comment 2"))
    try await bench.work()
    #expect(bench.answers(on: pull).first?.contains("has not agreed") == true)
    #expect(try await bench.reviewer() == nil)
  }

  // MARK: Forgetting

  @Test func forgettingEndsWhatIsQueued() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    let pull = bench.addPresent()
    try await bench.agree()
    let learning = bench.learning(asker: LearningBench.ada)
    var other = learning
    other.user = LearningBench.ada
    _ = try await bench.jobs.enqueue(
      try [learning, other].map { work in
        NewJob(
          kind: Work.LearnReviewer.kind, arguments: try work.json(), uniqueKey: work.uniqueKey,
          delay: .seconds(3_600))
      })
    // Their own, which nobody's consent stops.
    try await bench.enqueue(bench.asking(pull, asker: LearningBench.lin))
    let gone = try await ForgetReviewer(ports: bench.ports).forget(
      LearningBench.lin, on: "github", by: "github:themselves")
    #expect(gone == ForgottenReviewers(count: 0, stopped: 2))
    let left = try await bench.jobs.jobs(JobFilter(states: [.available, .scheduled]))
    #expect(left.map(\.uniqueKey) == [other.uniqueKey])
    #expect(bench.answers(on: pull).first?.contains("was forgotten") == true)
    for job in left { _ = try await bench.jobs.cancel(id: job.id, reason: "done") }
    try await bench.work()
    #expect(bench.answers(on: pull).count == 1)
    try await isEmpty(bench)
  }

  @Test func byLoginTooAndInOneRepositoryAlone() async throws {
    let bench = try await LearningBench()
    var elsewhere = bench.learning(asker: LearningBench.ada)
    elsewhere.access.repository = RepositoryName(owner: "octo-org", name: "other")
    let here = bench.learning(asker: LearningBench.ada)
    _ = try await bench.jobs.enqueue(
      try [here, elsewhere].map { work in
        NewJob(
          kind: Work.LearnReviewer.kind, arguments: try work.json(), uniqueKey: work.uniqueKey)
      })
    let gone = try await ForgetReviewer(ports: bench.ports).forget(
      login: "LIN", in: RepositoryName(owner: "Octo-Org", name: "Orders"), by: "cli")
    #expect(gone.stopped == 1)
    let left = try await bench.jobs.jobs(JobFilter(states: [.available]))
    #expect(left.map(\.uniqueKey) == [elsewhere.uniqueKey])
  }

  /// What tells where the rest is goes last, so that it can be begun anew.
  @Test func aForgettingThatFailedGoesOn() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    try await bench.agree()
    _ = try await bench.learn()
    var ports = bench.ports
    ports.folders = FailingFolders(bench.ports.folders)
    let forget = ForgetReviewer(ports: ports)
    await #expect(throws: StoreError.self) {
      try await forget.forget(login: "lin", in: nil, by: "cli")
    }
    #expect(try await bench.reviewer() != nil)
    let gone = try await forget.forget(login: "lin", in: nil, by: "cli")
    #expect(gone.count == 1)
    try await isEmpty(bench)
    let actions = try await bench.audit.entries(after: 0, limit: 9).map(\.event.action)
    let noted = actions.count { $0 == "reviewer.forgotten" }
    #expect(noted == 1)
  }

  @Test func whatAServerKeepsIsTold() async throws {
    let bench = try await LearningBench(
      trainer: WritingTrainer(), adapters: RecordingAdapters(),
      settings: LearningSettings(examplesForAdapter: 10, base: "fake"))
    bench.addPast(pulls: 60)
    try await bench.agree()
    _ = try await bench.learn()
    try await bench.work()
    let training = try #require(try await bench.reviewer()?.trainings.first)
    var ports = bench.ports
    ports.adapters = DeafAdapters()
    let gone = try await ForgetReviewer(ports: ports).forget(login: "lin", in: nil, by: "cli")
    #expect(gone.count == 1 && gone.notUnloaded == [training.name])
    #expect(gone.remains?.contains("restarts that server") == true)
    #expect(ReviewerTexts.forgotten(gone).contains("restarts that server"))
    #expect(ForgottenReviewers(count: 1).remains == nil)
  }

  @Test func whatBelongsToNobodyIsSwept() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    _ = try await bench.learn()
    let reviewer = try #require(try await bench.reviewer())
    let (own, issues) = (ExampleSearch.scope(reviewer), "issues of octo-org/orders")
    for scope in [own, issues, ExampleSearch.scopePrefix + "gone"] {
      try await bench.ports.index.store(["a": [1, 0]], in: scope)
    }
    try await bench.database.change([
      SQLStatement(
        "INSERT INTO reviewer_examples (reviewer, id, body) VALUES ($1, $2, $3)",
        [.text("gone"), .text("c"), .bytes([1])])
    ])
    let before = try await bench.ports.reviewers.examples(of: reviewer.id).count
    #expect(
      try await ForgetReviewer(ports: bench.ports).prune(
        olderThan: .seconds(365 * 86_400), now: bench.time.now) == 0)
    #expect(try await bench.ports.index.scopes().sorted() == [issues, own].sorted())
    #expect(try await bench.rows("reviewer_examples") == Int64(before))
  }

  // MARK: Silences

  @Test func whatIsSpokenAtLaterIsNoSilence() async throws {
    let bench = try await LearningBench()
    let pull = bench.hub.addPullRequest(
      in: LearningBench.repository, title: "Three", author: "ada",
      head: [
        "a.go": LearningBench.source("orders", ["func a() {}"]),
        "b.go": LearningBench.source("orders", ["func b() {}"]),
        "c.go": LearningBench.source("orders", ["func c() {}"]),
      ], headBranch: "three")
    func says(_ text: String, at path: String, day: Double) {
      bench.hub.addPastComment(
        text, by: "lin", on: pull, path: path, line: 3, hunk: "@@ -0,0 +1,3 @@\n+func it() {}",
        at: LearningBench.start.addingTimeInterval(day * 86_400))
    }
    func silent() async throws -> [String] {
      _ = try await bench.learn()
      let reviewer = try #require(try await bench.reviewer())
      let examples = try await bench.ports.reviewers.examples(of: reviewer.id)
      return examples.filter { $0.comment == nil }.map(\.path).sorted()
    }
    says("Check the length of this slice before it is indexed.", at: "a.go", day: 1)
    var paths = try await silent()
    #expect(paths == ["b.go", "c.go"])
    says("Close the response body on every way out of here.", at: "b.go", day: 2)
    paths = try await silent()
    #expect(paths == ["c.go"])
    // Of what was said before, the examples alone are there.
    says("The lock is held while the network is asked.", at: "a.go", day: 3)
    paths = try await silent()
    #expect(paths == ["c.go"])
  }
}

extension LearningBench {
  func outcome(
    of work: Work.LearnReviewer, with ports: LearningPorts? = nil
  ) async throws -> JobOutcome {
    try await LearnReviewer(ports: ports ?? self.ports).run(work, job: nil) { _ in }
  }
}

/// Fails to remove a folder the first time.
private final class FailingFolders: TrainingFolders {
  private let folders: any TrainingFolders
  private let failures = Mutex(1)

  init(_ folders: any TrainingFolders) { self.folders = folders }

  func path(of reviewer: String) -> String { folders.path(of: reviewer) }
  func make(for reviewer: String) throws(StoreError) -> String { try folders.make(for: reviewer) }
  func removeAll(of reviewer: String) throws(StoreError) {
    let fails = failures.withLock { failures in
      failures -= 1
      return failures >= 0
    }
    if fails { throw StoreError(code: .unwritable, detail: "it cannot be removed.") }
    try folders.removeAll(of: reviewer)
  }
  func remove(adapter: AdapterName, at folder: String) throws(StoreError) {
    try folders.remove(adapter: adapter, at: folder)
  }
}

/// A server that is away.
private struct DeafAdapters: AdapterServer {
  private static let away = AdapterError(code: .unreachable, detail: "nobody answers")

  func load(_ adapter: StoredAdapter) async throws(AdapterError) { throw Self.away }
  func unload(_ name: AdapterName) async throws(AdapterError) { throw Self.away }
  func model(with adapter: AdapterName?) async throws(AdapterError) -> any LanguageModel {
    throw Self.away
  }
  func logProbability(
    of turns: [ModelRequest.Turn], with adapter: AdapterName?
  ) async throws(AdapterError) -> Double { throw Self.away }
}
