import Domain
import Foundation
import Jobs
import TestKit
import Testing

@testable import UseCases

/// What people are told of beside reviews and reports.
@Suite struct NoticeEventsTests {
  private func approved(_ bench: OnTimeBench) {
    bench.hub.setPermission(.write, of: "ann", in: OnTimeBench.repository)
    bench.hub.addReview("APPROVED", by: "ann", on: bench.bench.reference)
  }

  private func merging(_ bench: OnTimeBench) -> ShepherdPullRequest.Ports {
    var ports = bench.ports
    let queue = bench.notices
    ports.notify = { notice, access in try await queue.tell(notice, access: access) }
    return ports
  }

  private func work(_ bench: OnTimeBench) -> Work.ShepherdPullRequest {
    Work.ShepherdPullRequest(
      access: bench.bench.access, reference: bench.bench.reference, event: .reviewed,
      actor: "ann", askedBy: "github:ann")
  }

  private func closed(_ bench: OnTimeBench, by login: String) -> ForgeEvent {
    var pull = PullRequest(
      reference: bench.bench.reference, title: "t", body: "", state: .merged, isDraft: false,
      author: ForgeAccount(id: 1, login: "ada", isBot: false), head: "aa", base: "bb",
      headBranch: "c", baseBranch: "main", headRepository: OnTimeBench.repository, url: "",
      updatedAt: bench.now)
    pull.state = .merged
    return ForgeEvent(
      forge: "github", event: "pull_request", action: "closed",
      repository: OnTimeBench.repository, installation: nil,
      sender: ForgeAccount(id: 2, login: login, isBot: false),
      content: .pullRequest(.closed, pull))
  }

  /// The webhook of a merge that Stet made comes after it.
  @Test func aMergeIsToldOnceHoweverItIsHeardOf() async throws {
    let bench = try await OnTimeBench(
      "rules: [{name: ready, if: {approvals: 1}, then: merge}]\nmerge: {block_on: none}")
    approved(bench)
    #expect(try await ShepherdPullRequest(ports: merging(bench)).run(work(bench)) == .completed)
    let handler = HandleEvent(
      ports: .init(
        inbox: bench.bench.inbox, readers: [], jobs: bench.bench.jobs, notices: bench.notices))
    try await handler.tellOfMerge(closed(bench, by: "stet-account"))
    let told = try await bench.told()
    #expect(told.map(\.event) == [.merged])
    #expect(told.first?.headline == "Merged by the rule 'ready'.")
  }

  @Test func aMergeByAPersonIsTold() async throws {
    let bench = try await OnTimeBench("")
    let handler = HandleEvent(
      ports: .init(
        inbox: bench.bench.inbox, readers: [], jobs: bench.bench.jobs, notices: bench.notices))
    try await handler.tellOfMerge(closed(bench, by: "ann"))
    try await handler.tellOfMerge(closed(bench, by: "ann"))
    #expect(try await bench.told().map(\.headline) == ["Merged by ann."])
  }

  @Test func whatLeavesTheQueueIsTold() async throws {
    let bench = try await OnTimeBench(
      "rules: [{name: q, if: {approvals: 1}, then: queue}]\nmerge: {block_on: none}")
    approved(bench)
    let ports = merging(bench)
    #expect(try await ShepherdPullRequest(ports: ports).run(work(bench)) == .completed)
    bench.hub.push(["more.py": Array("x = 1\n".utf8)], to: bench.bench.reference)
    let queue = AdvanceMergeQueue(ports: ports)
    for _ in 0..<4 {
      _ = try await queue.run(
        Work.AdvanceMergeQueue(
          access: bench.bench.access, branch: "main", number: bench.bench.reference.number),
        job: "job-1")
    }
    let told = try await bench.told()
    #expect(told.map(\.event) == [.leftQueue])
    #expect(told.first?.headline.hasPrefix("Taken out of the merge queue of main: ") == true)
  }

  @Test func eachMarkOfTheBudgetIsToldOnceADay() async throws {
    let bench = try await OnTimeBench("")
    let now = Date(timeIntervalSince1970: 1_800_000_000)
    for percent in [80, 80, 100] {
      try await bench.notices.tell(
        of: BudgetMark(
          repository: "github:acme/app", percent: percent, spent: percent, perDay: 100), at: now)
    }
    let told = try await bench.told().sorted { $0.id < $1.id }
    #expect(told.map(\.severity) == [.error, .warning])
    #expect(told.allSatisfy { $0.event == .budget && "\($0.repository)" == "acme/app" })
    try await bench.notices.tell(
      of: BudgetMark(repository: "github:acme/app", percent: 80, spent: 80, perDay: 100),
      at: now + 86_400)
    #expect(try await bench.told().count == 3)
  }

  private func givenUp(
    _ bench: OnTimeBench, _ arguments: some JobArguments, _ state: JobState
  ) async throws -> [Notice] {
    var job = try bench.bench.job(arguments)
    job.state = state
    await GivenUpNotices(notices: bench.notices).tell(job, reason: "it fails, always")
    return try await bench.told()
  }

  @Test func whatIsGivenUpForGoodIsTold() async throws {
    let bench = try await OnTimeBench("")
    let sweep = Work.SweepRepository(access: bench.bench.access)
    // Somebody wanted it so.
    #expect(try await givenUp(bench, sweep, .cancelled).isEmpty)
    let told = try await givenUp(bench, sweep, .discarded)
    #expect(told.map(\.event) == [.jobFailed])
    #expect(told.first?.repository == OnTimeBench.repository)
    #expect(told.first?.lines.first == "it fails, always")
  }

  /// A review says so itself, and a notice of a notice would never end.
  @Test func someTellOfTheirEndThemselves() async throws {
    let bench = try await OnTimeBench("")
    let notice = Notice(
      id: "n", event: .test, forge: "", repository: OnTimeBench.repository, headline: "h",
      at: Date())
    #expect(
      try await givenUp(bench, Work.NotifyPeople(access: nil, notice: notice), .discarded).isEmpty)
    #expect(try await givenUp(bench, try await bench.bench.arguments(), .discarded).isEmpty)
  }

  @Test func theServersOwnWorkIsToldOfToo() async throws {
    let bench = try await OnTimeBench("")
    let told = try await givenUp(bench, Work.Upkeep(), .discarded)
    #expect(told.first?.headline == "A job was given up for good: upkeep.")
  }
}
