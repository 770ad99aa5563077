import Domain
import TestKit
import Testing
import UseCases

@Suite struct LintAxisTests {
  static let evaluators: [any AxisEvaluator] = [
    PracticeEvaluator(), TypesEvaluator(), SecurityEvaluator(),
  ]

  @Test(arguments: [
    ("def f(:\n    pass\n", "line 1"), ("x = 1\ny = (\n", "line 2"), ("a\u{0}b", "NUL"),
    ("if 1:\n\tx\n        y\n", "line 3"),
    (String(repeating: "(", count: 5_000) + String(repeating: ")", count: 5_000), "parse"),
  ])
  func `What does not parse is not judged`(_ code: String, _ words: String) async throws {
    for evaluator in Self.evaluators {
      let axis = try await LintFixture.axis(evaluator, code, in: LintFixture.bareSandbox)
      #expect(axis.verdict == .notRun)
      #expect(axis.reason?.contains("does not parse") == true)
      #expect(axis.reason?.contains(words) == true)
    }
  }

  @Test func `Without the image the axes say what was missing`() async throws {
    let types = try await LintFixture.axis(TypesEvaluator(), "x = 1\n", in: LintFixture.bareSandbox)
    #expect(types.verdict == .notRun)
    #expect(types.reason?.contains("stet sandbox prepare test") == true)
    let practice = try await LintFixture.axis(
      PracticeEvaluator(), "x = 1\n", in: LintFixture.bareSandbox)
    #expect(practice.verdict == .pass)
    #expect(practice.reason?.contains("ruff is not installed") == true)
    #expect(practice.value == 1)
  }

  @Test(arguments: [(3, EvaluationAxis.Verdict.fail), (6, .fail), (7, .pass)])
  func `Complexity is one more than the decisions`(
    _ most: Int, _ verdict: EvaluationAxis.Verdict
  ) async throws {
    let code = """
      def f(a, b):
          if a and b:
              return 1
          for i in range(a):
              while b:
                  b -= 1
          return [x for x in range(b) if x]
      def g():
          return 0
      """
    let axis = try await LintFixture.axis(
      PracticeEvaluator(), code, in: LintFixture.bareSandbox,
      criteria: EvaluationCriteria(complexity: most))
    #expect(axis.value == 7)
    #expect(axis.verdict == verdict)
    let complex = axis.evidence.filter { $0.rule == "complexity" }
    #expect(complex.map(\.line) == (verdict == .fail ? [1] : []))
  }

  @Test(arguments: [
    "# -*- coding: no-such-code -*-\nx = 1\n", "\u{FEFF}x = 1\n", "x = 'é\u{1F600}'\n",
    "x = '''" + String(repeating: "a\n", count: 20_000) + "'''\n",
    "x = " + String(repeating: "-", count: 80) + "1\n",
  ])
  func `Odd texts are judged`(_ code: String) async throws {
    for evaluator in [PracticeEvaluator(), SecurityEvaluator()] as [any AxisEvaluator] {
      let axis = try await LintFixture.axis(evaluator, code, in: LintFixture.bareSandbox)
      #expect(axis.verdict == .pass)
    }
  }
}

@Suite(.enabled(if: TestImages.isPrepared(), Comment(rawValue: TestImages.missing)))
struct LintToolTests {
  @Test func `A flood of mild findings hides no failure`() async throws {
    let flood = (0..<400).map { "def f\($0)(A):\n    return A\n" }.joined()
    let code = flood + "try:\n    f0(1)\nexcept:\n    pass\n"
    let axis = try await LintFixture.axis(PracticeEvaluator(), code, in: LintFixture.sandbox)
    #expect(axis.verdict == .fail)
    #expect(axis.evidence.first?.rule == "E722")
  }

  @Test func `ruff goes by our rules, deaf to what the code says`() async throws {
    let code = """
      # ruff: noqa
      import os  # noqa: F401
      def f(a=[]):  # noqa
          return undefined_name
      """
    let axis = try await LintFixture.axis(PracticeEvaluator(), code, in: LintFixture.sandbox)
    #expect(axis.verdict == .fail)
    #expect(axis.tool.hasPrefix("ruff 0."))
    let failing = axis.evidence.filter(\.isFailure).compactMap(\.rule)
    #expect(Set(failing) == ["B006", "F821"])
    #expect(axis.evidence.contains { $0.rule == "F401" && !$0.isFailure && $0.line == 2 })
    let silenced = axis.evidence.filter { $0.rule == "silences-noqa" }
    #expect(silenced.map(\.line) == [1, 2, 3])
  }

  @Test func `mypy reads what was to be ignored`() async throws {
    let code = """
      # mypy: ignore-errors
      import some_package
      def f(a: int) -> str:
          return a  # type: ignore
      f("a")
      """
    let axis = try await LintFixture.axis(TypesEvaluator(), code, in: LintFixture.sandbox)
    #expect(axis.verdict == .fail)
    #expect(axis.value == 2)
    #expect(axis.tool.hasPrefix("mypy "))
    #expect(axis.evidence.filter(\.isFailure).compactMap(\.line) == [4, 5])
    #expect(axis.evidence.filter { !$0.isFailure }.map(\.line) == [1, 4])
    let good = try await LintFixture.axis(
      TypesEvaluator(), "def f(a: int) -> int:\n    return a\n", in: LintFixture.sandbox)
    #expect(good.verdict == .pass)
  }

  @Test func `mypy hears nothing from within a string`() async throws {
    let code = "\"\"\"\n# mypy: ignore-errors\n\"\"\"\nx: int = 'a'\n"
    let axis = try await LintFixture.axis(TypesEvaluator(), code, in: LintFixture.sandbox)
    #expect(axis.verdict == .fail, "\(axis)")
    #expect(axis.evidence.filter(\.isFailure).map(\.line) == [4])
    #expect(axis.evidence.filter { $0.rule == "silences-mypy-off" }.map(\.line) == [2])
  }

  @Test(arguments: ["# coding= coding: utf-7\n", "#!/x\n# vim: fileencoding=utf-7\n"])
  func `No declared encoding keeps a tool from reading`(_ head: String) async throws {
    let code = head + "x: int = 'a'\n"
    let axis = try await LintFixture.axis(TypesEvaluator(), code, in: LintFixture.sandbox)
    #expect(axis.verdict == .fail, "\(axis)")
  }

  @Test(arguments: [
    (
      "import subprocess, os\nsubprocess.call(os.environ['X'], shell=True)\n", "taint-shell", "high"
    ),
    ("import pickle, os\npickle.loads(os.environb[b'X'])\n", "taint-deserialisation", "medium"),
  ])
  func `What both find weighs as the graver of the two says`(
    _ code: String, _ rule: String, _ severity: String
  ) async throws {
    let axis = try await LintFixture.axis(SecurityEvaluator(), code, in: LintFixture.sandbox)
    #expect(axis.verdict == .fail, "\(axis)")
    let told = axis.evidence.filter { $0.line == 2 && $0.isFailure }
    #expect(told.map(\.rule) == [rule], "\(axis)")
    #expect(told.first?.message.hasPrefix(severity + ": ") == true, "\(axis)")
  }

  @Test func `bandit is heard beside our own pass, and each line once`() async throws {
    let code = """
      import subprocess
      from flask import request
      def f():
          subprocess.run("ls " + request.args["q"], shell=True)  # nosec
      def g(a):
          subprocess.run(a, shell=True)  # nosec B602
      """
    let axis = try await LintFixture.axis(SecurityEvaluator(), code, in: LintFixture.sandbox)
    #expect(axis.tool.contains("stet-taint 1, bandit 1."))
    #expect(axis.evidence.filter { $0.line == 4 && $0.isFailure }.map(\.rule) == ["taint-shell"])
    #expect(axis.evidence.contains { $0.line == 6 && $0.rule == "B602" && $0.isFailure })
    #expect(axis.evidence.filter { $0.rule == "silences-nosec" }.map(\.line) == [4, 6])
  }
}
