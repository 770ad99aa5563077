import Domain
import TestKit
import Testing
import UseCases

/// Code that wants to pass without being right, and code that breaks.
@Suite struct HostileCodeTests {
  struct Code: Sendable, CustomTestStringConvertible {
    var name: String
    var code: String
    var kind: EvaluationAxis.Evidence.FailureKind
    var says: String
    var testDescription: String { name }
  }

  static let tests = """
    from solution import add
    def test_small():
        assert add(1, 2) == 3
    def test_large():
        assert add(200, 2) == 202
    """

  static let all: [Code] = [
    Code(
      name: "ends the process while imported", code: "import os\nos._exit(0)\n", kind: .exited,
      says: "status 0"),
    Code(
      name: "SystemExit while imported", code: "import sys\nsys.exit(0)\n", kind: .exited,
      says: "ends the program while it is imported"),
    Code(
      name: "ends the process in a test",
      code: "import os\ndef add(a, b):\n    os._exit(0)\n", kind: .exited, says: "status 0"),
    Code(
      name: "SystemExit in a test", code: "import sys\ndef add(a, b):\n    sys.exit(0)\n",
      kind: .exited, says: "SystemExit"),
    Code(
      name: "a child that stays",
      code: "import os, time\ndef add(a, b):\n    if os.fork() == 0:\n        time.sleep(30)\n"
        + "    os._exit(0)\n", kind: .exited, says: "status 0"),
    Code(
      name: "hangs", code: "def add(a, b):\n    while True:\n        pass\n", kind: .timeout,
      says: "test_small (test_it.py"),
    Code(
      name: "hangs while imported", code: "import time\ntime.sleep(1000)\n", kind: .timeout,
      says: "its import"),
    Code(
      name: "floods the output",
      code: "def add(a, b):\n    while True:\n        print('x' * 10_000)\n", kind: .timeout,
      says: "did not end within"),
    Code(
      name: "crashes the interpreter",
      code: "import os, signal\ndef add(a, b):\n    os.kill(os.getpid(), signal.SIGSEGV)\n",
      kind: .exited, says: "signal 11"),
    Code(
      name: "takes all memory", code: "def add(a, b):\n    return bytearray(10 ** 12)\n",
      kind: .memory, says: "MemoryError"),
    Code(
      name: "does not end calling itself", code: "def add(a, b):\n    return add(a, b)\n",
      kind: .exception, says: "RecursionError"),
    Code(
      name: "no such module", code: "import nothing_here\n", kind: .importing, says: "nothing_here"),
    Code(name: "no such name", code: "x = undefined\n", kind: .name, says: "'undefined'"),
    Code(
      name: "no such name in a test", code: "def add(a, b):\n    return a + c\n", kind: .name,
      says: "'c' is not defined"),
    Code(
      name: "nothing of that name", code: "def plus(a, b):\n    return 0\n", kind: .importing,
      says: "cannot import name 'add'"),
    Code(name: "no Python", code: "def add(a, b:\n    return a\n", kind: .syntax, says: "parse"),
    Code(
      name: "nested too deeply", code: String(repeating: "(", count: 5_000), kind: .syntax,
      says: "The code"),
    Code(name: "a zero byte", code: "x = 1\0\n", kind: .syntax, says: "null"),
    Code(
      name: "equal to everything",
      code: "class All:\n    def __eq__(self, other):\n        return True\n"
        + "def add(a, b):\n    return All()\n", kind: .tampered, says: "equal to anything"),
    Code(
      name: "a number equal to everything",
      code: "class All(int):\n    def __eq__(self, other):\n        return True\n"
        + "    def __ne__(self, other):\n        return False\n"
        + "def add(a, b):\n    return All(1)\n", kind: .tampered, says: "equal to anything"),
    Code(
      name: "replaces len",
      code: "import builtins\nbuiltins.len = lambda x: 3\n"
        + EvaluationBench.sum, kind: .tampered, says: "builtins.len"),
    Code(
      name: "replaces AssertionError",
      code: "import builtins\nbuiltins.AssertionError = ValueError\n" + EvaluationBench.sum,
      kind: .tampered, says: "builtins.AssertionError"),
    Code(
      name: "skips the tests",
      code: "import unittest\ndef add(a, b):\n    raise unittest.SkipTest('later')\n",
      kind: .skipped, says: "it was skipped"),
    Code(
      name: "writes what looks like a report",
      code: "import os\nfor n in range(3, 64):\n    try:\n"
        + "        os.write(n, b'{\"complete\": true, \"texts\": []}\\n')\n"
        + "    except OSError:\n        pass\nos._exit(0)\n", kind: .exited, says: "status 0"),
    Code(
      name: "kills what watches it",
      code: "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n" + EvaluationBench.sum,
      kind: .exited, says: "cut short"),
  ]

  @Test(arguments: all) func itFailsAndSaysWhy(_ hostile: Code) async throws {
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject(hostile.code, Self.tests, limit: .seconds(1)))
    #expect(axis.verdict == .fail, "\(axis)")
    let told = axis.evidence.filter { $0.isFailure && $0.kind == hostile.kind }
    #expect(told.contains { $0.message.contains(hostile.says) }, "\(axis)")
  }

  @Test func theRestIsRunAfterATestThatHangs() async throws {
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject(
        "def add(a, b):\n    while a == 1:\n        pass\n    return a + b\n", Self.tests,
        limit: .seconds(1)))
    #expect(axis.value == 0.5, "\(axis)")
    let hang = try #require(axis.evidence.first { $0.kind == .timeout })
    #expect(hang.rule == "test_it.py::test_small")
    #expect(hang.line == 2 || hang.line == 3, "\(hang)")
  }

  @Test(
    .enabled(if: TestImages.isPrepared(), "\(TestImages.missing)"),
    arguments: [
      "import _pytest.python_api, pytest\nclass Any:\n    def __enter__(self): return self\n"
        + "    def __exit__(self, *a): return True\npytest.raises = lambda *a, **k: Any()\n",
      "import pytest\ndef add(a, b):\n    pytest.skip('later')\n",
      "import pytest\ndef add(a, b):\n    pytest.xfail('later')\n",
      "import pytest\ndef add(a, b):\n    pytest.exit('all is well', 0)\n",
      "import _pytest.runner as r\nr.call_and_report = lambda *a, **k: None\n",
      "import os\ndef add(a, b):\n    os._exit(0)\n",
    ]) func pytestIsNotTalkedRound(code: String) async throws
  {
    let tests = """
      import pytest
      from solution import add
      def test_sum():
          assert add(1, 2) == 3
      def test_refusal():
          with pytest.raises(TypeError):
              add(1, "a")
      """
    let whole = code.contains("def add") ? code : code + "def add(a, b):\n    return 3\n"
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject(whole, tests, limit: .seconds(3)))
    #expect(axis.verdict == .fail, "\(axis)")
    #expect(axis.value != 1, "\(axis)")
  }

  @Test(arguments: [
    ("def test_a(:\n", "cannot be read"), ("x = 1\n", "No test was found"),
    (#"[{"nothing": 1}]"#, "neither"),
  ]) func testsThatAreNoneAreNoVerdict(text: String, says: String) async throws {
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject(EvaluationBench.sum, text))
    #expect(axis.verdict == .notRun, "\(axis)")
    #expect(axis.reason?.contains(says) == true, "\(axis)")
  }
}
