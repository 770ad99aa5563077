import Domain
import Foundation
public import Jobs

/// Trains an adapter on a reviewer's examples and lets it speak where it passes the gate. Until then,
/// and where it does not, the one before or the examples go on speaking.
public struct TrainReviewer: Sendable {
  let ports: LearningPorts

  public init(ports: LearningPorts) { self.ports = ports }

  private static let trainingFile = "train.jsonl"
  private static let heldOutFile = "held_out.jsonl"
  /// Adapters that are kept beside the one that speaks.
  private static let kept = 3

  public func handle(_ context: JobContext) async throws -> JobOutcome {
    let work = try Work.TrainReviewer(of: context.job)
    return try await run(work, job: context.job, isLastAttempt: context.isLastAttempt) {
      context.progress($0)
    }
  }

  public func run(
    _ work: Work.TrainReviewer, job: Job?, isLastAttempt: Bool = true,
    progress: @escaping @Sendable (String) -> Void
  ) async throws -> JobOutcome {
    guard let trainer = ports.trainer, let adapters = ports.adapters else {
      return .cancelled(reason: "no trainer is set")
    }
    do {
      guard let reviewer = try await ports.reviewers.reviewer(work.identity) else {
        return .cancelled(reason: "the person was forgotten meanwhile")
      }
      return try await train(reviewer, work, trainer, adapters, job, progress)
    } catch let error as StoreError {
      throw ForgeFailure.failure(error, isQueued: job != nil)
    } catch let error as TrainingError {
      return try await refused(error, work, job, isLastAttempt)
    }
  }

  private func train(
    _ reviewer: LearnedReviewer, _ work: Work.TrainReviewer, _ trainer: any LoRATrainer,
    _ adapters: any AdapterServer, _ job: Job?,
    _ progress: @escaping @Sendable (String) -> Void
  ) async throws -> JobOutcome {
    let examples = try await ports.reviewers.examples(of: reviewer.id)
    let split = ExampleSplit(examples)
    let chat = ReviewChat(
      repository: reviewer.identity.repository, persona: reviewer.identity.user.login)
    let folder = try ports.folders.write(
      [
        Self.trainingFile: split.training.map(chat.line).joined(),
        Self.heldOutFile: split.heldOut.map(chat.line).joined(),
      ], for: reviewer.id)
    // In the clear for its time only, whatever comes of it.
    defer { ports.folders.remove([Self.trainingFile, Self.heldOutFile], of: reviewer.id) }
    let settings = ports.settings
    let outcome = try await trainer.train(
      LoRATask(
        folder: folder, base: settings.base, steps: settings.steps, time: settings.trainingTime,
        memory: settings.trainingMemory)
    ) { step in
      let loss = step.loss.map { ", loss \((($0 * 1000).rounded() / 1000))" } ?? ""
      progress("step \(step.step) of \(step.steps)\(loss)")
    }
    progress("the adapter \(outcome.name) is measured")
    let verdict = try await AdapterGate(
      adapters: adapters, reviewers: ports.reviewers, base: settings.base
    ).judge(outcome, split.heldOut, chat, of: reviewer)
    let trained = TrainedAdapter(
      name: outcome.name, base: settings.base, baseHash: nil, trainer: trainer.name,
      at: ports.now(), seconds: outcome.seconds, steps: outcome.losses.count,
      examples: split.training.count, firstLoss: outcome.losses.first,
      lastLoss: outcome.losses.last, heldOut: verdict.heldOut, verdict: verdict.sentence,
      folder: outcome.folder, gguf: outcome.gguf)
    try await keep(trained, passed: verdict.passes, work, adapters)
    try await ports.audit.append(
      AuditEvent(
        actor: work.askedBy, action: verdict.passes ? "adapter.used" : "adapter.not_used",
        place: "\(work.identity.forge):\(work.identity.repository)",
        decidedBy: Work.TrainReviewer.kind, run: work.run, job: job?.id,
        facts: [
          "reviewer": reviewer.id, "adapter": "\(outcome.name)",
          "reason": verdict.detail ?? verdict.sentence,
        ]))
    await tell(
      "An adapter was trained for \(Defanged.codeSpan(reviewer.identity.user.login)) on "
        + "\(split.training.count) examples. \(verdict.sentence)"
        + (verdict.passes ? " It speaks from the next review on." : " Examples go on speaking."),
      work, job)
    return .completed
  }

  /// A reviewer that was gathered anew meanwhile keeps what that brought.
  private func keep(
    _ trained: TrainedAdapter, passed: Bool, _ work: Work.TrainReviewer,
    _ adapters: any AdapterServer
  ) async throws {
    for _ in 0..<8 {
      guard var reviewer = try await ports.reviewers.reviewer(work.identity) else {
        // Forgotten while it trained: so is this.
        try? await adapters.unload(trained.name)
        return
      }
      reviewer.trainings.removeAll { $0.name == trained.name }
      reviewer.trainings.append(trained)
      let old = reviewer.trainings.dropLast(Self.kept).filter { $0.name != reviewer.adapter }
      reviewer.trainings.removeAll { training in old.contains { $0.name == training.name } }
      if passed { reviewer.adapter = trained.name }
      reviewer.note = trained.verdict
      do {
        _ = try await ports.reviewers.save(reviewer)
        for training in old { try? await adapters.unload(training.name) }
        return
      } catch {
        if error.code != .conflict { throw error }
      }
    }
    throw JobFailure("the reviewer is being changed by others all the time.")
  }

  /// Why there is none is told where it was asked for, and with every review. - Throws: always;
  /// not finally where another try may help.
  private func refused(
    _ error: TrainingError, _ work: Work.TrainReviewer, _ job: Job?, _ isLastAttempt: Bool
  ) async throws -> JobOutcome {
    if error.code == .cancelled { throw CancellationError() }
    let isFinal = error.code != .failed
    let told = "No adapter was made (\(error.code.rawValue)): \(Self.reason(error.code))"
    if var reviewer = try await ports.reviewers.reviewer(work.identity) {
      reviewer.note = told
      do { _ = try await ports.reviewers.save(reviewer) } catch {
        if error.code != .conflict { throw error }
      }
    }
    if isFinal || isLastAttempt {
      await tell(
        "\(told) Examples go on speaking. \(Self.advice(error.code)), then ask once more with "
          + "`--force-reload`.", work, job)
    }
    // Here alone with the trainer's own words: they may hold paths of the machine.
    throw JobFailure(
      "No adapter was made (\(error.code.rawValue)): \(SecretMask.masked(error.detail).text)",
      isFinal: isFinal)
  }

  private static func reason(_ code: TrainingError.Code) -> String {
    switch code {
    case .outOfMemory: "the training ran out of memory."
    case .outOfTime: "the training ran out of time; what it had learned is kept."
    case .unavailable: "what the trainer needs is not on Stet's machine."
    case .notAnAdapter: "the trainer said that it succeeded, and left nothing that fits the model."
    case .invalidData: "the trainer refused what it was given."
    case .failed: "the trainer failed."
    case .cancelled: "it was stopped."
    }
  }

  private static func advice(_ code: TrainingError.Code) -> String {
    switch code {
    case .outOfMemory:
      "Whoever runs Stet may raise STET_TRAINER_MEMORY or choose a smaller STET_ADAPTER_BASE"
    case .outOfTime:
      "Whoever runs Stet may raise STET_TRAINER_MINUTES or lower STET_TRAINER_STEPS"
    case .unavailable, .invalidData, .failed, .notAnAdapter, .cancelled:
      "Whoever runs Stet finds the reason with `stet jobs list`"
    }
  }

  /// Once, at the review that it was begun with. What is told here stands in the next review too, so
  /// that a forge which does not take it costs nothing.
  private func tell(_ text: String, _ work: Work.TrainReviewer, _ job: Job?) async {
    guard var review = work.review else { return }
    review.run = "\(work.run)-trained"
    do {
      guard try await ports.reviewers.reviewer(work.identity) != nil else { return }
      let voice = LikenessVoice(
        ports: ports, work: review, forge: try await ports.openForge(review.access),
        trail: ActionTrail(
          ports.audit, actor: work.askedBy,
          place: "\(review.access.forge):\(review.reference)",
          decidedBy: Work.TrainReviewer.kind, reason: "a training has ended", run: work.run,
          job: job?.id))
      try await voice.say(text)
    } catch {}
  }
}

/// Lets an adapter speak only where it knows the person better than the base model does, and better
/// than another person's adapter, on later comments that none of them saw.
struct AdapterGate: Sendable {
  let adapters: any AdapterServer
  let reviewers: any ReviewerStore
  let base: String

  struct Verdict: Sendable {
    var passes: Bool
    var heldOut: TrainedAdapter.HeldOut?
    /// For everybody who reads the pull request.
    var sentence: String
    /// For whoever runs Stet, where a server failed.
    var detail: String?
  }

  /// Held-out comments that are measured by, the latest; fewer than the least say nothing.
  private static let most = 60
  private static let least = 5

  func judge(
    _ outcome: LoRAOutcome, _ heldOut: [ReviewExample], _ chat: ReviewChat,
    of reviewer: LearnedReviewer
  ) async throws -> Verdict {
    let comments = heldOut.filter { $0.comment != nil }.suffix(Self.most)
    guard comments.count >= Self.least else {
      return Verdict(
        passes: false, heldOut: nil,
        sentence: "The adapter is not used: \(comments.count) held-out comments are too few to "
          + "judge it by.")
    }
    do {
      let adapter = StoredAdapter(
        name: outcome.name, base: base, folder: outcome.folder, gguf: outcome.gguf)
      try await adapters.load(adapter)
      let turns = comments.map { chat.turns(of: $0) }
      let own = try await loss(turns, outcome.name)
      let plain = try await loss(turns, nil)
      var other: Double?
      if let rival = try await rival(of: reviewer) { other = try? await loss(turns, rival) }
      let heldOut = TrainedAdapter.HeldOut(
        comments: comments.count, adapter: own, base: plain, other: other)
      return Verdict(
        passes: heldOut.passes, heldOut: heldOut, sentence: Self.sentence(heldOut))
    } catch let error as AdapterError {
      if error.code == .cancelled { throw CancellationError() }
      return Verdict(
        passes: false, heldOut: nil,
        sentence: "The adapter is not used (\(error.code.rawValue)): \(Self.reason(error.code)), "
          + "see `stet audit list`.",
        detail: SecretMask.masked(error.detail).text)
    }
  }

  private static func reason(_ code: AdapterError.Code) -> String {
    switch code {
    case .unsupported: "the server of adapters cannot serve it, or knows no adapters"
    case .unreachable: "the server of adapters does not answer"
    case .notLoaded: "the server of adapters does not have it"
    case .corrupt: "its files are not what was made"
    case .withoutEffect: "the server answers with it as it does without it"
    case .mixedUp: "the server answers for one person with another's adapter"
    case .cancelled: "it was stopped"
    }
  }

  /// Mean negative log-probability of a token.
  private func loss(
    _ dialogues: [[ModelRequest.Turn]], _ adapter: AdapterName?
  ) async throws -> Double {
    var sum = 0.0
    for turns in dialogues {
      try Task.checkCancellation()
      sum -= try await adapters.logProbability(of: turns, with: adapter)
    }
    return sum / Double(dialogues.count)
  }

  /// Another person's that speaks, of the same base.
  private func rival(of reviewer: LearnedReviewer) async throws -> AdapterName? {
    try await reviewers.reviewers(of: nil).first { other in
      other.identity.user.id != reviewer.identity.user.id
        && other.trainings.contains { $0.name == other.adapter && $0.base == base }
    }?.adapter
  }

  private static func sentence(_ heldOut: TrainedAdapter.HeldOut) -> String {
    func text(_ loss: Double) -> String { "\((loss * 1_000).rounded() / 1_000)" }
    let other = heldOut.other.map { ", another reviewer's adapter \(text($0))" } ?? ""
    let figures =
      "on \(heldOut.comments) later comments its loss is \(text(heldOut.adapter)), the bare "
      + "model's \(text(heldOut.base))\(other)"
    return heldOut.passes
      ? "The adapter is used: \(figures)." : "The adapter is not used: \(figures)."
  }
}
