import Domain
import Foundation
import Testing
import UseCases

@Suite struct ReviewFormatTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()

  static let sample = Review(
    verdict: .requestChanges,
    summary: "1 error, 1 warning, 1 note in 2 files. 3 of 5 hunks in 4 files reviewed by tiny.",
    findings: [
      Finding(
        id: "f1", path: "src/my app.py", side: .new, startLine: 9, line: 11, severity: .error,
        category: "shell-injection",
        message: "The name comes from a request and is run by a shell; ask @octocat.\u{1B}[2J",
        quote: "def run(name):\n\tsubprocess.run(f\"ls {name}\", shell=True)\n    return 0",
        suggestion: "def run(name):\n    subprocess.run([\"ls\", name])\n    return 0",
        confidence: 0.95, source: .rule("shell-true"), fingerprint: "aa11",
        verified: [.anchor, .quote, .applies, .parses]),
      Finding(
        id: "f2", path: "src/my app.py", side: .old, startLine: 3, line: 3, severity: .warning,
        category: "removed-check", message: "The check that the name is not empty is gone.",
        quote: "if not name: raise ValueError", confidence: 0.6, source: .model("tiny"),
        fingerprint: "bb22", verified: [.anchor, .quote]),
      Finding(
        id: "f3", path: "a.js", side: .new, startLine: 120, line: 120, severity: .note,
        category: "debug", message: "A <script> left over.", quote: "debugger; // ``` \u{202E}x",
        suggestion: "", confidence: 1, source: .tool("eslint"), fingerprint: "cc33",
        verified: [.anchor, .quote, .applies]),
    ],
    dropped: [
      DroppedClaim(
        reason: .noSuchLine, path: "a.js", line: 999, message: "Line 999 is wrong.",
        source: .model("tiny"))
    ],
    coverage: Coverage(
      files: 4, hunks: 5, hunksReviewed: 3,
      skipped: [
        SkippedPart(path: "yarn.lock", hunk: nil, reason: .lockFile),
        SkippedPart(path: "src/my app.py", hunk: 2, reason: .overBudget),
      ]),
    usage: ModelUsage(modelCalls: 2, inputTokens: 12345, outputTokens: 67, costUSD: USD(0.0123)),
    run: "0198c0de-0000-7000-8000-000000000001")

  static let clean = Review(
    verdict: .approve, summary: "Nothing found. 2 of 2 hunks in 1 file reviewed.", findings: [],
    dropped: [], coverage: Coverage(files: 1, hunks: 2, hunksReviewed: 2, skipped: []),
    usage: ModelUsage(), run: "r")

  /// With STET_WRITE_GOLDEN set the files are written anew, for a person to look at the difference.
  @Test(arguments: ReviewFormat.allCases) func golden(_ format: ReviewFormat) throws {
    let text = format.render(Self.sample, .init(width: 80, version: "1.2.3"))
    let file = Self.folder.appending(path: "Golden/review.\(format.rawValue)")
    if ProcessInfo.processInfo.environment["STET_WRITE_GOLDEN"] != nil {
      try Data(text.utf8).write(to: file)
    }
    #expect(try String(contentsOf: file, encoding: .utf8) == text)
  }

  @Test func plainTextHasNoEscapes() {
    let plain = ReviewFormat.text.render(Self.sample)
    #expect(!plain.unicodeScalars.contains("\u{1B}"))
    #expect(plain.contains("<U+001B>[2J"))
    let color = ReviewFormat.text.render(Self.sample, .init(color: true))
    #expect(color.unicodeScalars.contains("\u{1B}"))
    #expect(!color.contains("\u{1B}[2J"))
    #expect(!color.contains("\u{202E}"))
  }

  @Test func cleanIsOneLine() {
    #expect(ReviewFormat.text.render(Self.clean) == Self.clean.summary + "\n")
  }

  @Test(arguments: [(nil, "out."), (0, "out, at no cost."), (1.5, "out, $1.50.")])
  func costIsToldWhereItIsKnown(_ dollars: Double?, _ end: String) {
    var review = Self.clean
    review.usage = ModelUsage(
      modelCalls: 1, inputTokens: 9, outputTokens: 2, costUSD: dollars.map { USD($0) })
    let text = ReviewFormat.text.render(review)
    #expect(text.hasSuffix(" 1 model call, 9 tokens in, 2 \(end)\n"))
  }

  @Test func jsonSaysWhatTheReviewSays() throws {
    for review in [Self.sample, Self.clean] {
      let text = ReviewFormat.json.render(review)
      var expected = review
      for index in expected.findings.indices {
        expected.findings[index].message = expected.findings[index].message
          .replacing("\u{1B}", with: "")
      }
      #expect(try JSONDecoder().decode(Review.self, from: Data(text.utf8)) == expected)
      // Controls and bidi characters of a quote are escaped, so a terminal is not steered by it.
      #expect(!text.unicodeScalars.contains("\u{202E}"))
    }
    #expect(ReviewFormat.json.render(Self.clean).contains("\"cost_usd\": null"))
  }

  /// The shape that consumers rely on; the schema itself is checked below where it is at hand.
  @Test func sarifStructure() throws {
    let text = ReviewFormat.sarif.render(Self.sample)
    let json = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    let run = try #require(json["runs"]?.array?.first)
    let results = try #require(run["results"]?.array)
    #expect(results.count == 3)
    let rules = try #require(run["tool"]?["driver"]?["rules"]?.array)
    for result in results {
      let index = try #require(result["ruleIndex"]?.integer)
      #expect(rules[index]["id"] == result["ruleId"])
      #expect(result["partialFingerprints"]?["stet/v1"]?.string?.isEmpty == false)
    }
    let place = results[0]["locations"]?.array?.first?["physicalLocation"]
    #expect(place?["artifactLocation"]?["uri"]?.string == "src/my%20app.py")
    #expect(place?["region"]?["endLine"]?.integer == 11)
    #expect(results[0]["fixes"]?.array?.count == 1)
    // Removed lines are not in the file that a viewer opens.
    #expect(results[1]["locations"]?.array?.first?["physicalLocation"]?["region"] == nil)
    let notes = run["invocations"]?.array?.first?["toolExecutionNotifications"]?.array
    #expect(notes?.count == 2)
  }

  /// Needs python3 with the package `jsonschema`, and the schema's file, which is not part of this
  /// project: sarif-2.1/schema/sarif-schema-2.1.0.json of github.com/oasis-tcs/sarif-spec.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["STET_TEST_SARIF_SCHEMA"] != nil,
      "set STET_TEST_SARIF_SCHEMA to the path of sarif-schema-2.1.0.json"))
  func sarifSchema() throws { try validate(.sarif, "STET_TEST_SARIF_SCHEMA") }

  /// As above: proto/rdf/jsonschema/DiagnosticResult.json of github.com/reviewdog/reviewdog.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["STET_TEST_RDJSON_SCHEMA"] != nil,
      "set STET_TEST_RDJSON_SCHEMA to the path of DiagnosticResult.json"))
  func rdjsonSchema() throws { try validate(.rdjson, "STET_TEST_RDJSON_SCHEMA") }

  private func validate(_ format: ReviewFormat, _ variable: String) throws {
    let schema = try #require(ProcessInfo.processInfo.environment[variable])
    for review in [Self.sample, Self.clean] {
      let file = FileManager.default.temporaryDirectory
        .appending(path: "stet-\(UUID().uuidString).json")
      try Data(format.render(review).utf8).write(to: file)
      defer { try? FileManager.default.removeItem(at: file) }
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      let script =
        "import json,sys,jsonschema; jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))"
      process.arguments = ["python3", "-c", script, file.path(), schema]
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
    }
  }
}
