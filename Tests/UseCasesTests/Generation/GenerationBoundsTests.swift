import Domain
import Foundation
import Jobs
import Logging
import Sandbox
import TestKit
import Testing

@testable import UseCases

/// What a run may take, what it keeps when it is stopped or tried again, and which names it takes.
@Suite struct GenerationBoundsTests {
  private let runs = InMemoryRunStore()

  private static let good = "def triple(x: int) -> int:\n    return 3 * x\n"
  private static let half = "def triple(x):\n    return 6 if x == 2 else x\n"
  private static let worse = "def triple(x):\n    return None\n"
  private static let tests = TestSource(
    path: "test_triple.py",
    text: "from solution import triple\n\n\ndef test_a():\n    assert triple(2) == 6\n\n\n"
      + "def test_b():\n    assert triple(1) == 3\n")

  private func generate(
    _ programmer: ScriptedProgrammer, prompt: String = "Write triple(x).",
    tests: [TestSource] = [GenerationBoundsTests.tests],
    limits: GenerationLimits = .init(rounds: 3, candidates: 1), earlier: GenerationResult? = nil,
    message: String? = nil, history: (any CodeHistory)? = nil, pipeline: Pipeline? = nil,
    run: String? = nil, progress: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> GenerationResult {
    try await GenerateCode(ports: GenerationSandbox.ports(programmer.model, runs: runs)).run(
      .init(
        prompt: prompt, tests: tests, limits: limits, earlier: earlier, message: message,
        askedBy: "test", run: run, history: history, pipeline: pipeline, progress: progress))
  }

  // MARK: Going on

  @Test func aRevisionWithoutCodeKeepsTheCode() async throws {
    let first = try await ScriptedProgrammer([.program(Self.good)])
    let before = try await generate(first)
    await first.stop()
    #expect(before.code == Self.good)
    let second = try await ScriptedProgrammer(
      always: .text("I would rather not."), style: .beforeAfter)
    let after = try await generate(
      second, prompt: "", tests: [], limits: .init(rounds: 2, candidates: 1), earlier: before,
      message: "Shorter.")
    #expect(after.code == Self.good && !after.changed)
    #expect(after.verdict == .fail && after.reason.contains("as it was"), "\(after.reason)")
    await second.stop()
  }

  @Test func testsThatAreGivenLaterStandBesideTheEarlierOnes() async throws {
    let first = try await ScriptedProgrammer([.program(Self.good)])
    let before = try await generate(first)
    await first.stop()
    let revised = "def triple(x: int) -> int:\n    return x + x + x\n"
    let second = try await ScriptedProgrammer([.program(revised)])
    let more = TestSource(
      path: "test_zero.py",
      text: "from solution import triple\n\n\ndef test_zero():\n    assert triple(0) == 0\n")
    let after = try await generate(
      second, prompt: "", tests: [more], earlier: before, message: "Without multiplying.")
    #expect(after.testFiles.map(\.path) == ["test_triple.py", "test_zero.py"])
    #expect(after.verdict == .pass && after.code == revised)
    await second.stop()
    var again = Self.tests
    again.text += "\n\ndef test_c():\n    assert triple(3) == 9\n"
    #expect(after.tests(with: [again]).map(\.path) == ["test_zero.py", "test_triple.py"])
    #expect(after.tests(with: [again]).last?.text == again.text)
  }

  // MARK: Time

  /// Code that does not end, and tests that would try it again and again.
  @Test func hangingCandidatesDoNotOutlastTheRun() async throws {
    let names = (1...5).map { "def test_\($0)():\n    assert triple(\($0)) == \(3 * $0)\n" }
    let hanging = (1...5).map {
      FakeModelServer.Reply.program("def triple(x):\n    y = \($0)\n    while y:\n        pass\n")
    }
    let programmer = try await ScriptedProgrammer(
      [.tests("from solution import triple\n\n\n" + names.joined(separator: "\n\n"))] + hanging)
    let began = ContinuousClock.now
    let result = try await generate(
      programmer, tests: [], limits: .init(rounds: 3, candidates: 5, time: 8))
    // Eight seconds, five of grace, and the end of what ran then.
    #expect(ContinuousClock.now - began < .seconds(25))
    #expect(result.verdict != .pass && result.rounds.count == 1)
    await programmer.stop()
  }

  // MARK: Names

  @Test(
    arguments: [
      (["a/test_x.py", "b/test_x.py"], nil), (["solution.py"], nil),
      (["stet_tests.py"], .github), (["requirements-ci.txt"], .gitlab),
      (["Jenkinsfile"], .jenkins),
    ] as [([String], Pipeline?)])
  func filesThatWouldWriteOverOneAnotherAreRefused(
    paths: [String], pipeline: Pipeline?
  ) async throws {
    let programmer = try await ScriptedProgrammer(always: .program(Self.good))
    let error = await #expect(throws: GenerateError.self) {
      try await generate(
        programmer, tests: paths.map { TestSource(path: $0, text: "assert triple(1) == 3\n") },
        pipeline: pipeline)
    }
    #expect(error?.code == .invalid && error?.field == "tests")
    #expect(programmer.asked.isEmpty)
    await programmer.stop()
  }

  // MARK: Stopped

  @Test func aRunThatIsStoppedKeepsTheBestSoFar() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/stet-into-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let history = GitHistory(folder: folder, environment: ["PATH": "/usr/bin:/bin"])
    let programmer = try await ScriptedProgrammer(
      [.program(Self.half), .program(Self.worse)], always: .hang)
    let (lines, told) = AsyncStream.makeStream(of: String.self)
    let id = TimeOrderedID.next(Date())
    let work = Task {
      try await generate(
        programmer, limits: .init(rounds: 5, candidates: 1, time: 120), history: history, run: id,
        progress: { told.yield($0) })
    }
    for await line in lines where line.hasPrefix("round 3 (") { break }
    work.cancel()
    let error = await #expect(throws: GenerateError.self) { try await work.value }
    #expect(error?.code == .cancelled)
    let run = try #require(await runs.run(id: id))
    #expect(run.outcome == .cancelled)
    #expect(run.result?["code"]?.string == Self.half)
    #expect(run.result?["verdict"]?.string == "fail")
    #expect(run.result?["rounds"]?.array?.count == 2)
    #expect(try String(contentsOfFile: folder + "/solution.py", encoding: .utf8) == Self.half)
    #expect(try await history.entries(limit: 5).first?.subject == "Keep the best: round 1")
    // And it can be gone on from.
    #expect(try GenerateCode.earlier(run).code == Self.half)
    await programmer.stop()
  }

  // MARK: Tried again

  private func context(_ work: Work.GenerateCode, attempt: Int) throws -> JobContext {
    let arguments = String(decoding: try JSONEncoder().encode(work), as: UTF8.self)
    return JobContext(
      job: Job(
        id: "job-1", kind: Work.GenerateCode.kind, arguments: arguments, state: .running,
        uniqueKey: nil, supersedeKey: nil, priority: 0, attempt: attempt, maxAttempts: 8,
        createdAt: Date(), scheduledAt: Date(), attemptedAt: Date(), finishedAt: nil, errors: [],
        cancelRequested: false, run: work.run), logger: Logger(label: "test"))
  }

  private func work(_ limits: GenerationLimits) -> Work.GenerateCode {
    Work.GenerateCode(
      run: TimeOrderedID.next(Date()), askedBy: "test", prompt: "Write triple(x).",
      tests: [Self.tests], limits: limits)
  }

  @Test func aJobThatIsTriedAgainHasWhatIsLeft() async throws {
    let work = work(.init(rounds: 2, candidates: 1))
    let down = try await ScriptedProgrammer(always: .error(status: 400, message: "gone"))
    let failed = await #expect(throws: JobFailure.self) {
      try await GenerationJobs(ports: GenerationSandbox.ports(down.model, runs: runs))
        .generate(context(work, attempt: 1))
    }
    #expect(failed?.isFinal == false)
    await down.stop()
    let before = try #require(await runs.run(id: work.run))
    #expect(before.outcome == .failed && !before.modelCalls.isEmpty)

    let up = try await ScriptedProgrammer([.program(Self.good)])
    _ = try await GenerationJobs(ports: GenerationSandbox.ports(up.model, runs: runs))
      .generate(context(work, attempt: 2))
    let after = try #require(await runs.run(id: work.run))
    #expect(after.outcome == .completed)
    #expect(after.modelCalls.count == before.modelCalls.count + 1)
    #expect(after.seconds > before.seconds)
    await up.stop()
  }

  @Test func aJobWhoseTimeIsSpentIsNotTriedAgain() async throws {
    let work = work(.init(rounds: 2, candidates: 1, time: 30))
    try await runs.save(
      Run(
        id: work.run, kind: .generate, startedAt: Date(), seconds: 31, outcome: .failed,
        askedBy: "test", subject: "s", inputs: [:], modelCalls: [], claims: 0, masked: [:],
        review: nil, failure: "timed_out: late", job: "job-1"))
    let programmer = try await ScriptedProgrammer(always: .program(Self.good))
    let failed = await #expect(throws: JobFailure.self) {
      try await GenerationJobs(ports: GenerationSandbox.ports(programmer.model, runs: runs))
        .generate(context(work, attempt: 2))
    }
    #expect(failed?.isFinal == true && programmer.asked.isEmpty)
    await programmer.stop()
  }
}
