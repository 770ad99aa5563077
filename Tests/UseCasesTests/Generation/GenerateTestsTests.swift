import Domain
import Foundation
import Sandbox
import TestKit
import Testing

@testable import UseCases

/// Tests that nobody gave, going on from a run, and rounds as commits.
@Suite struct GenerateTestsTests {
  private let runs = InMemoryRunStore()

  private static let good = "def triple(x: int) -> int:\n    return 3 * x\n"
  private static let wrong = "def triple(x: int) -> int:\n    return x + 3\n"

  private func generate(
    _ programmer: ScriptedProgrammer, prompt: String, tests: [TestSource] = [],
    limits: GenerationLimits = .init(rounds: 3, candidates: 2), earlier: GenerationResult? = nil,
    message: String? = nil, history: (any CodeHistory)? = nil, pipeline: Pipeline? = nil
  ) async throws -> GenerationResult {
    try await GenerateCode(ports: GenerationSandbox.ports(programmer.model, runs: runs)).run(
      .init(
        prompt: prompt, tests: tests, limits: limits, earlier: earlier, message: message,
        askedBy: "test", history: history, pipeline: pipeline))
  }

  @Test func examplesInThePromptAreTheTests() async throws {
    let programmer = try await ScriptedProgrammer([.program(Self.wrong), .program(Self.good)])
    let result = try await generate(
      programmer, prompt: "Write triple(x).\n>>> triple(2)\n6\n>>> triple(0)\n0\n")
    #expect(result.verdict == .pass && result.code == Self.good)
    #expect(result.testFiles.map(\.isUsers) == [true])
    #expect(programmer.asked.count == 2)
    await programmer.stop()
  }

  @Test func testsOfTheModelAreValidatedTwice() async throws {
    let written = """
      import pytest
      from solution import triple

      def test_right():
          assert triple(2) == 6

      def test_of_nothing():
          assert True

      def test_that_nobody_passes():
          assert triple(2) == 7

      assert triple(1) == 3
      """
    let programmer = try await ScriptedProgrammer([
      .tests(written), .program(Self.wrong), .program(Self.good),
    ])
    let result = try await generate(programmer, prompt: "Write triple(x).")
    #expect(result.verdict == .pass && result.code == Self.good)
    let test = try #require(result.testFiles.first)
    #expect(!test.isUsers && test.path == "test_generated.py")
    #expect(test.text.contains("def test_right") && test.text.contains("def test_example_1"))
    #expect(!test.text.contains("nothing") && !test.text.contains("nobody"))
    #expect(result.reason.contains("No tests were given"))
    // Whoever wrote the tests was shown no program, and the other way round.
    #expect(!programmer.asked[1].contains("test_right"))
    await programmer.stop()
  }

  @Test(arguments: [
    "def test_a(:\n", "I have none.", "def test_a():\n    assert True\n",
  ])
  func withoutATestThatHoldsNothingIsClaimed(_ tests: String) async throws {
    let programmer = try await ScriptedProgrammer([
      .tests(tests), .program("def triple(x):\n    return 3 * x\n"),
    ])
    let result = try await generate(
      programmer, prompt: "Write triple(x).", limits: .init(rounds: 3, candidates: 1))
    #expect(result.verdict == .error)
    #expect(result.reason.contains("Nothing shows"), "\(result.reason)")
    #expect(result.code == "def triple(x):\n    return 3 * x\n")
    #expect(result.rounds.count == 1)
    await programmer.stop()
  }

  @Test func candidatesThatAgreeRankHigher() async throws {
    let other = "def triple(x: int) -> int:\n    return x + x + x\n"
    // All pass the one test there is; two of three do the same elsewhere.
    let programmer = try await ScriptedProgrammer([
      .tests("from solution import triple\n\ndef test_a():\n    assert triple(1) == 3\n"),
      .program("def triple(x: int) -> int:\n    return x + 2\n"), .program(Self.good),
      .program(other),
    ])
    let result = try await generate(
      programmer, prompt: "Write triple(x).", limits: .init(rounds: 1, candidates: 3))
    #expect(result.code == Self.good || result.code == other)
    await programmer.stop()
  }

  // MARK: Going on

  @Test func aPersonTalksBack() async throws {
    let first = try await ScriptedProgrammer([.program(Self.good)])
    let tests = TestSource(
      path: "test_triple.py",
      text: "from solution import triple\n\n\ndef test_a():\n    assert triple(2) == 6\n")
    let before = try await generate(first, prompt: "Write triple(x).", tests: [tests])
    await first.stop()

    let run = try #require(await runs.run(id: before.run))
    let earlier = try GenerateCode.earlier(run)
    #expect(earlier == before)
    let revised = "def triple(x: int) -> int:\n    \"\"\"Three times.\"\"\"\n    return 3 * x\n"
    // Words that change nothing are not enough.
    let second = try await ScriptedProgrammer([.program(Self.good), .program(revised)])
    let after = try await generate(
      second, prompt: "", earlier: earlier, message: "Give it a docstring.")
    #expect(after.verdict == .pass && after.code == revised)
    #expect(after.rounds.map(\.step) == [.write, .revise, .repair])
    #expect(after.rounds[1].feedback.contains("person"))
    #expect(after.messages == ["Give it a docstring."] && after.prompt == "Write triple(x).")
    #expect(second.asked[0].contains("Give it a docstring."))
    #expect(second.asked[0].contains("3 * x") && second.asked[0].contains("test_triple") == false)
    #expect(second.asked[0].contains("triple(2) == 6"))
    await second.stop()
  }

  @Test func aModelThatIsDownLeavesWhatWas() async throws {
    let first = try await ScriptedProgrammer([.program(Self.good)])
    let before = try await generate(first, prompt: "Write triple(x).\n>>> triple(1)\n3\n")
    await first.stop()
    let second = try await ScriptedProgrammer(always: .error(status: 400, message: "gone"))
    let after = try await generate(second, prompt: "", earlier: before, message: "Shorter.")
    #expect(after.code == before.code && !after.changed && after.verdict == .fail)
    #expect(after.failure?.contains("gone") == true)
    await second.stop()
  }

  @Test func onlyARunThatWroteCodeIsGoneOnFrom() throws {
    let run = Run(
      id: "r", kind: .review, startedAt: Date(), seconds: 1, outcome: .completed, askedBy: "x",
      subject: "s", inputs: [:], modelCalls: [], claims: 0, masked: [:], review: nil,
      failure: nil)
    let error = #expect(throws: GenerateError.self) { try GenerateCode.earlier(run) }
    #expect(error?.code == .unknownRun)
  }

  // MARK: Rounds as commits

  @Test func everyRoundIsACommitAndTheBestStaysInTheFolder() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/stet-into-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let history = GitHistory(folder: folder, environment: ["PATH": "/usr/bin:/bin"])
    let half = "def triple(x):\n    return 6 if x == 2 else x\n"
    let programmer = try await ScriptedProgrammer(
      [.program(half)], always: .program("def triple(x):\n    return None\n"))
    let tests = TestSource(
      path: "test_triple.py",
      text: "from solution import triple\n\n\ndef test_a():\n    assert triple(2) == 6\n\n\n"
        + "def test_b():\n    assert triple(1) == 3\n")
    let result = try await generate(
      programmer, prompt: "Write triple(x).", tests: [tests],
      limits: .init(rounds: 2, candidates: 1), history: history, pipeline: .github)
    #expect(result.verdict == .fail && result.code == half)
    let entries = try await history.entries(limit: 10)
    #expect(entries.count == 3)
    #expect(entries[0].subject == "Keep the best: round 1")
    #expect(result.rounds.map(\.commit) == [entries[2].commit, entries[1].commit])
    let mine = entries.filter { $0.run == result.run && $0.verdict == "fail" }
    #expect(mine.count == 3)
    #expect(entries[2].subject.contains("50% of the tests pass"))
    func text(_ name: String) throws -> String {
      try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
    }
    #expect(try text("solution.py") == half)
    #expect(try text("test_triple.py") == tests.text)
    let pipeline = try text(".github/workflows/stet.yml")
    #expect(pipeline.contains("solution.py"))
    await programmer.stop()
  }

  @Test func aFolderThatCannotTakeTheRoundsIsSaidFirst() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/stet-into-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data("mine = 1\n".utf8).write(to: URL(filePath: folder + "/solution.py"))
    let programmer = try await ScriptedProgrammer(always: .program(Self.good))
    let error = await #expect(throws: GenerateError.self) {
      try await generate(
        programmer, prompt: "Write triple(x).\n>>> triple(1)\n3\n",
        history: GitHistory(folder: folder, environment: ["PATH": "/usr/bin:/bin"]))
    }
    #expect(error?.code == .history && error?.detail.contains("solution.py") == true)
    #expect(programmer.asked.isEmpty)
    #expect(try String(contentsOfFile: folder + "/solution.py", encoding: .utf8) == "mine = 1\n")
    await programmer.stop()
  }
}
