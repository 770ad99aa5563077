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
@Suite("Likeness", .serialized, .enabled(if: Likeness.isWanted, Likeness.whatItNeeds))
struct Likeness {
  static let environment = ProcessInfo.processInfo.environment
  static let modelName = "smollm2-135m"
  static let reviewer = "reviewer-a"

  static var comments: URL? {
    environment["STET_SHARED_DATA"].map {
      URL(fileURLWithPath: $0).appending(path: "reviews/git-appraise-review-comments.jsonl")
    }
  }

  /// Debian's PyTorch, or a Python that a setting names.
  static let isWanted: Bool = {
    let files = FileManager.default
    guard environment["STET_TEST_LLAMACPP"] == "1",
      let comments, files.fileExists(atPath: comments.path)
    else { return false }
    return environment["STET_TEST_TRAINER_PYTHON"] != nil
      || files.fileExists(atPath: "/usr/lib/python3/dist-packages/torch/__init__.py")
  }()

  static let whatItNeeds: Comment =
    """
    set STET_TEST_LLAMACPP=1 and STET_SHARED_DATA, and install python3-torch (1.13) and \
    libopenblas0-pthread, or set STET_TEST_TRAINER_PYTHON; needs a package index once
    """

  private struct ReviewNote: Decodable {
    var author: String
    var created_at: Int
    var review_commit: String
    var path: String?
    var diff_hunk: String?
    var body: String
  }

  private struct Turn: Encodable {
    var role: String
    var content: String
  }

  private static func turns(_ comment: ReviewNote) -> [Turn] {
    [
      Turn(
        role: "system",
        content: "You review changes of google/git-appraise as \(reviewer) does: one line, or none."
      ),
      Turn(
        role: "user",
        content: "\(comment.path ?? "")\n\(String((comment.diff_hunk ?? "").suffix(500)))"),
      Turn(role: "assistant", content: comment.body.replacing("\\n", with: "\n")),
    ]
  }

  /// Earlier comments to learn from, and later ones of other reviews to be measured by.
  private static func split() throws -> (training: [[Turn]], heldOut: [[Turn]]) {
    let text = try String(contentsOf: try #require(comments), encoding: .utf8)
    let decoder = JSONDecoder()
    let all = try text.split(separator: "\n")
      .map { try decoder.decode(ReviewNote.self, from: Data($0.utf8)) }
      .filter {
        $0.author == reviewer && $0.diff_hunk != nil && (10..<400).contains($0.body.utf8.count)
      }
      .sorted { ($0.created_at, $0.body) < ($1.created_at, $1.body) }
    let cut = all.count * 4 / 5
    let learned = Set(all[..<cut].map(\.review_commit))
    let later = all[cut...].filter { !learned.contains($0.review_commit) }
    return (all[..<cut].map(turns), later.prefix(8).map(turns))
  }

  private static func write(_ conversations: [[Turn]], to path: String) throws {
    struct Line: Encodable { var messages: [Turn] }
    let encoder = JSONEncoder()
    let lines = try conversations.map {
      String(decoding: try encoder.encode(Line(messages: $0)), as: UTF8.self) + "\n"
    }
    try Data(lines.joined().utf8).write(to: URL(fileURLWithPath: path))
  }

  /// Kept over runs: the model, the server and the Python environment are fetched once.
  private static let dataFolder: String = {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: ".build/local-model-tests").path
  }()

  @Test(.timeLimit(.minutes(20)))
  func fortyStepsMakeAnAdapterThatSpeaks() async throws {
    let began = ContinuousClock.now
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
    let store = ModelStore(
      dataFolder: Self.dataFolder, environment: Self.environment, web: client)
    _ = try await store.pull(Self.modelName)
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "stet-likeness-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (training, heldOut) = try Self.split()
    #expect(training.count > 60 && heldOut.count > 4)
    try Self.write(training, to: folder.path + "/train.jsonl")
    try Self.write(heldOut, to: folder.path + "/held_out.jsonl")

    // Trained.
    let trainer = PeftTrainer(
      TrainerPlace(
        dataFolder: Self.dataFolder, environment: Self.environment,
        python: Self.environment["STET_TEST_TRAINER_PYTHON"],
        settings: TrainerSettings(maxTokens: 224), findBase: store.baseModel,
        logger: Logger(label: "likeness")))
    let steps = Mutex<[LoRAProgress]>([])
    let outcome = try await trainer.train(
      LoRATask(
        folder: folder.path, base: Self.modelName, rank: 8, steps: 40, learningRate: 4e-4,
        time: .seconds(1_000), memory: .mebibytes(4_096))
    ) { step in steps.withLock { $0.append(step) } }
    #expect(steps.withLock { $0.map(\.step) } == Array(1...40))
    #expect(outcome.losses.count == 40)
    let early = outcome.losses.prefix(10).reduce(0, +) / 10
    let late = outcome.losses.suffix(10).reduce(0, +) / 10
    #expect(late < early - 0.2, "the loss fell from \(early) to \(late)")

    // Served; the canary is part of the load.
    let server = try LlamaAdapterServer(
      base: Self.modelName, store: store, environment: Self.environment,
      logger: Logger(label: "likeness"), client: client)
    let adapter = StoredAdapter(
      name: outcome.name, base: Self.modelName, folder: outcome.folder, gguf: outcome.gguf)
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
            Self.turns(
              .init(
                author: "", created_at: 0, review_commit: "", body: ""))[0].content),
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
            body: Defanged.forMarkdown(line) + "\n\nA likeness of \(Self.reviewer), not the person."
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
