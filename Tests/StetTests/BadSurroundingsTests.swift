import Domain
import Foundation
import TestKit
import Testing

/// Wrong settings, full disks, damaged files, and somebody who has waited long enough.
@Suite struct BadSurroundingsTests {
  private let running: ReviewRunning

  init() throws { running = try ReviewRunning() }

  private let builtIn = ["rule:debugger-call", "rule:eval-call"]

  // MARK: Settings

  @Test func everyWrongSettingIsSaidAtOnce() async throws {
    try running.folder.write("LLM_MODLE: x\n", to: "own.yaml")
    let outcome = try await running.review(
      ["--diff", "-", "--config", "own.yaml", "--set", "NONSENSE=1"],
      environment: [
        "LLM_PROVIDER": "hal9000,vllm", "OPENAI_BASE_URL": "ftp://x", "DATABASE_URL": "mysql:x",
      ], input: SampleChange.diff)
    #expect(outcome.status == 2)
    for part in [
      "own.yaml:1", "LLM_MODLE", "NONSENSE", "hal9000", "OPENAI_BASE_URL", "DATABASE_URL",
      "LLM_MODEL is not set",
    ] {
      #expect(outcome.error.contains(part), "\(part) is not in \(outcome.error)")
    }
    #expect(outcome.output == "")
  }

  @Test func unknownProvider() async throws {
    let outcome = try await running.review(
      ["--diff", "-"], environment: ["LLM_PROVIDER": "opnai"], input: SampleChange.diff)
    #expect(outcome.status == 2)
    #expect(outcome.error.contains("Did you mean openai?"), "\(outcome.error)")
  }

  @Test(arguments: ["openai", "anthropic", "gemini", "mistral"])
  func aMissingKeyIsOneWarning(_ provider: String) async throws {
    let outcome = try await running.review(
      ["--diff", "-", "--json"], environment: ["LLM_PROVIDER": provider], input: SampleChange.diff)
    #expect(outcome.status == 1)
    #expect(try outcome.sources() == builtIn)
    try outcome.expectCompleteLedger()
    #expect(outcome.error.split(separator: "\n").count == 1, "\(outcome.error)")
    #expect(outcome.error.contains("\(provider.uppercased())_API_KEY is not set"))
    #expect(try outcome.json()["summary"]?.string?.contains("no model") == true)
  }

  /// The next of the list answers, with its own model.
  @Test func aMissingKeyLeavesTheRestOfTheChain() async throws {
    let server = FakeModelServer(.openAI)
    server.script([], always: .text("{\"findings\":[]}"))
    let socket = try await server.listen()
    var settings = running.settings(of: server, at: socket)
    settings["LLM_PROVIDER"] = "anthropic,openai"
    settings["LLM_MODEL"] = ",\(server.model)"
    let outcome = try await running.review(
      ["--diff", "-", "--json"], environment: settings, input: SampleChange.clean)
    await socket.stop()
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(server.asked.count == 1)
  }

  @Test func anUnknownLocalModelIsNamedBeforeTheWork() async throws {
    let outcome = try await running.review(
      ["--diff", "-"], environment: ["LLM_PROVIDER": "local", "LLM_MODEL": "gpt-9"],
      input: SampleChange.diff)
    #expect(outcome.status == 2)
    #expect(outcome.error.contains("gpt-9"))
    #expect(outcome.error.contains("qwen2.5-coder-0.5b"), "\(outcome.error)")
  }

  // MARK: Disks

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "no /dev/full here"))
  func aFullDiskUnderTheResult() async throws {
    let outcome = try await running.review(
      ["--diff", "-"], input: SampleChange.diff, output: "/dev/full")
    #expect(outcome.status == 3)
    #expect(outcome.error.contains("standard output could not be written"), "\(outcome.error)")
    #expect(outcome.error.contains("Free some space"))
  }

  @Test func aDataFolderThatCannotBeMade() async throws {
    let file = try running.folder.write("", to: "file")
    let outcome = try await running.review(
      ["--diff", "-", "--json"], environment: ["STET_DATA_DIR": file + "/stet"],
      input: SampleChange.diff)
    #expect(outcome.status == 3)
    #expect(try outcome.sources() == builtIn)
    #expect(outcome.error.contains("could not be recorded"), "\(outcome.error)")
    #expect(outcome.error.contains("STET_DATA_DIR"))
  }

  @Test func aDamagedDatabase() async throws {
    try running.folder.write(String(repeating: "no database ", count: 1_000), to: "data/stet.db")
    let outcome = try await running.review(["--diff", "-", "--json"], input: SampleChange.diff)
    #expect(outcome.status == 3)
    #expect(try outcome.sources() == builtIn)
    #expect(outcome.error.contains("stet.db"), "\(outcome.error)")
  }

  /// Only root can mount a file system of its own, in a name space that ends with the test.
  @Test(.enabled(if: Self.mayMount, "mounting a full disk needs root and unshare"))
  func aFullDiskUnderTheDataFolder() async throws {
    try running.folder.write(SampleChange.diff, to: "change.diff")
    let result = try running.program.shell(
      """
      mkdir full && exec unshare --mount sh -c '
        mount -t tmpfs -o size=64k none full && { cat /dev/zero > full/zeros; true; } 2>/dev/null
        STET_DATA_DIR=$PWD/full exec "$0" review --diff change.diff --json' "$0"
      """, [ProgramRunning.program])
    let outcome = ReviewOutcome(
      status: result.status, wasKilled: false, output: result.output, error: result.error)
    #expect(outcome.status == 3)
    #expect(try outcome.sources() == builtIn)
    try outcome.expectCompleteLedger()
    #expect(outcome.error.contains("full"), "\(outcome.error)")
    #expect(outcome.error.contains("ree some space"), "\(outcome.error)")
  }

  static let mayMount: Bool = {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()

  // MARK: The local model

  private let local = ["LLM_PROVIDER": "local", "LLM_MODEL": "smollm2-135m"]

  @Test func aMissingModelFileSaysHowToFetchIt() async throws {
    let outcome = try await running.review(
      ["--diff", "-", "--json"], environment: local, input: SampleChange.diff)
    #expect(outcome.status == 3)
    #expect(try outcome.sources() == builtIn)
    #expect(Set(try outcome.skipped()) == ["model_failed"])
    try outcome.expectCompleteLedger()
    #expect(outcome.error.contains("stet model pull smollm2-135m"), "\(outcome.error)")
  }

  @Test(arguments: [false, true])
  func aDamagedModelFileIsNamed(_ hasRightSize: Bool) async throws {
    let path = try running.folder.write("not a model", to: "data/models/smollm2-135m.gguf")
    if hasRightSize { #expect(truncate(path, 98_362_432) == 0) }
    let outcome = try await running.review(
      ["--diff", "-", "--json"], environment: local, input: SampleChange.diff)
    #expect(outcome.status == 3)
    #expect(try outcome.sources() == builtIn)
    #expect(Set(try outcome.skipped()) == ["model_failed"])
    try outcome.expectCompleteLedger()
    #expect(outcome.error.contains("smollm2-135m.gguf is damaged"), "\(outcome.error)")
    #expect(outcome.error.contains("stet model pull smollm2-135m"))
  }

  // MARK: Interruption

  @Test(arguments: [SIGINT, SIGTERM])
  func aSignalEndsTheReviewWhileTheModelThinks(_ number: Int32) async throws {
    let (asked, ask) = AsyncStream<Void>.makeStream()
    let socket = try await FaultServer { _ in
      ask.yield()
      return FaultReply(parts: [.hang])
    }
    let server = FakeModelServer(.openAI)
    let started = try running.start(
      ["--diff", "-", "--json"], environment: running.settings(of: server, at: socket),
      input: SampleChange.diff)
    for await _ in asked { break }
    kill(started.process.processIdentifier, number)
    let outcome = try await started.outcome()
    await socket.stop()
    #expect(outcome.wasKilled)
    #expect(outcome.status == number)
    #expect(outcome.output == "")
  }

  /// A server that never answers stands in for llama.cpp's, with a model that is already checked.
  @Test func aSignalEndsTheModelServerToo() async throws {
    let size = 98_362_432
    let hash = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    let path = try running.folder.write("GGUF", to: "data/models/smollm2-135m.gguf")
    try #require(truncate(path, off_t(size)) == 0)
    var facts = stat()
    try #require(stat(path, &facts) == 0)
    #if canImport(Darwin)
      let modified = facts.st_mtimespec
    #else
      let modified = facts.st_mtim
    #endif
    let time = Int(modified.tv_sec) * 1_000_000_000 + Int(modified.tv_nsec)
    try running.folder.write(
      "good \(hash) \(size) \(facts.st_ino) \(time)\n",
      to: "data/models/smollm2-135m.gguf.verified")
    let mark = running.folder.path + "/server.pid"
    let pipe = running.folder.path + "/started"
    try #require(mkfifo(pipe, 0o600) == 0)
    try running.folder.write(
      "#!/bin/sh\necho $$ > '\(mark)'\necho > '\(pipe)'\nexec sleep 600\n",
      to: "bin/llama-server", mode: 0o755)
    let system = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    let started = try running.start(
      ["--diff", "-", "--json"],
      environment: local.merging(["PATH": "\(running.folder.path)/bin:\(system)"]) { $1 },
      input: SampleChange.diff)
    // Ends when the server has started, or when it never will.
    let wait = try running.program.shell("timeout 60 cat started", [])
    try #require(wait.status == 0)
    kill(started.process.processIdentifier, SIGINT)
    let outcome = try await started.outcome()
    #expect(outcome.wasKilled)
    #expect(outcome.status == SIGINT)
    let text = try String(contentsOfFile: mark, encoding: .utf8)
    let server = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(kill(server, 0) == -1, "the model server lives on")
  }
}
