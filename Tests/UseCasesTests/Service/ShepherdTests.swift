import Domain
import Foundation
import Jobs
import TestKit
import Testing

@testable import UseCases

/// The policy followed on a forge behind a socket: what is done, once, and never on red.
@Suite struct ShepherdTests {
  private static let policy = """
    rules:
      - name: docs
        if: {files: {any: "*.py"}}
        then: [{label: python}, {comment: "Hello {author}, {title}"}]
      - name: ready
        if: {approvals: 1, checks: build}
        then: merge
    merge: {approvals: 1, checks: [build], block_on: none}
    """

  private static func bench(_ policy: String = Self.policy) async throws -> ServiceBench {
    var base = FakeGitHub.demoBase
    base[".stet.yml"] = Array(policy.utf8)
    let bench = try await ServiceBench(.token, base: base)
    bench.hub.setPermission(.write, of: "ann", in: ServiceBench.repository)
    bench.hub.addLabels(["python", "x", "y"], to: ServiceBench.repository)
    return bench
  }

  private func shepherd(_ bench: ServiceBench) -> ShepherdPullRequest {
    ShepherdPullRequest(ports: ports(bench))
  }

  private func ports(
    _ bench: ServiceBench, now: @escaping @Sendable () -> Date = { Date() }
  ) -> ShepherdPullRequest.Ports {
    .init(
      openForge: bench.openForge, notes: bench.notes, audit: bench.audit,
      publications: bench.publications, runs: bench.runs, jobs: bench.jobs, now: now)
  }

  private func work(_ bench: ServiceBench, _ event: PolicyEvent) -> Work.ShepherdPullRequest {
    Work.ShepherdPullRequest(
      access: bench.access, reference: bench.reference, event: event, actor: "ann",
      askedBy: "github:ann")
  }

  private func actions(_ bench: ServiceBench) async throws -> [String] {
    try await bench.audit.entries(after: 0, limit: 100).map(\.event.action)
  }

  private func head(_ bench: ServiceBench) -> String {
    bench.hub.standing(of: bench.reference)?.head ?? ""
  }

  @Test func doesWhatTheRulesSayOnce() async throws {
    let bench = try await Self.bench()
    let shepherd = shepherd(bench)
    #expect(try await shepherd.run(work(bench, .opened)) == .completed)
    for _ in 0..<2 {
      guard case .cancelled = try await shepherd.run(work(bench, .edited)) else {
        Issue.record("something was done twice")
        return
      }
    }
    let standing = try #require(bench.hub.standing(of: bench.reference))
    #expect(standing.labels == ["python"])
    #expect(standing.comments.count == 1)
    #expect(standing.comments.first?.contains("Hello ada") == true)
    #expect(standing.state == .open)
    #expect(try await actions(bench) == ["policy.label", "policy.comment"])
    let entry = try #require(try await bench.audit.entries(after: 0, limit: 1).first)
    #expect(entry.event.decidedBy == "rule:docs")
    #expect(entry.event.facts["reason"]?.contains("files match") == true)
  }

  @Test func mergesOnlyWhenAllHolds() async throws {
    let bench = try await Self.bench()
    let shepherd = shepherd(bench)
    func state() -> PullRequest.State? { bench.hub.standing(of: bench.reference)?.state }
    bench.hub.addReview("APPROVED", by: "ann", on: bench.reference)
    bench.hub.setStatus("build", "failure", on: head(bench), in: ServiceBench.repository)
    _ = try await shepherd.run(work(bench, .checks))
    #expect(state() == .open)
    bench.hub.setStatus("build", "success", on: head(bench), in: ServiceBench.repository)
    bench.hub.setStatus("lint", "failure", on: head(bench), in: ServiceBench.repository)
    _ = try await shepherd.run(work(bench, .checks))
    #expect(state() == .open)
    #expect(try await actions(bench).contains("policy.held"))
    bench.hub.setStatus("lint", "success", on: head(bench), in: ServiceBench.repository)
    bench.hub.addReview("CHANGES_REQUESTED", by: "ann", on: bench.reference)
    _ = try await shepherd.run(work(bench, .reviewed))
    #expect(state() == .open)
    bench.hub.addReview("APPROVED", by: "ann", on: bench.reference)
    _ = try await shepherd.run(work(bench, .reviewed))
    #expect(state() == .merged)
    #expect(try await actions(bench).last == "policy.merge")
  }

  /// What the forge does not say yet it says soon; what it does not say in an hour is not asked for
  /// any longer without an event.
  @Test func whatIsNotKnownIsWaitedForAnHourAtMost() async throws {
    let bench = try await Self.bench()
    bench.hub.addReview("APPROVED", by: "ann", on: bench.reference)
    bench.hub.setStatus("build", "success", on: head(bench), in: ServiceBench.repository)
    bench.hub.inject(
      GitHubFault(.answer(status: 404, body: "{}"), on: "GET", "/branches/", times: 100))
    for (age, isAwaited) in [(59, true), (61, false)] {
      let outcome = try await shepherd(bench).run(work(bench, .checks), age: .seconds(age * 60))
      if case .snoozed = outcome {
        #expect(isAwaited)
      } else {
        #expect(!isAwaited, "\(outcome)")
      }
    }
    #expect(bench.hub.standing(of: bench.reference)?.state == .open)
  }

  @Test func aMergeThatMetAnotherIsTriedAgain() async throws {
    let bench = try await Self.bench()
    bench.hub.addReview("APPROVED", by: "ann", on: bench.reference)
    bench.hub.setStatus("build", "success", on: head(bench), in: ServiceBench.repository)
    bench.hub.inject(QueueSafetyTests.baseModified)
    guard case .snoozed = try await shepherd(bench).run(work(bench, .checks), age: .zero) else {
      Issue.record("nobody tries it again")
      return
    }
    #expect(bench.hub.standing(of: bench.reference)?.state == .open)
    #expect(try await actions(bench).last == "policy.refused")
    _ = try await shepherd(bench).run(work(bench, .checks), age: .seconds(30))
    #expect(bench.hub.standing(of: bench.reference)?.state == .merged)
  }

  @Test func aPushAfterTheApprovalTakesItAway() async throws {
    let bench = try await Self.bench()
    bench.hub.addReview("APPROVED", by: "ann", on: bench.reference)
    bench.hub.push(["more.py": Array("x = 1\n".utf8)], to: bench.reference)
    bench.hub.setStatus("build", "success", on: head(bench), in: ServiceBench.repository)
    _ = try await shepherd(bench).run(work(bench, .checks))
    #expect(bench.hub.standing(of: bench.reference)?.state == .open)
  }

  @Test func thePolicyOfTheChangeIsNotHeard() async throws {
    let bench = try await Self.bench()
    bench.hub.push(
      [".stet.yml": Array("rules: [{then: {label: owned}}, {then: close}]".utf8)],
      to: bench.reference)
    _ = try await shepherd(bench).run(work(bench, .pushed))
    let standing = bench.hub.standing(of: bench.reference)
    #expect(standing?.labels == ["python"])
    #expect(standing?.state == .open)
  }

  @Test func aLoopWithAnotherBotIsCutAndTold() async throws {
    let bench = try await Self.bench("rules: [{name: mark, then: {label: x}}]")
    let shepherd = shepherd(bench)
    let forge = try await bench.openForge(bench.access)
    for _ in 0..<6 {
      _ = try await shepherd.run(work(bench, .unlabeled))
      try await forge.removeLabel("x", from: bench.reference)
    }
    let done = try await actions(bench)
    #expect(done.count { $0 == "policy.label" } == 3)
    #expect(done.count { $0 == "policy.loop_cut" } == 1)
    #expect(bench.hub.standing(of: bench.reference)?.comments.count == 1)
  }

  @Test func aStatusThatIsSoIsNotSetAgain() async throws {
    let bench = try await Self.bench(
      "rules: [{name: gate, then: {status: {name: gate, state: success}}}]")
    func set() -> [String] {
      bench.hub.statuses(in: ServiceBench.repository, of: head(bench)).map(\.state)
    }
    for event in [PolicyEvent.opened, .edited, .labeled, .assigned, .commented] {
      _ = try await shepherd(bench).run(work(bench, event))
    }
    #expect(set() == ["success"])
    // Each head gets its own, however many there are.
    for number in 0..<4 {
      bench.hub.push(["n\(number).py": Array("x = 1\n".utf8)], to: bench.reference)
      _ = try await shepherd(bench).run(work(bench, .pushed))
      #expect(set() == ["success"])
    }
    #expect(try await actions(bench) == Array(repeating: "policy.status", count: 5))
  }

  @Test func whatTheForgeRefusesStopsNothingElse() async throws {
    let bench = try await Self.bench(
      "rules: [{name: r, then: [{request_reviewers: stranger}, {label: y}]}]")
    _ = try await shepherd(bench).run(work(bench, .opened))
    #expect(bench.hub.standing(of: bench.reference)?.labels == ["y"])
    #expect(
      try await actions(bench) == ["policy.refused", "policy.label", "policy.refusals_told"])
    #expect(
      bench.hub.standing(of: bench.reference)?.comments.last?.contains("collaborator") == true)
  }

  @Test func aBrokenPolicyDoesNothing() async throws {
    let bench = try await Self.bench("rules: [{name: r, then: lable}]")
    guard case .cancelled(let reason) = try await shepherd(bench).run(work(bench, .opened)) else {
      Issue.record("a broken policy was followed")
      return
    }
    #expect(reason.contains("mistakes"))
    #expect(try await actions(bench).isEmpty)
  }

  @Test func reviewersTakeTurns() async throws {
    let bench = try await Self.bench(
      """
      rules:
        - name: turns
          then: {request_reviewers: {from: [ann, bob, ada], choice: round_robin}}
      """)
    bench.hub.setPermission(.write, of: "bob", in: ServiceBench.repository)
    _ = try await shepherd(bench).run(work(bench, .opened))
    let second = bench.hub.addPullRequest(
      in: ServiceBench.repository, author: "ada", head: ["z": [1]], headBranch: "z")
    var other = work(bench, .opened)
    other.reference = second
    _ = try await shepherd(bench).run(other)
    // Never the author.
    #expect(bench.hub.standing(of: bench.reference)?.reviewers == ["ann"])
    #expect(bench.hub.standing(of: second)?.reviewers == ["bob"])
  }

  @Test(arguments: ["all", "round_robin"])
  func whoHasReviewedIsNotAskedAgain(_ choice: String) async throws {
    let bench = try await Self.bench(
      "rules: [{name: ask, then: {request_reviewers: {from: [ann, ada], choice: \(choice)}}}]")
    let shepherd = shepherd(bench)
    _ = try await shepherd.run(work(bench, .opened))
    // The author is named, and never asked.
    #expect(bench.hub.standing(of: bench.reference)?.reviewers == ["ann"])
    let forge = try await bench.openForge(bench.access)
    let facts = try await FactGathering(
      forge: forge,
      needs: PolicyNeeds(
        ShepherdPolicy(rules: [
          PolicyRule(name: "r", actions: [.requestReviewers(.init(from: ["ann"]))])
        ]))
    ).facts(of: bench.reference, event: .reviewed, review: nil, now: Date())
    let reviewers = PolicyAction.Reviewers(
      choice: PolicyAction.Reviewers.Choice(rawValue: choice) ?? .all, from: ["ann", "@ada"])
    #expect(ActionCarrying.areAsked(reviewers, facts, own: "stet-account"))
    // Nobody is on the forge's list any more once the review is there.
    var later = facts
    later.requestedReviewers = []
    #expect(!ActionCarrying.areAsked(reviewers, later, own: "stet-account"))
    func review(_ login: String) -> PolicyFacts.Review {
      .init(id: 1, author: .init(login: login), state: .commented, commit: nil)
    }
    later.reviews = [review("Ann")]
    #expect(ActionCarrying.areAsked(reviewers, later, own: "stet-account"))
    // Neither the author's own words nor Stet's.
    later.reviews = [review("ada"), review("stet-account")]
    #expect(!ActionCarrying.areAsked(reviewers, later, own: "stet-account"))
    _ = try await shepherd.run(work(bench, .edited))
    #expect(try await actions(bench) == ["policy.request_reviewers"])
  }

  @Test func theQueueMergesWhatPassesAndTellsWhatDoesNot() async throws {
    let bench = try await Self.bench(
      """
      rules:
        - {name: ready, if: {approvals: 1, checks: build}, then: queue}
      merge: {checks: [build], block_on: none}
      """)
    let repository = ServiceBench.repository
    var references = [bench.reference]
    for name in ["b", "c"] {
      references.append(
        bench.hub.addPullRequest(
          in: repository, author: "ada", head: ["\(name).py": Array("x = 1\n".utf8)],
          headBranch: name))
    }
    for reference in references {
      bench.hub.addReview("APPROVED", by: "ann", on: reference)
      let head = bench.hub.standing(of: reference)?.head ?? ""
      bench.hub.setStatus("build", "success", on: head, in: repository)
      var work = work(bench, .checks)
      work.reference = reference
      #expect(try await shepherd(bench).run(work) == .completed)
    }
    // The second one breaks every trial that it is part of.
    let culprit = bench.hub.standing(of: references[1])?.head ?? ""
    let queue = AdvanceMergeQueue(ports: ports(bench))
    for _ in 0..<30 {
      for (_, commit) in bench.hub.branches(beginning: "stet-queue/", in: repository) {
        let isRed = bench.hub.stands(commit, on: culprit, in: repository)
        bench.hub.setStatus("build", isRed ? "failure" : "success", on: commit, in: repository)
      }
      for reference in references {
        _ = try await queue.run(
          Work.AdvanceMergeQueue(access: bench.access, branch: "main", number: reference.number))
      }
    }
    #expect(references.map { bench.hub.standing(of: $0)?.state } == [.merged, .open, .merged])
    #expect(
      bench.hub.standing(of: references[1])?.comments.contains { $0.contains("'build'") } == true)
    #expect(bench.hub.branches(beginning: "stet-queue/", in: repository).isEmpty)
    let done = try await actions(bench)
    #expect(done.count { $0 == "queue.merged" } == 2)
    #expect(done.count { $0 == "queue.left" } == 1)
  }

  // MARK: Cut off between two calls

  @Test func aCloseThatWasCutOffSaysItsWordsOnce() async throws {
    let bench = try await Self.bench("rules: [{name: end, then: {close: Bye}}]")
    bench.hub.inject(GitHubFault(.html(status: 502), on: "PATCH", "/pulls/", times: 2))
    for _ in 0..<4 { _ = try? await shepherd(bench).run(work(bench, .edited), age: .zero) }
    let standing = bench.hub.standing(of: bench.reference)
    #expect(standing?.state == .closed)
    #expect(standing?.comments.count { $0.contains("Bye") } == 1)
    #expect(try await actions(bench) == ["policy.close"])
  }

  @Test func aMergeWhoseAnswerWasLostIsRecorded() async throws {
    let bench = try await Self.bench()
    bench.hub.addReview("APPROVED", by: "ann", on: bench.reference)
    bench.hub.setStatus("build", "success", on: head(bench), in: ServiceBench.repository)
    bench.hub.inject(GitHubFault(.resetAfter, on: "PUT", "/merge"))
    for _ in 0..<3 { _ = try? await shepherd(bench).run(work(bench, .checks), age: .zero) }
    #expect(bench.hub.standing(of: bench.reference)?.state == .merged)
    #expect(try await actions(bench).count { $0 == "policy.merge" } == 1)
  }

  // MARK: Queues that somebody waits for

  private static let queues = """
    rules:
      - {name: ready, if: {approvals: 1, checks: build}, then: queue}
    merge: {checks: [build], block_on: none}
    """

  /// With the pull request in the queue.
  private func queued() async throws -> (ServiceBench, Work.AdvanceMergeQueue) {
    let bench = try await Self.bench(Self.queues)
    bench.hub.addReview("APPROVED", by: "ann", on: bench.reference)
    bench.hub.setStatus("build", "success", on: head(bench), in: ServiceBench.repository)
    #expect(try await shepherd(bench).run(work(bench, .checks)) == .completed)
    return (
      bench,
      Work.AdvanceMergeQueue(
        access: bench.access, branch: "main", number: bench.reference.number)
    )
  }

  @Test func aQueueOutlivesABrokenPolicyAndAForgeThatRefuses() async throws {
    let (bench, work) = try await queued()
    let queue = AdvanceMergeQueue(ports: ports(bench))
    // Older than any outage that a job waits out.
    let age = Duration.seconds(200_000)
    bench.hub.commit(
      [".stet.yml": Array("rules: [{then: qeue}]".utf8)], in: ServiceBench.repository)
    #expect(try await queue.run(work, age: age).wait == .seconds(300))
    bench.hub.commit([".stet.yml": nil], in: ServiceBench.repository)
    #expect(try await queue.run(work, age: age).wait == .seconds(300))
    bench.hub.commit([".stet.yml": Array(Self.queues.utf8)], in: ServiceBench.repository)
    for status in [401, 403, 404] {
      bench.hub.inject(GitHubFault(.answer(status: status, body: #"{"message":"No"}"#), times: 4))
      #expect(try await queue.run(work, age: age).wait == .seconds(300), "\(status)")
      bench.hub.clearFaults()
    }
    for _ in 0..<10 {
      for (_, commit) in bench.hub.branches(beginning: "stet-queue/", in: ServiceBench.repository) {
        bench.hub.setStatus("build", "success", on: commit, in: ServiceBench.repository)
      }
      _ = try await queue.run(work, age: age)
    }
    #expect(bench.hub.standing(of: bench.reference)?.state == .merged)
  }

  @Test func aQueueOutlivesALimitOfRequests() async throws {
    let (bench, work) = try await queued()
    bench.hub.inject(
      GitHubFault(
        .answer(
          status: 429, body: #"{"message":"API rate limit"}"#, headers: ["retry-after": "7"]),
        times: 9))
    let queue = AdvanceMergeQueue(ports: ports(bench))
    #expect(try await queue.run(work, age: .seconds(200_000)).wait != nil)
  }

  @Test func whatTheForgeDoesNotLetSayStandsInNobodysWay() async throws {
    let (bench, work) = try await queued()
    bench.hub.close(bench.reference)
    bench.hub.inject(
      GitHubFault(
        .answer(status: 403, body: #"{"message":"Resource not accessible"}"#), on: "POST",
        "/comments", times: 9))
    let queue = AdvanceMergeQueue(ports: ports(bench))
    for _ in 0..<3 { _ = try await queue.run(work) }
    #expect(try await queue.run(work) == .completed)
    let done = try await actions(bench)
    #expect(done.count { $0 == "queue.untold" } == 1)
    #expect(done.count { $0 == "queue.left" } == 1)
  }
}
