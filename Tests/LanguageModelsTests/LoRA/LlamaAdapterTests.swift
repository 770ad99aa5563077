import Domain
import Foundation
import Logging
import TestKit
import Testing
import WebClient

@testable import LanguageModels

/// Adapters on a real llama.cpp server. These were not trained, but they move the model.
@Suite(
  "Adapters on llama.cpp", .serialized, .enabled(if: RealLlama.isWanted, RealLlama.whatItNeeds))
struct LlamaAdapterTests {
  let folder: TemporaryFolder
  let store: ModelStore
  let files: AdapterFiles
  let base: BaseModelFiles

  init() async throws {
    folder = try TemporaryFolder()
    let shared = RealLlama.store()
    _ = try await shared.pull(RealLlama.modelName)
    // A data folder of its own, with the model and the server of the others.
    for name in ["models", "llama"] {
      try? FileManager.default.createDirectory(
        atPath: "\(shared.dataFolder)/\(name)", withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: "\(folder.path)/\(name)", withDestinationPath: "\(shared.dataFolder)/\(name)")
    }
    store = ModelStore(
      dataFolder: folder.path, environment: RealLlama.environment, web: .forTests)
    files = AdapterFiles(dataFolder: folder.path)
    base = try await store.baseModel(RealLlama.modelName)
  }

  private func adapter(_ seed: UInt64) async throws -> StoredAdapter {
    var sample = AdapterSample(seed)
    // SmolLM2's.
    sample.width = 576
    // Strong enough that a few words tell one from another.
    sample.alpha = 16
    let fresh = try files.freshFolder()
    try sample.write(fresh)
    return try await files.keep(fresh, base: base)
  }

  private func server(_ environment: [String: String]? = nil) throws -> LlamaAdapterServer {
    try LlamaAdapterServer(
      base: RealLlama.modelName, store: store, environment: environment ?? RealLlama.environment,
      logger: Logger(label: "test"), client: .forTests,
      patience: .init(backOff: .milliseconds(1)))
  }

  private func answer(_ model: any LanguageModel) async throws -> String {
    try await model.reply(
      to: ModelRequest(
        turns: [.init(.user, "Name three colours and say why.")], answer: .text, maxOutput: 24,
        seed: 1)
    ).text
  }

  private static let turns: [ModelRequest.Turn] = [
    .init(.system, "You review."), .init(.user, "+ x = 1"), .init(.assistant, "Name it better."),
  ]

  @Test func eachIsAnsweredWithTheirOwnWhoeverElseAsks() async throws {
    let (ann, bob) = (try await adapter(1), try await adapter(2))
    let server = try server()
    try await server.load(ann)
    let early = try await server.model(with: ann.name)
    let alone = try await answer(early)
    try await server.load(bob)
    // The model from before the change goes on, with the same adapter.
    #expect(try await answer(early) == alone)
    var single: [AdapterName?: String] = [:]
    for name in [ann.name, bob.name, nil] {
      single[name] = try await answer(try await server.model(with: name))
    }
    #expect(single[ann.name] == alone)
    #expect(Set(single.values).count == 3)
    let names: [AdapterName?] = [ann.name, bob.name, nil]
    try await withThrowingTaskGroup(of: (AdapterName?, String).self) { group in
      for round in 0..<12 {
        let name = names[round % 3]
        group.addTask { (name, try await answer(try await server.model(with: name))) }
      }
      // Two slots reckon together, which may change a last word; never whose answer it is.
      for try await (name, text) in group {
        let nearest = names.max { a, b in
          (single[a] ?? "").commonPrefix(with: text).count
            < (single[b] ?? "").commonPrefix(with: text).count
        }
        #expect(nearest == .some(name))
      }
    }
    var losses: [Double] = []
    for name in names { losses.append(try await server.logProbability(of: Self.turns, with: name)) }
    #expect(losses.allSatisfy { $0 < 0 && $0 > -30 })
    #expect(Set(losses).count == 3)
    #expect(try await server.logProbability(of: Self.turns, with: nil) == losses[2])

    try await server.unload(ann.name)
    await #expect { try await server.model(with: ann.name) } throws: {
      ($0 as? AdapterError)?.code == .notLoaded
    }
    #expect(try await answer(try await server.model(with: bob.name)) == single[bob.name])
    await server.stop()
  }

  @Test func anAdapterOnDiskIsServedByANewProcess() async throws {
    let ann = try await adapter(3)
    let first = try server()
    let text = try await answer(try await first.model(with: ann.name))
    await first.stop()
    let second = try server()
    #expect(try await answer(try await second.model(with: ann.name)) == text)
    #expect(try await answer(try await second.model(with: nil)) != text)
    await second.stop()
  }

  @Test func aCorruptOrForeignAdapterIsRefusedAndTheOthersGoOn() async throws {
    let (ann, bob) = (try await adapter(1), try await adapter(4))
    let server = try server()
    try await server.load(ann)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: bob.folder + "/adapter.gguf"))
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: URL(fileURLWithPath: bob.folder + "/adapter.gguf"))
    await #expect { try await server.load(bob) } throws: {
      ($0 as? AdapterError)?.code == .corrupt
    }
    var foreign = ann
    foreign.base = "qwen2.5-coder-0.5b"
    let other = StoredAdapter(
      name: bob.name, base: foreign.base, folder: foreign.folder, gguf: foreign.gguf)
    await #expect { try await server.load(other) } throws: {
      ($0 as? AdapterError)?.code == .unsupported
    }
    #expect(!(try await answer(try await server.model(with: ann.name))).isEmpty)
    await server.stop()
  }

  @Test func aServerThatTakesNoAdaptersIsToldApart() async throws {
    let ann = try await adapter(1)
    let programs = folder.path + "/bin"
    try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
    try folder.write(
      "bin/llama-server", "#!/bin/sh\necho 'error: invalid argument: --lora' >&2\nexit 1\n",
      executable: true)
    var environment = RealLlama.environment
    environment["PATH"] = "\(programs):\(environment["PATH"] ?? "")"
    let server = try server(environment)
    await #expect { try await server.load(ann) } throws: {
      ($0 as? AdapterError)?.code == .unsupported
    }
    await server.stop()
  }
}
