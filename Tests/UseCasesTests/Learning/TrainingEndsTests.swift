import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing

@testable import UseCases

/// What becomes of a training where something stands in its way, and how that is told.
@Suite struct TrainingEndsTests {
  private static let settings = LearningSettings(examplesForAdapter: 10, base: "fake")

  private func name(_ pair: String) throws -> AdapterName {
    try #require(AdapterName(String(repeating: pair, count: 32)))
  }

  @Test(arguments: AdapterError.Code.allCases.filter { $0 != .cancelled })
  func aServerThatCannotServeItIsToldOf(_ code: AdapterError.Code) async throws {
    let bench = try await LearningBench(
      trainer: WritingTrainer(),
      adapters: RecordingAdapters(
        failure: AdapterError(code: code, detail: "/srv/secret/place is odd")),
      settings: Self.settings)
    bench.addPast(pulls: 60)
    let pull = bench.addPresent()
    try await bench.agree()
    try await bench.enqueue(bench.asking(pull))
    try await bench.work()
    #expect(try await bench.reviewer()?.adapter == nil)
    #expect(bench.likenesses(on: pull).count == 1)
    // Beside it the review may tell so too, where it is posted after the training has ended.
    let told = bench.answers(on: pull).filter { $0.contains("An adapter was trained") }
    #expect(told.count == 1)
    #expect(told.first?.contains("not used (\(code.rawValue))") == true)
    #expect(told.first?.contains("Examples go on speaking") == true)
    let answers = bench.answers(on: pull).joined()
    #expect(!answers.contains("/srv"))
    // Whoever runs Stet finds the server's own words.
    let events = try await bench.audit.entries(after: 0, limit: 100).map(\.event)
    let reasons = events.filter { $0.action == "adapter.not_used" }.map { $0.facts["reason"] }
    #expect(reasons == ["/srv/secret/place is odd"])
  }

  @Test func anothersAdapterMayKnowThemBetter() async throws {
    let rival = try name("cd")
    let bench = try await LearningBench(
      trainer: WritingTrainer(), adapters: RecordingAdapters(others: [rival: -0.5]),
      settings: Self.settings)
    var other = LearnedReviewer(
      id: "other",
      identity: ReviewerIdentity(
        forge: "github", repository: LearningBench.repository, user: LearningBench.ada))
    other.adapter = rival
    other.trainings = [
      TrainedAdapter(
        name: rival, base: "fake", trainer: "peft", at: Date(timeIntervalSince1970: 0), seconds: 1,
        steps: 1, examples: 1, firstLoss: nil, lastLoss: nil, heldOut: nil, verdict: "used")
    ]
    _ = try await bench.ports.reviewers.save(other)
    bench.addPast(pulls: 60)
    try await bench.agree()
    _ = try await bench.learn()
    try await bench.work()
    let reviewer = try #require(try await bench.reviewer())
    #expect(reviewer.adapter == nil && reviewer.trainings.first?.heldOut?.other == 0.5)
    #expect(reviewer.note?.contains("another reviewer's adapter 0.5") == true)
  }

  @Test func twoWhoAskAtOnceCauseOneTraining() async throws {
    let bench = try await LearningBench(
      trainer: WritingTrainer(), adapters: RecordingAdapters(), settings: Self.settings)
    bench.addPast(pulls: 60)
    let pulls = [bench.addPresent(), bench.addPast(pulls: 1)[0]]
    try await bench.agree()
    for (number, pull) in pulls.enumerated() {
      try await bench.enqueue(bench.asking(pull, run: "run-\(number)"))
    }
    try await bench.work()
    #expect(try await bench.jobs.jobs(JobFilter(kind: Work.TrainReviewer.kind)).count == 1)
    #expect(try await bench.reviewer()?.trainings.count == 1)
  }

  @Test func whoeverIsForgottenWhileItTrainsLeavesNothing() async throws {
    let forgetting = Noted<(@Sendable () async -> Void)?>(nil)
    let adapters = RecordingAdapters()
    let bench = try await LearningBench(
      trainer: WritingTrainer(meanwhile: { await forgetting.now?() }), adapters: adapters,
      settings: Self.settings)
    bench.addPast(pulls: 60)
    try await bench.agree()
    _ = try await bench.learn()
    let ports = bench.ports
    forgetting.change {
      $0 = {
        _ = try? await ForgetReviewer(ports: ports).forget(
          LearningBench.lin, on: "github", by: "test")
      }
    }
    let work = Work.TrainReviewer(identity: bench.identity, askedBy: "cli", run: "r")
    await #expect(throws: (any Error).self) {
      try await TrainReviewer(ports: ports).run(work, job: nil) { _ in }
    }
    #expect(try await bench.reviewer() == nil)
    let made = try name("ab")
    #expect(adapters.unloaded.contains(made))
    let left = try bench.everythingOnDisk().keys.filter { $0.hasPrefix("reviewers/") }
    #expect(left.isEmpty)
  }

  @Test(.enabled(if: SlowTests.isWhole, "minutes of the fake forge: set STET_TEST_SLOW=all"))
  func twentyThousandCommentsAreRead() async throws {
    let bench = try await LearningBench()
    let pulls = bench.addPast(pulls: 100)
    for number in 0..<20_000 {
      bench.hub.addPastComment(
        "Line \(number) repeats what \(number / 7) of \(number % 911) says.",
        by: number % 10 == 0 ? "lin" : "grace", on: pulls[number % 100], path: "load1.go", line: 3,
        hunk: "@@ -0,0 +1,3 @@\n+package orders\n+\n+func load\(number)() {",
        at: LearningBench.start + Double(number) * 60)
    }
    let began = ContinuousClock.now
    #expect(try await bench.learn() == .completed)
    let reviewer = try #require(try await bench.reviewer())
    let dropped = reviewer.dropped.values.reduce(0, +)
    // Theirs: 2,000 beside the 200 of the bench.
    #expect(reviewer.comments + dropped == 2_200)
    #expect(bench.hub.log.count { $0.path.contains("/pulls/comments") } >= 203)
    print("20,000 comments were read in \(ContinuousClock.now - began)")
  }
}
