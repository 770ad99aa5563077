import Domain
import Foundation
import Testing
import WebClient

@testable import LanguageModels

#if canImport(Glibc)
  import Glibc
#endif

@Suite(
  "The real llama.cpp server with SmolLM2-135M", .serialized,
  .enabled(if: RealLlama.isWanted, RealLlama.whatItNeeds))
struct RealServerTests {
  let environment = RealLlama.environment
  let store = RealLlama.store()

  init() async throws { _ = try await store.pull(RealLlama.modelName) }

  func server(_ store: ModelStore? = nil) throws -> LlamaServer {
    try RealLlama.server(store ?? self.store)
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

  @Test func itAnswersUnderASchemaStreamsCountsAndIsCancelled() async throws {
    let model = LocalModel(server: try server(), client: .forTests)
    let schema = JSONSchema.object([.init("sure", .boolean), .init("answer", .string)])
    let reply = try await model.reply(
      to: ModelRequest(
        turns: [.init(.user, "Is the sky blue? Answer in JSON.")],
        answer: .json(name: "answer", schema), maxOutput: 128, seed: 1))
    #expect(reply.json?["answer"]?.string != nil)
    #expect(reply.model == "smollm2-135m")
    #expect(reply.outputTokens > 0)
    #expect(await model.countTokens(in: "Hello world") == 2)

    var text = ""
    var whole: ModelReply?
    let short = ModelRequest(
      turns: [.init(.user, "Count from one to five.")], answer: .text, maxOutput: 32, seed: 1)
    for try await piece in model.stream(short) {
      switch piece {
      case .text(let more): text += more
      case .done(let reply): whole = reply
      }
    }
    #expect(!text.isEmpty)
    #expect(whole?.text == text)

    let long = ModelRequest(
      turns: [.init(.user, "Tell a very long story.")], answer: .text, maxOutput: 500, seed: 1)
    let task = Task { try await model.reply(to: long) }
    task.cancel()
    await #expect(throws: ModelError.self) { try await task.value }
    // The one slot that it may have taken is free again.
    #expect(try await model.reply(to: short).finish != .refused)
    await model.stop()
  }

  @Test func aKilledServerIsStartedAgain() async throws {
    let server = try server()
    let first = try await server.endpoint()
    for process in try processes(naming: "--port \(first.port)".replacing(" ", with: "\0")) {
      if process != first.processID { kill(pid_t(process), SIGKILL) }
    }
    while groupLives(first.processID) { try await Task.sleep(for: .milliseconds(5)) }
    var second = try await server.endpoint()
    while second == first {
      try await Task.sleep(for: .milliseconds(5))
      second = try await server.endpoint()
    }
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
