import Domain
import Testing

@testable import UseCases

/// What is told from texts alone: protected paths, counts of tests, findings that are answered.
@Suite struct FixRulesTests {
  @Test(
    arguments: [
      "vite.config.ts", "web/playwright.config.js", "karma.conf.js", ".mocharc.json",
      "tsconfig.build.json", "setup.py", "build.rs", "crates/a/Cargo.toml", "Package.swift",
      ".ruff.toml", ".eslintrc.cjs", ".drone.yml", "appveyor.yml", "action.yml", ".husky/pre-push",
    ] as [SourcePath])
  func whatSaysHowTestsAreRunIsProtected(_ path: SourcePath) {
    #expect(ProtectedPaths().reason(path) != nil)
  }

  @Test(arguments: [".drone.yml", "a/action.yml", ".husky/pre-push"])
  func whatRunsByItselfTakesAMaintainer(_ path: String) {
    #expect(ProtectedPaths.needsMaintainer(path))
  }

  @Test(arguments: [
    (" Test Files  1 passed (1)\n      Tests  5 passed (5)\n   Start at  10:00:00\n", 5, 0),
    ("      Tests  1 failed | 3 passed | 2 skipped (6)\n   Duration  1s\n", 4, 2),
    (
      "Test Suites: 1 failed, 1 passed, 2 total\nTests:       1 failed, 4 passed, 5 total\n"
        + "Snapshots:   0 total\nTime:        1.2 s\n", 5, 0
    ),
    ("Tests:       1 skipped, 1 todo, 4 passed, 6 total\n", 4, 2),
    ("===== 3 passed, 1 skipped in 0.02s =====\n", 3, 1),
    ("Ran 3 tests in 0.001s\n\nOK (skipped=1)\n", 3, 1),
  ])
  func countsOfTestsAreRead(_ output: String, _ ran: Int, _ skipped: Int) {
    #expect(TestReading.counts(in: output) == TestReading.Counts(ran: ran, skipped: skipped))
  }

  @Test(arguments: [
    ("a\nx\nc\nd\n", "other", false), ("a\nx\ny\nd\n", "other", true),
    ("a\nx\nc\nd\n", "f1", true), ("a\nB\nc\nd\n", "other", true),
    ("a\nb\nc\nz\n", "other", false),
  ])
  func findingsAreAnsweredByWhatConcernsThem(
    _ after: String, _ asked: String, _ isAnswered: Bool
  ) {
    let before = Array("a\nb\nc\nd\n".utf8)
    let finding = Finding(
      id: "f", path: "a.txt", side: .new, startLine: 2, line: 3, severity: .error,
      category: "bug", message: "It is wrong.", quote: "b\nc", suggestion: "B\nc",
      confidence: 0.9, source: .model("m"), fingerprint: "f1", verified: [.applies])
    let candidate = FixCandidate(
      path: "a.txt", before: before, after: Array(after.utf8), reason: "r", source: .model("m"),
      proofs: [])
    let file = FixFile(path: "a.txt", bytes: before, findings: [finding])
    let answered = AnsweredFindings.fingerprints([candidate], of: [file], asked: asked)
    #expect(answered == (isAnswered ? ["f1"] : []))
  }
}
