import Domain
import Forges
import Foundation
import LanguageModels
import Logging
import Synchronization
import TestKit
import Testing
import UseCases
import WebClient

/// Everything real, on a processor: a small model learns from one reviewer's comments for forty
/// steps, llama.cpp serves what came of it, and it writes an inline comment.
@Suite("Likeness", .serialized, .enabled(if: ReviewerNotes.isWanted, ReviewerNotes.whatItNeeds))
struct Likeness {
  @Test(.timeLimit(.minutes(20)))
  func fortyStepsMakeAnAdapterThatSpeaks() async throws {
    let began = ContinuousClock.now
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
    let store = ModelStore(
      dataFolder: ReviewerNotes.dataFolder, environment: ReviewerNotes.environment, web: client)
    _ = try await store.pull(ReviewerNotes.modelName)
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "stet-likeness-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (training, heldOut) = try ReviewerNotes.split()
    #expect(training.count > 60 && heldOut.count > 4)
    try ReviewerNotes.write(training, to: folder.path + "/train.jsonl")
    try ReviewerNotes.write(heldOut, to: folder.path + "/held_out.jsonl")

    // Trained.
    let trainer = PeftTrainer(
      TrainerPlace(
        dataFolder: ReviewerNotes.dataFolder, environment: ReviewerNotes.environment,
        python: ReviewerNotes.environment["STET_TEST_TRAINER_PYTHON"],
        settings: TrainerSettings(maxTokens: 224), findBase: store.baseModel,
        logger: Logger(label: "likeness")))
    let steps = Mutex<[LoRAProgress]>([])
    let outcome = try await trainer.train(
      LoRATask(
        folder: folder.path, base: ReviewerNotes.modelName, rank: 8, steps: 40, learningRate: 4e-4,
        time: .seconds(1_000), memory: .mebibytes(4_096))
    ) { step in steps.withLock { $0.append(step) } }
    #expect(steps.withLock { $0.map(\.step) } == Array(1...40))
    #expect(outcome.losses.count == 40)
    let early = outcome.losses.prefix(10).reduce(0, +) / 10
    let late = outcome.losses.suffix(10).reduce(0, +) / 10
    #expect(late < early - 0.2, "the loss fell from \(early) to \(late)")

    // Served; the canary is part of the load.
    let server = try LlamaAdapterServer(
      base: ReviewerNotes.modelName, store: store, environment: ReviewerNotes.environment,
      logger: Logger(label: "likeness"), client: client)
    let adapter = StoredAdapter(
      name: outcome.name, base: ReviewerNotes.modelName, folder: outcome.folder, gguf: outcome.gguf)
    try await server.load(adapter)

    // Later comments are likelier to it than to the base model.
    var (own, bare) = (0.0, 0.0)
    for conversation in heldOut.prefix(5) {
      let turns = conversation.map {
        ModelRequest.Turn(
          ModelRequest.Role(rawValue: $0.role) ?? .user, String($0.content.prefix(300)))
      }
      own -= try await server.logProbability(of: turns, with: outcome.name) / 5
      bare -= try await server.logProbability(of: turns, with: nil) / 5
    }
    #expect(own < bare, "held out: \(own) with the adapter, \(bare) without")

    // And it comments.
    let bench = try await ServiceBench()
    let model = try await server.model(with: outcome.name)
    let reply = try await model.reply(
      to: ModelRequest(
        turns: [
          .init(
            .system,
            ReviewerNotes.turns(
              .init(
                author: "", createdAt: 0, reviewCommit: "", body: ""))[0].content),
          .init(.user, "app/orders.py\n@@ -4,3 +4,6 @@\n+    except:\n+        return []"),
        ], answer: .text, maxOutput: 48, seed: 1))
    let line = reply.text.split(separator: "\n").first.map(String.init) ?? ""
    #expect(!line.isEmpty)
    let head = try #require(bench.hub.head(of: bench.reference))
    let forge = try await bench.openForge(bench.access)
    _ = try await forge.post(
      ReviewDraft(
        commit: head, verdict: .comment, body: "",
        comments: [
          .init(
            path: "app/orders.py", side: .new, startLine: 8, line: 8,
            body: Defanged.forMarkdown(line)
              + "\n\nA likeness of \(ReviewerNotes.reviewer), not the person."
          )
        ]), on: bench.reference)
    let posted = try await forge.reviewComments(on: bench.reference)
    #expect(posted.count == 1)
    #expect(posted.first?.body.contains("A likeness of") == true)

    // Forgotten.
    try await server.unload(outcome.name)
    #expect(!FileManager.default.fileExists(atPath: outcome.folder))
    await server.stop()
    await client.shutdown()
    let took = ContinuousClock.now - began
    print(
      "Likeness: \(took) in all, \(outcome.seconds) s of training, loss \(early) to \(late), "
        + "held out \(bare) to \(own)")
  }
}
