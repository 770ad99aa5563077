import Domain
import Foundation
import LanguageModels
import Logging
import Storage
import TestKit
import Testing
import WebClient

@testable import UseCases

/// How near likenesses come for reviewers of the shared reviews, all by one small model that runs
/// here: bare, by examples, and by an adapter trained for it. It prints what `docs/likeness.md`
/// tells; the figures are whatever they are.
@Suite struct FidelityReportTests {
  private typealias Note = ReviewerNotes.Note

  private static let isWanted =
    ReviewerNotes.isWanted && ReviewerNotes.environment["STET_TEST_FIDELITY"] != nil

  /// Of each review in that file: what the person said, and the hunks at which only others did,
  /// which the person let pass.
  private static func examples(_ notes: [Note], of reviewer: String) -> [ReviewExample] {
    let reviews = Dictionary(grouping: notes, by: \.reviewCommit)
    let numbers = Dictionary(
      uniqueKeysWithValues: reviews.keys.sorted().enumerated().map { ($1, $0 + 1) })
    var sieve = CommentSieve()
    var examples: [ReviewExample] = []
    for note in notes {
      guard let path = note.path, let hunk = note.diffHunk, !hunk.isEmpty,
        let number = numbers[note.reviewCommit]
      else { continue }
      let isTheirs = note.author == reviewer && note.role == "reviewer"
      if isTheirs {
        let past = PastComment(
          pullRequest: number,
          comment: ForgeComment(
            id: Int64(examples.count), author: ForgeAccount(id: 1, login: reviewer, isBot: false),
            body: note.text, createdAt: note.at,
            place: .init(
              path: path, side: .new, line: note.line, commit: note.commit ?? "",
              inReplyTo: note.inReplyTo == nil ? nil : 1, diffHunk: hunk)),
          updatedAt: note.at, line: note.line)
        guard let text = sieve.text(of: past) else { continue }
        examples.append(
          ReviewExample(
            id: note.id, pullRequest: number, at: note.at, path: path, line: note.line,
            commit: note.commit ?? "", hunk: hunk, comment: text))
      } else if let review = reviews[note.reviewCommit],
        review.contains(where: { $0.author == reviewer && $0.role == "reviewer" }),
        !review.contains(where: { $0.author == reviewer && $0.diffHunk == hunk })
      {
        examples.append(
          ReviewExample(
            id: "silence " + note.id, pullRequest: number, at: note.at, path: path, line: nil,
            commit: "", hunk: hunk, comment: nil))
      }
    }
    return examples
  }

  @Test(
    .enabled(
      if: isWanted,
      "half an hour: set STET_TEST_FIDELITY=1, and what the suite Likeness needs"),
    arguments: ["reviewer-a", "reviewer-j"])
  func aLikenessBesideTheBareModel(_ login: String) async throws {
    let environment = ReviewerNotes.environment
    let base = environment["STET_FIDELITY_MODEL"] ?? ReviewerNotes.modelName
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
    let logger = Logger(label: "fidelity")
    let store = ModelStore(
      dataFolder: ReviewerNotes.dataFolder, environment: environment, web: client)
    _ = try await store.pull(base)
    let trainer = PeftTrainer(
      TrainerPlace(
        dataFolder: ReviewerNotes.dataFolder, environment: environment,
        python: environment["STET_TEST_TRAINER_PYTHON"],
        settings: TrainerSettings(maxTokens: 320), findBase: store.baseModel, logger: logger))
    let server = try LlamaAdapterServer(
      base: base, store: store, environment: environment, logger: logger, client: client)
    let bench = try await LearningBench(
      trainer: trainer, adapters: server,
      settings: LearningSettings(
        base: base, steps: 40, trainingTime: .seconds(3_000), trainingMemory: .mebibytes(6_144)))
    var ports = bench.ports
    ports.model = try await server.model(with: nil)
    ports.callDeadline = .seconds(240)

    let identity = ReviewerIdentity(
      forge: "github", repository: RepositoryName(owner: "google", name: "git-appraise"),
      user: ForgeAccount(id: 1, login: login, isBot: false))
    var reviewer = try await ports.reviewers.save(
      LearnedReviewer(id: "r-\(login)", identity: identity))
    try await ports.reviewers.add(
      Self.examples(try ReviewerNotes.all(), of: login), to: reviewer.id)
    try await report("bare", reviewer, ports, isLearned: false)
    try await report("by examples", reviewer, ports)

    _ = try await TrainReviewer(ports: ports).run(
      Work.TrainReviewer(identity: identity, askedBy: "test", run: "r"), job: nil
    ) { _ in }
    reviewer = try #require(try await ports.reviewers.reviewer(identity))
    let training = try #require(reviewer.trainings.last)
    print("=== \(login): \(training.examples) examples, \(training.seconds) s. \(training.verdict)")
    // Measured also where the gate said no.
    reviewer.adapter = training.name
    try await report("by its adapter", reviewer, ports)
    await server.stop()
    await client.shutdown()
  }

  private func report(
    _ title: String, _ reviewer: LearnedReviewer, _ ports: LearningPorts, isLearned: Bool = true
  ) async throws {
    let fidelity = try await MeasureFidelity(ports: ports).run(
      .init(reviewer: reviewer, questions: 20, isLearned: isLearned))
    print("=== \(reviewer.identity.user.login), \(title)\n\(FidelityText.plain(fidelity))")
    for pair in fidelity.pairs where pair.theirs != nil && pair.said != nil {
      print("  they: \(pair.theirs ?? "-")\n  it:   \(pair.said ?? "-")")
    }
    #expect(fidelity.heldOut > 0 && fidelity.measured > 0)
  }
}
