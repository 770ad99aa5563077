import Domain
import Foundation
import Jobs
import Logging
import Storage
import TestKit
import Testing

@testable import UseCases

/// Rules that wait for a time, and for a push to a base.
@Suite struct ScheduledTests {
  private static let policy = """
    rules:
      - {name: nudge, when: scheduled, if: {idle: "> 5d"}, then: {comment: "Still there?"}}
      - {name: moved, when: base_pushed, then: {label: base-moved}}
    """

  private func fill(_ bench: OnTimeBench, _ count: Int) {
    for number in 0..<count {
      bench.hub.addPullRequest(
        in: OnTimeBench.repository, head: ["f\(number)": [1]], headBranch: "b\(number)")
    }
  }

  private func looked(_ bench: OnTimeBench, _ event: PolicyEvent) async throws -> [Int] {
    try await bench.waiting(Work.ShepherdPullRequest.kind).map {
      try Work.ShepherdPullRequest(of: $0)
    }.filter { $0.event == event }.map(\.reference.number).sorted()
  }

  @Test func aRuleThatWaitsForATimeIsFollowedWithoutADelivery() async throws {
    let bench = try await OnTimeBench(Self.policy)
    bench.pass(days: 6)
    try await bench.sweep()
    let job = try #require(try await bench.waiting(Work.ShepherdPullRequest.kind).first)
    let work = try Work.ShepherdPullRequest(of: job)
    #expect(work.event == .scheduled)
    let shepherd = ShepherdPullRequest(ports: bench.ports)
    #expect(try await shepherd.run(work) == .completed)
    #expect(bench.hub.item(bench.bench.reference)?.comments.count == 1)
    _ = try await shepherd.run(work)
    #expect(bench.hub.item(bench.bench.reference)?.comments.count == 1)
    #expect(try await bench.audited() == ["policy.comment"])
  }

  @Test func eachRunGoesOnWhereTheLastOneStopped() async throws {
    let bench = try await OnTimeBench(Self.policy)
    fill(bench, 244)
    try await bench.sweep(looks: 100)
    #expect(try await looked(bench, .scheduled) == Array(1...100))
    // Closed ones move the pages up; nobody is passed over for it.
    for number in 1...30 { bench.hub.close(PullRequestReference(OnTimeBench.repository, number)) }
    try await bench.sweep(looks: 100)
    #expect(try await looked(bench, .scheduled) == Array(1...200))
    try await bench.sweep(looks: 100)
    #expect(try await looked(bench, .scheduled) == Array(1...245))
    // They are spread over a while, and one that still waits is not added again.
    let jobs = try await bench.waiting(Work.ShepherdPullRequest.kind)
    #expect(Set(jobs.map { Int($0.scheduledAt.timeIntervalSince($0.createdAt) / 60) }).count > 10)
    try await bench.sweep(looks: 100)
    #expect(try await bench.waiting(Work.ShepherdPullRequest.kind).count == 245)
  }

  @Test func aPolicyThatWaitsForNoTimeIsNotGoneThrough() async throws {
    let bench = try await OnTimeBench("rules: [{then: {label: x}}]")
    guard case .cancelled(let reason) = try await bench.sweep() else {
      Issue.record("it was gone through")
      return
    }
    #expect(reason.contains("waits for a time"))
    #expect(bench.hub.count("GET", "/pulls") == 0)
  }

  @Test func aQueueThatHasEntriesIsLookedAtInEverySweep() async throws {
    let bench = try await OnTimeBench("rules: [{then: {label: x}}]")
    let now = bench.now
    func enqueue(_ number: Int, _ branch: String) async throws {
      let facts = PolicyFacts(
        event: .command, repository: "\(OnTimeBench.repository)", number: number, title: "t",
        author: .init(login: "ada"), base: branch, head: "h", baseCommit: "b", headCommit: "c",
        createdAt: now, updatedAt: now, now: now)
      try await AdvanceMergeQueue.enqueue(
        facts, .normal, ShepherdPolicy(), notes: bench.bench.notes, forge: "github")
    }
    for branch in ["main", "Release", "main"] { try await enqueue(1, branch) }
    for _ in 0..<2 { try await bench.sweep() }
    let looks = try await bench.waiting(Work.AdvanceMergeQueue.kind).map {
      try Work.AdvanceMergeQueue(of: $0)
    }
    #expect(looks.map(\.branch).sorted() == ["Release", "main"])
    #expect(looks.allSatisfy { $0.number == nil })
  }

  private func push(_ ref: String, by login: String = "ada", after: String = "ab") -> ForgeEvent {
    ForgeEvent(
      forge: "github", event: "push", action: nil, repository: OnTimeBench.repository,
      installation: nil, sender: ForgeAccount(id: 3, login: login, isBot: false),
      content: .push(.init(ref: ref, before: "00", after: after)))
  }

  @Test func aPushToABaseHasItsPullRequestsLookedAt() async throws {
    let bench = try await OnTimeBench(Self.policy)
    bench.hub.addLabels(["base-moved"], to: OnTimeBench.repository)
    fill(bench, 120)
    let handler = HandleEvent(
      ports: .init(
        inbox: bench.bench.inbox, readers: [], jobs: bench.bench.jobs,
        isOwn: { $1.login == "stet-account" }, followsPolicies: true))
    #expect(handler.basePush(push("refs/tags/v1")).isEmpty)
    #expect(handler.basePush(push("refs/heads/main", after: "0000")).isEmpty)
    #expect(handler.basePush(push("refs/heads/stet-queue/main/1")).isEmpty)
    // Also a merge of Stet's own.
    let jobs = handler.basePush(push("refs/heads/main", by: "stet-account"))
    let work = try JSONDecoder().decode(
      Work.ShepherdBase.self, from: Data(try #require(jobs.first).arguments.utf8))
    let base = ShepherdBase(ports: bench.ports)
    #expect(try await base.run(work) == .completed)
    #expect(try await looked(bench, .basePushed) == Array(1...121))
    // Another push while they are looked at adds none.
    var again = work
    again.commit = "cd"
    #expect(try await base.run(again).wait != nil)
    #expect(try await bench.waiting(Work.ShepherdPullRequest.kind).count == 121)
    let one = try Work.ShepherdPullRequest(
      of: try #require(try await bench.waiting(Work.ShepherdPullRequest.kind).last))
    let outcome = try await ShepherdPullRequest(ports: bench.ports).run(one)
    #expect(outcome == .completed)
    #expect(bench.hub.item(one.reference)?.labels == ["base-moved"])
    var other = work
    other.branch = "elsewhere"
    guard case .cancelled = try await base.run(other) else {
      Issue.record("a branch that is nobody's base was looked at")
      return
    }
  }

  @Test func onePushDoesNotSpendAllThatTheForgeAllows() async throws {
    let bench = try await OnTimeBench(Self.policy)
    bench.hub.addPullRequests(449, in: OnTimeBench.repository)
    var work = Work.ShepherdBase(
      access: bench.bench.access, branch: "main", commit: "ab", actor: nil, askedBy: "github:ada")
    let base = ShepherdBase(ports: bench.ports)
    #expect(try await base.run(work).wait == .seconds(1_801))
    let jobs = try await bench.waiting(Work.ShepherdPullRequest.kind)
    #expect(jobs.count == 200)
    let delays = jobs.map { $0.scheduledAt.timeIntervalSince($0.createdAt).rounded() }.sorted()
    #expect(delays == (0..<200).map { Double($0 * 9) })
    // Not before those are through.
    #expect(try await base.run(work).wait != nil)
    #expect(try await looked(bench, .basePushed).count == 200)
    bench.pass(days: 1)
    #expect(try await base.run(work).wait != nil)
    #expect(try await looked(bench, .basePushed) == Array(1...400))
    // It moves again: the rest is looked at, and then the first ones anew.
    work.commit = "cd"
    bench.pass(days: 1)
    #expect(try await base.run(work).wait != nil)
    #expect(try await looked(bench, .basePushed) == Array(1...450))
    for _ in 0..<2 {
      bench.pass(days: 1)
      #expect(try await base.run(work).wait != nil)
    }
    bench.pass(days: 1)
    #expect(try await base.run(work) == .completed)
  }

  @Test func everyRepositoryThatWasHeardOfIsSwept() async throws {
    let bench = try await OnTimeBench(Self.policy)
    for number in 0..<205 {
      try await bench.register.note(
        KnownRepository(
          forge: "github", repository: RepositoryName(owner: "Acme", name: "r\(number)"),
          installation: 9))
    }
    let sweep = SweepRepositories(register: bench.register, jobs: bench.bench.jobs)
    func run() async throws -> JobOutcome {
      try await sweep.handle(
        JobContext(
          job: try bench.bench.job(Work.SweepRepositories()), logger: Logger(label: "test")))
    }
    #expect(try await run() == .completed)
    #expect(try await run() == .completed)
    let jobs = try await bench.waiting(Work.SweepRepository.kind)
    #expect(jobs.count == 205)
    let access = try Work.SweepRepository(of: try #require(jobs.first)).access
    #expect(access.installation == 9 && access.repository.owner == "Acme")
  }

  @Test func theKnowledgeOfIssuesIsRenewedBeforeItIsOld() async throws {
    let known = KnownIssues(lifetime: 60, learnedLifetime: 1_800)
    let reads = Noted(0)
    let start = Date(timeIntervalSince1970: 1_800_000_000)
    func ask(_ now: Date) async throws {
      _ = try await known.of("acme/app", at: now) {
        reads.change { $0 += 1 }
        return .init()
      }
    }
    try await ask(start)
    #expect(try await known.refresh(at: start + 600).renewed == 0)
    #expect(try await known.refresh(at: start + 1_000).renewed == 1)
    #expect(reads.now == 2)
    // Nobody waits, as what was renewed is there.
    try await ask(start + 1_030)
    #expect(reads.now == 2)
    // What nobody asks about is forgotten in the end.
    #expect(try await known.refresh(at: start + 100_000).renewed == 0)
    #expect(reads.now == 2)
  }
}
