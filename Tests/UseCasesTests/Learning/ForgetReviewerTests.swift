import Domain
import Foundation
import Jobs
import Storage
import Synchronization
import TestKit
import Testing

@testable import UseCases

/// Forgetting, training and the gate.
@Suite struct ForgetReviewerTests {
  /// The data folder and the database are searched for the person's words afterwards.
  @Test func nothingOfTheirWordsIsLeft() async throws {
    let adapters = RecordingAdapters()
    let bench = try await LearningBench(
      trainer: WritingTrainer(), adapters: adapters,
      settings: LearningSettings(examplesForAdapter: 10, base: "fake"))
    bench.addPast(pulls: 60)
    let pull = bench.addPresent()
    try await bench.agree()
    try await bench.enqueue(bench.asking(pull))
    try await bench.work()
    let reviewer = try #require(try await bench.reviewer())
    #expect(reviewer.adapter != nil)
    // Something else has listed the comments meanwhile, and kept the answer.
    let forge = try await bench.ports.openForge(bench.access)
    _ = try await forge.reviewComments(on: PullRequestReference(LearningBench.repository, 1))
    #expect(try await bench.rows("validators") ?? 0 > 0)
    #expect(
      FileManager.default.fileExists(atPath: bench.folder + "/reviewers/" + reviewer.id))

    let gone = try await ForgetReviewer(ports: bench.ports).forget(
      login: "LIN", in: nil, by: "cli")
    #expect(gone == ForgottenReviewers(count: 1))
    for table in [
      "reviewers", "reviewer_examples", "reviewer_vectors", "vector_scopes", "gatherings",
      "consents", "validators",
    ] {
      #expect(try await bench.rows(table) == 0, "\(table)")
    }
    #expect(try bench.filesHolding(LearningBench.phrase).isEmpty)
    #expect(
      !FileManager.default.fileExists(atPath: bench.folder + "/reviewers/" + reviewer.id))
    #expect(adapters.unloaded == [try #require(reviewer.adapter)])
    // Runs and what was published hold none of their words either.
    let encoder = JSONEncoder()
    for run in try await bench.runs.runs(limit: 100, before: nil) {
      let text = String(decoding: try encoder.encode(run), as: UTF8.self)
      #expect(!text.contains(LearningBench.phrase) && !text.contains("Wrap this error"))
    }
    let last = try #require(try await bench.audit.entries(before: nil, limit: 1).first)
    #expect(last.event.action == "reviewer.forgotten")
    #expect(last.event.facts["reviewer"] == reviewer.id)
    let again = try await ForgetReviewer(ports: bench.ports).forget(
      login: "lin", in: nil, by: "cli")
    #expect(again == ForgottenReviewers())
  }

  @Test func whatNobodyAsksForIsForgottenInTime() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    _ = try await bench.learn()
    let forgetting = ForgetReviewer(ports: bench.ports)
    let year = Duration.seconds(365 * 86_400)
    #expect(try await forgetting.prune(olderThan: year, now: Date()) == 0)
    #expect(
      try await forgetting.prune(
        olderThan: year, now: Date().addingTimeInterval(366 * 86_400)) == 1)
    #expect(try await bench.reviewer() == nil)
  }

  // MARK: Training

  @Test func anAdapterThatPassesTheGateSpeaks() async throws {
    let adapters = RecordingAdapters(own: -1, base: -2)
    let bench = try await LearningBench(
      trainer: WritingTrainer(), adapters: adapters,
      settings: LearningSettings(examplesForAdapter: 10, base: "fake"))
    bench.addPast(pulls: 60)
    let pull = bench.addPresent()
    try await bench.agree()
    try await bench.enqueue(bench.asking(pull))
    try await bench.work()
    let reviewer = try #require(try await bench.reviewer())
    let training = try #require(reviewer.trainings.first)
    #expect(reviewer.adapter == training.name)
    #expect(training.heldOut?.adapter == 1 && training.heldOut?.base == 2)
    #expect(training.verdict.hasPrefix("The adapter is used"))
    // The data of the training lies there for its time only.
    let left = try bench.everythingOnDisk().keys.filter { $0.hasSuffix(".jsonl") }
    #expect(left.isEmpty)
    // It is told where it was asked for.
    #expect(bench.answers(on: pull).contains { $0.contains("It speaks from the next review on") })
    // The next review is the adapter's, and without examples before the question.
    try await bench.enqueue(bench.asking(pull, run: "run-2"))
    try await bench.work()
    #expect(adapters.asked > 0)
    #expect(bench.answers(on: pull).contains { $0.contains("by the adapter") })
  }

  @Test(arguments: [(-2.0, -1.0), (-1.0, -1.0)])
  func anAdapterThatIsNoBetterIsNotUsed(_ own: Double, _ base: Double) async throws {
    let bench = try await LearningBench(
      trainer: WritingTrainer(), adapters: RecordingAdapters(own: own, base: base),
      settings: LearningSettings(examplesForAdapter: 10, base: "fake"))
    bench.addPast(pulls: 60)
    let pull = bench.addPresent()
    try await bench.agree()
    _ = try await bench.learn()
    try await bench.work()
    let reviewer = try #require(try await bench.reviewer())
    #expect(reviewer.adapter == nil && reviewer.trainings.count == 1)
    try await bench.enqueue(bench.asking(pull))
    try await bench.work()
    let answer = try #require(bench.answers(on: pull).first)
    #expect(answer.contains("speaks by examples") && answer.contains("The adapter is not used"))
  }

  @Test(arguments: TrainingError.Code.allCases)
  func aTrainingThatFailsIsToldAndExamplesSpeak(_ code: TrainingError.Code) async throws {
    let bench = try await LearningBench(
      trainer: WritingTrainer(failure: TrainingError(code: code, detail: "it did not go")),
      adapters: RecordingAdapters(),
      settings: LearningSettings(examplesForAdapter: 10, base: "fake"))
    bench.addPast(pulls: 60)
    _ = try await bench.learn()
    let pull = bench.addPresent()
    let work = Work.TrainReviewer(
      identity: bench.identity, askedBy: "cli", run: "r", review: bench.asking(pull))
    // That somebody else ended the trainer is a failure like others.
    let expected = code == .cancelled ? .failed : code
    let failure = await #expect(throws: JobFailure.self) {
      try await TrainReviewer(ports: bench.ports).run(work, job: nil) { _ in }
    }
    #expect(failure?.message.contains("it did not go") == true)
    #expect(failure?.isFinal == (expected != .failed))
    #expect(try await bench.reviewer()?.note?.contains(expected.rawValue) == true)
    // It is told where it was asked for, once, what happened and what to do, not in the trainer's
    // words, in which the machine's paths may stand.
    let told = bench.answers(on: pull)
    #expect(told.count == 1)
    for answer in told {
      #expect(answer.contains(expected.rawValue) && answer.contains("--force-reload"), "\(answer)")
      #expect(!answer.contains("it did not go"))
    }
    #expect(try bench.everythingOnDisk().keys.filter { $0.hasSuffix(".jsonl") }.isEmpty)
    #expect(try await bench.reviewer()?.adapter == nil)
  }

  // MARK: Fidelity

  @Test func fidelityIsMeasuredOnWhatWasHeldOut() async throws {
    let bench = try await LearningBench()
    bench.addPast(pulls: 40)
    _ = try await bench.learn()
    let reviewer = try #require(try await bench.reviewer())
    let measure = MeasureFidelity(ports: bench.ports)
    let without = try await measure.run(.init(reviewer: reviewer, questions: 0))
    #expect(without.measured == 0 && without.model == nil && without.heldOut > 0)
    // They speak at code and are silent at documents, which the neighbours know.
    #expect((without.foreseen.precision ?? 0) > 0.9)
    #expect((without.foreseen.recall ?? 0) > 0.9)
    let fidelity = try await measure.run(.init(reviewer: reviewer, questions: 10))
    #expect(fidelity.measured == 10 && fidelity.pairs.count == 10)
    #expect(fidelity.about != nil && fidelity.theirManner?.comments ?? 0 > 0)
    // No held-out comment was shown as an example.
    let heldOut = fidelity.pairs.compactMap(\.theirs)
    for asked in bench.model.asked {
      for theirs in heldOut { #expect(!asked.contains(theirs.suffix(30))) }
    }
    let page = FidelityText.page(fidelity)
    #expect(page.contains("<td>") && !page.contains("<script"))
    #expect(FidelityText.plain(fidelity).contains("precision"))
    let bare = try await measure.run(
      .init(reviewer: reviewer, questions: 5, isLearned: false))
    #expect(bare.measured == 5)
    #expect(bench.model.asked.suffix(5).allSatisfy { !$0.contains(LearningBench.phrase) })
  }
}

/// Leaves an adapter of a kind, at once: what a real one does is tested where it runs.
struct WritingTrainer: LoRATrainer {
  var failure: TrainingError?
  /// What happens while it trains.
  var meanwhile: (@Sendable () async -> Void)?
  var name: String { "peft" }

  func train(
    _ task: LoRATask, progress: @escaping @Sendable (LoRAProgress) async -> Void
  ) async throws(TrainingError) -> LoRAOutcome {
    if let failure { throw failure }
    await meanwhile?()
    // As the recipe does, which may be writing a checkpoint at that moment.
    try? FileManager.default.createDirectory(
      atPath: task.folder, withIntermediateDirectories: true)
    let lines = task.training
    guard lines.split(separator: "\n").count > 10,
      FileManager.default.createFile(
        atPath: task.folder + "/adapter_model.safetensors", contents: Data([1, 2, 3])),
      let name = AdapterName(String(repeating: "ab", count: 32))
    else { throw TrainingError(code: .invalidData, detail: "there is no data") }
    await progress(LoRAProgress(step: 1, steps: 1, loss: 2))
    return LoRAOutcome(
      name: name, folder: task.folder, gguf: nil, losses: [3, 2], seconds: 1)
  }
}

/// Serves what was loaded, with log-probabilities that are given.
final class RecordingAdapters: AdapterServer {
  private struct State {
    var loaded: Set<AdapterName> = []
    var unloaded: [AdapterName] = []
    var asked = 0
  }

  private let state = Mutex(State())
  private let own: Double
  private let base: Double
  private let others: [AdapterName: Double]
  private let failure: AdapterError?

  /// - Parameters:
  ///   - others: of adapters by name.
  ///   - failure: of every load.
  init(
    own: Double = -1, base: Double = -2, others: [AdapterName: Double] = [:],
    failure: AdapterError? = nil
  ) {
    self.own = own
    self.base = base
    self.others = others
    self.failure = failure
  }

  var unloaded: [AdapterName] { state.withLock(\.unloaded) }
  var asked: Int { state.withLock(\.asked) }

  func load(_ adapter: StoredAdapter) async throws(AdapterError) {
    if let failure { throw failure }
    state.withLock { _ = $0.loaded.insert(adapter.name) }
  }

  func unload(_ name: AdapterName) async throws(AdapterError) {
    state.withLock { state in
      state.loaded.remove(name)
      state.unloaded.append(name)
    }
  }

  func model(with adapter: AdapterName?) async throws(AdapterError) -> any LanguageModel {
    guard let adapter, state.withLock({ $0.loaded.contains(adapter) }) else {
      throw AdapterError(code: .notLoaded, detail: "it is not there")
    }
    state.withLock { $0.asked += 1 }
    return OneLineModel()
  }

  func logProbability(
    of turns: [ModelRequest.Turn], with adapter: AdapterName?
  ) async throws(AdapterError) -> Double {
    guard let adapter else { return base }
    return others[adapter] ?? own
  }
}

private struct OneLineModel: LanguageModel {
  var name: String { "adapted" }
  var profile: ModelProfile {
    ModelProfile(
      contextWindow: 4_000, maxOutput: 200, promptStyle: .beforeAfter, concurrency: 1)
  }

  func reply(to request: ModelRequest) async throws(ModelError) -> ModelReply {
    // A bare question, as in training.
    #expect(request.turns.map(\.role) == [.system, .user])
    return ModelReply(
      text: "Wrap it.", json: nil, model: name, finish: .complete, inputTokens: 1,
      outputTokens: 1, costUSD: nil, seconds: 0, requests: 1)
  }

  func stream(_ request: ModelRequest) -> AsyncThrowingStream<ModelPiece, any Error> {
    AsyncThrowingStream { $0.finish() }
  }

  func countTokens(in text: String) async -> TokenCount { TokenCount(text.utf8.count / 3) }
}
