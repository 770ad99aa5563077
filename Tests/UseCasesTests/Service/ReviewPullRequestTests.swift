import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing
import UseCases

/// From a pull request on a forge to a review on it.
@Suite struct ReviewPullRequestTests {
  // MARK: The whole way

  @Test(arguments: ServiceBench.Credentials.allCases)
  func aReviewOfOneFileTakesAtMostEightCalls(_ credentials: ServiceBench.Credentials) async throws {
    let bench = try await ServiceBench(credentials)
    #expect(try await bench.work() == .completed)
    let calls = bench.calls
    print("forge calls with \(credentials.rawValue) credentials: \(calls.count)")
    for call in calls { print("  \(call)") }
    let first = calls.firstIndex { $0.contains("/comments 201") || $0.contains("/reviews 200") }
    let before = try #require(first)
    print("  \(before) before publishing")
    #expect(before <= 6)
    #expect(calls.count <= 8)
    #expect(bench.summaries.count == 1)
    #expect(bench.hub.reviews(of: bench.reference).count == 1)
    #expect(!bench.findings.isEmpty)
    #expect(Set(bench.fingerprints).count == bench.findings.count)
    #expect(bench.summaries[0].login == ServiceBench.login(credentials))
  }

  @Test func theSummaryAndTheRunTellWhatWasDone() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    let summary = try #require(bench.summaries.first).body
    #expect(summary.contains("Coverage: "))
    #expect(summary.contains("no model"))
    #expect(summary.contains("Run `run-1`"))
    let run = try #require(try await bench.runs.run(id: "run-1"))
    #expect(
      run.actions?.map(\.name)
        == ["check.begun", "summary.posted", "review.posted", "check.concluded"])
    #expect(run.job == "job-1")
    let audited = try await bench.audit.entries(after: 0, limit: 50).map(\.event)
    #expect(audited.map(\.action) == run.actions?.map(\.name))
    #expect(audited.allSatisfy { $0.actor == "github:ada" && $0.run == "run-1" })
    #expect(audited.allSatisfy { $0.place == "github:octo-org/orders#1" })
  }

  /// What a learned filter hides was found all the same, or its absence would pass for a fix.
  @Test func whatAFilterHidesIsRecorded() async throws {
    let open = try await ServiceBench()
    try await open.work()
    let all = try #require(try await open.runs.run(id: "run-1"))
    #expect(all.silenced == nil)
    let shown = try #require(all.review).findings
    let ignored = try #require(shown.first { $0.severity < .error })
    let outcomes = (1...20).map {
      FindingOutcome(
        subject: "octo-org/orders#\($0)", fingerprint: "f\($0)", category: ignored.category,
        severity: ignored.severity, source: ignored.source, path: ignored.path,
        at: Date(timeIntervalSince1970: Double($0)), fate: .ignored, reason: "merged")
    }
    let bench = try await ServiceBench()
    let filter = OutcomeFilter.learn(
      from: outcomes, repository: ServiceBench.repository, version: 1, now: Date())
    try await bench.filters.save(filter)
    try await bench.filters.use(version: 1, of: ServiceBench.repository)
    try await bench.work()
    let run = try #require(try await bench.runs.run(id: "run-1"))
    let hidden = shown.filter { filter.silence(of: $0) != nil }.map(\.fingerprint)
    #expect(run.silenced == hidden.sorted() && hidden.contains(ignored.fingerprint))
    #expect(
      run.review?.findings.map(\.fingerprint)
        == shown.map(\.fingerprint).filter { !hidden.contains($0) })
    #expect(bench.summaries.first?.body.contains("not shown") == true)
  }

  @Test func theCheckSaysWhileWorkGoesOnAndAfter() async throws {
    let seen = Noted<[String]>([])
    let bench = try await ServiceBench(.app) { hub, reference, exchange in
      guard exchange.path.contains("/pulls/"), let head = hub.head(of: reference) else { return }
      let state = hub.checkRuns(in: ServiceBench.repository, of: head).last?.status ?? "none"
      seen.change { $0.append(state) }
    }
    try await bench.work()
    #expect(!seen.now.isEmpty)
    #expect(seen.now.allSatisfy { $0 == "in_progress" })
    #expect(bench.conclusion == "success" || bench.conclusion == "failure")
  }

  @Test func aCleanChangeGetsTheSummaryAlone() async throws {
    let bench = try await ServiceBench(.app, head: ["app/new.py": Array("x = 1\n".utf8)])
    #expect(try await bench.work() == .completed)
    #expect(bench.summaries.count == 1)
    #expect(bench.hub.reviews(of: bench.reference).isEmpty)
    #expect(bench.conclusion == "success")
  }

  @Test func approvalIsGivenOnlyWhereThePolicyAsksForIt() async throws {
    let policy = Array("review:\n  approve_when_clean: true\n".utf8)
    let bench = try await ServiceBench(
      base: [".stet.yml": policy], head: ["app/new.py": Array("x = 1\n".utf8)])
    try await bench.work()
    #expect(bench.hub.reviews(of: bench.reference).map(\.state) == ["APPROVED"])
  }

  @Test func onesOwnPullRequestIsNotApproved() async throws {
    let policy = Array("review:\n  approve_when_clean: true\n".utf8)
    let bench = try await ServiceBench(
      base: [".stet.yml": policy], head: ["app/new.py": Array("x = 1\n".utf8)])
    bench.hub.inject(
      GitHubFault(
        .answer(
          status: 422,
          body:
            #"{"message":"Unprocessable Entity","errors":["Can not approve your own pull request"]}"#
        ),
        on: "POST", "/reviews"))
    #expect(try await bench.work() == .completed)
    #expect(bench.hub.reviews(of: bench.reference).isEmpty)
    #expect(bench.summaries.count == 1)
    let actions = try await bench.runs.run(id: "run-1")?.actions?.map(\.name) ?? []
    #expect(actions.contains("review.refused"))
  }

  @Test func thePolicyComesFromTheBaseAndABrokenOneIsTold() async throws {
    let bench = try await ServiceBench(
      base: [".stet.yml": Array("review:\n  max_findings: many\n".utf8)],
      head: [
        ".stet.yml": Array("review:\n  exclude: ['**']\n".utf8),
        "a.py": Array("try:\n  x()\nexcept:\n  pass\n".utf8),
      ])
    try await bench.work()
    #expect(try #require(bench.summaries.first).body.contains("max\\_findings"))
    #expect(!bench.findings.isEmpty)
  }

  // MARK: Once

  @Test func theSameHeadIsNotReviewedTwice() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    let count = bench.calls.count
    #expect(try await bench.work("run-2") == .completed)
    #expect(bench.calls.count == count)
  }

  @Test func askedForAgainNothingIsPostedTwice() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    let before = bench.fingerprints
    #expect(try await bench.work("run-2", isAskedFor: true, told: false) == .completed)
    #expect(bench.fingerprints == before)
    #expect(bench.summaries.count == 1)
    #expect(bench.summaries[0].body.contains("Run `run-2`"))
    #expect(bench.hub.reviews(of: bench.reference).count == 1)
  }

  @Test func whatStandsIsNotSaidAgainOnTheNextHead() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    let before = bench.fingerprints
    bench.hub.push(["README.md": Array("# Orders, all of them\n".utf8)], to: bench.reference)
    try await bench.work("run-2")
    #expect(bench.fingerprints == before)
    #expect(bench.summaries.count == 1)
    #expect(bench.summaries[0].body.contains("on an earlier commit"))
  }

  @Test func aLostRecordIsMadeUpForByReading() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    let other = try await ServiceBench(.app)
    // The same forge, an empty data folder: the comments are handed over as they stand.
    for comment in bench.hub.comments(on: bench.reference) {
      other.hub.addComment(comment.body, by: comment.login, on: other.reference)
    }
    for comment in bench.findings {
      other.hub.addReviewComment(
        comment.body, by: comment.login, on: other.reference, path: comment.path ?? "",
        line: comment.line ?? 1)
    }
    let before = other.fingerprints
    try await other.work()
    #expect(other.fingerprints == before)
    #expect(other.summaries.count == 1)
  }

  @Test func aStrangersMarkersSilenceNothing() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    let other = try await ServiceBench(.app)
    for comment in bench.hub.comments(on: bench.reference) {
      other.hub.addComment(comment.body, by: "mallory", on: other.reference)
    }
    for comment in bench.findings {
      other.hub.addReviewComment(
        comment.body, by: "mallory", on: other.reference, path: comment.path ?? "",
        line: comment.line ?? 1)
    }
    try await other.work()
    let own = other.findings.filter { $0.login == ServiceBench.login(.app) }
    #expect(own.count == bench.findings.count)
    #expect(other.summaries.filter { $0.login == ServiceBench.login(.app) }.count == 1)
  }

  @Test func aDeletedSummaryIsWrittenAnew() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    bench.hub.deleteComment(try #require(bench.summaries.first).id, in: ServiceBench.repository)
    try await bench.work("run-2", isAskedFor: true)
    #expect(bench.summaries.count == 1)
  }

  // MARK: Not reviewed

  @Test func aDraftWaitsUntilSomebodyAsks() async throws {
    let bench = try await ServiceBench(.app, isDraft: true)
    guard case .cancelled(let reason) = try await bench.work(told: false) else {
      Issue.record("a draft was reviewed")
      return
    }
    #expect(reason.contains("draft"))
    #expect(bench.summaries.isEmpty)
    #expect(try await bench.work("run-2", isAskedFor: true, told: false) == .completed)
    #expect(bench.summaries.count == 1)
  }

  @Test func anEmptyChangeIsCancelledAndTheCheckConcluded() async throws {
    let bench = try await ServiceBench(.app, head: [:])
    guard case .cancelled = try await bench.work() else {
      Issue.record("an empty change was reviewed")
      return
    }
    #expect(bench.summaries.isEmpty)
    #expect(bench.conclusion == "cancelled")
    #expect(try await bench.runs.run(id: "run-1")?.outcome == .cancelled)
  }

  @Test func aReviewThatIsNotPublishedTouchesNothing() async throws {
    let bench = try await ServiceBench(.app)
    let outcome = try await bench.review.run(try await bench.arguments(publishes: false))
    #expect(outcome == .completed)
    #expect(bench.hub.log.allSatisfy { $0.method == "GET" || $0.path.contains("access_tokens") })
    #expect(try await bench.runs.run(id: "run-1")?.review?.findings.isEmpty == false)
  }
}
