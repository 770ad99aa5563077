import Domain
import Sandbox
import Testing

@testable import UseCases

/// Processor time against the version before, growth, memory; and calls that Stet makes up.
@Suite struct EfficiencyTests {
  static let quick = "def total(values: list[int]) -> int:\n    return sum(values)\n"
  static let slow = """
    def total(values: list[int]) -> int:
        found = 0
        for a in values:
            for b in values:
                found += a if a is b else 0
        return sum(values)
    """
  static let tests = "def test_total():\n    assert total(list(range(1500))) == 1124250\n"

  @Test func whatBecameSlowerFails() async throws {
    let slower = try await EvaluationBench.efficiency(
      EvaluationBench.subject(Self.slow, Self.tests, change: { $0.previous = Self.quick }))
    #expect(slower.verdict == .fail, "\(slower)")
    #expect((slower.value ?? 0) > 1.5 && slower.threshold == 1.5)
    #expect(slower.evidence.contains { $0.rule == "slowdown" && $0.isFailure })
    let quicker = try await EvaluationBench.efficiency(
      EvaluationBench.subject(Self.quick, Self.tests, change: { $0.previous = Self.slow }))
    #expect(quicker.verdict == .pass, "\(quicker)")
    #expect((quicker.value ?? 9) < 1)
  }

  @Test func growthIsFitted() async throws {
    let axis = try await EvaluationBench.efficiency(
      EvaluationBench.subject(Self.slow, change: { $0.criteria.growth = 1.3 }))
    #expect(axis.verdict == .fail, "\(axis)")
    let exponent = try #require(axis.value)
    #expect(abs(exponent - 2) < 0.5)
    #expect(axis.threshold == 1.3)
    let allowed = try await EvaluationBench.efficiency(EvaluationBench.subject(Self.slow))
    #expect(allowed.verdict == .pass, "any growth is allowed unless the criteria say")
  }

  /// As on a machine whose time is taken by another while it counts.
  @Test func aClockThatStandsStillAtTimesIsNoTrouble() async throws {
    let program = """
      import os, time
      import stet_growth
      now, calls = [0.0], [0]
      def work(values):
          calls[0] += 1
          if calls[0] % 3:
              now[0] += len(values) ** 2 * 1e-6
      stet_growth._clock = lambda: now[0]
      stet_growth._since = lambda began: now[0] - began
      found = stet_growth.measure(work, "list", time.monotonic() + 5)
      assert abs(found["exponent"] - 2) < 0.01, found
      stet_growth._since = lambda began: 0.0
      try:
          stet_growth.best(work, "list", 4, 3)
      except stet_growth.Unclear:
          print("right")
      """
    let files: [(String, [UInt8])] = [
      ("stet_given", PackageResources.stet_given_py),
      ("stet_forms", PackageResources.stet_forms_py),
      ("stet_tell", PackageResources.stet_tell_py),
      ("stet_cases", PackageResources.stet_cases_py),
      ("stet_guard", PackageResources.stet_guard_py),
      ("stet_worker", PackageResources.stet_worker_py),
      ("stet_growth", PackageResources.stet_growth_py),
    ]
    let result = try await EvaluationBench.sandbox.run(
      SandboxTask(.python(program), files: files.map { SandboxFile($0.0 + ".py", $0.1) }))
    #expect(result.outputText == "right\n", "\(result.errorText)")
  }

  @Test func memoryIsHeldToItsLimit() async throws {
    let code = "def total(values):\n    return len(bytearray(120 << 20))\n"
    let axis = try await EvaluationBench.efficiency(
      EvaluationBench.subject(
        code, "assert total([1]) == 120 << 20\n", change: { $0.criteria.memory = 100 }))
    #expect(axis.verdict == .fail, "\(axis)")
    #expect(axis.evidence.contains { $0.rule == "memory" })
  }

  @Test func nothingToMeasureIsNotRun() async throws {
    let axis = try await EvaluationBench.efficiency(EvaluationBench.subject("x = 1\n"))
    #expect(axis.verdict == .notRun)
    #expect(axis.reason?.isEmpty == false)
  }

  @Test func aMadeUpCallFailsOnlyByADefect() async throws {
    let crash = try await EvaluationBench.correctness(
      EvaluationBench.subject(
        "def label(s: str, n: int) -> str:\n    if n > 5:\n        return s + n\n    return s * n\n"
      ))
    #expect(crash.verdict == .fail, "\(crash)")
    let shown = try #require(crash.evidence.first { $0.isFailure })
    #expect(shown.source == .generated && shown.line == 3)
    #expect(shown.input?.hasPrefix("label(") == true)
    // An empty list may be beyond what is meant, and a raised error is meant.
    let meant = try await EvaluationBench.correctness(
      EvaluationBench.subject(
        "def first(v: list[int]) -> int:\n    return v[0]\n"
          + "def half(n: int) -> int:\n    if n % 2:\n        raise TypeError('odd')\n"
          + "    return n // 2\n"))
    #expect(meant.verdict == .pass, "\(meant)")
    #expect(meant.evidence.contains { $0.input == "first([])" })
  }

  @Test(arguments: [false, true]) func anotherResultThanBeforeIsShown(keeps: Bool) async throws {
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject(
        "def twice(n: int) -> int:\n    return n * 3\n",
        change: {
          $0.previous = "def twice(n: int) -> int:\n    return n * 2\n"
          $0.keepsBehaviour = keeps
        }))
    let told = try #require(axis.evidence.first { $0.message.contains("gave") })
    #expect(told.isFailure == keeps)
    #expect((axis.verdict == .fail) == keeps)
  }

  @Test func codeThatCannotBeImportedFailsWithoutTests() async throws {
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject("import nothing_here\n"))
    #expect(axis.verdict == .fail)
    #expect(axis.evidence.first?.kind == .importing)
    let program = try await EvaluationBench.correctness(EvaluationBench.subject("print(input())\n"))
    #expect(program.verdict == .notRun, "a program that waits for input does no wrong")
  }
}
