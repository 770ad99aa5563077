import Domain
import TestKit
import Testing
import UseCases

/// Every form in which tests may come: found, counted, and told with its values.
@Suite struct TestFormsTests {
  struct Form: Sendable, CustomTestStringConvertible {
    var name: String
    var path = "test_it.py"
    /// Two tests of `add`, of which the second fails.
    var text: String
    /// What its message has to say.
    var values: String
    var kind = EvaluationAxis.Evidence.FailureKind.assertion
    var testDescription: String { name }
  }

  static let plain: [Form] = [
    Form(
      name: "functions",
      text: """
        from solution import add
        def test_right():
            assert add(1, 2) == 3
        def test_wrong():
            x = 2
            assert add(x, 2) == 5, "no sum"
        """, values: "left is 4, right is 5"),
    Form(
      name: "coroutines",
      text: """
        async def test_right():
            assert add(1, 2) == 3
        async def test_wrong():
            assert add(2, 2) == 5
        """, values: "left is 4, right is 5"),
    Form(
      name: "assertions", path: "asserts.py",
      text: "assert add(1, 2) == 3\nassert add(2, 2) == 5\n", values: "left is 4, right is 5"),
    Form(
      name: "a loop of assertions", path: "asserts.py",
      text:
        "for n in range(5):\n    assert add(n, 0) == n\nfor n in [2]:\n    assert add(n, 2) == 5\n",
      values: "left is 4, right is 5"),
    Form(
      name: "check(candidate)", path: "check.py",
      text: """
        METADATA = {}
        def check(candidate):
            assert candidate(1, 2) == 3
            assert candidate(2, 2) == 5
        """, values: "left is 4, right is 5"),
    Form(
      name: "check with its call", path: "check.py",
      text: """
        def check(candidate):
            assert candidate(1, 2) == 3
            assert candidate(2, 2) == 5
        check(add)
        """, values: "left is 4, right is 5"),
    Form(
      name: "unittest",
      text: """
        import unittest
        from solution import add
        class Sums(unittest.TestCase):
            def test_right(self):
                self.assertEqual(add(1, 2), 3)
            def test_wrong(self):
                self.assertEqual(add(2, 2), 5)
        if __name__ == "__main__":
            unittest.main()
        """, values: "4 != 5"),
    Form(
      name: "doctest in prose", path: "examples.md",
      text: "Sums:\n\n>>> add(1, 2)\n3\n>>> add(2, 2)\n5\n", values: "gave 4, expected 5"),
    Form(
      name: "doctest in a module", path: "examples.py",
      text: "\"\"\"Sums.\n\n>>> add(1, 2)\n3\n>>> add(2, 2)\n5\n\"\"\"\n",
      values: "gave 4, expected 5"),
    Form(
      name: "arrows", path: "examples.txt",
      text: "# sums\nadd(1, 2) -> 3\nadd(2, 2) -> 5\n", values: "gave 4, expected 5"),
    Form(
      name: "calls in JSON", path: "examples.json",
      text: """
        [{"function": "add", "args": [1, 2], "result": 3},
         {"call": "add(2, 2)", "result": 5}]
        """, values: "gave 4, expected 5"),
  ]

  @Test(arguments: plain) func aFormIsFoundAndTold(_ form: Form) async throws {
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject(EvaluationBench.sum, form.text, path: form.path))
    #expect(axis.verdict == .fail)
    #expect(axis.value == 0.5, "\(axis)")
    #expect(axis.tool.hasPrefix("Python 3."))
    let failures = axis.evidence.filter(\.isFailure)
    let failure = try #require(failures.first)
    #expect(failures.count == 1, "\(failures)")
    #expect(failure.kind == form.kind)
    #expect(failure.message.contains(form.values), "\(failure.message)")
    #expect(failure.source == .user)
    #expect(failure.input?.replacing(" ", with: "") == "add(2,2)", "\(failure)")
    #expect(failure.line == 1, "the line of the function that is called")
    #expect(failure.rule?.hasPrefix(form.path + "::") == true, "\(failure)")
  }

  static let pytest: [Form] = [
    Form(
      name: "parametrized",
      text: """
        import pytest
        @pytest.mark.parametrize("a, b, c", [(1, 2, 3), (2, 2, 5)])
        def test_sum(a, b, c):
            assert add(a, b) == c
        """, values: "assert 4 == 5"),
    Form(
      name: "fixtures",
      text: """
        import pytest
        @pytest.fixture
        def two():
            return 2
        def test_right(two):
            assert add(two, 1) == 3
        class TestInside:
            def test_wrong(self, two):
                assert add(two, two) == 5
        """, values: "assert 4 == 5"),
    Form(
      name: "raises",
      text: """
        import pytest
        def test_right():
            assert add(1, 2) == 3
        def test_wrong():
            with pytest.raises(ValueError):
                add(2, 2)
        """, values: "DID NOT RAISE"),
  ]

  @Test(.enabled(if: TestImages.isPrepared(), "\(TestImages.missing)"), arguments: pytest)
  func pytestIsRunByItself(_ form: Form) async throws {
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject(EvaluationBench.sum, form.text))
    #expect(axis.verdict == .fail)
    #expect(axis.value == 0.5, "\(axis)")
    #expect(axis.tool.contains("pytest "))
    let failure = try #require(axis.evidence.first(where: \.isFailure))
    #expect(failure.kind == .assertion)
    #expect(failure.message.contains(form.values), "\(failure.message)")
  }

  @Test(.enabled(if: TestImages.isPrepared(), "\(TestImages.missing)"))
  func hypothesisTellsTheInputOnWhichItFails() async throws {
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject(
        EvaluationBench.sum,
        """
        from hypothesis import given, strategies as st
        @given(st.integers(min_value=0))
        def test_small(n):
            assert add(n, 1) < 100
        """))
    #expect(axis.verdict == .fail)
    #expect(axis.tool.contains("hypothesis "))
    let failure = try #require(axis.evidence.first(where: \.isFailure))
    #expect(failure.input?.contains("99") == true, "\(failure)")
  }

  @Test func programsAreJudgedByWhatTheyPrint() async throws {
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject(
        "print(int(input()) * 2)\n",
        #"[{"input": "2", "output": "4"}, {"input": "3\n", "output": "7"}]"#,
        path: "examples.json"))
    #expect(axis.value == 0.5, "\(axis)")
    let failure = try #require(axis.evidence.first(where: \.isFailure))
    #expect(failure.message.contains("it printed '6', expected '7'"))
    #expect(failure.input == #"'3\n'"#)
  }

  @Test func theCodesOwnExamplesAreRunToo() async throws {
    let code =
      "def add(a, b):\n    \"\"\"Adds.\n\n    >>> add(1, 2)\n    4\n    \"\"\"\n    return a + b\n"
    let alone = try await EvaluationBench.correctness(EvaluationBench.subject(code))
    #expect(alone.verdict == .fail)
    #expect(alone.evidence.first?.source == .generated)
    // Where a user has tests, those decide.
    let beside = try await EvaluationBench.correctness(
      EvaluationBench.subject(code, "assert add(1, 2) == 3\n"))
    #expect(beside.verdict == .pass, "\(beside)")
    #expect(beside.evidence.contains { $0.message.contains("gave 3, expected 4") })
  }

  @Test(arguments: ["money", "solution"])
  func aModuleIsKnownByItsFileAndAsSolution(name: String) async throws {
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject(
        EvaluationBench.sum, "from \(name) import add\nassert add(1, 2) == 3\n",
        change: { $0.path = "src/money.py" }))
    #expect(axis.verdict == .pass, "\(axis)")
  }

  @Test func noTestIsCountedTwiceNorForgotten() async throws {
    let axis = try await EvaluationBench.correctness(
      EvaluationBench.subject(
        EvaluationBench.sum, "def test_a():\n    assert add(1, 1) == 2\n",
        "import unittest\nclass B(unittest.TestCase):\n    def test_b(self): add(1, 1)\n",
        "add(1, 1) -> 2\nadd(1, 2) -> 3\n"))
    #expect(axis.verdict == .pass, "\(axis)")
    #expect(axis.reason?.hasPrefix("4 of 4 tests passed.") == true, "\(axis)")
  }
}
