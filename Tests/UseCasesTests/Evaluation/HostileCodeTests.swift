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

  /// The supervisor imports all of these, directly or by others.
  @Test(arguments: ["glob.py", "code.py", "json.py", "typing.py", "asyncio.py", "pdb.py"])
  func aNameOfTheStandardLibraryDoesNotForge(path: String) async throws {
    let code = #"""
      import os
      told = ('{"complete": true, "texts": [{"path": "test_it.py", "results": ['
          '{"number": 0, "outcome": "passed"}, {"number": 1, "outcome": "passed"}], '
          '"broken": [], "tampered": [], "canaries": 9}], "tools": {}, "peak": 1}\n')
      os.write(int(os.environ.get("STET_REPORT", "1")), told.encode())
      os._exit(0)
      """#
    let tests = """
      from \(path.dropLast(3)) import add
      def test_small():
          assert add(1, 2) == 3
      def test_large():
          assert add(200, 2) == 202
      """
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject(code, tests, limit: .seconds(2)) { $0.path = path })
    #expect(axis.verdict == .fail, "\(axis)")
    #expect(axis.value == 0, "\(axis)")
  }

  @Test func aTestThatItsAuthorSkipsFailsNobody() async throws {
    let tests = """
      import unittest
      from solution import add
      class Sums(unittest.TestCase):
          def test_small(self):
              self.assertEqual(add(1, 2), 3)
          @unittest.skip("not yet")
          def test_later(self):
              self.assertEqual(add(1, 2), 4)
      """
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject("def add(a, b):\n    return a + b\n", tests))
    #expect(axis.verdict == .pass, "\(axis)")
    #expect(axis.value == 1, "\(axis)")
    let skipped = try #require(axis.evidence.first { $0.kind == .skipped })
    #expect(!skipped.isFailure && skipped.message.contains("test_later"), "\(axis)")
  }

  struct Forgery: Sendable, CustomTestStringConvertible {
    var name: String
    var code: String
    var tests = HostileCodeTests.tests
    var testDescription: String { name }
  }

  static let zero = "def add(a, b):\n    return 0\n"
  /// Without frames and without memory: names that are found, and put in others' places.
  static let forgeries: [Forgery] = [
    Forgery(
      name: "changes how failures are reported",
      code: "import sys\nsys.modules['stet_worker'].Report.failed = "
        + "lambda self, n, d, name=None: self.passed(n, name)\n" + zero),
    Forgery(
      name: "finds our modules in the main one",
      code: "import __main__\nworker = __main__.sys.modules['stet_worker']\n" + zero),
    Forgery(
      name: "awaits nothing",
      code: "import inspect\ninspect.iscoroutine = lambda v: False\n" + zero,
      tests: "async def test_sum():\n    assert add(1, 2) == 3\n"),
    Forgery(
      name: "no coroutines", code: "import types\ntypes.CoroutineType = int\n" + zero,
      tests: "async def test_sum():\n    assert add(1, 2) == 3\n"),
    Forgery(
      name: "all is close", code: "import math\nmath.isclose = lambda *a, **k: True\n" + zero,
      tests: "import math\ndef test_sum():\n    assert math.isclose(add(1, 2), 3)\n"),
    Forgery(
      name: "all is close once it is called",
      code: "import math\ndef add(a, b):\n    math.isclose = lambda *a, **k: True\n    return 0\n",
      tests: "import math\ndef test_sum():\n    assert math.isclose(add(1, 2), 3)\n"),
    Forgery(
      name: "equal to everything, of another module",
      code: "class All:\n    def __eq__(self, other):\n        return True\nAll.__module__ = 'x'\n"
        + "def add(a, b):\n    return All()\n"),
    Forgery(
      name: "equal to every number, and made with an argument",
      code: "class All(int):\n    def __new__(cls, a, b):\n        return int.__new__(cls, a)\n"
        + "    def __eq__(self, other):\n        return isinstance(other, int)\n"
        + "All.__module__ = 'x'\ndef add(a, b):\n    return All(a, b)\n"),
    Forgery(
      name: "writes another JSON",
      code: "import json\nreal = json.dumps\ndef dumps(m, *a, **k):\n"
        + "    return real(dict(m, outcome='passed') if 'outcome' in m else m, *a, **k)\n"
        + "json.dumps = dumps\n" + zero),
    Forgery(
      name: "writes something else",
      code: "import os\nreal = os.write\n"
        + "os.write = lambda d, b: real(d, b.replace(b'failed', b'passed'))\n" + zero),
  ]

  @Test(arguments: forgeries) func aForgeryIsNoPass(_ forgery: Forgery) async throws {
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject(forgery.code, forgery.tests, limit: .seconds(3)))
    #expect(axis.verdict == .fail, "\(axis)")
    #expect(axis.value != 1, "\(axis)")
  }

  /// What looks like the above and is honest.
  @Test(arguments: [
    (
      EvaluationBench.sum,
      "import time\nclass Any:\n    def __eq__(self, other):\n        return True\n"
        + "time.sleep = lambda seconds: None\ndef test_a():\n    assert add(1, 2) == Any()\n"
    ),
    (
      "from unittest import mock\n" + EvaluationBench.sum,
      "from unittest.mock import ANY, patch\ndef test_a():\n    with patch('time.time'):\n"
        + "        assert add(1, 2) == ANY\n"
    ),
    (
      "import dataclasses, enum\n@dataclasses.dataclass\nclass P:\n    x: int = 0\n"
        + "class Column:\n    def __eq__(self, other):\n        return ('=', self, other)\n"
        + "    def __ne__(self, other):\n        return ('!', self, other)\n"
        + "class Seven(int):\n    def __eq__(self, other):\n"
        + "        return int(self) % 7 == int(other) % 7\n" + EvaluationBench.sum,
      "import asyncio, json, logging, os, random, sys\nrandom.seed(1)\n"
        + "async def test_a():\n    await asyncio.sleep(0)\n    assert add(1, 2) == 3\n"
    ),
  ]) func honestTestsAreNoForgery(code: String, tests: String) async throws {
    let axis = try await EvaluationBench.correctness(EvaluationBench.subject(code, tests))
    #expect(axis.verdict == .pass && axis.value == 1, "\(axis)")
  }

  @Test(
    .enabled(if: TestImages.isPrepared(), "\(TestImages.missing)"),
    arguments: [
      ("return 1 if n == 1 else 0", true), ("return pytest.xfail('later') if n == 1 else 0", false),
    ]) func onlyTheCaseThatIsMarkedMayFail(body: String, passes: Bool) async throws
  {
    let tests = """
      import pytest
      @pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.xfail)])
      def test_f(n):
          assert f(n) == 1
      @pytest.mark.xfail(run=False)
      def test_never():
          assert f(3) == 1
      """
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject("import pytest\ndef f(n):\n    \(body)\n", tests))
    #expect((axis.verdict == .pass) == passes, "\(axis)")
    #expect((axis.value == 1) == passes, "\(axis)")
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
