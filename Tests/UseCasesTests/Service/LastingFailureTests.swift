import Domain
import Jobs
import TestKit
import Testing

@testable import UseCases

/// Outages are waited for, and whatever is given up leaves no check turning.
@Suite struct LastingFailureTests {
  private static let down = GitHubFault(.html(status: 502), on: "GET", "/contents/", times: 99)

  // MARK: Outages

  @Test(arguments: [(0.0, 15), (3_600.0, 600)])
  func anOutageIsWaitedForAndUsesUpNoTry(_ age: Double, _ seconds: Int) async throws {
    let bench = try await ServiceBench(.app)
    bench.hub.inject(Self.down)
    let job = try bench.job(try await bench.arguments(), age: age, attempt: 8)
    #expect(try await bench.review.handle(job).wait == .seconds(seconds))
    #expect(bench.conclusion == "in_progress")
    bench.hub.clearFaults()
    #expect(try await bench.review.handle(job) == .completed)
    #expect(bench.summaries.count == 1)
    #expect(bench.openChecks.isEmpty)
  }

  @Test func anOutageOfADayIsGivenUpWithASentence() async throws {
    let bench = try await ServiceBench(.app)
    bench.hub.inject(Self.down)
    let job = try bench.job(try await bench.arguments(), age: 90_000)
    do {
      _ = try await bench.review.handle(job)
      Issue.record("it was not given up")
    } catch let failure as JobFailure {
      #expect(failure.isFinal)
      #expect(failure.message.contains("24 hours"))
    }
    #expect(bench.conclusion == "neutral")
    #expect(bench.openChecks.isEmpty)
  }

  @Test func theWaitDoubles() {
    #expect(ForgeFailure.wait(.zero) == .seconds(15))
    #expect(ForgeFailure.wait(.seconds(15)) == .seconds(15))
    #expect(ForgeFailure.wait(.seconds(60)) == .seconds(60))
    #expect(ForgeFailure.wait(.seconds(86_000)) == .seconds(600))
  }

  // MARK: Given up

  @Test func aRejectionConcludesTheCheck() async throws {
    let bench = try await ServiceBench(.app)
    bench.hub.inject(
      GitHubFault(
        .answer(status: 422, body: #"{"message":"Validation Failed"}"#), on: "GET", "/contents/"))
    await #expect(throws: JobFailure.self) { try await bench.work() }
    #expect(bench.conclusion == "neutral")
    let record = try await bench.publications.publication(on: "github", of: bench.reference)
    #expect(record?.checkHead == nil)
  }

  @Test(arguments: [false, true])
  func onlyTheLastTryConcludesTheCheck(_ isLast: Bool) async throws {
    let bench = try await ServiceBench(.app)
    bench.hub.inject(GitHubFault(.resetBefore, on: "GET", "/contents/"))
    await #expect(throws: JobFailure.self) { try await bench.work(isLast: isLast) }
    #expect(bench.conclusion == (isLast ? "neutral" : "in_progress"))
  }

  @Test func aJobGivenUpByTheQueueConcludesItsCheck() async throws {
    let bench = try await ServiceBench(.app)
    bench.hub.inject(GitHubFault(.resetBefore, on: "GET", "/contents/"))
    await #expect(throws: JobFailure.self) { try await bench.work() }
    #expect(bench.conclusion == "in_progress")
    let job = try bench.job(try await bench.arguments())
    await bench.review.givenUp(job, reason: "its workers were lost")
    #expect(bench.conclusion == "neutral")
    let check = bench.hub.checkRuns(in: ServiceBench.repository).last
    #expect(check?.summary?.contains("its workers were lost") == true)
    let calls = bench.calls.count
    await bench.review.givenUp(job, reason: "again")
    #expect(bench.calls.count == calls)
  }

  // MARK: Models

  @Test(arguments: [(nil, true), (60, true), (300, true), (301, false), (86_400, false)])
  func aModelThatAsksForLongIsNotWaitedFor(_ seconds: Int?, _ waits: Bool) {
    let failure = ModelError(
      code: .rateLimited, detail: "slow down", retryAfter: seconds.map { .seconds($0) })
    #expect(ModelPatience.waits(for: failure) == waits)
  }

  @Test func aReviewThatWasCancelledIsNotCompleted() async throws {
    let bench = try await ServiceBench(.app)
    let diff = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
    let job = try bench.job(Work.ReviewDiff(run: "run-1", diff: diff, askedBy: "cli"))
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await ReviewDiff(
        review: .init(model: nil, cache: nil, runs: nil, syntax: DataSyntaxChecker()),
        callDeadline: .seconds(1)
      ).handle(job)
    }
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  // MARK: Binary files

  @Test(arguments: [
    ("img/logo.PNG", CheckState.Progress.success), ("a.woff2", .success), ("lib/x.so", .success),
    ("app/orders.py", .neutral), ("Makefile", .neutral), ("logo.svg", .neutral),
    ("png", .neutral), (".png/run.sh", .neutral),
  ])
  func aBinaryFileIsSettledByItsFormatAlone(_ path: String, _ expected: CheckState.Progress) {
    var review = Review.sample(findings: [], verdict: .comment)
    review.coverage.skipped = [SkippedPart(path: path, hunk: nil, reason: .binary)]
    let state = CheckConclusion.state(
      review, placed: PlacedFindings(), modelFailed: false, detailsURL: nil)
    #expect(state.progress == expected)
  }
}
