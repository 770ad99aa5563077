import Domain
import Foundation
import Sandbox
import TestKit
import Testing

@testable import UseCases

/// A pass needs a test that ran, a failure a deed of the code; and what runs is what is judged.
@Suite struct SoundVerdictTests {
  static let documented =
    "def add(a, b):\n    \"\"\"Adds.\n\n    >>> add(1, 1)\n    2\n    \"\"\"\n    return a + b\n"

  @Test(arguments: [
    // All of the user's tests are marked to be skipped.
    (
      [
        "import unittest\nclass A(unittest.TestCase):\n    @unittest.skip('later')\n"
          + "    def test_a(self): self.assertEqual(add(1, 2), 3)\n"
      ], "marked to be skipped"
    ),
    // A class of tests without one, beside tests that pass.
    (
      [
        "import unittest\nclass A(unittest.TestCase):\n    def verify(self): pass\n",
        "assert add(1, 2) == 3\n",
      ], "No test was found in test_it.py"
    ),
    // Nothing that is a test at all, in a file named as one.
    (
      ["def verify():\n    assert add(1, 2) == 4\n", "assert add(1, 2) == 3\n"],
      "No test was found in test_it.py"
    ),
  ]) func silenceIsNoPass(tests: [String], says: String) async throws {
    let axis = try await EvaluationBench.correctness(subject(Self.documented, tests))
    #expect(axis.verdict == .notRun, "\(axis)")
    #expect(axis.reason?.contains(says) == true, "\(axis)")
  }

  @Test(.enabled(if: TestImages.isPrepared(), "\(TestImages.missing)"))
  func aTextOfPytestWithoutATestIsNoPass() async throws {
    let tests = ["import pytest\ndef verify_a():\n    assert add(1, 2) == 4\n", "add(1, 2) -> 3\n"]
    let axis = try await EvaluationBench.correctness(subject(Self.documented, tests))
    #expect(axis.verdict == .notRun, "\(axis)")
    #expect(axis.reason?.contains("No test was found in test_it.py") == true, "\(axis)")
  }

  @Test func whatTestsImportIsNoEmptyTest() async throws {
    let axis = try await EvaluationBench.correctness(
      subject(
        EvaluationBench.sum,
        [
          "def three():\n    return 3\n",
          "from test_it import three\ndef test_sum():\n    assert add(1, 2) == three()\n",
        ]))
    #expect(axis.verdict == .pass && axis.value == 1, "\(axis)")
  }

  @Test func whatDecidesNothingCountsForNothing() async throws {
    let code = Self.documented.replacing("    2\n", with: "    3\n")
    let axis = try await EvaluationBench.correctness(subject(code, ["assert add(1, 2) == 3\n"]))
    #expect(axis.verdict == .pass && axis.value == 1, "\(axis)")
    #expect(axis.reason?.hasPrefix("1 of 1 test passed.") == true, "\(axis)")
    #expect(axis.reason?.contains("decide nothing here: 0 of 1 passed.") == true, "\(axis)")
  }

  // MARK: Time

  @Test func timeThatIsUpIsNotBlamedOnTheCode() async throws {
    let test = { (name: String) in
      "def test_\(name)():\n    time.sleep(1.2)\n    assert add(1, 1) == 2\n"
    }
    var slow = subject(
      EvaluationBench.sum, ["import time\n" + ["a", "b", "c", "d"].map(test).joined()])
    slow.end = .now + .seconds(4)
    let axis = try await EvaluationBench.correctness(slow)
    #expect(axis.verdict == .notRun, "\(axis)")
    #expect(axis.reason?.contains("time for all tests was up") == true, "\(axis)")
    // One that failed before is a failure all the same.
    slow.tests[0].text = "def test_0():\n    assert add(1, 1) == 3\n" + slow.tests[0].text
    slow.end = .now + .seconds(4)
    let failed = try await EvaluationBench.correctness(slow)
    #expect(failed.verdict == .fail, "\(failed)")
  }

  @Test func aReadingThatIsCutShortIsNoFailure() async throws {
    let sandbox = OtherSandbox { task in
      guard OtherSandbox.text(task).contains("\"stet_plan\"") else { return nil }
      return SandboxResult(
        end: .timedOut, seconds: 1, processorSeconds: 0, peakMemory: 0, backend: "none")
    }
    let axis = try await CorrectnessEvaluator().evaluate(
      subject(EvaluationBench.sum, ["assert add(1, 2) == 3\n"]), in: sandbox)[0]
    #expect(axis.verdict == .notRun, "\(axis)")
  }

  // MARK: Texts

  @Test func aByteOrderMarkIsNoPartOfATextEither() async throws {
    let mark = "\u{FEFF}"
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject(
        mark + EvaluationBench.sum, mark + "def test_a():\n    assert add(1, 2) == 3\n",
        change: { $0.previous = mark + EvaluationBench.sum }))
    #expect(axis.verdict == .pass && axis.value == 1, "\(axis)")
    let subject = EvaluationSubject(
      code: mark + mark + "x = 1\n", tests: [TestSource(path: "a.py", text: mark)],
      previous: mark + "x = 2\n")
    #expect(subject.code == mark + "x = 1\n" && subject.previous == "x = 2\n")
    #expect(subject.tests[0].text.isEmpty)
    let probe = CodeProbe(sandbox: EvaluationBench.sandbox)
    #expect(try await probe.look(mark + EvaluationBench.sum).names == ["add"])
    let wanted = try await probe.wanted(
      by: [TestSource(path: "test_it.py", text: mark + "from money import add\n")])
    #expect(wanted.broken.isEmpty && wanted.modules == ["money"])
  }

  @Test(arguments: [
    ("# coding: utf-7\n# harmless +AAo-import os\ndef add(a, b): return a + b\n", true),
    ("#!/usr/bin/python\n# coding: latin-1\nname = 'é'\ndef add(a, b): return a + b\n", true),
    ("# coding: latin-1\ndef add(a, b): return a + b\n", false),
    ("# -*- coding: UTF-8 -*-\nname = 'é'\ndef add(a, b): return a + b\n", false),
    ("x = 1\n# coding: utf-7\ndef add(a, b): return a + b\n", false),
  ]) func whatRunsIsWhatIsRead(code: String, isRefused: Bool) async throws {
    let axis = try await EvaluationBench.correctness(subject(code, ["assert add(1, 2) == 3\n"]))
    #expect(axis.verdict == (isRefused ? .fail : .pass), "\(axis)")
    #expect(axis.reason?.contains("declares the encoding") == isRefused, "\(axis)")
    let security = try await LintFixture.axis(
      SecurityEvaluator(), code, in: LintFixture.bareSandbox)
    let told = security.evidence.filter { $0.rule == "encoding" && $0.isFailure }
    #expect(told.isEmpty != isRefused, "\(security)")
  }

  @Test func cellsEndWherePythonEndsThem() async throws {
    let reader = CellReader(sandbox: EvaluationBench.sandbox)
    let cells = try await reader.cells(
      of: "a = 1\n\u{0C}\ndef f():\n    return 1\r\nb = '\u{2028}'\nprint(f())\n")
    await reader.close()
    #expect(
      cells == [
        "a = 1\n", "\u{0C}\ndef f():\n    return 1\n", "b = '\u{2028}'\n", "print(f())\n",
      ])
  }

  // MARK: Images

  static let numbers = "import numpy\ndef test_a():\n    assert add(numpy.int64(1), 2) == 3\n"

  @Test func withoutNumpyItIsSaidWhatToPrepare() async throws {
    let found = try await EvaluateCode(ports: .init(sandbox: LintFixture.bareSandbox)).run(
      .init(
        code: EvaluationBench.sum, tests: [TestSource(path: "test_it.py", text: Self.numbers)],
        askedBy: "test"))
    let axis = try #require(found.axis(.correctness))
    #expect(axis.verdict == .notRun && found.verdict == .error, "\(axis)")
    #expect(axis.reason?.contains("stet sandbox prepare data") == true, "\(axis)")
  }

  @Test(
    .enabled(
      if: ImageStore(folder: TestImages.folder).ready(.data) != nil,
      "the image data of the tests is not prepared as it is defined now"),
    arguments: [numbers, "import pytest\n" + numbers])
  func testsWithNumpyAreRunWhereItIs(tests: String) async throws {
    let axis = try await EvaluationBench.correctness(subject(EvaluationBench.sum, [tests]))
    #expect(axis.verdict == .pass && axis.value == 1, "\(axis)")
  }

  private func subject(_ code: String, _ tests: [String]) -> EvaluationSubject {
    EvaluationSubject(
      code: code,
      tests: tests.enumerated().map {
        TestSource(path: $0.offset == 0 ? "test_it.py" : "more_\($0.offset).py", text: $0.element)
      })
  }
}

/// The real sandbox, but for what `other` answers itself.
struct OtherSandbox: CodeSandbox {
  /// `nil`: as it is.
  var other: @Sendable (SandboxTask) throws(SandboxError) -> SandboxResult?

  static func text(_ task: SandboxTask) -> String { String(decoding: task.input, as: UTF8.self) }

  func run(_ task: SandboxTask) async throws(SandboxError) -> SandboxResult {
    if let result = try other(task) { return result }
    return try await EvaluationBench.sandbox.run(task)
  }

  func session(_ plan: SessionPlan) async throws(SandboxError) -> any SandboxSession {
    try await EvaluationBench.sandbox.session(plan)
  }

  func report() async -> SandboxReport { await EvaluationBench.sandbox.report() }
}
