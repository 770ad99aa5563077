import Domain
import Foundation
import Logging
import Sandbox
import TestKit
import Testing

@testable import UseCases

/// The loop with a model that says what is written here, and a sandbox that runs it.
@Suite struct GenerateCodeTests {
  private let runs = InMemoryRunStore()

  private static let good = "def add(a: int, b: int) -> int:\n    return a + b\n"
  private static let wrong = "def add(a: int, b: int) -> int:\n    return a - b\n"
  /// Right for one test of three.
  private static let half = "def add(a: int, b: int) -> int:\n    return a\n"
  private static let tests = TestSource(
    path: "test_add.py",
    text: """
      from solution import add


      def test_zero():
          assert add(4, 0) == 4


      def test_sum():
          assert add(1, 2) == 3


      def test_negative():
          assert add(-1, -2) == -3

      """)

  private func generate(
    _ programmer: ScriptedProgrammer, prompt: String = "Write add(a, b).",
    tests: [TestSource] = [GenerateCodeTests.tests], limits: GenerationLimits = .init(),
    earlier: GenerationResult? = nil, message: String? = nil,
    history: (any CodeHistory)? = nil, run: String? = nil,
    progress: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> GenerationResult {
    try await GenerateCode(ports: GenerationSandbox.ports(programmer.model, runs: runs)).run(
      .init(
        prompt: prompt, tests: tests, limits: limits, earlier: earlier, message: message,
        askedBy: "test", run: run, history: history, progress: progress))
  }

  // MARK: What ends it

  @Test(arguments: [ModelProfile.PromptStyle.numberedHunks, .beforeAfter])
  func whatHoldsAtOnceEndsIt(style: ModelProfile.PromptStyle) async throws {
    let reply: FakeModelServer.Reply =
      style == .beforeAfter ? .text("Sure:\n```python\n\(Self.good)```") : .program(Self.good)
    let programmer = try await ScriptedProgrammer([reply], style: style)
    let result = try await generate(programmer)
    #expect(result.verdict == .pass)
    #expect(result.code == Self.good)
    #expect(result.tests == Self.tests.text)
    #expect(result.rounds.map(\.step) == [.write])
    #expect(programmer.asked.count == 1)
    #expect(programmer.asked[0].contains("test_negative"))
    #expect(result.usage.modelCalls == 1)
    let run = try #require(await runs.run(id: result.run))
    #expect(run.kind == .generate && run.outcome == .completed)
    #expect(run.result?["verdict"]?.string == "pass")
    await programmer.stop()
  }

  @Test func aFurtherCandidateOfTheSameRoundIsEnough() async throws {
    let programmer = try await ScriptedProgrammer([.program(Self.wrong), .program(Self.good)])
    let result = try await generate(programmer)
    #expect(result.verdict == .pass && result.code == Self.good)
    #expect(result.rounds.count == 1 && programmer.asked.count == 2)
    await programmer.stop()
  }

  @Test func aRepairIsToldTheValues() async throws {
    let programmer = try await ScriptedProgrammer([.program(Self.wrong), .program(Self.good)])
    let result = try await generate(programmer, limits: .init(candidates: 1))
    #expect(result.verdict == .pass && result.code == Self.good)
    #expect(result.rounds.map(\.step) == [.write, .repair])
    #expect(result.rounds.map(\.verdict) == [.fail, .pass])
    let told = try #require(programmer.asked.last)
    #expect(told.contains("assertion") && told.contains("test_sum"))
    #expect(told.contains("BEGIN UNTRUSTED feedback"))
    // The value that came, and the one that was expected.
    #expect(told.contains("-1") && told.contains("3"))
    await programmer.stop()
  }

  @Test func afterTwoRepairsItIsWrittenAnew() async throws {
    let programmer = try await ScriptedProgrammer(
      [.program(Self.wrong), .program(Self.half), .program(Self.wrong), .program(Self.good)])
    let result = try await generate(programmer, limits: .init(candidates: 1))
    #expect(result.rounds.map(\.step) == [.write, .repair, .repair, .resample])
    #expect(result.verdict == .pass && result.code == Self.good)
    // From scratch: nothing of what was tried before stands in the request.
    #expect(programmer.asked.last?.contains("a - b") == false)
    await programmer.stop()
  }

  @Test func theBestIsReturnedAndNotTheLast() async throws {
    let programmer = try await ScriptedProgrammer(
      [.program(Self.half)], always: .program("def add(a, b):\n    return None\n"))
    let result = try await generate(programmer, limits: .init(rounds: 4, candidates: 1))
    #expect(result.verdict == .fail)
    #expect(result.code == Self.half)
    #expect(result.rounds.count == 4)
    #expect(result.reason.contains("assertion"))
    let share = result.rounds[0].evaluation?.axis(.correctness)?.value ?? 0
    #expect(share > 0.3 && share < 0.4)
    await programmer.stop()
  }

  // MARK: Answers that are none, code that does not behave

  @Test(arguments: [
    ("def add(a, b:\n    return a + b\n", "syntax"), ("def add(a, b):\n    return c\n", "name"),
    ("def add(a, b):\n    while True:\n        pass\n", "timeout"),
    ("import os\n\n\ndef add(a, b):\n    os._exit(0)\n", "dishonest"),
    ("import nowhere_at_all\n\n\ndef add(a, b):\n    return a + b\n", "name"),
    ("def add(a, b):\n    raise ValueError('no')\n", "exception"),
    ("def sub(a, b):\n    return a + b\n", "name"),
  ])
  func whatIsWrongIsToldByItsKind(_ code: String, _ kind: String) async throws {
    let programmer = try await ScriptedProgrammer([.program(code), .program(Self.good)])
    let result = try await generate(programmer, limits: .init(candidates: 1))
    #expect(result.rounds.first?.verdict == .fail)
    #expect(
      result.rounds.first?.feedback.contains("- \(kind)") == true,
      "\(result.rounds.first?.feedback ?? "")")
    #expect(result.verdict == .pass && result.code == Self.good)
    await programmer.stop()
  }

  @Test(arguments: [
    FakeModelServer.Reply.text("I would rather not."), .text(""), .text("{\"plan\": \"none\"}"),
    .program("   "), .refusal("No."),
  ])
  func anAnswerWithoutCodeCostsARound(_ reply: FakeModelServer.Reply) async throws {
    // The client itself asks once more where the form is not held to.
    let programmer = try await ScriptedProgrammer([reply, reply], always: .program(Self.good))
    let result = try await generate(programmer, limits: .init(rounds: 3, candidates: 1))
    #expect(result.verdict == .pass && result.code == Self.good)
    await programmer.stop()
  }

  @Test func nothingButWordsIsAnHonestFailure() async throws {
    let programmer = try await ScriptedProgrammer(
      always: .text("I cannot."), style: .beforeAfter)
    let result = try await generate(programmer, limits: .init(rounds: 2, candidates: 1))
    #expect(result.verdict == .fail && result.code.isEmpty)
    #expect(result.reason == "No answer held code.")
    let told = result.rounds.filter { $0.candidates == 0 && $0.feedback.contains("no_code") }
    #expect(told.count == result.rounds.count)
    await programmer.stop()
  }

  // MARK: A model that is down, limits

  @Test func aModelThatGoesDownLeavesTheBestSoFar() async throws {
    let programmer = try await ScriptedProgrammer(
      [.program(Self.half)], always: .error(status: 400, message: "gone for good"))
    let result = try await generate(programmer, limits: .init(candidates: 1))
    #expect(result.verdict == .fail && result.code == Self.half)
    #expect(result.failure?.contains("gone for good") == true)
    let run = try #require(await runs.run(id: result.run))
    #expect(run.outcome == .failed && run.result?["code"]?.string == Self.half)
    await programmer.stop()
  }

  @Test func aModelThatIsDownFromTheBeginningIsAnError() async throws {
    let programmer = try await ScriptedProgrammer(always: .error(status: 400, message: "gone"))
    let id = TimeOrderedID.next(Date())
    let error = await #expect(throws: GenerateError.self) {
      try await generate(programmer, run: id)
    }
    #expect(error?.code == .modelFailed && error?.detail.contains("gone") == true)
    #expect(try await runs.run(id: id)?.outcome == .failed)
    await programmer.stop()
  }

  @Test func tokensAreALimit() async throws {
    let programmer = try await ScriptedProgrammer(always: .program(Self.wrong))
    let result = try await generate(programmer, limits: .init(candidates: 1, tokens: 1_200))
    #expect(result.verdict == .fail && result.rounds.count == 1)
    #expect(result.failure?.contains("tokens") == true)
    #expect(programmer.asked.count == 1)
    await programmer.stop()
  }

  @Test func timeIsALimit() async throws {
    let programmer = try await ScriptedProgrammer([.program(Self.half)], always: .hang)
    let began = ContinuousClock.now
    let result = try await generate(programmer, limits: .init(candidates: 1, time: 6))
    #expect(ContinuousClock.now - began < .seconds(14))
    #expect(result.code == Self.half && result.verdict == .fail)
    #expect(result.failure?.contains("time") == true, "\(result.failure ?? "")")
    await programmer.stop()
  }

  @Test func withoutAModelNothingIsWritten() async throws {
    let error = await #expect(throws: GenerateError.self) {
      try await GenerateCode(ports: GenerationSandbox.ports(nil)).run(
        .init(prompt: "Write add.", askedBy: "test"))
    }
    #expect(error?.code == .noModel && error?.detail.contains("LLM_PROVIDER") == true)
  }

  @Test func withoutASandboxNoModelIsAsked() async throws {
    let programmer = try await ScriptedProgrammer(always: .program(Self.good))
    let none = IsolatedSandbox(
      images: ImageStore(folder: "/nowhere"), environment: ["PATH": "/nowhere"],
      logger: Logger(label: "test"))
    let error = await #expect(throws: GenerateError.self) {
      try await GenerateCode(ports: GenerationSandbox.ports(programmer.model, sandbox: none)).run(
        .init(prompt: "Write add.", tests: [Self.tests], askedBy: "test"))
    }
    #expect(error?.code == .noSandbox)
    #expect(programmer.asked.isEmpty)
    await programmer.stop()
  }

  @Test(arguments: ["", "  \n", "a\0b", String(repeating: "x", count: 40_000)])
  func aPromptThatIsNoneIsRefused(_ prompt: String) async throws {
    let programmer = try await ScriptedProgrammer(always: .program(Self.good))
    let error = await #expect(throws: GenerateError.self) {
      try await generate(programmer, prompt: prompt)
    }
    #expect(error?.code == .invalid && error?.field == "prompt")
    #expect(programmer.asked.isEmpty)
    await programmer.stop()
  }

  @Test func testsThatCannotBeReadAreSaidBeforeAModelIsAsked() async throws {
    let programmer = try await ScriptedProgrammer(always: .program(Self.good))
    let error = await #expect(throws: GenerateError.self) {
      try await generate(
        programmer, tests: [TestSource(path: "test_a.py", text: "def test_a(:\n    pass\n")])
    }
    #expect(error?.code == .invalid && error?.field == "tests")
    #expect(error?.detail.contains("test_a.py, line 1") == true, "\(error?.detail ?? "")")
    #expect(programmer.asked.isEmpty)
    await programmer.stop()
  }

  @Test func secretsOfThePromptStayHere() async throws {
    let token = "ghp" + "_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    let programmer = try await ScriptedProgrammer([.program(Self.good)])
    let result = try await generate(programmer, prompt: "Write add. Use \(token).")
    let leaks = programmer.asked.filter { $0.contains(token) }
    #expect(leaks.isEmpty)
    let run = try #require(await runs.run(id: result.run))
    #expect(!run.masked.isEmpty)
    let kept = String(decoding: try JSONEncoder().encode(run), as: UTF8.self)
    #expect(!kept.contains(token))
    await programmer.stop()
  }

  @Test func theFileIsNamedAsTheTestsImportIt() async throws {
    let programmer = try await ScriptedProgrammer([.program(Self.good)])
    let tests = TestSource(
      path: "test_money.py",
      text: "from money import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n")
    let result = try await generate(programmer, tests: [tests])
    #expect(result.path == "money.py" && result.verdict == .pass)
    await programmer.stop()
  }
}
