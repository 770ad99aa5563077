import Domain
import Foundation
import TestKit
import Testing
import WebClient

@testable import LanguageModels

/// Adapters on a vLLM that has all the faults that are known of it.
@Suite struct VLLMAdapterTests {
  let folder: TemporaryFolder
  let files: AdapterFiles
  let fake = FakeVLLM(base: "coder-7b")

  init() throws {
    folder = try TemporaryFolder()
    files = AdapterFiles(dataFolder: folder.path)
  }

  private func adapter(_ seed: UInt64) async throws -> StoredAdapter {
    let fresh = try files.freshFolder()
    var sample = AdapterSample(seed)
    sample.hasGGUF = false
    try sample.write(fresh)
    return try await files.keep(
      fresh, base: BaseModelFiles(name: "coder", gguf: nil, folder: nil, sha256: nil))
  }

  private func with(
    _ faults: Set<FakeVLLM.Fault> = [], folderThere: String? = nil,
    _ body: (VLLMAdapterServer) async throws -> Void
  ) async throws {
    fake.set(faults)
    let socket = try await fake.listen()
    let settings = try ProviderSettings(
      kind: .vllm, model: "coder-7b", baseURL: socket.url + "/v1")
    let server = VLLMAdapterServer(
      settings, base: "coder", dataFolder: folder.path, folderThere: folderThere,
      client: .forTests)
    do {
      try await body(server)
    } catch {
      await socket.stop()
      throw error
    }
    await socket.stop()
  }

  private func answer(_ server: VLLMAdapterServer, _ adapter: StoredAdapter?) async throws -> String
  {
    try await server.model(with: adapter?.name).reply(
      to: ModelRequest(turns: [.init(.user, "Review this.")], answer: .text, maxOutput: 16)
    ).text
  }

  @Test func eachIsAnsweredWithTheirOwn() async throws {
    let (ann, bob) = (try await adapter(1), try await adapter(2))
    try await with { server in
      try await server.load(ann)
      try await server.load(bob)
      try await server.load(ann)
      #expect(fake.loads == 2)
      for _ in 0..<3 {
        #expect(try await answer(server, ann) == (try FakeVLLM.words(ann.folder)))
        #expect(try await answer(server, bob) == (try FakeVLLM.words(bob.folder)))
        #expect(try await answer(server, nil) == (try FakeVLLM.words(nil)))
      }
      let model = try await server.model(with: ann.name)
      #expect(model.name == "coder+\(ann.name)")
      #expect(model.cacheIdentity != (try await server.model(with: bob.name)).cacheIdentity)
      #expect(model.cacheIdentity != (try await server.model(with: nil)).cacheIdentity)
    }
  }

  @Test func soTheyAreAllAtOnce() async throws {
    let adapters = [try await adapter(1), try await adapter(2), try await adapter(3)]
    try await with { server in
      for adapter in adapters { try await server.load(adapter) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for round in 0..<40 {
          let chosen = round % 4 == 3 ? nil : adapters[round % 4]
          group.addTask {
            let text = try await answer(server, chosen)
            let own = try FakeVLLM.words(chosen?.folder)
            #expect(text == own)
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test func aServerThatWasStartedAgainIsGivenItsAdaptersAgain() async throws {
    let (ann, bob) = (try await adapter(1), try await adapter(2))
    try await with { server in
      try await server.load(ann)
      try await server.load(bob)
      let model = try await server.model(with: ann.name)
      fake.restart()
      let request = ModelRequest(
        turns: [.init(.user, "Review this.")], answer: .text, maxOutput: 16)
      #expect(try await model.reply(to: request).text == (try FakeVLLM.words(ann.folder)))
      #expect(fake.names == [ann.name.description])
      fake.restart()
      let turns: [ModelRequest.Turn] = [.init(.user, "a b"), .init(.assistant, "c d e")]
      _ = try await server.logProbability(of: turns, with: bob.name)
      #expect(fake.names == [bob.name.description])
    }
  }

  /// All that were under way are refused, and one of them has it loaded again.
  @Test func soItIsWhereManyAreUnderWay() async throws {
    let ann = try await adapter(1)
    try await with { server in
      try await server.load(ann)
      let model = try await server.model(with: ann.name)
      fake.restart()
      let own = try FakeVLLM.words(ann.folder)
      try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<16 {
          group.addTask {
            try await model.reply(
              to: ModelRequest(turns: [.init(.user, "Review.")], answer: .text, maxOutput: 16)
            ).text
          }
        }
        for try await text in group { #expect(text == own) }
      }
    }
  }

  @Test func anotherProcessFindsTheAdapterByItsName() async throws {
    let ann = try await adapter(1)
    let own = try FakeVLLM.words(ann.folder)
    try await with { server in
      let text = try await answer(server, ann)
      #expect(text == own)
    }
    // Loaded already, by whomever: the same name is the same weights.
    try await with { server in try await server.load(ann) }
    #expect(fake.loads == 1)
  }

  @Test func whatWasUnloadedIsAskedForByNobody() async throws {
    let ann = try await adapter(1)
    try await with { server in
      try await server.load(ann)
      let model = try await server.model(with: ann.name)
      try await server.unload(ann.name)
      try await server.unload(ann.name)
      #expect(fake.names.isEmpty)
      // The fault: its weights are still there, and there is no way to them.
      #expect(fake.weightsInEngine == 1)
      #expect(files.stored(ann.name) == nil)
      await #expect { try await server.model(with: ann.name) } throws: {
        ($0 as? AdapterError)?.code == .notLoaded
      }
      let before = fake.asked.count
      await #expect(throws: ModelError.self) {
        try await model.reply(
          to: ModelRequest(turns: [.init(.user, "x")], answer: .text, maxOutput: 4))
      }
      #expect(fake.asked.count == before)
    }
  }

  /// That the fake has the fault, and that other weights of the same person do not meet it.
  @Test func anOldPrefixCacheAnswersForNobodyElse() async throws {
    let (old, new) = (try await adapter(1), try await adapter(2))
    try await with { server in
      try await server.load(old)
      #expect(try await answer(server, old) == (try FakeVLLM.words(old.folder)))
      try await server.unload(old.name)
      try await server.load(new)
      #expect(try await answer(server, new) == (try FakeVLLM.words(new.folder)))
    }
    let socket = try await fake.listen()
    func post(_ path: String, _ body: String) async throws -> String {
      let answer = try await WebClient.forTests.send(
        WebRequest(
          method: "POST", url: socket.url + path, headers: ["content-type": "application/json"],
          body: Array(body.utf8)))
      return String(decoding: answer.body, as: UTF8.self)
    }
    let third = try await adapter(3)
    let fourth = try await adapter(4)
    var answers: [String] = []
    for adapter in [third, fourth] {
      _ = try await post(
        "/v1/load_lora_adapter", "{\"lora_name\":\"reused\",\"lora_path\":\"\(adapter.folder)\"}")
      answers.append(
        try await post(
          "/v1/chat/completions",
          "{\"model\":\"reused\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"))
      _ = try await post("/v1/unload_lora_adapter", "{\"lora_name\":\"reused\"}")
    }
    await socket.stop()
    let stale = try FakeVLLM.words(third.folder)
    #expect(answers.count { $0.contains(stale) } == 2)
  }

  @Test(arguments: [
    (FakeVLLM.Fault.appliesNone, AdapterError.Code.withoutEffect, "base model"),
    (.mixesUp, .mixedUp, "something else"),
    (.takesNoAdaptersWhileItRuns, .unsupported, "VLLM_ALLOW_RUNTIME_LORA_UPDATING"),
    (.rankTooLarge, .unsupported, "--max-lora-rank"),
    (.seesNoFolder, .unsupported, "STET_ADAPTER_FOLDER"),
    (.givesNoLogProbabilities, .unsupported, "top_logprobs"),
  ])
  func aServerThatCannotBeTrustedIsNotUsed(
    _ fault: FakeVLLM.Fault, _ code: AdapterError.Code, _ words: String
  ) async throws {
    let ann = try await adapter(1)
    try await with([fault]) { server in
      let error = await #expect(throws: AdapterError.self) { try await server.load(ann) }
      #expect(error?.code == code)
      #expect(error?.detail.contains(words) == true)
      // Nothing is left behind under the name.
      #expect(fake.names.isEmpty)
    }
  }

  @Test func aNameThatStaysIsTold() async throws {
    let ann = try await adapter(1)
    try await with([.keepsNames]) { server in
      try await server.load(ann)
      await #expect { try await server.unload(ann.name) } throws: {
        ($0 as? AdapterError)?.code == .unsupported
      }
      // Even so nobody is answered with it any more.
      #expect(files.stored(ann.name) == nil)
    }
  }

  @Test func aForeignOrChangedAdapterIsRefused() async throws {
    let ann = try await adapter(1)
    try await with { server in
      var foreign = ann
      foreign.base = "another"
      await #expect { try await server.load(foreign) } throws: {
        ($0 as? AdapterError)?.code == .unsupported
      }
      let path = ann.folder + "/adapter_config.json"
      try Data("{}".utf8).write(to: URL(fileURLWithPath: path))
      await #expect { try await server.load(ann) } throws: {
        ($0 as? AdapterError)?.code == .corrupt
      }
      #expect(fake.loads == 0)
    }
  }

  @Test func aServerThatIsNotThereIsUnreachable() async throws {
    let ann = try await adapter(1)
    let port = try #require(freeLoopbackPort())
    let settings = try ProviderSettings(
      kind: .vllm, model: "coder-7b", baseURL: "http://127.0.0.1:\(port)/v1")
    let server = VLLMAdapterServer(
      settings, base: "coder", dataFolder: folder.path, client: .forTests)
    await #expect { try await server.load(ann) } throws: {
      ($0 as? AdapterError)?.code == .unreachable
    }
  }

  @Test func lossesDifferByAdapter() async throws {
    let (ann, bob) = (try await adapter(1), try await adapter(2))
    try await with { server in
      try await server.load(ann)
      try await server.load(bob)
      let turns: [ModelRequest.Turn] = [
        .init(.system, "You review."), .init(.user, "a hunk"), .init(.assistant, "one two three"),
      ]
      var values: [Double] = []
      for name in [ann.name, bob.name, nil] {
        let value = try await server.logProbability(of: turns, with: name)
        #expect(value < 0)
        #expect(try await server.logProbability(of: turns, with: name) == value)
        values.append(value)
      }
      #expect(Set(values).count == 3)
    }
  }

  // MARK: Any other server

  @Test func aServerThatHasThemUnderTheirNamesIsProvenToo() async throws {
    let (ann, bob) = (try await adapter(1), try await adapter(2))
    let socket = try await fake.listen()
    let settings = try ProviderSettings(
      kind: .openAICompatible, model: "coder-7b", baseURL: socket.url + "/v1")
    let server = NamedAdapterServer(
      settings, base: "coder", dataFolder: folder.path, client: .forTests)
    let missing = await #expect(throws: AdapterError.self) { try await server.load(ann) }
    #expect(missing?.code == .notLoaded)
    #expect(missing?.detail.contains(ann.name.description) == true)
    let other = VLLMAdapterServer(
      try ProviderSettings(kind: .vllm, model: "coder-7b", baseURL: socket.url),
      base: "coder", dataFolder: folder.path, client: .forTests)
    try await other.load(ann)
    try await other.load(bob)
    let request = ModelRequest(turns: [.init(.user, "x")], answer: .text, maxOutput: 4)
    for adapter in [ann, bob] {
      let reply = try await server.model(with: adapter.name).reply(to: request)
      #expect(reply.text == (try FakeVLLM.words(adapter.folder)))
    }
    await #expect { try await server.unload(ann.name) } throws: {
      ($0 as? AdapterError)?.code == .unsupported
    }
    await socket.stop()
  }
}
