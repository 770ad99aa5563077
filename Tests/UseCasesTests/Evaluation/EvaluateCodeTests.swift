import Domain
import Foundation
import Synchronization
import Testing
import UseCases

/// The report as a whole: verdict, deadline, record, changes.
@Suite struct EvaluateCodeTests {
  /// Judges by a closure.
  struct Evaluator: AxisEvaluator {
    var names: [EvaluationAxis.Name]
    var judge: @Sendable () async throws(SandboxError) -> [EvaluationAxis]

    func evaluate(
      _ subject: EvaluationSubject, in sandbox: any CodeSandbox
    ) async throws(SandboxError) -> [EvaluationAxis] { try await judge() }

    static func gives(
      _ name: EvaluationAxis.Name, _ verdict: EvaluationAxis.Verdict
    ) -> Evaluator {
      Evaluator(names: [name]) { [EvaluationAxis(name: name, verdict: verdict)] }
    }
  }

  final class Runs: RunStore {
    let kept = Mutex<[Run]>([])
    func save(_ run: Run) async throws(StoreError) { kept.withLock { $0.append(run) } }
    func run(id: String) async throws(StoreError) -> Run? { kept.withLock { $0.last } }
    func runs(limit: Int, before: String?) async throws(StoreError) -> [Run] {
      kept.withLock { $0 }
    }
  }

  func evaluate(
    _ evaluators: [any AxisEvaluator], runs: Runs? = nil,
    _ change: (inout EvaluateCode.Request) -> Void = { _ in }
  ) async throws -> Evaluation {
    var request = EvaluateCode.Request(code: "x = 1\n", askedBy: "test")
    change(&request)
    return try await EvaluateCode(
      ports: .init(sandbox: EvaluationBench.sandbox, runs: runs, evaluators: evaluators)
    ).run(request)
  }

  static let oneTest = [TestSource(path: "test_it.py", text: "assert x == 1\n")]

  @Test(arguments: [
    (EvaluationAxis.Verdict.pass, EvaluationAxis.Verdict.pass, Evaluation.Verdict.pass),
    (.pass, .fail, .fail), (.fail, .pass, .fail), (.notRun, .pass, .error),
    (.pass, .notRun, .pass), (.notRun, .fail, .fail), (.notRun, .notRun, .error),
  ])
  func theVerdictFollowsFromTheAxes(
    correctness: EvaluationAxis.Verdict, types: EvaluationAxis.Verdict,
    verdict: Evaluation.Verdict
  ) async throws {
    let found = try await evaluate([
      Evaluator.gives(.correctness, correctness), Evaluator.gives(.types, types),
    ]) { $0.tests = Self.oneTest }
    #expect(found.verdict == verdict)
    #expect(found.axes.map(\.name) == EvaluationAxis.Name.allCases)
  }

  @Test func onlyTheAxesOfTheCriteriaCount() async throws {
    let found = try await evaluate([
      Evaluator.gives(.correctness, .pass), Evaluator.gives(.types, .fail),
    ]) { $0.criteria.axes = [.correctness] }
    #expect(found.verdict == .pass)
    #expect(found.axis(.types)?.verdict == .fail)
  }

  @Test func whatBreaksWasNotRun() async throws {
    let found = try await evaluate([
      Evaluator.gives(.correctness, .pass),
      Evaluator(names: [.types, .security]) { () async throws(SandboxError) in
        throw SandboxError(code: .imageMissing, detail: "Run stet sandbox prepare.")
      },
    ])
    #expect(found.verdict == .pass)
    #expect(found.axis(.security)?.verdict == .notRun)
    #expect(found.axis(.security)?.reason == "Run stet sandbox prepare.")
  }

  @Test func whatIsLateWasNotRunAndIsStopped() async throws {
    let stopped = Mutex(false)
    let began = ContinuousClock.now
    let found = try await evaluate([
      Evaluator.gives(.types, .pass),
      Evaluator(names: [.correctness]) { () async throws(SandboxError) in
        do { try await Task.sleep(for: .seconds(60)) } catch { stopped.withLock { $0 = true } }
        return []
      },
    ]) {
      $0.deadline = .milliseconds(200)
      $0.tests = Self.oneTest
    }
    #expect(ContinuousClock.now - began < .seconds(20))
    #expect(stopped.withLock { $0 })
    #expect(found.verdict == .error)
    #expect(found.axis(.correctness)?.reason?.contains("within") == true)
  }

  @Test func theRunIsKeptWithoutSecrets() async throws {
    let runs = Runs()
    let secret = "ghp_" + String(repeating: "aB3dE6gH", count: 5).prefix(36)
    let evaluator = Evaluator(names: [.correctness]) { () async throws(SandboxError) in
      [
        EvaluationAxis(
          name: .correctness, verdict: .fail, evidence: [.init(message: "got \(secret)")])
      ]
    }
    let found = try await evaluate([evaluator], runs: runs) { $0.run = "run-7" }
    #expect(found.run == "run-7")
    #expect(found.axes[0].evidence[0].message.contains(secret))
    let run = try #require(runs.kept.withLock { $0.first })
    #expect(run.id == "run-7" && run.kind == .evaluate && run.outcome == .completed)
    #expect(run.inputs.keys.sorted() == ["code"])
    let text = String(decoding: try JSONEncoder().encode(run.result), as: UTF8.self)
    #expect(text.contains("verdict") && !text.contains(secret))
  }

  @Test func changesAreTold() async throws {
    @Sendable func axis(_ failures: [String], _ value: Double) -> EvaluationAxis {
      EvaluationAxis(
        name: .correctness, verdict: failures.isEmpty ? .pass : .fail, value: value, threshold: 1,
        evidence: failures.map { .init(rule: $0, message: "\($0) failed") })
    }
    func judged(_ failures: [String], _ value: Double) -> Evaluator {
      Evaluator(names: [.correctness]) { () async throws(SandboxError) in [axis(failures, value)] }
    }
    let first = try await evaluate([judged(["test_a", "test_b"], 0.5)])
    #expect(first.changes == nil)
    let second = try await evaluate([judged(["test_c"], 0.75)]) { $0.compared = first }
    let changes = try #require(second.changes)
    #expect(changes.contains("New in correctness: test_c failed"))
    #expect(changes.contains("2 findings of correctness gone."))
    #expect(changes.contains("correctness went from 0.50 to 0.75."))
    let third = try await evaluate([judged([], 1)]) { $0.compared = second }
    #expect(third.changes?.contains("correctness passes now.") == true)
  }

  @Test func aSecondFindingOfARuleIsNew() async throws {
    func judged(_ lines: [Int]) -> Evaluator {
      let axis = EvaluationAxis(
        name: .practice, verdict: .fail,
        evidence: lines.map {
          .init(line: $0, rule: "F821", message: "line \($0) has no such name")
        }
      )
      return Evaluator(names: [.practice]) { () async throws(SandboxError) in [axis] }
    }
    let first = try await evaluate([judged([3])])
    let second = try await evaluate([judged([3, 9])]) { $0.compared = first }
    #expect(second.changes == ["New in practice: line 9 has no such name"])
    let third = try await evaluate([judged([4, 8, 9, 10])]) { $0.compared = second }
    #expect(
      third.changes == ["New in practice: line 10 has no such name (and 1 more of the kind)"])
    let fourth = try await evaluate([judged([1])]) { $0.compared = third }
    #expect(fourth.changes == ["3 findings of practice gone."])
  }

  struct Wrong: Sendable, CustomTestStringConvertible {
    var field: String
    var change: @Sendable (inout EvaluateCode.Request) -> Void
    var testDescription: String { field }
  }

  static let wrong: [Wrong] = [
    Wrong(field: "code") { $0.code = " \n\t" },
    Wrong(field: "code") { $0.code = String(repeating: "x", count: 300_000) },
    Wrong(field: "path") { $0.path = "../outside.py" },
    Wrong(field: "path") { $0.path = "/etc/passwd" },
    Wrong(field: "path") { $0.path = "" },
    Wrong(field: "tests") { $0.tests = [TestSource(path: "a.py", text: " ")] },
    Wrong(field: "tests") { $0.tests = [TestSource(path: "a/../b.py", text: "assert 1")] },
    Wrong(field: "tests") {
      $0.tests = Array(repeating: TestSource(path: "a.py", text: "assert 1"), count: 65)
    },
    Wrong(field: "criteria.axes") { $0.criteria.axes = [] },
    Wrong(field: "criteria.complexity") { $0.criteria.complexity = 0 },
    Wrong(field: "criteria.slowdown") { $0.criteria.slowdown = -.infinity },
    Wrong(field: "previous") { $0.previous = String(repeating: "x", count: 300_000) },
  ]

  @Test(arguments: wrong) func whatIsWrongIsNamed(_ wrong: Wrong) async throws {
    let error = await #expect(throws: EvaluateError.self) {
      try await evaluate([Evaluator.gives(.correctness, .pass)], wrong.change)
    }
    #expect(error?.code == .invalid)
    #expect(error?.field == wrong.field)
  }

  @Test(
    arguments: [
      (#"{"complexity": 3, "growth": 1.5}"#, nil), (#"{"complexity": "3"}"#, "criteria.complexity"),
      (#"{"axes": []}"#, "criteria.axes"), (#"{"axes": ["speed"]}"#, "criteria.axes"),
      (#"{"axes": "types"}"#, "criteria.axes"),
      (#"{"slowdown": 0}"#, "criteria.slowdown"), (#"{"severity": "all"}"#, "criteria.severity"),
      (#"{"speed": 1}"#, "criteria.speed"), ("[]", "criteria"),
    ] as [(String, String?)])
  func criteriaAreReadOrNamed(text: String, field: String?) throws {
    let value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    do throws(EvaluateError) {
      let criteria = try EvaluateCode.criteria(value)
      #expect(field == nil)
      #expect(criteria.complexity == 3 && criteria.growth == 1.5 && criteria.slowdown == 1.5)
    } catch {
      #expect(error.field == field)
    }
  }
}
