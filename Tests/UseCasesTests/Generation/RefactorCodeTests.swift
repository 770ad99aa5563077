import Domain
import Foundation
import Sandbox
import TestKit
import Testing

@testable import UseCases

/// Rewriting under proof, with a model that says what is written here.
@Suite struct RefactorCodeTests {
  /// Judges the types by whether it is the version before or after.
  private struct Types: AxisEvaluator {
    var after: EvaluationAxis.Verdict
    var names: [EvaluationAxis.Name] { [.types] }

    func evaluate(
      _ subject: EvaluationSubject, in sandbox: any CodeSandbox
    ) async throws(SandboxError) -> [EvaluationAxis] {
      let verdict = subject.previous == nil ? .pass : after
      return [EvaluationAxis(name: .types, verdict: verdict, reason: "The tool broke.", value: 0)]
    }
  }

  private func refactor(
    _ programmer: ScriptedProgrammer, _ code: String, rounds: Int = 2,
    criteria: EvaluationCriteria = .init(),
    evaluators: [any AxisEvaluator] = [CorrectnessEvaluator()]
  ) async throws -> GenerationResult {
    var ports = GenerationSandbox.ports(programmer.model)
    ports.evaluation.evaluators = evaluators
    return try await RefactorCode(ports: ports).run(
      .init(
        code: code, goal: "Shorter.", criteria: criteria,
        limits: .init(rounds: rounds, candidates: 1), askedBy: "test"))
  }

  private static let before =
    "def total(items: list) -> int:\n    result = 0\n    for item in items:\n"
    + "        result = result + item\n    return result\n"
  private static let after = "def total(items: list) -> int:\n    return sum(items)\n"

  @Test func whatIsProvedPasses() async throws {
    let programmer = try await ScriptedProgrammer([.program(Self.after)])
    let result = try await refactor(programmer, Self.before)
    #expect(result.verdict == .pass && result.changed && result.code == Self.after)
    await programmer.stop()
  }

  /// The proof holds, and the code is no better than the criteria ask.
  @Test func aCriterionThatFailsBeforeAndAfterIsNoPass() async throws {
    let branches = "def sign(x: int) -> int:\n    if x > 0:\n        return 1\n"
    let code = branches + "    if x < 0:\n        return -1\n    return 0\n"
    let shorter = branches + "    return -1 if x < 0 else 0\n"
    let programmer = try await ScriptedProgrammer([.program(shorter)])
    let result = try await refactor(
      programmer, code, criteria: EvaluationCriteria(complexity: 1),
      evaluators: [CorrectnessEvaluator(), PracticeEvaluator()])
    #expect(result.changed && result.code == shorter)
    #expect(result.verdict == .fail)
    #expect(result.reason.contains("practice still fails"), "\(result.reason)")
    await programmer.stop()
  }

  @Test(arguments: [EvaluationAxis.Verdict.pass, .notRun])
  func whatCanBeJudgedNoMoreIsWorse(verdict: EvaluationAxis.Verdict) async throws {
    let programmer = try await ScriptedProgrammer(always: .program(Self.after))
    let result = try await refactor(
      programmer, Self.before, rounds: 1,
      evaluators: [CorrectnessEvaluator(), Types(after: verdict)])
    #expect(result.changed == (verdict == .pass))
    if verdict == .notRun {
      let told = result.rounds.last?.feedback ?? ""
      #expect(told.contains("types cannot be judged any more"), "\(told)")
    }
    await programmer.stop()
  }

  /// What others may take from the module stays: constants, and imports that are passed on.
  @Test(arguments: ["LIMIT = 3", "LIMIT: int = 3", "from json import dumps as dumps"])
  func everyPublicNameStays(line: String) async throws {
    let name = line.contains("LIMIT") ? "LIMIT" : "dumps"
    let programmer = try await ScriptedProgrammer([
      .program(Self.after), .program("\(line)\n\n\n\(Self.after)"),
    ])
    let result = try await refactor(programmer, "\(line)\n\n\n\(Self.before)")
    #expect(result.rounds.first?.feedback.contains("gone: \(name)") == true)
    #expect(result.rounds.map(\.verdict) == [.fail, .pass])
    #expect(result.verdict == .pass && result.code.hasPrefix(line))
    await programmer.stop()
  }

  /// What nobody else can want may go: private names, and imports of the standard library.
  @Test func whatIsNobodyElsesMayGo() async throws {
    let programmer = try await ScriptedProgrammer([.program(Self.after)])
    let result = try await refactor(
      programmer, "import os\nfrom typing import List\n\n_hidden = 1\n\n\n\(Self.before)")
    #expect(result.verdict == .pass && result.code == Self.after)
    await programmer.stop()
  }

  @Test func aRefactoringIsGoneOnFromByWhatAPersonSays() throws {
    let earlier = GenerationResult(
      verdict: .pass, reason: "", code: Self.after, changed: true, rounds: [],
      usage: ModelUsage(), run: "r", failure: nil, path: "money.py", prompt: "",
      messages: ["Shorter."],
      testFiles: [TestSource(path: "test_a.py", text: "assert total([]) == 0\n")],
      criteria: EvaluationCriteria(complexity: 4), limits: GenerationLimits())
    let request = RefactorCode.Request(
      goingOnFrom: earlier, message: "Name it sum_of.",
      tests: [TestSource(path: "test_b.py", text: "assert total([1]) == 1\n")],
      criteria: earlier.criteria, limits: GenerationLimits(rounds: 2), askedBy: "cli")
    #expect(request.code == Self.after && request.path == "money.py")
    #expect(request.goal == RefactorCode.unnamedGoal && request.criteria.complexity == 4)
    #expect(request.earlier?.messages == ["Shorter.", "Name it sum_of."])
    #expect(request.tests.map(\.path) == ["test_a.py", "test_b.py"])
  }
}
