import Domain
import Foundation
import Jobs
import Synchronization
import TestKit
import Testing

@testable import UseCases

/// What the merge queue does not merge: what left it, what is for another branch by now, what nobody
/// can judge.
@Suite struct QueueSafetyTests {
  private static let policy = """
    rules:
      - {name: ready, if: {approvals: 1, checks: build}, then: queue}
    merge: {checks: [build], block_on: none}
    """
  private static let frozen = policy + "\nfreeze: [{reason: release week}]\n"
  private static let repository = ServiceBench.repository
  static let baseModified = GitHubFault(
    .answer(
      status: 405,
      body: #"{"message": "Base branch was modified. Review and try the merge again."}"#),
    on: "PUT", "/merge")

  /// An approved pull request in the queue, and what takes the queue on.
  private struct Scene {
    let bench: ServiceBench
    let queue: AdvanceMergeQueue
    let clock: TestClock

    var state: PullRequest.State? { bench.hub.standing(of: bench.reference)?.state }
    var head: String { bench.hub.standing(of: bench.reference)?.head ?? "" }
    var comments: [String] { bench.hub.standing(of: bench.reference)?.comments ?? [] }
    var trials: [String: String] {
      bench.hub.branches(beginning: "stet-queue/", in: QueueSafetyTests.repository)
    }

    func advance() async throws {
      _ = try await queue.run(
        Work.AdvanceMergeQueue(
          access: bench.access, branch: "main", number: bench.reference.number))
    }

    func pass() {
      for (_, commit) in trials {
        bench.hub.setStatus("build", "success", on: commit, in: QueueSafetyTests.repository)
      }
    }

    func why() async throws -> String? {
      try await AdvanceMergeQueue.why(
        bench.reference.number, forge: bench.access.forge,
        repository: QueueSafetyTests.repository, branch: "main", notes: bench.notes)
    }
  }

  private final class TestClock: Sendable {
    private let start = Date()
    private let offset = Mutex(TimeInterval(0))
    var now: Date { start + offset.withLock { $0 } }
    func wait(_ seconds: TimeInterval) { offset.withLock { $0 += seconds } }
  }

  private static func scene(_ policy: String = Self.policy) async throws -> Scene {
    var base = FakeGitHub.demoBase
    base[".stet.yml"] = Array(policy.utf8)
    let bench = try await ServiceBench(.token, base: base)
    bench.hub.setPermission(.write, of: "ann", in: repository)
    let clock = TestClock()
    let ports = ShepherdPullRequest.Ports(
      openForge: bench.openForge, notes: bench.notes, audit: bench.audit,
      publications: bench.publications, runs: bench.runs, jobs: bench.jobs,
      now: { clock.now })
    let scene = Scene(bench: bench, queue: AdvanceMergeQueue(ports: ports), clock: clock)
    bench.hub.addReview("APPROVED", by: "ann", on: bench.reference)
    bench.hub.setStatus("build", "success", on: scene.head, in: repository)
    #expect(
      try await ShepherdPullRequest(ports: ports).run(
        Work.ShepherdPullRequest(
          access: bench.access, reference: bench.reference, event: .checks, actor: "ann",
          askedBy: "github:ann")) == .completed)
    return scene
  }

  /// Its trial has passed, and its merge waits for one more check of its head.
  private func waiting(_ scene: Scene) async throws {
    try await scene.advance()
    scene.pass()
    scene.bench.hub.setStatus("slow", "pending", on: scene.head, in: Self.repository)
    try await scene.advance()
    #expect(scene.state == .open)
    #expect(try await scene.why()?.contains("is being merged") == true)
    scene.bench.hub.setStatus("slow", "success", on: scene.head, in: Self.repository)
  }

  @Test func whatWaitsForItsMergeIsMerged() async throws {
    let scene = try await Self.scene()
    try await waiting(scene)
    try await scene.advance()
    #expect(scene.state == .merged)
  }

  /// The forge was at another merge just then.
  @Test func aConflictThatPassesIsWaitedFor() async throws {
    let scene = try await Self.scene()
    try await waiting(scene)
    scene.bench.hub.inject(Self.baseModified)
    try await scene.advance()
    #expect(scene.state == .open)
    #expect(try await scene.why()?.contains("is being merged") == true)
    try await scene.advance()
    #expect(scene.state == .merged)
    #expect(scene.comments.isEmpty)
  }

  @Test func whatIsTakenOutWhileItsMergeWaitsIsNotMerged() async throws {
    let scene = try await Self.scene()
    try await waiting(scene)
    try await AdvanceMergeQueue.remove(
      scene.bench.reference.number, because: "asked by ann", access: scene.bench.access,
      branch: "main", notes: scene.bench.notes)
    for _ in 0..<4 {
      try await scene.advance()
      scene.pass()
    }
    #expect(scene.state == .open)
    #expect(try await scene.why()?.contains("is not in the queue") == true)
    #expect(scene.trials.isEmpty)
  }

  @Test(arguments: [false, true])
  func whatIsForAnotherBranchByNowIsNotMergedIntoIt(_ hasPassed: Bool) async throws {
    let scene = try await Self.scene()
    if hasPassed { try await waiting(scene) }
    scene.bench.hub.retarget(scene.bench.reference, to: "release")
    for _ in 0..<4 {
      try await scene.advance()
      scene.pass()
    }
    #expect(scene.state == .open)
    #expect(scene.comments.contains { $0.contains("it is for release now") }, "\(scene.comments)")
    #expect(try await scene.why()?.contains("is not in the queue") == true)
  }

  /// One that waits for a freeze does so as long as it takes; one that waits for what may never
  /// come does not.
  @Test func whatNeverEndsDoesNotHoldTheQueueForEver() async throws {
    let scene = try await Self.scene(Self.frozen)
    try await scene.advance()
    scene.pass()
    scene.bench.hub.setStatus("slow", "pending", on: scene.head, in: Self.repository)
    for _ in 0..<3 {
      try await scene.advance()
      scene.clock.wait(7 * 24 * 3_600)
    }
    #expect(try await scene.why()?.contains("is being merged") == true)
    scene.bench.hub.commit([".stet.yml": Array(Self.policy.utf8)], in: Self.repository)
    for _ in 0..<3 {
      try await scene.advance()
      scene.pass()
    }
    #expect(try await scene.why()?.contains("is being merged") == true)
    scene.clock.wait(24 * 3_600)
    try await scene.advance()
    #expect(scene.state == .open)
    #expect(try await scene.why()?.contains("is not in the queue") == true)
    try await scene.advance()
    #expect(scene.comments.contains { $0.contains("'slow'") }, "\(scene.comments)")
  }
}
