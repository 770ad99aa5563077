import Domain
import Foundation
import Testing

@testable import stet

@Suite struct CommandTests {
  private let program: ProgramRunning

  init() throws { program = try ProgramRunning() }

  @Test(arguments: [["--version"], ["--help"], ["review", "--help"], ["help", "runs"], []])
  func askingIsNoFailure(_ arguments: [String]) throws {
    let result = try program.run(arguments)
    #expect(result.status == 0)
    #expect(!result.output.isEmpty)
    #expect(result.error.isEmpty)
  }

  @Test func versionIsOneLine() throws {
    #expect(try program.run(["--version"]).output == "\(Version.number)\n")
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completionScripts(_ shell: String) throws {
    let result = try program.run(["--generate-completion-script", shell])
    #expect(result.status == 0)
    #expect(result.output.contains("review"))
  }

  @Test(arguments: [
    ["nonsense"], ["review", "--no-such-option"], ["review", "a..b", "--diff", "x"],
    ["review", "--fail-on", "never"], ["review", "--format", "pdf"],
    ["runs", "list", "--limit", "0"], ["review", "--min-confidence", "2"],
    ["review", "--no-model", "--model", "x"], ["review", "--json", "--format", "sarif"],
    ["settings", "--set", "X"], ["settings", "--config", "none.yaml"],
  ])
  func wrongUsageIsStatusTwo(_ arguments: [String]) throws {
    let result = try program.run(arguments)
    #expect(result.status == 2)
    #expect(result.output.isEmpty)
    #expect(!result.error.isEmpty)
  }

  @Test func pullRequestWithoutCredentialsSaysWhatToSet() throws {
    let result = try program.run(["review", "octo/cat#12"])
    #expect(result.status == 2)
    #expect(result.error.contains("GITHUB_TOKEN"))
  }

  @Test(arguments: [
    "octo/cat#12", "https://github.com/octo/cat/pull/12",
    "https://github.com/octo/cat/pull/12/files",
    "https://github.com/octo/cat/pull/12#discussion_r1",
  ])
  func pullRequestsAreKnown(_ text: String) throws {
    let reference = try PullRequestSubject.reference(text, webURL: "https://github.com")
    #expect(reference?.description == "octo/cat#12")
  }

  @Test(arguments: [
    "https://forge.example/octo/cat/pull/12", "https://github.com/octo/cat",
    "https://github.com/octo/cat/issues/12", "https://github.com/octo/cat/pull/x",
  ])
  func addressesOfSomethingElseAreRefused(_ text: String) {
    #expect(throws: CommandFailure.self) {
      try PullRequestSubject.reference(text, webURL: "https://github.com")
    }
  }

  @Test(arguments: ["main..HEAD", "HEAD~3", "feature/x", "a/b#c", "#12", "origin/main...topic"])
  func rangesAreNotTakenForPullRequests(_ range: String) throws {
    #expect(try PullRequestSubject.reference(range, webURL: "https://github.com") == nil)
  }

  @Test func unknownProviderIsStatusTwo() throws {
    let result = try program.run(["review"], environment: ["LLM_PROVIDER": "hal9000"])
    #expect(result.status == 2)
    #expect(result.error.contains("hal9000"))
  }

  @Test func settingsPrintSourcesAndMaskSecrets() throws {
    let key = ["key", "of", "a", "test"].joined(separator: "-")
    let result = try program.run(
      ["settings", "--json", "--set", "LLM_MODEL=m"], environment: ["OPENAI_API_KEY": key])
    #expect(result.status == 0)
    #expect(!result.output.contains(key))
    let rows = try #require(
      JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
    #expect(rows.compactMap { $0["name"] as? String } == SettingDefinition.all.map(\.name))
    let byName = Dictionary(uniqueKeysWithValues: rows.map { ($0["name"] as? String ?? "", $0) })
    #expect(byName["OPENAI_API_KEY"]?["value"] as? String == "********")
    #expect(byName["OPENAI_API_KEY"]?["source"] as? String == "environment")
    #expect(byName["LLM_MODEL"]?["source"] as? String == "command line")
    #expect(byName["GEMINI_API_KEY"]?["value"] is NSNull)
  }

  @Test(arguments: [["settings"], ["doctor", "--offline"], ["model", "list"]])
  func noControlSequencesInAPipe(_ arguments: [String]) throws {
    let result = try program.run(arguments)
    #expect(!result.output.isEmpty)
    #expect(!result.output.contains("\u{1B}"))
  }

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: "/dev/full"), "this system has no /dev/full"),
    arguments: [["settings"], ["--version"], ["--help"], ["model", "list"]])
  func fullDiskIsStatusThree(_ arguments: [String]) throws {
    let result = try program.run(arguments, output: "/dev/full")
    #expect(result.status == 3)
    #expect(result.error.contains("standard output could not be written"))
  }

  @Test func readerThatHasGoneEndsItQuietly() throws {
    // The reader goes before the program starts, so that the first write finds it gone.
    let result = try program.shell(
      "exec 3> >(exit 0); wait $!; \"$0\" settings >&3; echo $?", [ProgramRunning.program])
    #expect(result.output == "141\n")
    #expect(result.error.isEmpty)
  }

  @Test func hostileFolderSetsNothing() throws {
    try program.folder.write("LLM_PROVIDER: thief\n", to: "checkout/stet.yaml")
    try program.folder.write("LLM_PROVIDER=thief\n", to: "checkout/.env")
    let result = try program.shell("cd checkout && exec \"$0\" settings", [ProgramRunning.program])
    #expect(result.status == 0)
    #expect(!result.output.contains("thief"))
  }

  @Test func resultFileIsWholeOrNotThere() throws {
    let path = try program.folder.write("before", to: "result.txt")
    try ResultFile.write("after", to: path)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "after")
    #expect(throws: CommandFailure.self) {
      try ResultFile.write("x", to: program.folder.path + "/none/result.txt")
    }
    #expect(throws: CommandFailure.self) { try ResultFile.write("x", to: program.folder.path) }
    let names = try FileManager.default.contentsOfDirectory(atPath: program.folder.path)
    #expect(!names.contains { $0.hasSuffix(".part") })
  }
}
