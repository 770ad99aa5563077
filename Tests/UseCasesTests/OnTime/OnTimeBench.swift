import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing

@testable import UseCases

/// A repository with a policy, and a clock that both it and Stet go by.
final class OnTimeBench: Sendable {
  let bench: ServiceBench
  let register: SQLRepositoryRegister
  /// By how much both clocks are ahead.
  private let ahead = Noted(Duration.zero)

  static let repository = ServiceBench.repository

  init(_ policy: String, _ credentials: ServiceBench.Credentials = .token) async throws {
    var base = FakeGitHub.demoBase
    base[".stet.yml"] = Array(policy.utf8)
    bench = try await ServiceBench(credentials, base: base)
    bench.hub.setPermission(.admin, of: ServiceBench.login(.token), in: Self.repository)
    register = SQLRepositoryRegister(bench.database)
  }

  var hub: FakeGitHub { bench.hub }

  var now: Date {
    Date().addingTimeInterval(Double(ahead.now.components.seconds))
  }

  func pass(days: Double) {
    ahead.change { $0 += .seconds(Int(days * 86_400)) }
    hub.setClockOffset(ahead.now)
  }

  var ports: ShepherdPullRequest.Ports {
    .init(
      openForge: bench.openForge, notes: bench.notes, audit: bench.audit,
      publications: bench.publications, runs: bench.runs, jobs: bench.jobs,
      now: { [self] in now })
  }

  var notices: NoticeQueue { NoticeQueue(jobs: bench.jobs) }

  func sweeper(
    deeds: Int = 60, pages: Int = 25, looks: Int = 200
  ) -> SweepRepository {
    var sweep = SweepRepository(
      ports: .init(shepherd: ports, register: register, notices: notices))
    sweep.staleBudget = .init(deeds: deeds, pages: pages)
    sweep.looks = .init(looks: looks)
    return sweep
  }

  @discardableResult
  func sweep(deeds: Int = 60, pages: Int = 25, looks: Int = 200) async throws -> JobOutcome {
    try await sweeper(deeds: deeds, pages: pages, looks: looks)
      .run(Work.SweepRepository(access: bench.access), job: "job-1")
  }

  func issue(_ title: String = "It fails", labels: [String] = []) -> PullRequestReference {
    hub.addIssue(in: Self.repository, title: title, labels: labels)
  }

  func audited() async throws -> [String] {
    try await bench.audit.entries(after: 0, limit: 1_000).map(\.event.action)
  }

  func waiting(_ kind: String) async throws -> [Job] {
    try await bench.jobs.jobs(JobFilter(kind: kind, limit: 1_000))
  }

  func told() async throws -> [Notice] {
    try await waiting(Work.NotifyPeople.kind).map { try Work.NotifyPeople(of: $0).notice }
  }
}
