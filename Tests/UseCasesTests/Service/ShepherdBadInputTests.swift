import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing

@testable import UseCases

/// Policies and forges that are not as they should be: each says so where a person sees it, and
/// nothing is done twice or half.
@Suite struct ShepherdBadInputTests {
  private static func bench(
    _ policy: String, labels: [String] = ["python"]
  ) async throws -> ServiceBench {
    var base = FakeGitHub.demoBase
    base[".stet.yml"] = Array(policy.utf8)
    let bench = try await ServiceBench(.token, base: base)
    bench.hub.addLabels(labels, to: ServiceBench.repository)
    return bench
  }

  private func shepherd(
    _ bench: ServiceBench, now: @escaping @Sendable () -> Date = { Date() }
  ) -> ShepherdPullRequest {
    ShepherdPullRequest(
      ports: .init(
        openForge: bench.openForge, notes: bench.notes, audit: bench.audit,
        publications: bench.publications, runs: bench.runs, jobs: bench.jobs, now: now))
  }

  private func work(
    _ bench: ServiceBench, _ event: PolicyEvent, by actor: String = "ann"
  ) -> Work.ShepherdPullRequest {
    Work.ShepherdPullRequest(
      access: bench.access, reference: bench.reference, event: event, actor: actor,
      askedBy: "github:\(actor)")
  }

  private func actions(_ bench: ServiceBench) async throws -> [String] {
    try await bench.audit.entries(after: 0, limit: 1_000).map(\.event.action)
  }

  private func refusals(_ bench: ServiceBench) -> [String] {
    bench.hub.comments(on: bench.reference).map(\.body).filter {
      $0.hasPrefix("<!-- stet:rule refused -->")
    }
  }

  @Test func aLabelThatDoesNotExistIsSaidOnceAndNothingIsHalfDone() async throws {
    let bench = try await Self.bench("rules: [{name: marks, then: {label: [python, pyhton]}}]")
    let shepherd = shepherd(bench)
    for event in [PolicyEvent.opened, .edited, .assigned] {
      _ = try await shepherd.run(work(bench, event))
    }
    #expect(bench.hub.labels(of: bench.reference).isEmpty)
    #expect(refusals(bench).count == 1)
    #expect(refusals(bench).first?.contains("pyhton") == true, "\(refusals(bench))")
    // The label is made: the same rule does all of it, and the words are taken back.
    bench.hub.addLabels(["pyhton"], to: ServiceBench.repository)
    _ = try await shepherd.run(work(bench, .edited))
    #expect(bench.hub.labels(of: bench.reference).sorted() == ["pyhton", "python"])
    #expect(refusals(bench).count == 1)
    #expect(refusals(bench).first?.contains("refused any more") == true)
    #expect(try await actions(bench).count { $0 == "policy.refusals_told" } == 2)
  }

  @Test func aRuleDoesNotHearWhatItDidItself() async throws {
    let bench = try await Self.bench(
      """
      rules:
        - {name: on, when: [opened, labeled], then: [{label: python}, {comment: "Hello {actor}"}]}
        - {name: off, when: labeled, then: {unlabel: python}}
      """)
    let shepherd = shepherd(bench)
    #expect(try await shepherd.run(work(bench, .opened)) == .completed)
    // As the forge tells of Stet's own label, to a process that never met its own name.
    for _ in 0..<5 {
      #expect(
        try await shepherd.run(work(bench, .labeled, by: ServiceBench.login(.token)))
          == .cancelled(reason: "Stet did it itself"))
    }
    #expect(bench.hub.labels(of: bench.reference) == ["python"])
    #expect(bench.hub.comments(on: bench.reference).count == 1)
  }

  /// A program that signs in as a person answers every word of Stet's under a new pretext.
  @Test func twoThatAnswerEachOtherAreCutOff() async throws {
    let bench = try await Self.bench(
      #"rules: [{name: polite, when: commented, then: {comment: "Thanks, {actor}: {title}"}}]"#)
    let shepherd = shepherd(bench)
    for number in 0..<60 {
      bench.hub.push(["p.py": Array("x = \(number)\n".utf8)], to: bench.reference)
      _ = try await shepherd.run(work(bench, .commented, by: "machine"))
    }
    let comments = bench.hub.comments(on: bench.reference).map(\.body)
    #expect(comments.count <= PolicyLedger.mostInAnHour + 60)
    #expect(comments.count { $0.contains("Thanks, machine") } == PolicyLedger.mostInAnHour)
    #expect(try await actions(bench).contains("policy.loop_cut"))
    // Said once, whatever the next pretext is.
    #expect(comments.count { $0.contains("cut off") } == 1, "\(comments.suffix(5))")
  }

  @Test func whatIsFilledInMakesNoOtherComment() async throws {
    let bench = try await Self.bench(
      #"rules: [{name: old, if: {age: "> 1d"}, then: {comment: "{title}: {reason}"}}]"#)
    for hours in 0..<5 {
      let now = Date(timeIntervalSinceNow: Double(80 + hours * 24) * 3_600)
      bench.hub.setText(title: "Title \(hours)", body: nil, of: bench.reference)
      _ = try await shepherd(bench, now: { now }).run(work(bench, .scheduled))
    }
    #expect(bench.hub.comments(on: bench.reference).count == 1)
  }

  @Test func programsAreNotHeardAtAll() async throws {
    let bench = try await Self.bench("rules: [{when: commented, then: {comment: Hi}}]")
    let handler = HandleEvent(
      ports: .init(inbox: bench.inbox, readers: [], jobs: bench.jobs, followsPolicies: true))
    func jobs(_ account: ForgeAccount) -> Int {
      handler.shepherding(
        ForgeEvent(
          forge: "github", event: "issue_comment", action: "created",
          repository: ServiceBench.repository, installation: nil, sender: account,
          content: .comment(
            ForgeEvent.CommentEvent(
              change: .created,
              comment: ForgeComment(
                id: 1, author: account, body: "Hello", createdAt: Date(), place: nil),
              kind: .conversation, subject: bench.reference, isPullRequest: true,
              subjectAuthor: nil)))
      ).count
    }
    #expect(jobs(ForgeAccount(id: 1, login: "renovate[bot]", isBot: true)) == 0)
    #expect(jobs(ForgeAccount(id: 2, login: "ann", isBot: false)) == 1)
  }

  @Test func withoutThePermissionItIsSaidInTheTrailAndTheRestIsDone() async throws {
    let bench = try await Self.bench(
      "rules: [{name: marks, then: [{label: python}, {comment: Welcome}]}]")
    bench.hub.setPermission(.read, of: ServiceBench.login(.token), in: ServiceBench.repository)
    let shepherd = shepherd(bench)
    for event in [PolicyEvent.opened, .edited] { _ = try await shepherd.run(work(bench, event)) }
    #expect(bench.hub.labels(of: bench.reference).isEmpty)
    let refused = try await bench.audit.entries(after: 0, limit: 100)
      .first { $0.event.action == "policy.refused" }?.event.facts
    #expect(refused?["action"] == "label python")
    #expect(refused?["because"]?.isEmpty == false)
    #expect(bench.hub.comments(on: bench.reference).count { $0.body.contains("Welcome") } == 1)
    #expect(refusals(bench).count == 1)
  }

  @Test func aTeacherWithoutAPupilIsTold() async throws {
    let bench = try await Self.bench("rules: [{name: learn, then: [{learn: ann}, enrich]}]")
    _ = try await shepherd(bench).run(work(bench, .opened))
    #expect(refusals(bench).first?.contains("no learned reviewers") == true)
    #expect(try await actions(bench).contains("policy.enrich"))
    let kinds = try await bench.jobs.jobs(JobFilter(limit: 10)).map(\.kind)
    #expect(kinds == [Work.EnrichForgeIssue.kind])
  }

  /// Whoever changes the rules in the very change that they are to judge is told that they wait.
  @Test(arguments: [("rules: []", false), ("rules: [{then: aprove}]", true)])
  func aPolicyInTheChangeIsToldAndNotFollowed(_ text: String, _ isBroken: Bool) async throws {
    let bench = try await Self.bench("rules: [{name: marks, then: {label: python}}]")
    bench.hub.push([".stet.yml": Array(text.utf8)], to: bench.reference)
    _ = try await shepherd(bench).run(work(bench, .pushed))
    #expect(bench.hub.labels(of: bench.reference) == ["python"])
    try await bench.work()
    let summary = bench.summaries.first?.body ?? ""
    #expect(summary.contains("counts only once it is merged"), "\(summary)")
    #expect(summary.contains("1 mistake") == isBroken, "\(summary)")
    #expect(summary.contains("did you mean") == isBroken, "\(summary)")
  }

  /// A status names no pull request: whose head it is of is found by the commit, not by reading all.
  @Test func oneOfTenThousandOpenPullRequestsIsFound() async throws {
    let bench = try await Self.bench("rules: [{name: marks, then: {label: python}}]")
    // Of a commit that is nobody's head nothing follows; then all that are open are looked at.
    let other = try await shepherd(bench).run(
      Work.ShepherdCommit(
        access: bench.access, commit: String(repeating: "0", count: 40), actor: nil,
        askedBy: "github:ci"))
    #expect(other == .cancelled(reason: "no open pull request has this head"))
    let heads = bench.hub.addPullRequests(10_000, in: ServiceBench.repository)
    let number = try #require(heads.keys.min())
    bench.hub.clearLog()
    let outcome = try await shepherd(bench).run(
      Work.ShepherdCommit(
        access: bench.access, commit: heads[number] ?? "", actor: "ci", askedBy: "github:ci"))
    #expect(outcome == .completed)
    #expect(bench.hub.log.count <= 2, "\(bench.calls)")
    let jobs = try await bench.jobs.jobs(JobFilter(limit: 10))
    #expect(jobs.count == 1)
    let work = try Work.ShepherdPullRequest(of: try #require(jobs.first))
    #expect(work.reference.number == number)
    #expect(work.event == .checks)
  }

  /// As the checks of the main branch itself end with every push.
  @Test func forACommitOfABranchOfItsOwnNothingIsListed() async throws {
    let bench = try await Self.bench("rules: [{name: marks, then: {label: python}}]")
    let commit = try #require(bench.hub.commit(in: ServiceBench.repository))
    let outcome = try await shepherd(bench).run(
      Work.ShepherdCommit(
        access: bench.access, commit: commit, branches: ["main"], actor: "ci",
        askedBy: "github:ci"))
    #expect(outcome == .cancelled(reason: "no open pull request has this head"))
    #expect(bench.hub.count("GET", "/orders/pulls") == 0, "\(bench.calls)")
  }

  @Test func checksOfOneCommitAreOneJob() async throws {
    let bench = try await Self.bench("rules: [{name: marks, then: {label: python}}]")
    let handler = HandleEvent(
      ports: .init(inbox: bench.inbox, readers: [], jobs: bench.jobs, followsPolicies: true))
    for name in ["build", "lint", "test"] {
      let jobs = handler.shepherding(
        ForgeEvent(
          forge: "github", event: "status", action: nil, repository: ServiceBench.repository,
          installation: nil, sender: ForgeAccount(id: 2, login: "ci", isBot: true),
          content: .check(
            ForgeEvent.Check(
              name: name, commit: String(repeating: "a", count: 40), status: "completed",
              conclusion: "success", pullRequests: [], appID: nil, externalID: nil,
              branches: ["main"]))))
      _ = try await bench.jobs.enqueue(jobs)
    }
    let jobs = try await bench.jobs.jobs(JobFilter(kind: Work.ShepherdCommit.kind))
    #expect(jobs.count == 1)
    #expect(try Work.ShepherdCommit(of: try #require(jobs.first)).branches == ["main"])
  }

  /// The clock of the forge runs ahead of ours, and moments lie in the future.
  @Test func clocksThatDisagreeMakeNothingOld() async throws {
    let bench = try await Self.bench(
      #"rules: [{name: stale, if: {idle: "> 1d"}, then: {label: python}}]"#)
    let past = Date(timeIntervalSinceNow: -40 * 86_400)
    _ = try await shepherd(bench, now: { past }).run(work(bench, .scheduled))
    #expect(bench.hub.labels(of: bench.reference).isEmpty)
    let later = Date(timeIntervalSinceNow: 2 * 86_400)
    _ = try await shepherd(bench, now: { later }).run(work(bench, .scheduled))
    #expect(bench.hub.labels(of: bench.reference) == ["python"])
  }
}
