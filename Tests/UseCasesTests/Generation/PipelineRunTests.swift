import Domain
import Foundation
import Sandbox
import Testing

@testable import UseCases

/// What a pipeline runs where pytest collects nothing, run as a pipeline does.
@Suite struct PipelineRunTests {
  private static let code = """
    def f(a: int, b: int = 0) -> int:
        if a < 0:
            raise ValueError("below zero")
        return a + b


    def pair(a):
        return (a, a)

    """
  private static let program = "print(int(input()) * 2)\n"

  private func run(_ path: String, _ text: String, code: String) async throws -> SandboxResult {
    let test = SandboxFile(path, text: text)
    let made = Pipeline.github.files("money.py", tests: [test])
    let program = try #require(made.first { $0.path == PipelineTests.program })
    return try await GenerationSandbox.shared.run(
      SandboxTask(
        .command(["python3", PipelineTests.program, "money.py", path]),
        files: [program, test, SandboxFile("money.py", text: code)]))
  }

  @Test(arguments: [
    ("t.py", "assert f(1) == 1\n"), ("t.py", "for i in range(3):\n    assert f(i) == i\n"),
    ("t.py", "async def test_a():\n    assert f(1, 2) == 3\n"),
    ("t.py", "def check(candidate):\n    assert candidate(3) == (3, 3)\n"),
    ("t.txt", ">>> f(1)\n1\n"), ("t.py", "f(1) -> 1\nf(1, 2) => 3\npair(2) -> (2, 2)\n"),
    ("t.json", #"[{"function": "f", "args": [1, 2], "result": 3}]"#),
    ("t.json", #"{"function": "f", "args": [1], "kwargs": {"b": 2}, "result": 3}"#),
    ("t.json", #"{"call": "pair(1)", "result": [1, 1]}"#),
    ("t.json", #"{"call": "f(-1)", "raises": "ValueError"}"#),
    ("t.json", "{\"call\": \"f(1)\", \"result\": 1}\n{\"call\": \"f(2)\", \"result\": 2}\n"),
  ])
  func whatHoldsEndsWell(path: String, text: String) async throws {
    let result = try await run(path, text, code: Self.code)
    #expect(result.succeeded, "\(result.outputText)\(result.errorText)")
  }

  @Test(arguments: [
    ("t.py", "def verify():\n    assert f(1) == 99\n"), ("t.py", "x = 1\n"),
    ("t.py", "assert f(1) == 2\n"), ("t.py", "f(1) -> 2\n"), ("t.txt", ">>> f(1)\n2\n"),
    ("t.json", #"{"call": "f(1)", "result": true}"#),
    ("t.json", #"{"call": "f(1)", "raises": "ValueError"}"#),
    ("t.json", #"{"call": "nowhere(1)", "result": 1}"#), ("t.json", "[]"),
  ])
  func whatFailsOrIsNoneEndsBadly(path: String, text: String) async throws {
    let result = try await run(path, text, code: Self.code)
    #expect(result.end == .exited(1), "\(result.outputText)\(result.errorText)")
  }

  @Test(arguments: [("8", true), ("9", false)])
  func programsAreRunWithTheirInput(output: String, holds: Bool) async throws {
    let result = try await run(
      "t.json", #"{"input": "4\n", "output": "\#(output)\n"}"#, code: Self.program)
    #expect(result.succeeded == holds, "\(result.errorText)")
  }

  @Test func packagesThatAreImportedArePinned() throws {
    func pins(_ source: String, _ test: String) throws -> [String] {
      let files = Pipeline.gitlab.files(
        "money.py", source: source, tests: [SandboxFile("test_a.py", text: test)])
      let file = try #require(files.first { $0.path == "requirements-ci.txt" })
      return String(decoding: file.bytes, as: UTF8.self).split(separator: "\n")
        .filter { !$0.hasPrefix("#") }.compactMap { $0.split(separator: "=").first }
        .map(String.init)
    }
    let plain = ["pytest", "bandit", "pip-licenses"]
    #expect(try pins("x = 1\n", "import money\n") == plain)
    #expect(
      try pins("import numpy as np\n", "from hypothesis import given\n")
        == plain + ["hypothesis", "numpy"])
    #expect(try pins("def f():\n    from pandas.api import x\n", "") == plain + ["pandas"])
  }
}
