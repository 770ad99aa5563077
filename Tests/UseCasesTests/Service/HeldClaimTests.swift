import Domain
import Foundation
import Jobs
import Logging
import Storage
import TestKit
import Testing

@testable import UseCases

/// A try that ends gives back what it has claimed; a store that is away costs no try.
@Suite struct HeldClaimTests {
  enum Ending: String, CaseIterable, Sendable {
    case badGateway, limited, halfAComment, halfAReview, down, rejected

    var fault: GitHubFault {
      func answer(_ status: Int, _ headers: [String: String] = [:]) -> GitHubFault.Kind {
        .answer(status: status, body: "{\"message\":\"No\"}", headers: headers)
      }
      return switch self {
      case .badGateway: GitHubFault(answer(502), on: "GET", "/contents/")
      case .limited: GitHubFault(answer(429, ["retry-after": "2"]), on: "POST", "/comments")
      case .halfAComment: GitHubFault(.half, on: "POST", "/comments")
      case .halfAReview: GitHubFault(.half, on: "POST", "/reviews")
      case .down: GitHubFault(.resetBefore, on: "PATCH", "/check-runs/")
      case .rejected: GitHubFault(answer(422), on: "GET", "/contents/")
      }
    }
  }

  private func looks(_ bench: ServiceBench) async throws -> Int {
    try await bench.jobs.jobs(JobFilter(kind: Work.ReconcilePublication.kind)).count
  }

  private func record(_ bench: ServiceBench) async throws -> Publication {
    try #require(try await bench.publications.publication(on: "github", of: bench.reference))
  }

  @Test(arguments: Ending.allCases)
  func anOrdinaryFailureLeavesNoClaimAndNoLook(_ ending: Ending) async throws {
    let bench = try await ServiceBench(.app)
    bench.hub.inject(ending.fault)
    let job = try bench.job(try await bench.arguments())
    do {
      let outcome = try await bench.review.handle(job)
      #expect(outcome.wait != nil)
      #expect(ending != .rejected)
    } catch let failure as JobFailure { #expect(failure.isFinal && ending == .rejected) }
    #expect(try await record(bench).claimant == nil)
    #expect(try await record(bench).claimedAt == nil)
    bench.hub.clearFaults()
    var outcome = try await bench.review.handle(job)
    // What the forge has limited is not asked for a while.
    for _ in 0..<400 where outcome.wait != nil {
      try await Task.sleep(for: .milliseconds(20))
      outcome = try await bench.review.handle(job)
    }
    #expect(outcome == .completed)
    #expect(bench.summaries.count == 1)
    #expect(Set(bench.fingerprints).count == bench.findings.count)
    #expect(bench.hub.reviews(of: bench.reference).count == 1)
    #expect(bench.openChecks.isEmpty)
    #expect(try await looks(bench) == 0)
  }

  @Test func aClaimThatNobodyGaveBackIsLookedAfter() async throws {
    let bench = try await ServiceBench(.app)
    var record = Publication(forge: "github", reference: bench.reference)
    record.claimant = "run-1"
    record.claimedAt = Date(timeIntervalSinceNow: -20)
    _ = try await bench.publications.save(record)
    #expect(try await bench.work("run-1", attempt: 2) == .completed)
    #expect(try await looks(bench) == 1)
  }

  /// Its request was on its way: nobody else would take this try for a lost one.
  @Test func whatIsStoppedWhileItPostsIsLookedAfter() async throws {
    let bench = try await ServiceBench(.app)
    bench.hub.inject(GitHubFault(.delay(.seconds(5)), on: "POST", "/issues/1/comments"))
    let work = Task { try await bench.work("run-1") }
    for _ in 0..<2_000 where bench.hub.count("POST", "/issues/1/comments") == 0 {
      try await Task.sleep(for: .milliseconds(5))
    }
    work.cancel()
    await #expect(throws: CancellationError.self) { try await work.value }
    #expect(try await record(bench).claimant == nil)
    #expect(try await looks(bench) == 1)
  }

  @Test func onlyOnesOwnIsGivenBackAndTheVersionGrows() async throws {
    let store = InMemoryPublicationStore()
    let reference = PullRequestReference(ServiceBench.repository, 1)
    func take(_ held: HeldClaim, at seconds: Double) async throws -> PublicationClaim {
      try await PublicationClaim.take(
        store, forge: "github", reference: reference,
        by: .init(run: "run-1") { Date(timeIntervalSince1970: seconds) }, noting: held)
    }
    func release(_ held: HeldClaim) async throws -> Publication {
      await held.release(in: store, forge: "github", reference: reference)
      return try #require(try await store.publication(on: "github", of: reference))
    }
    let (mine, others) = (HeldClaim(), HeldClaim())
    let first = try await take(mine, at: 0)
    // The same job in another process.
    let second = try await take(others, at: 30)
    #expect(second.wasInterrupted)
    #expect(try await release(mine) == second.record)
    try await second.confirm()
    // A short change of somebody else's lies between.
    var between = try await PublicationClaim.take(store, forge: "github", reference: reference)
    try await between.update { $0.ignored["f"] = "ada" }
    let after = try await release(others)
    #expect(after.claimant == nil && after.version > second.record.version)
    for claim in [first, second] {
      await #expect(throws: PublicationClaim.TakenOver.self) { try await claim.confirm() }
    }
    #expect(try await take(mine, at: 40).wasInterrupted == false)
    #expect(try await take(mine, at: 41).wasInterrupted == false)
  }

  // MARK: The store

  private static let away = StoreError(code: .unreachable, detail: "the database is away.")

  @Test func anOutageOfTheStoreIsToldToTheQueue() async throws {
    let bench = try await ServiceBench(.app)
    let broken = InMemoryPublicationStore(failingWith: Self.away)
    var review = bench.review.ports
    review.publications = broken
    var reconcile = bench.reconcile.ports
    reconcile.publications = broken
    let arguments = try await bench.arguments()
    // The last try: it is not used up.
    let job = try bench.job(arguments, attempt: 8)
    await #expect(throws: Self.away) {
      try await ReviewPullRequest(ports: review).handle(job)
    }
    let look = try bench.job(Work.ReconcilePublication(arguments))
    await #expect(throws: Self.away) {
      try await ReconcilePublication(ports: reconcile).handle(look)
    }
    // Where no queue waits, a person reads a sentence.
    await #expect(throws: JobFailure("the database is away.")) {
      try await ReviewPullRequest(ports: review).run(arguments)
    }
  }

  @Test func anOutageInTheMiddleCostsNoTry() async throws {
    let bench = try await ServiceBench(.app)
    var ports = bench.review.ports
    ports.review.runs = InMemoryRunStore(failingWith: Self.away)
    let review = ReviewPullRequest(ports: ports)
    let stored = try #require(
      try await bench.jobs.enqueue([
        NewJob(
          kind: Work.ReviewPullRequest.kind, arguments: try await bench.arguments().json(),
          maxAttempts: 1)
      ]).first)
    let signal = JobSignal()
    let worker = Worker(
      store: bench.jobs,
      handlers: [
        JobHandler(Work.ReviewPullRequest.kind) { try await review.handle($0.job) }
      ],
      signal: signal, events: JobEvents(),
      settings: WorkerSettings(
        concurrency: 1,
        outage: { error, _ in (error as? StoreError)?.isOutage == true ? .seconds(60) : nil },
        describe: { "\($0)" }, mask: { $0 }),
      logger: Logger(label: "test"))
    let running = Task { try await worker.run() }
    var job: Job?
    for _ in 0..<2_000 {
      job = try await bench.jobs.job(id: stored.id)
      if job?.state == .scheduled || job?.state.isFinal == true { break }
      try await Task.sleep(for: .milliseconds(10))
    }
    running.cancel()
    _ = await running.result
    #expect(job?.state == .scheduled)
    #expect(job?.attempt == 0)
    #expect(job?.errors == [])
    // The check is not given up: it goes on.
    #expect(bench.conclusion == "in_progress")
    #expect(try await record(bench).claimant == nil)
  }

  @Test func alsoARateLimitHasAnEnd() throws {
    let error = ForgeError(code: .rateLimited, detail: "Too many.", retryAfter: .seconds(5))
    let outcome = try ForgeFailure.outcome(error, at: "o/r#1", age: .seconds(86_000))
    #expect(outcome.wait == .seconds(5))
    let failure = #expect(throws: JobFailure.self) {
      try ForgeFailure.outcome(error, at: "o/r#1", age: .seconds(86_400))
    }
    #expect(failure?.isFinal == true && failure?.message.contains("24 hours") == true)
  }
}
