import Domain
import Foundation
import TestKit
import Testing

/// What `stet review` prints and how it ends, where nothing is wrong.
@Suite struct ReviewCommandTests {
  private let running: ReviewRunning

  init() throws { running = try ReviewRunning() }

  @Test(
    arguments: ["text", "json", "sarif", "rdjson", "markdown"],
    [SampleChange.diff, SampleChange.clean, ""])
  func everyFormatIsValid(_ format: String, _ diff: String) async throws {
    let outcome = try await running.review(
      ["--diff", "-", "--format", format], input: diff)
    #expect(outcome.status == (diff == SampleChange.diff ? 1 : 0))
    #expect(outcome.error == "")
    #expect(outcome.output.hasSuffix("\n"))
    let isFound = diff == SampleChange.diff
    switch format {
    case "text":
      #expect(outcome.output.contains("breakpoint()") == isFound)
      #expect(!outcome.output.contains("\u{1B}"))
    case "markdown":
      #expect(outcome.output.contains("breakpoint()") == isFound)
    case "json":
      #expect(try outcome.sources() == (isFound ? ["rule:debugger-call", "rule:eval-call"] : []))
      if !diff.isEmpty { try outcome.expectCompleteLedger() }
    case "sarif":
      let run = try #require(try outcome.json()["runs"]?.array?.first)
      #expect(try outcome.json()["version"]?.string == "2.1.0")
      #expect(run["results"]?.array?.count == (isFound ? 2 : 0))
    default:
      #expect(try outcome.json()["diagnostics"]?.array?.count == (isFound ? 2 : 0))
    }
  }

  @Test(
    arguments: [
      ("error", SampleChange.diff, 1), ("error", SampleChange.warning, 0),
      ("warning", SampleChange.warning, 1), ("warning", SampleChange.clean, 0),
      ("note", SampleChange.clean, 0), ("note", SampleChange.warning, 1),
    ] as [(String, String, Int32)])
  func failsOnTheSeverityThatIsAsked(_ severity: String, _ diff: String, _ status: Int32)
    async throws
  {
    let outcome = try await running.review(
      ["--diff", "-", "--fail-on", severity], input: diff)
    #expect(outcome.status == status)
  }

  @Test func aRangeAndItsDiffGiveTheSameFindings() async throws {
    try running.makeRepository()
    let range = try await running.review(["-C", "work", "HEAD~1..HEAD", "--json"])
    let diff = try await running.review(["--diff", "-", "--json"], input: SampleChange.diff)
    #expect(range.status == 1, "\(range.error)")
    #expect(
      try range.findings().map { $0["fingerprint"] } == diff.findings().map { $0["fingerprint"] })
    try range.expectCompleteLedger()
  }

  @Test func outputGoesToAFileBesideTheOtherPaths() async throws {
    try running.makeRepository()
    let outcome = try await running.review(
      ["-C", "work", "HEAD~1..HEAD", "--json", "--output", "review.json"])
    #expect(outcome.status == 1)
    #expect(outcome.output == "")
    let text = try String(
      contentsOfFile: running.folder.path + "/work/review.json", encoding: .utf8)
    #expect(try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))["run"] != nil)
  }

  @Test(arguments: [("none/review.json", "no such folder"), ("home", "is a folder")])
  func aWrongOutputIsSaidBeforeTheModelIsAsked(_ path: String, _ part: String) async throws {
    try running.folder.write("", to: "home/x")
    let (outcome, asked) = try await running.review(
      byModel: .text(Said.findings()), arguments: ["--output", path])
    #expect(outcome.status == 2)
    #expect(outcome.error.contains(part), "\(outcome.error)")
    #expect(asked == 0)
  }

  // MARK: Other tools' results

  private func sarif(_ line: Int) -> String {
    """
    {"version":"2.1.0","runs":[{"tool":{"driver":{"name":"lint"}},"results":[{"ruleId":"L1",\
    "level":"error","message":{"text":"Total is overwritten"},"locations":[{"physicalLocation":\
    {"artifactLocation":{"uri":"app/sum.py"},"region":{"startLine":\(line)}}}]}]}]}
    """
  }

  @Test(arguments: [(4, ["tool:lint"]), (2, []), (999, [])] as [(Int, [String])])
  func resultsOfALinterAreKeptToChangedLines(_ line: Int, _ expected: [String]) async throws {
    let file = try running.folder.write(sarif(line), to: "lint.sarif")
    let outcome = try await running.review(
      ["--diff", "-", "--sarif", file, "--json"], input: SampleChange.clean)
    #expect(try outcome.sources() == expected)
    #expect(outcome.status == (expected.isEmpty ? 0 : 1))
  }

  @Test(arguments: ["", "{", "[]", "{\"runs\": 3}", "{\"version\":\"9\",\"runs\":[]}", "\u{FF}"])
  func aDamagedReportIsNamed(_ text: String) async throws {
    try running.folder.write(text, to: "lint.sarif")
    let outcome = try await running.review(
      ["--diff", "-", "--sarif", "lint.sarif"], input: SampleChange.diff)
    #expect(outcome.status == 2)
    #expect(outcome.error.contains("lint.sarif"))
    #expect(outcome.output == "")
  }

  // MARK: Policies

  @Test func everyMistakeOfAPolicyIsSaidAtOnce() async throws {
    try running.folder.write(
      "review:\n  max_findings: many\n  severty: x\n  min_confidence: 7\n", to: "rules.yml")
    let outcome = try await running.review(
      ["--diff", "-", "--policy", "rules.yml"], input: SampleChange.diff)
    #expect(outcome.status == 2)
    for place in ["rules.yml:2", "rules.yml:3", "rules.yml:4"] {
      #expect(outcome.error.contains(place), "\(outcome.error)")
    }
    #expect(outcome.output == "")
  }

  @Test func aPolicyExcludesWithAReason() async throws {
    try running.folder.write("review:\n  exclude: [app/run.py]\n", to: "rules.yml")
    let outcome = try await running.review(
      ["--diff", "-", "--policy", "rules.yml", "--json"], input: SampleChange.diff)
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(try outcome.findings().isEmpty)
    #expect(try outcome.skipped() == ["excluded"])
    try outcome.expectCompleteLedger()
  }

  // MARK: With a model

  @Test func aTrueFindingIsShownWithItsProof() async throws {
    let (outcome, _) = try await running.review(
      byModel: .text(Said.findings(Said.finding(line: "B5", quote: "total = item"))))
    #expect(outcome.status == 1, "\(outcome.error)")
    let ours = try outcome.findings().filter {
      $0["source"]?.string == "model:\(FakeModelServer.model)"
    }
    #expect(ours.count == 1)
    #expect(ours.first?["line"]?.integer == 4)
    #expect(ours.first?["quote"]?.string == "        total = item")
    try outcome.expectCompleteLedger()
  }
}
