import Domain
import Foundation
import Jobs
import Sandbox
import TestKit
import Testing

@testable import UseCases

/// What runs of the tests show, and what is kept where they do not come to their end.
@Suite(.serialized) struct FixTrialTests {
  private static let mending = ("total = value", "total += value")

  private static func policy(_ command: String, image: String = "python", timeout: Int = 30)
    -> String
  {
    "version: 1\nfix:\n  test_command: \(command)\n  image: \(image)\n  timeout: \(timeout)\n"
  }

  // MARK: The test that must fail

  /// With `-f` the command stops at the first test that fails, of the checkout as it is.
  @Test func aCommandThatStopsEarlyMeetsTheTestThatMustFail() async throws {
    let patch =
      "import unittest\n\nunittest.TestCase.assertEqual = lambda *given: None\n\n\n"
      + "def mean(values):"
    let fake = try await AnsweringModel([], always: try .edits([("def mean(values):", patch)]))
    try await withFixBench(policy: Self.policy("[python3, -m, unittest, -f]")) {
      bench async throws in
      #expect(try await bench.fixing(fake.model).run(bench.work()) == .completed)
      #expect(try await bench.text("stats.py") == FixBench.bad)
      #expect(bench.answers.first?.contains("must fail is passed over") == true, "\(bench.answers)")
    }
  }

  @Test(arguments: [
    ("[python3, -m, unittest, test_stats]", true), ("[python3, -m, unittest]", false),
  ])
  func thatTheTestWhichMustFailIsNeverMetIsSaid(_ command: String, _ isSaid: Bool) async throws {
    let fake = try await AnsweringModel([], always: try .edits([Self.mending]))
    try await withFixBench(policy: Self.policy(command)) { bench async throws in
      #expect(try await bench.fixing(fake.model).run(bench.work()) == .completed)
      #expect(try await bench.text("stats.py") == FixBench.good, "\(bench.answers)")
      #expect(bench.answers.first?.contains("was not seen to run it") == isSaid)
    }
  }

  @Test(.enabled(if: TestImages.isPrepared(), Comment(rawValue: TestImages.missing)))
  func whereTestsCannotBeCollectedTheOneThatMustFailIsMetLater() async throws {
    let line = "import module_that_is_not_there\n"
    let fake = try await AnsweringModel([], always: try .edits([(line, "")]))
    try await withFixBench(
      head: ["stats.py": line + FixBench.good],
      policy: Self.policy("[python3, -m, pytest, -q]", image: "test")
    ) { bench async throws in
      #expect(try await bench.fixing(fake.model).run(bench.work()) == .completed)
      #expect(try await bench.text("stats.py") == FixBench.good, "\(bench.answers)")
      #expect(bench.answers.first?.contains("was not seen to run it") == false)
    }
  }

  // MARK: Tests that do not come to their end

  @Test(arguments: [
    ("while True:\n    pass\n\n\n", "no end within its time"),
    ("from module_that_is_not_there import thing\n\nTHING = thing\n\n\n", "status 1"),
  ])
  func testsThatNeverEndOrCannotBeFoundProveNothing(_ code: String, _ end: String) async throws {
    let fake = try await AnsweringModel(
      [], always: try .edits([("def mean(values):", code + "def mean(values):")]))
    try await withFixBench(policy: Self.policy("[python3, -m, unittest]", timeout: 3)) {
      bench async throws in
      let limits = FixPullRequest.Limits(rounds: 1, time: .seconds(120))
      #expect(try await bench.fixing(fake.model, limits: limits).run(bench.work()) == .completed)
      #expect(try await bench.text("stats.py") == FixBench.bad)
      #expect(
        bench.answers.first?.contains("the tests end with \(end)") == true, "\(bench.answers)")
    }
  }

  @Test func aSandboxThatIsKilledOnceIsAskedOnceMore() async throws {
    let fake = try await AnsweringModel([], always: try .edits([Self.mending]))
    try await withFixBench { bench async throws in
      #expect(
        try await bench.fixing(fake.model, workspaces: bench.losing(3...3)).run(bench.work())
          == .completed)
      #expect(try await bench.text("stats.py") == FixBench.good, "\(bench.answers)")
    }
  }

  /// Runs: two as it is, both changes, the one that breaks, the one that holds twice; then no more.
  @Test func whatWasProvedOutlivesTheSandbox() async throws {
    let fake = try await AnsweringModel(
      [try .edits([("2 - 1", "2 - 2")]), try .edits([Self.mending])],
      always: try .edits([("2 - 1", "3 - 1")]))
    let test =
      "import unittest\n\nfrom other import one\n\n\nclass OtherTests(unittest.TestCase):\n"
      + "    def test_one(self):\n        self.assertEqual(one(), 1)\n"
    try await withFixBench(
      base: ["other.py": "def one():\n    return 1\n", "test_other.py": test],
      head: ["other.py": "def one():\n    return 2 - 1\n", "stats.py": FixBench.bad]
    ) { bench async throws in
      let opener = bench.losing(7...99)
      #expect(
        try await bench.fixing(fake.model, workspaces: opener).run(bench.work()) == .completed)
      #expect(try await bench.text("stats.py") == FixBench.good, "\(bench.answers)")
      #expect(try await bench.text("other.py") == "def one():\n    return 2 - 1\n")
      #expect(
        bench.answers.first?.contains("could not be run to their end meanwhile") == true,
        "\(bench.answers)")
    }
  }

  @Test func afterALongFirstRunTheCertainFixesAreTriedOnce() async throws {
    let fake = try await AnsweringModel([], always: try .edits([Self.mending]))
    let code = "def empty(x):\n    return x == None\n"
    try await withFixBench { bench async throws in
      let workspace = try await bench.checkouts.open(
        WorkspacePlan(
          remote: bench.git.path(of: FixBench.repository), branch: "main", commit: nil, token: nil))
      let trial = TestTrial(
        command: ["python3", "-m", "unittest"], canary: nil
      ) { changes async throws(WorkspaceError) in
        try await workspace.run(
          ["python3", "-m", "unittest"], with: changes, image: .python,
          limits: SandboxLimits(time: .seconds(30), processorTime: .seconds(30)))
      }
      // Its time is up before the first question.
      var loop = FixLoop(
        ports: .init(
          model: fake.model, syntax: DataSyntaxChecker(), sandbox: nil, random: { 7 }),
        limits: .init(end: .now),
        files: [
          FixFile(path: "empty.py", bytes: Array(code.utf8)),
          FixFile(path: "stats.py", bytes: Array(FixBench.good.utf8)),
        ], trial: trial, progress: { _ in })
      let outcome = try await loop.run()
      await workspace.close()
      #expect(outcome.chosen.map(\.path) == ["empty.py"])
      #expect(outcome.chosen.first?.proofs.contains(.tests) == true)
      #expect(outcome.left.map(\.path) == ["stats.py"])
      #expect(outcome.left.first?.reason.contains("time for this was up") == true)
      #expect(fake.asked.isEmpty)
    }
  }

  // MARK: Which files go together

  @Test func twoFilesThatNeedEachOtherAreFoundBesideOneThatBreaks() async throws {
    let fake = try await AnsweringModel(
      [
        try .edits([("return 0", "return 1")]), try .edits([("{3:", "{1:")]),
        try .edits([("return 5 - 5", "return 5 - 4")]),
      ], always: try .edits([]))
    let test =
      "import unittest\n\nfrom a import key\nfrom b import table\nfrom c import zero\n\n\n"
      + "class Tests(unittest.TestCase):\n    def test_all(self):\n"
      + "        self.assertEqual(table()[key()], \"x\")\n"
      + "        self.assertEqual(zero(), 0)\n"
    let head = [
      "a.py": "def key():\n    return 0\n", "b.py": "def table():\n    return {3: \"x\"}\n",
      "c.py": "def zero():\n    return 5 - 5\n",
    ]
    try await withFixBench(base: ["test_all.py": test], head: head.mapValues { .some($0) }) {
      bench async throws in
      #expect(try await bench.fixing(fake.model).run(bench.work()) == .completed)
      #expect(
        try await bench.text("a.py") == "def key():\n    return 1\n", "\(bench.answers)")
      #expect(try await bench.text("b.py")?.contains("{1:") == true)
      #expect(try await bench.text("c.py")?.contains("5 - 5") == true)
    }
  }

  @Test func filesThatAreTooLargeOrTooManyAreLeftWithAReason() async throws {
    let big = String(repeating: "1,\n", count: 90_000) + "1]\n"
    var head: [String: String?] = ["big.json": "[2,\n" + big]
    for number in 10...31 { head["part\(number).json"] = "{\"a\": \(number)}\n" }
    try await withFixBench(base: ["big.json": "[\n" + big], head: head, policy: nil) {
      bench async throws in
      #expect(try await bench.fixing(nil).run(bench.work()) == .completed)
      let answer = try #require(bench.answers.first)
      #expect(answer.contains("more than the 262144 that are mended"), "\(answer)")
      #expect(answer.components(separatedBy: "more than 20 files are not mended").count == 3)
    }
  }
}
