import Domain
import Foundation
import Testing
import UseCases

@Suite struct SARIFImportTests {
  private func read(_ text: String, root: String = "/repo") throws -> [Finding] {
    try SARIFImport(root: root).findings(in: Array(text.utf8), file: "lint.sarif")
  }

  private func result(_ uri: String, _ more: String = "") -> String {
    """
    {"ruleId": "R1", "message": {"text": "m"}, "locations": [{"physicalLocation":
     {"artifactLocation": {"uri": "\(uri)"}, "region": {"startLine": 4}}}]\(more)}
    """
  }

  private func log(_ results: [String], _ run: String = "") -> String {
    """
    {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "lint", "rules": [
      {"id": "R1", "defaultConfiguration": {"level": "error"}}]}}\(run),
      "results": [\(results.joined(separator: ","))]}]}
    """
  }

  @Test(arguments: [
    ("src/a.py", "src/a.py"), ("./src/a%20b.py", "src/a b.py"),
    ("file:///repo/src/a.py", "src/a.py"),
    ("/repo/x.py", "x.py"), ("a/../b.py", "b.py"),
  ]) func paths(_ uri: String, _ path: String) throws {
    let finding = try #require(try read(log([result(uri)])).first)
    #expect(finding.path == path)
    #expect(finding.startLine == 4 && finding.line == 4)
    #expect(finding.severity == .error)
    #expect(finding.source == .tool("lint"))
    #expect(finding.category == "R1")
  }

  @Test(arguments: ["https://x.test/a.py", "file:///etc/passwd", "../../a.py", "/elsewhere/a", ""])
  func foreignPaths(_ uri: String) throws {
    #expect(try read(log([result(uri)])).isEmpty)
  }

  @Test(arguments: [
    ", \"kind\": \"pass\"", ", \"suppressions\": [{\"kind\": \"inSource\"}]",
    ", \"level\": \"none\"",
    ", \"baselineState\": \"absent\"",
  ]) func leftOut(_ more: String) throws {
    #expect(try read(log([result("a.py", more)])).isEmpty)
  }

  @Test func levelsBasesAndArguments() throws {
    let text = log(
      [
        result("a.py", ", \"level\": \"note\""),
        """
        {"message": {"text": "no {0} here", "arguments": ["x"]}, "locations": [{"physicalLocation":
         {"artifactLocation": {"uri": "b.py", "uriBaseId": "SRC"},
          "region": {"startLine": 2, "endLine": 4, "endColumn": 1}}}]}
        """,
      ],
      ", \"originalUriBaseIds\": {\"SRC\": {\"uri\": \"lib/\", \"uriBaseId\": \"TOP\"}, \"TOP\": {\"uri\": \"file:///repo/\"}}"
    )
    let findings = try read(text)
    #expect(findings.map(\.severity) == [.note, .warning])
    #expect(findings[1].path == "lib/b.py")
    #expect(findings[1].message == "no x here")
    #expect(findings[1].startLine == 2 && findings[1].line == 3)
    #expect(findings[1].category == "lint")
  }

  @Test func keptToChangedLines() throws {
    let text = log([result("a.py"), result("b.py")])
    let kept = try SARIFImport().findings(in: Array(text.utf8), file: "f") { path, line in
      path == "b.py" && line == 4
    }
    #expect(kept.map(\.path) == ["b.py"])
  }

  @Test(arguments: [
    ("", "not JSON"), ("{\"runs\": [}", "not JSON"), ("{}", "not SARIF"), ("[]", "not SARIF"),
    ("{\"version\": \"1.0.0\", \"runs\": []}", "version 1.0.0"),
  ]) func refuses(_ text: String, _ words: String) {
    #expect {
      try read(text)
    } throws: { ($0 as? SARIFImportError)?.description.contains(words) == true }
  }

  @Test func oddShapesAreLeftOut() throws {
    #expect(try read("{\"runs\": [1, {\"results\": [null, {}, {\"locations\": 3}]}]}").isEmpty)
  }

  /// Needs `ruff` on the PATH.
  @Test(
    .enabled(
      if: (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
        FileManager.default.isExecutableFile(atPath: "\($0)/ruff")
      }, "ruff is not installed"))
  func ruff() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "stet-ruff-\(UUID().uuidString)").resolvingSymlinksInPath()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data("x = 1\nimport os\n\n\ndef f():\n    return undefined\n".utf8)
      .write(to: folder.appending(path: "a.py"))
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [
      "ruff", "check", "--isolated", "--no-cache", "--output-format", "sarif", folder.path(),
    ]
    process.standardOutput = output
    try process.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    let findings = try SARIFImport(root: folder.path())
      .findings(in: Array(bytes), file: "ruff.sarif")
    #expect(Set(findings.map(\.category)).isSuperset(of: ["F401", "F821"]))
    #expect(findings.allSatisfy { $0.path == "a.py" && $0.source == .tool("ruff") })
    #expect(findings.first { $0.category == "F821" }?.line == 6)
  }
}
