import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing

@testable import UseCases

/// A process that was stopped, hung or cut off past its lease goes on: its last request reaches the
/// forge after another has done its work.
@Suite struct LateRequestTests {
  /// What the stopped process was just about to send.
  enum Held: String, CaseIterable {
    case check, summary, review, conclusion

    var fault: GitHubFault {
      switch self {
      case .check: GitHubFault(.late, on: "POST", "/check-runs")
      case .summary: GitHubFault(.late, on: "POST", "/issues/1/comments")
      case .review: GitHubFault(.late, on: "POST", "/reviews")
      case .conclusion: GitHubFault(.late, on: "PATCH", "/check-runs/")
      }
    }
  }

  private static func untilLate(_ bench: ServiceBench) async -> Bool {
    for _ in 0..<2_000 {
      if bench.hub.late > 0 { return true }
      try? await Task.sleep(for: .milliseconds(5))
    }
    return false
  }

  /// Runs the jobs that are stored, as a worker would, each of them once more after its last look.
  private static func looks(_ bench: ServiceBench, atMost most: Int = 9) async throws -> Int {
    let jobs = try await bench.jobs.jobs(JobFilter(kind: Work.ReconcilePublication.kind))
      .prefix(most)
    for job in jobs {
      _ = try await bench.reconcile.run(Work.ReconcilePublication(of: job))
    }
    return jobs.count
  }

  private static func events(_ bench: ServiceBench, _ action: String) async throws -> [AuditEvent] {
    try await bench.audit.entries(after: 0, limit: 500).map(\.event).filter {
      $0.action == action
    }
  }

  /// One run is held at a call, another of the same job or of a later one does the work, and the
  /// first goes on.
  private static func race(_ held: Held, _ taker: String, _ bench: ServiceBench) async throws {
    bench.hub.inject(held.fault)
    async let stale = bench.work("run-1")
    #expect(await untilLate(bench))
    #expect(try await bench.work(taker, attempt: 2) == .completed)
    bench.hub.release()
    #expect(try await stale.wait == .seconds(15))
  }

  @Test(arguments: Held.allCases, ["run-1", "run-2"])
  func ofWhatIsSentLateNothingIsLeft(_ held: Held, _ taker: String) async throws {
    let calm = try await ServiceBench(.app)
    try await calm.work()
    let bench = try await ServiceBench(.app)
    bench.hub.addComment("<!-- stet:summary -->\nmine", by: "mallory", on: bench.reference)
    try await Self.race(held, taker, bench)
    let before = (bench.summaries.count, bench.findings.count)
    if held == .summary { #expect(before.0 == 3) }
    if held == .review { #expect(before.1 == 2 * calm.findings.count) }

    #expect(try await Self.looks(bench) >= 1)
    let login = ServiceBench.login(.app)
    let own = bench.summaries.filter { $0.login == login }
    #expect(own.count == 1)
    #expect(bench.summaries.count == 2, "a stranger's comment was removed")
    #expect(own.first?.body.contains("Run `\(taker)`") == true)
    #expect(Set(bench.fingerprints).count == bench.findings.count)
    #expect(bench.findings.count == calm.findings.count)
    let reviews = bench.hub.reviews(of: bench.reference)
    #expect(reviews.filter { $0.body.hasPrefix("<!-- stet:review ") }.count == 1)
    #expect(reviews.allSatisfy { $0.body.hasPrefix("<!-- stet:") })
    #expect(bench.conclusion == calm.conclusion)
    #expect(bench.openChecks.isEmpty)

    let record = try #require(
      try await bench.publications.publication(on: "github", of: bench.reference))
    #expect(record.summaryComment == own.first?.id)
    let removed = try await Self.events(bench, "comment.removed")
    switch held {
    case .summary: #expect(removed.map { $0.facts["what"] } == ["summary"])
    case .review:
      #expect(removed.count == calm.findings.count)
      #expect(try await Self.events(bench, "review.emptied").count == 1)
    case .check, .conclusion: #expect(removed.isEmpty)
    }
    let counted = try await Self.events(bench, "publication.reconciled")
    #expect(counted.allSatisfy { $0.facts["reason"]?.isEmpty == false })
    let counts = counted.map { $0.facts.filter { $0.key != "reason" } }
    switch held {
    case .summary: #expect(counts == [["summary": "1"]])
    case .review:
      #expect(counts == [["finding": "\(removed.count)", "review": "1"]])
    // The one that sent it has seen to it; what it could not do is done here.
    case .check, .conclusion: #expect(counted.isEmpty)
    }
    #expect(removed.allSatisfy { $0.facts["kept"] != nil && $0.facts["comment"] != nil })

    // Again, and twice at once: nothing is left to do.
    let written = bench.hub.log.count { $0.method != "GET" }
    async let one = Self.looks(bench)
    async let other = Self.looks(bench)
    _ = try await (one, other)
    #expect(bench.hub.log.count { $0.method != "GET" } == written)
  }

  @Test func twoLooksAtOnceRemoveItOnce() async throws {
    let bench = try await ServiceBench(.app)
    try await Self.race(.review, "run-2", bench)
    async let one = Self.looks(bench)
    async let other = Self.looks(bench)
    _ = try await (one, other)
    #expect(Set(bench.fingerprints).count == bench.findings.count)
    #expect(!bench.findings.isEmpty)
  }

  @Test func aLateEditIsWrittenOverWithTheNewerWords() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    bench.hub.push(["app/more.py": Array("y = 2\n".utf8)], to: bench.reference)
    bench.hub.inject(GitHubFault(.late, on: "PATCH", "/issues/comments/"))
    async let stale = bench.work("run-2")
    #expect(await Self.untilLate(bench))
    bench.hub.push(["app/last.py": Array("z = 3\n".utf8)], to: bench.reference)
    #expect(try await bench.work("run-3") == .completed)
    let right = try #require(bench.summaries.first).body
    bench.hub.release()
    #expect(try await stale.wait == .seconds(15))
    #expect(bench.summaries.first?.body != right)
    _ = try await Self.looks(bench)
    #expect(bench.summaries.map(\.body) == [right])
    #expect(try await Self.events(bench, "summary.restored").count == 1)
  }

  @Test func aLateStatusIsSetRight() async throws {
    let bench = try await ServiceBench(.token)
    bench.hub.inject(GitHubFault(.late, on: "POST", "/statuses/"))
    async let stale = bench.work("run-1")
    #expect(await Self.untilLate(bench))
    #expect(try await bench.work("run-2") == .completed)
    let right = bench.conclusion
    bench.hub.release()
    _ = try await stale
    _ = try await Self.looks(bench)
    #expect(bench.conclusion == right)
    #expect(right != "pending")
  }

  @Test func whatTheForgeRefusesKeepsNobodyFromTheRest() async throws {
    let bench = try await ServiceBench(.app)
    try await Self.race(.review, "run-2", bench)
    let doubled = bench.findings.count
    let body = #"{"message":"Resource not accessible by integration"}"#
    for (method, path) in [("PUT", "/reviews/"), ("DELETE", "/pulls/comments/")] {
      bench.hub.inject(GitHubFault(.answer(status: 403, body: body), on: method, path))
    }
    _ = try await Self.looks(bench, atMost: 1)
    #expect(bench.findings.count == doubled / 2 + 1)
    #expect(try await Self.events(bench, "review.kept").count == 1)
    #expect(try await Self.events(bench, "comment.kept").count == 1)
    _ = try await Self.looks(bench)
    #expect(bench.findings.count == doubled / 2)
  }

  /// The process that began a check is gone before it hears of it, as is what it had reviewed.
  @Test func aCheckThatNobodyEndsIsConcluded() async throws {
    let bench = try await ServiceBench(.app)
    let head = try #require(bench.hub.head(of: bench.reference))
    try await bench.work()
    let forge = try await bench.reconcile.ports.openForge(bench.access)
    let begun = CheckConclusion.begun(nil)
    func look(_ head: String) async throws {
      _ = try await bench.reconcile.run(
        Work.ReconcilePublication(
          access: bench.access, reference: bench.reference, head: head))
    }
    let right = bench.state(of: head)
    _ = try await forge.setCheck(begun, on: head, of: bench.reference, existing: nil)
    #expect(bench.state(of: head) == "in_progress")
    try await look(head)
    #expect(bench.state(of: head) == right)
    // On a commit that is not looked at any more.
    bench.hub.push(["a.py": Array("x = 1\n".utf8)], to: bench.reference)
    try await bench.work("run-2")
    _ = try await forge.setCheck(begun, on: head, of: bench.reference, existing: nil)
    try await look(head)
    #expect(bench.state(of: head) == "cancelled")
    #expect(bench.openChecks.isEmpty)
    #expect(try await Self.events(bench, "publication.reconciled").count == 2)
  }

  /// Two pull requests of one branch onto two bases have one head, and a check each.
  @Test func theCheckOfAnotherPullRequestIsLeftAlone() async throws {
    let bench = try await ServiceBench(.app)
    let head = try #require(bench.hub.head(of: bench.reference))
    try await bench.work()
    let forge = try await bench.reconcile.ports.openForge(bench.access)
    let other = PullRequestReference(ServiceBench.repository, bench.reference.number + 1)
    let red = CheckState(progress: .failure, title: "Two errors", summary: "s")
    _ = try await forge.setCheck(red, on: head, of: other, existing: nil)
    _ = try await forge.setCheck(CheckConclusion.begun(nil), on: head, of: other, existing: nil)
    let states = { bench.hub.checkRuns(in: ServiceBench.repository, of: head).map(\.conclusion) }
    let before = states()
    #expect(before.count == 3 && before.first != "failure")
    _ = try await bench.reconcile.run(
      Work.ReconcilePublication(access: bench.access, reference: bench.reference, head: head))
    #expect(states() == before)
  }

  @Test func anApprovalIsShownOnce() async throws {
    let policy = Array("review:\n  approve_when_clean: true\n".utf8)
    let bench = try await ServiceBench(
      .app, base: [".stet.yml": policy], head: ["app/new.py": Array("x = 1\n".utf8)])
    try await Self.race(.review, "run-2", bench)
    #expect(bench.hub.reviews(of: bench.reference).count == 2)
    _ = try await Self.looks(bench)
    let bodies = bench.hub.reviews(of: bench.reference).map(\.body)
    #expect(bodies.filter { $0.hasPrefix("<!-- stet:review ") }.count == 1)
    #expect(bodies.filter { $0 == DoubledComments.body }.count == 1)
    _ = try await Self.looks(bench)
    #expect(bench.hub.reviews(of: bench.reference).map(\.body) == bodies)
  }

  // MARK: Answers

  private static func help(_ bench: ServiceBench) -> Work.AnswerCommand {
    let ada = ForgeAccount(id: 1, login: "ada", isBot: false)
    let id = bench.hub.addComment("@stet help", by: "ada", on: bench.reference)
    return Work.AnswerCommand(
      access: bench.access,
      comment: ForgeEvent.CommentEvent(
        change: .created,
        comment: ForgeComment(
          id: id, author: ada, body: "@stet help", createdAt: Date(timeIntervalSince1970: 1)),
        kind: .conversation, subject: bench.reference, isPullRequest: true, subjectAuthor: ada),
      repository: ServiceBench.repository)
  }

  @Test func aLateAnswerIsRemoved() async throws {
    let bench = try await ServiceBench(.app)
    let work = Self.help(bench)
    _ = try await bench.jobs.enqueue([
      NewJob(kind: Work.AnswerCommand.kind, arguments: try work.json())
    ])
    func claim() async throws -> ClaimedJob {
      try #require(
        try await bench.jobs.claim(
          kinds: [Work.AnswerCommand.kind], limit: 1, worker: "w", lease: .milliseconds(1)
        ).first)
    }
    let first = try await claim()
    bench.hub.inject(GitHubFault(.late, on: "POST", "/issues/1/comments"))
    async let stale = bench.answer.handle(first.job)
    #expect(await Self.untilLate(bench))
    try await Task.sleep(for: .milliseconds(20))
    #expect(try await bench.jobs.rescueLost().count == 1)
    let second = try await claim()
    #expect(LostTry.precedes(second.job))
    #expect(try await bench.answer.handle(second.job) == .completed)
    bench.hub.release()
    #expect(try await stale.wait == .seconds(15))
    let answers = {
      bench.hub.comments(on: bench.reference).filter { $0.body.hasPrefix("<!-- stet:answer ") }
    }
    #expect(answers().count == 2)
    // Asked for by the one that took over and by the one that had lost it.
    #expect(try await Self.looks(bench) == 2)
    #expect(answers().count == 1)
    #expect(try await Self.events(bench, "comment.removed").count == 1)
  }

  @Test func whoHasLostTheJobSendsNoAnswer() async throws {
    let bench = try await ServiceBench(.app)
    let work = Self.help(bench)
    let id = try await bench.jobs.enqueue([
      NewJob(kind: Work.AnswerCommand.kind, arguments: try work.json())
    ])[0].id
    let job = try #require(
      try await bench.jobs.claim(
        kinds: [Work.AnswerCommand.kind], limit: 1, worker: "w", lease: .seconds(60)
      ).first)
    #expect(try await bench.jobs.finish(job.lease, .completed))
    #expect(try await bench.jobs.job(id: id)?.state == .completed)
    _ = try await bench.answer.handle(job.job)
    #expect(bench.hub.count("POST", "/issues/1/comments") == 0)
  }

  // MARK: What it costs

  @Test func whereNothingIsDoubledItTakesThreeCalls() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    bench.hub.clearLog()
    let head = bench.hub.head(of: bench.reference)
    let work = Work.ReconcilePublication(
      access: bench.access, reference: bench.reference, head: head)
    #expect(try await bench.reconcile.run(work) == .completed)
    #expect(bench.hub.log.count <= 3, "\(bench.calls)")
    #expect(bench.hub.log.allSatisfy { $0.method == "GET" })
    #expect(try await Self.looks(bench) == 0, "a calm review asked for a look")
  }

  @Test func itLooksUntilNothingLateCanCome() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    let work = Work.ReconcilePublication(access: bench.access, reference: bench.reference)
    guard case .snoozed(let wait, _) = try await bench.reconcile.run(work, age: .seconds(5)) else {
      Issue.record("there was no second look")
      return
    }
    #expect(wait == .seconds(15))
    #expect(try await bench.reconcile.run(work, age: .seconds(20)) == .completed)
  }

  @Test func aReviewThatIsBeingMadeIsWaitedFor() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    var record = try #require(
      try await bench.publications.publication(on: "github", of: bench.reference))
    record.pendingHead = "abc"
    record.summaryComment = nil
    _ = try await bench.publications.save(record)
    let copy = try #require(bench.summaries.first).body
    bench.hub.addComment(copy, by: ServiceBench.login(.app), on: bench.reference)
    let work = Work.ReconcilePublication(access: bench.access, reference: bench.reference)
    guard case .snoozed = try await bench.reconcile.run(work, age: .seconds(30)) else {
      Issue.record("it did not wait")
      return
    }
    // Which of the two the other will know is its to say.
    #expect(bench.summaries.count == 2)
    #expect(try await bench.reconcile.run(work, age: .seconds(4_000)) == .completed)
  }

  @Test func aLostTryAsksForALookByItself() async throws {
    let bench = try await ServiceBench(.app)
    let job = try bench.job(try await bench.arguments())
    await bench.reconcile.enqueueAfterLoss(job)
    await bench.reconcile.enqueueAfterLoss(job)
    var other = job
    other.kind = Work.ReviewDiff.kind
    await bench.reconcile.enqueueAfterLoss(other)
    #expect(try await Self.looks(bench) == 1)
  }
}
