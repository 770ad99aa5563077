import Domain
import Foundation
import Jobs
import Logging
import Sandbox
import TestKit
import Testing

@testable import UseCases

/// A seeded bug of a real repository, models that mend it and models that do not, and the real
/// sandbox that tells them apart.
@Suite(.serialized) struct FixPullRequestTests {
  private static let mending = ("total = value", "total += value")

  // MARK: What is mended

  @Test func aSeededBugIsFixedPushedAndProvedByItsTests() async throws {
    let fake = try await AnsweringModel([try .edits([Self.mending])])
    try await withFixBench { bench async throws in
      let before = try #require(bench.hub.head(of: bench.reference))
      #expect(try await bench.fixing(fake.model).run(bench.work()) == .completed)
      #expect(try await bench.text("stats.py") == FixBench.good)
      let messages = try await bench.messages()
      #expect(messages.count == 2)
      #expect(messages[0].hasPrefix("Fix: The loop overwrites the total"))
      #expect(messages[0].hasSuffix("Stet-Run: run-1"))
      #expect(bench.hub.head(of: bench.reference) != before)
      #expect(bench.answers.count == 1)
      let answer = try #require(bench.answers.first)
      #expect(answer.contains("Pushed"))
      #expect(answer.contains("with the change: passed, 2 tests"), "\(answer)")
      let run = try #require(await bench.runs.run(id: "run-1"))
      #expect(run.kind == .fix)
      #expect(run.outcome == .completed)
      let actions = run.actions?.map(\.name)
      #expect(actions == ["fix.pushed", "fix.answered"])
      #expect(run.modelCalls.count == 1)
      #expect(run.result?["files"]?.array?.first?["verified"]?.array?.last == .string("tests"))
      // The model saw what the tests printed.
      #expect(fake.asked[0].contains("BEGIN UNTRUSTED tests"))
    }
  }

  @Test func whatDoesNotHoldIsSaidToTheModelAndMended() async throws {
    let fake = try await AnsweringModel([
      try .edits([("total = value", "total = total * value")]), try .edits([Self.mending]),
    ])
    try await withFixBench { bench async throws in
      #expect(try await bench.fixing(fake.model).run(bench.work()) == .completed)
      #expect(try await bench.text("stats.py") == FixBench.good)
      #expect(fake.asked.count == 2)
      #expect(fake.asked[1].contains("not accepted"))
      #expect(bench.answers.count == 1)
    }
  }

  @Test func withoutAModelCertainFixesArePushed() async throws {
    let code = "def empty(x):\n    return x == None\n"
    try await withFixBench(head: ["empty.py": code], policy: nil) { bench async throws in
      #expect(try await bench.fixing(nil).run(bench.work()) == .completed)
      #expect(
        try await bench.text("empty.py") == "def empty(x):\n    return x is None\n",
        "\(bench.answers)")
      #expect(bench.answers.first?.contains("No model is set") == true)
      #expect(bench.answers.first?.contains("No test command is set") == true)
    }
  }

  @Test func smallModelsAreAskedForTheFunctionAlone() async throws {
    let fake = try await AnsweringModel(
      [.fixed(FixBench.good, because: "The total was overwritten.")], style: .beforeAfter)
    try await withFixBench { bench async throws in
      #expect(try await bench.fixing(fake.model).run(bench.work()) == .completed)
      #expect(try await bench.text("stats.py") == FixBench.good)
    }
  }

  @Test func aFixOfAFindingResolvesItsThread() async throws {
    let fake = try await AnsweringModel([try .edits([Self.mending])])
    try await withFixBench { bench async throws in
      let finding = Finding(
        id: "f", path: "stats.py", side: .new, startLine: 4, line: 4, severity: .error,
        category: "bug", message: "It overwrites the total.", quote: "        total = value",
        confidence: 0.9, source: .model("m"), fingerprint: "abc123", verified: [.anchor, .quote])
      let review = Review(
        verdict: .comment, summary: "", findings: [finding], dropped: [],
        coverage: Coverage(files: 1, hunks: 1, hunksReviewed: 1, skipped: []),
        usage: ModelUsage(), run: "review-1")
      try await bench.runs.save(
        Run(
          id: "review-1", kind: .review, startedAt: Date(), seconds: 1, outcome: .completed,
          askedBy: "test", subject: "s", inputs: [:], modelCalls: [], claims: 1, masked: [:],
          review: review, failure: nil))
      var record = Publication(forge: "github", reference: bench.reference)
      record.run = "review-1"
      _ = try await bench.publications.save(record)
      let thread = bench.hub.addReviewComment(
        "<!-- stet:finding abc123 -->\n\nIt overwrites the total.", by: FixBench.own,
        on: bench.reference, path: "stats.py", line: 4)
      let work = bench.work(finding: "abc123", thread: thread)
      #expect(try await bench.fixing(fake.model).run(work) == .completed)
      #expect(try await bench.text("stats.py") == FixBench.good)
      #expect(fake.asked[0].contains("It overwrites the total."))
      let comments = bench.hub.reviewComments(on: bench.reference)
      #expect(comments.first { $0.id == thread }?.isResolved == true)
      // It answers where it was asked.
      #expect(comments.contains { $0.inReplyTo == thread && $0.body.contains("Pushed") })
      #expect(bench.answers.count == 1)
    }
  }

  // MARK: What is not

  static let useless: [(String, [(String, String)])] = [
    ("wrong", [("total = value", "total = value + 0")]),
    ("unapplicable", [("total = valeu", "total += value")]),
    ("ambiguous", [("value", "item")]),
    ("broken", [("total = value", "total += (value")]),
    ("lying", [("def mean(values):", "import os\nos._exit(0)\n\n\ndef mean(values):")]),
    ("leaving", [("def mean(values):", "raise SystemExit(0)\n\n\ndef mean(values):")]),
    (
      "patching",
      [
        (
          "def mean(values):",
          "import unittest\n\nunittest.TestCase.assertEqual = lambda *given: None\n\n\n"
            + "def mean(values):"
        )
      ]
    ),
    ("content", []),
  ]

  @Test(arguments: useless.indices)
  func whatIsNotProvedIsNotPushed(_ index: Int) async throws {
    let (name, edits) = Self.useless[index]
    let fake = try await AnsweringModel([], always: try .edits(edits))
    try await withFixBench { bench async throws in
      let before = bench.hub.head(of: bench.reference)
      #expect(try await bench.fixing(fake.model).run(bench.work()) == .completed)
      #expect(bench.hub.head(of: bench.reference) == before, "\(name)")
      #expect(bench.answers.count == 1)
      #expect(bench.answers.first?.contains("I changed nothing") == true, "\(bench.answers)")
      let run = try #require(await bench.runs.run(id: "run-1"))
      #expect(run.outcome == .completed)
      let actions = run.actions?.map(\.name)
      #expect(actions == ["fix.answered"])
    }
  }

  @Test(arguments: [
    ("        self.assertEqual(mean([2, 4]), 3)", "        pass"),
    ("    def test_of_two(self):", "    @unittest.skip(\"later\")\n    def test_of_two(self):"),
    ("self.assertEqual(mean([2, 4]), 3)", "self.assertEqual(mean([2, 4]), 2)"),
    // Lines that are only added.
    ("    def test_of_two(self):", "    def test_of_two(self):\n        return"),
    (
      "    def test_of_two(self):",
      "    def setUp(self):\n        self.assertEqual = lambda *given: None\n\n"
        + "    def test_of_two(self):"
    ),
  ])
  func testsAreNotWeakened(_ search: String, _ replace: String) async throws {
    let fake = try await AnsweringModel([], always: try .edits([(search, replace)]))
    try await withFixBench(
      head: ["stats.py": FixBench.bad, "test_stats.py": FixBench.tests + "\n"]
    ) { bench async throws in
      let before = bench.hub.head(of: bench.reference)
      #expect(
        try await bench.fixing(fake.model).run(bench.work(paths: ["test_stats.py"])) == .completed)
      #expect(bench.hub.head(of: bench.reference) == before)
      #expect(bench.answers.first?.contains("does not hold") == true, "\(bench.answers)")
    }
  }

  @Test func whatIsProtectedIsLeftUnlessItIsNamed() async throws {
    let fake = try await AnsweringModel([], always: try .edits([]))
    try await withFixBench(
      head: [
        ".github/workflows/a.yml": "on: push\n", "uv.lock": "version = 1\n", "blob.bin": "a\0b",
        "notes.xyz": "words\n", "empty.py": "\n",
      ]
    ) { bench async throws in
      #expect(try await bench.fixing(fake.model).run(bench.work()) == .completed)
      let answer = try #require(bench.answers.first)
      for words in [
        "it is a workflow", "it is a lock file", "language is not known", "it is empty",
      ] {
        #expect(answer.contains(words), "\(answer)")
      }
      #expect(fake.asked.isEmpty)
      // Who may only write may not have a workflow changed by naming it.
      let writers = bench.work("run-3", paths: [".github/workflows/a.yml"])
      #expect(try await bench.fixing(fake.model).run(writers) == .completed)
      #expect(fake.asked.isEmpty)
      #expect(bench.answers.last?.contains("only who maintains") == true, "\(bench.answers)")
      bench.hub.setPermission(.maintain, of: "grace", in: FixBench.repository)
      let named = bench.work("run-2", paths: [".github/workflows/a.yml"])
      #expect(try await bench.fixing(fake.model).run(named) == .completed)
      #expect(fake.asked.count == 1)
    }
  }

  @Test func whoMayNoLongerWriteIsTold() async throws {
    let fake = try await AnsweringModel([], always: try .edits([Self.mending]))
    try await withFixBench { bench async throws in
      let before = bench.hub.head(of: bench.reference)
      _ = try await bench.fixing(fake.model).run(bench.work(by: "mallory"))
      #expect(bench.hub.head(of: bench.reference) == before)
      #expect(bench.answers.first?.contains("no write permission") == true)
      #expect(fake.asked.isEmpty)
    }
  }

  @Test func aModelThatIsDownIsWaitedForAndThenSaid() async throws {
    let fake = try await AnsweringModel([], always: .error(status: 503, message: "down"))
    try await withFixBench { bench async throws in
      let fixing = bench.fixing(fake.model)
      await #expect(throws: JobFailure.self) {
        try await fixing.run(bench.work(), attempt: 1, isLastAttempt: false)
      }
      #expect(bench.answers.isEmpty)
      #expect(try await bench.runs.run(id: "run-1")?.outcome == .failed)
      #expect(try await fixing.run(bench.work(), attempt: 2) == .completed)
      #expect(bench.answers.first?.contains("the model failed") == true)
      #expect(try await bench.runs.run(id: "run-1")?.outcome == .failed)
    }
  }

  @Test func withoutASandboxNothingIsPushedThatTestsWereToProve() async throws {
    let fake = try await AnsweringModel([], always: try .edits([Self.mending]))
    try await withFixBench { bench async throws in
      let before = bench.hub.head(of: bench.reference)
      var checkouts = bench.checkouts
      checkouts = .init(
        folder: checkouts.folder, environment: checkouts.environment, run: nil,
        logger: .init(label: "t"))
      _ = try await bench.fixing(fake.model, workspaces: checkouts.opener).run(bench.work())
      #expect(bench.hub.head(of: bench.reference) == before)
      #expect(bench.answers.first?.contains("the tests could not be run") == true)
      #expect(try await bench.runs.run(id: "run-1")?.outcome == .failed)
    }
  }
}
