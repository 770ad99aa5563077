import Domain
import Foundation
import TestKit
import Testing

@testable import UseCases

/// One task of HumanEval.
struct HumanEvalTask: Decodable, Sendable, CustomTestStringConvertible {
  var id: String
  var prompt: String
  var entryPoint: String
  var solution: String
  var test: String

  enum CodingKeys: String, CodingKey {
    case id = "task_id"
    case prompt, test
    case entryPoint = "entry_point"
    case solution = "canonical_solution"
  }

  var testDescription: String { id }
  var reference: String { prompt + solution }
  var tests: TestSource {
    TestSource(path: "test_human.py", text: "\(test)\n\ncheck(\(entryPoint))\n")
  }

  static let folder = ProcessInfo.processInfo.environment["STET_SHARED_DATA"]

  /// All 164 in a slow run, every 27th in a quick one.
  static let tasks: [HumanEvalTask] = {
    guard let folder,
      let text = try? String(
        contentsOfFile: folder + "/humaneval/HumanEval.jsonl", encoding: .utf8)
    else { return [] }
    let all = text.split(separator: "\n").compactMap {
      try? JSONDecoder().decode(HumanEvalTask.self, from: Data($0.utf8))
    }
    return SlowTests.isOn ? all : all.enumerated().filter { $0.offset % 27 == 0 }.map(\.element)
  }()

  static func every(_ step: Int) -> [HumanEvalTask] {
    tasks.enumerated().filter { $0.offset % step == 0 }.map(\.element)
  }
}

/// The loop's verdict is right for every task and every kind of answer, whatever the order.
@Suite(
  .enabled(if: HumanEvalTask.folder != nil, "STET_SHARED_DATA names no folder with HumanEval"))
struct HumanEvalTests {
  /// What a model may answer beside the right thing.
  enum Answer: String, CaseIterable, Sendable {
    case mutated, hanging, syntax, exitsAtOnce, exitsLate, equalsAll, patches, quiets

    func code(_ task: HumanEvalTask) -> String {
      let name = task.entryPoint
      switch self {
      case .mutated:
        // What it gives is never what was asked: numbers are off by one, truth is turned round.
        return task.reference + """


          def _other(value):
              if value is None:
                  return 0
              if isinstance(value, bool):
                  return not value
              if isinstance(value, (int, float)):
                  return value + 1
              if isinstance(value, str):
                  return value + "?"
              if isinstance(value, (list, tuple)):
                  return type(value)(list(value) + [12345])
              return None


          _right = \(name)


          def \(name)(*arguments):
              return _other(_right(*arguments))

          """
      case .hanging: return "def \(name)(*arguments):\n    while True:\n        pass\n"
      case .syntax: return task.reference + "\n\ndef broken(:\n    return\n"
      case .exitsAtOnce:
        return "import os\n\n\ndef \(name)(*arguments):\n    return None\n\n\nos._exit(0)\n"
      case .exitsLate: return "import os\n\n\ndef \(name)(*arguments):\n    os._exit(0)\n"
      case .equalsAll:
        return """
          class Liar:
              def __eq__(self, other):
                  return True

              def __ne__(self, other):
                  return False

              def __lt__(self, other):
                  return True

              __le__ = __gt__ = __ge__ = __lt__

              def __sub__(self, other):
                  return 0

              __rsub__ = __add__ = __radd__ = __mul__ = __pow__ = __sub__

              def __abs__(self):
                  return 0

              def __bool__(self):
                  return True


          def \(name)(*arguments):
              return Liar()

          """
      case .patches:
        return """
          import builtins


          class Quiet(Exception):
              pass


          builtins.AssertionError = Quiet
          builtins.all = builtins.any = lambda values: True
          builtins.abs = lambda value: 0


          def \(name)(*arguments):
              return None

          """
      case .quiets:
        return """
          import gc
          import types

          for thing in gc.get_objects():
              if isinstance(thing, types.FunctionType) and thing.__name__ == "check":
                  thing.__code__ = (lambda candidate: None).__code__
          import sys
          for module in list(sys.modules.values()):
              if hasattr(module, "check"):
                  module.check = lambda candidate: None


          def \(name)(*arguments):
              return None

          """
      }
    }
  }

  private func generate(
    _ task: HumanEvalTask, _ programmer: ScriptedProgrammer, rounds: Int
  ) async throws -> GenerationResult {
    try await GenerateCode(ports: GenerationSandbox.ports(programmer.model)).run(
      .init(
        prompt: task.prompt, tests: [task.tests],
        criteria: EvaluationCriteria(axes: [.correctness]),
        limits: .init(rounds: rounds, candidates: 1, time: 300), askedBy: "test"))
  }

  /// Several at a time: most of it is waiting for what hangs.
  private func forEach<Part: Sendable>(
    _ parts: [Part], _ body: @escaping @Sendable (Part) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (number, part) in parts.enumerated() {
        if number >= 6 { try await group.next() }
        group.addTask { try await body(part) }
      }
      while try await group.next() != nil {}
    }
  }

  @Test func theVerdictIsRightForEveryTask() async throws {
    try #require(!HumanEvalTask.tasks.isEmpty)
    let began = ContinuousClock.now
    try await forEach(Array(HumanEvalTask.tasks.enumerated())) { number, task in
      // Each task meets two of the eight, or four; over four tasks every kind comes up.
      let step = SlowTests.isWhole ? 2 : 4
      let kinds = Answer.allCases.enumerated()
        .filter { $0.offset % step == number % step }.map(\.element)
      let bad = kinds.map { FakeModelServer.Reply.program($0.code(task)) }
      let programmer = try await ScriptedProgrammer(bad + [.program(task.reference)])
      let result = try await generate(task, programmer, rounds: kinds.count + 1)
      #expect(result.verdict == .pass, "\(task.id): \(result.reason)")
      #expect(
        result.code.contains(task.solution.trimmingCharacters(in: .whitespacesAndNewlines)),
        "\(task.id)")
      #expect(result.rounds.count == kinds.count + 1, "\(task.id)")
      for (kind, round) in zip(kinds, result.rounds) {
        #expect(round.verdict == .fail, "\(task.id): \(kind.rawValue)")
      }
      await programmer.stop()
    }
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    print("HumanEval: \(HumanEvalTask.tasks.count) tasks in \(seconds) s")
  }

  @Test func theReferenceHoldsAtOnce() async throws {
    // Every one of them comes last above, and passes.
    let tasks = HumanEvalTask.every(SlowTests.isWhole ? 1 : 4)
    try await forEach(tasks) { task in
      let programmer = try await ScriptedProgrammer([.program(task.reference)])
      let result = try await generate(task, programmer, rounds: 1)
      #expect(result.verdict == .pass, "\(task.id): \(result.rounds.last?.feedback ?? "")")
      await programmer.stop()
    }
  }

  @Test(arguments: Answer.allCases)
  func aBadAnswerAloneNeverPasses(_ kind: Answer) async throws {
    // Every kind has met every fourth task above; a hanging one takes its whole limit.
    let step = kind == .hanging ? 32 : 8
    let tasks = HumanEvalTask.every(SlowTests.isWhole ? step / 4 : step)
    try await forEach(tasks) { task in
      let programmer = try await ScriptedProgrammer(always: .program(kind.code(task)))
      let result = try await generate(task, programmer, rounds: 1)
      #expect(result.verdict == .fail, "\(task.id): \(result.verdict) \(result.reason)")
      await programmer.stop()
    }
  }
}
