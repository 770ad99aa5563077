import Domain
import Foundation
import Jobs
import LanguageModels
import Logging
import Synchronization
import TestKit
import Testing
import WebClient

@testable import UseCases

/// Everything real, on a processor: a small model learns from one reviewer's comments for forty
/// steps, llama.cpp serves what came of it, and it writes inline comments on a fake forge.
@Suite("Likeness", .serialized, .enabled(if: ReviewerNotes.isWanted, ReviewerNotes.whatItNeeds))
struct Likeness {
  /// Keeps what the real trainer said.
  private final class Watched: LoRATrainer {
    let trainer: PeftTrainer
    let steps = Mutex<[LoRAProgress]>([])
    let losses = Mutex<[Double]>([])

    init(_ trainer: PeftTrainer) { self.trainer = trainer }

    var name: String { trainer.name }

    func train(
      _ task: LoRATask, progress: @escaping @Sendable (LoRAProgress) async -> Void
    ) async throws(TrainingError) -> LoRAOutcome {
      let outcome = try await trainer.train(task) { step in
        self.steps.withLock { $0.append(step) }
        await progress(step)
      }
      losses.withLock { $0 = outcome.losses }
      return outcome
    }
  }

  @Test(.timeLimit(.minutes(20)))
  func fortyStepsMakeAnAdapterThatSpeaks() async throws {
    let began = ContinuousClock.now
    let (environment, base) = (ReviewerNotes.environment, ReviewerNotes.modelName)
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
    let store = ModelStore(
      dataFolder: ReviewerNotes.dataFolder, environment: environment, web: client)
    _ = try await store.pull(base)
    let trainer = Watched(
      PeftTrainer(
        TrainerPlace(
          dataFolder: ReviewerNotes.dataFolder, environment: environment,
          python: environment["STET_TEST_TRAINER_PYTHON"],
          settings: TrainerSettings(maxTokens: 224), findBase: store.baseModel,
          logger: Logger(label: "likeness"))))
    let server = try LlamaAdapterServer(
      base: base, store: store, environment: environment, logger: Logger(label: "likeness"),
      client: client)
    let bench = try await LearningBench(
      trainer: trainer, adapters: server,
      settings: LearningSettings(
        examplesForAdapter: 40, base: base, steps: 40, trainingTime: .seconds(1_000),
        trainingMemory: .mebibytes(4_096)))
    let notes = try ReviewerNotes.all()
    ReviewerNotes.play(
      notes, of: "reviewer-a", as: "lin", on: bench.hub, in: LearningBench.repository)
    try await bench.agree()

    // Gathered and trained; the canary is part of the load, and the gate measures on later comments.
    _ = try await bench.learn()
    try await bench.work(within: .seconds(1_000))
    let reviewer = try #require(try await bench.reviewer())
    #expect(reviewer.comments > 40, "\(reviewer.dropped)")
    #expect(trainer.steps.withLock { $0.map(\.step) } == Array(1...40))
    let losses = trainer.losses.withLock { $0 }
    try #require(losses.count == 40, "\(reviewer.note ?? "")")
    let early = losses.prefix(10).reduce(0, +) / 10
    let late = losses.suffix(10).reduce(0, +) / 10
    #expect(late < early, "the loss went from \(early) to \(late)")
    let training = try #require(reviewer.trainings.last)
    let heldOut = try #require(training.heldOut, "\(training.verdict)")
    #expect(heldOut.adapter < heldOut.base, "\(training.verdict)")
    #expect(reviewer.adapter == training.name)

    // It speaks where the person spoke, on a pull request of today.
    let code = notes.filter { $0.author == "reviewer-a" && $0.role == "reviewer" }.suffix(6)
    let pull = bench.hub.addPullRequest(
      in: LearningBench.repository, title: "Today's", author: "ada",
      head: Dictionary(
        code.enumerated().map { ("today/part\($0).go", Array(($1.code ?? "").utf8)) }
      ) { first, _ in first }, headBranch: "today")
    try await bench.enqueue(bench.asking(pull))
    try await bench.work(within: .seconds(300))
    let answer = try #require(bench.answers(on: pull).first)
    #expect(answer.contains("speaks by the adapter `\(training.name)`"), "\(answer)")
    let comments = bench.likenesses(on: pull)
    #expect(!comments.isEmpty, "\(answer)")
    for comment in comments {
      #expect(comment.path?.hasPrefix("today/") == true)
      #expect(comment.body.contains("A likeness of `lin`"))
      let said = comment.body.split(separator: "\n").dropFirst().first.map(String.init) ?? ""
      #expect(!said.isEmpty && !said.hasPrefix("<sub>"), "\(comment.body)")
    }
    // Nobody else's model was asked.
    #expect(bench.model.asked.isEmpty)

    // Forgotten, with the adapter.
    let folder = try #require(training.folder)
    #expect(FileManager.default.fileExists(atPath: folder))
    let gone = try await ForgetReviewer(ports: bench.ports).forget(
      login: "lin", in: nil, by: "test")
    #expect(gone.count == 1 && !FileManager.default.fileExists(atPath: folder))
    await server.stop()
    await client.shutdown()
    print(
      "Likeness: \(ContinuousClock.now - began) in all, \(training.seconds) s of training on "
        + "\(training.examples) examples, loss \(early) to \(late); \(training.verdict) "
        + "\(comments.count) comments, such as: \(comments.first?.body.prefix(300) ?? "")")
  }
}
