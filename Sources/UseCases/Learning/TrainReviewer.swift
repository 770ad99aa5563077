import Domain
import Foundation
public import Jobs

/// Trains an adapter on a reviewer's examples and lets it speak where it passes the gate. Until then,
/// and where it does not, the one before or the examples go on speaking.
public struct TrainReviewer: Sendable {
  let ports: LearningPorts

  public init(ports: LearningPorts) { self.ports = ports }

  /// Adapters that are kept beside the one that speaks.
  private static let kept = 3

  public func handle(_ context: JobContext) async throws -> JobOutcome {
    let work = try Work.TrainReviewer(of: context.job)
    return try await run(work, job: context.job, isLastAttempt: context.isLastAttempt) {
      context.progress($0)
    }
  }

  /// Told where it was asked for, unless it was already.
  public func givenUp(_ job: Job) async {
    guard let work = try? Work.TrainReviewer(of: job),
      job.errors.last?.message != ForgetReviewer.reason
    else { return }
    await Task {
      await tell(
        "No adapter was made: its training was stopped. \(await speaker(work)) "
          + "\(Self.advice(.failed)), then ask once more with `--force-reload`.", work, job)
    }.value
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
      let isOwn = work.review?.asker?.id == work.identity.user.id
      let consent = try await ports.consents.consent(of: work.identity)
      if !isOwn, consent?.isGiven == false {
        return .cancelled(reason: "the person does not agree any more")
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
    let split = ExampleSplit(try await ports.reviewers.examples(of: reviewer.id))
    let chat = ReviewChat(
      repository: reviewer.identity.repository, persona: reviewer.identity.user.login)
    var made: AdapterName?
    do {
      let outcome = try await trainer.train(try task(reviewer, split, chat)) { step in
        let loss = step.loss.map { ", loss \((($0 * 1000).rounded() / 1000))" } ?? ""
        progress("step \(step.step) of \(step.steps)\(loss)")
      }
      made = outcome.name
      var trained = trained(outcome, trainer, split)
      // Known before it is judged, so that whoever forgets the person finds it.
      try await keep(trained, of: reviewer, passed: false, work, adapters)
      progress("the adapter \(outcome.name) is measured")
      let verdict = try await AdapterGate(
        adapters: adapters, reviewers: ports.reviewers, base: ports.settings.base
      ).judge(outcome, split.heldOut, chat, of: reviewer)
      (trained.heldOut, trained.verdict) = (verdict.heldOut, verdict.sentence)
      try await keep(trained, of: reviewer, passed: verdict.passes, work, adapters)
      try await record(trained, verdict, reviewer, work, job)
    } catch {
      await sweep(reviewer.id, made, work)
      throw error
    }
    await sweep(reviewer.id, made, work)
    return .completed
  }

  private func task(
    _ reviewer: LearnedReviewer, _ split: ExampleSplit, _ chat: ReviewChat
  ) throws -> LoRATask {
    LoRATask(
      folder: try ports.folders.make(for: reviewer.id),
      training: split.training.map(chat.line).joined(), base: ports.settings.base,
      steps: ports.settings.steps, time: ports.settings.trainingTime,
      memory: ports.settings.trainingMemory)
  }

  private func trained(
    _ outcome: LoRAOutcome, _ trainer: any LoRATrainer, _ split: ExampleSplit
  ) -> TrainedAdapter {
    TrainedAdapter(
      name: outcome.name, base: ports.settings.base, trainer: trainer.name, at: ports.now(),
      seconds: outcome.seconds, steps: outcome.losses.count, examples: split.training.count,
      firstLoss: outcome.losses.first, lastLoss: outcome.losses.last, heldOut: nil,
      verdict: TrainedAdapter.unjudged, folder: outcome.folder,
      gguf: outcome.gguf)
  }

  private func record(
    _ trained: TrainedAdapter, _ verdict: AdapterGate.Verdict, _ reviewer: LearnedReviewer,
    _ work: Work.TrainReviewer, _ job: Job?
  ) async throws {
    try await ports.audit.append(
      AuditEvent(
        actor: work.askedBy, action: verdict.passes ? "adapter.used" : "adapter.not_used",
        place: "\(work.identity.forge):\(work.identity.repository)",
        decidedBy: Work.TrainReviewer.kind, run: work.run, job: job?.id,
        facts: [
          "reviewer": reviewer.id, "adapter": "\(trained.name)",
          "reason": verdict.detail ?? verdict.sentence,
        ]))
    let next =
      verdict.passes ? "It speaks from the next review on." : await speaker(work)
    await tell(
      "An adapter was trained for \(Defanged.codeSpan(reviewer.identity.user.login)) on "
        + "\(trained.examples) examples. \(verdict.sentence) \(next)", work, job)
  }

  /// Who goes on speaking where the new adapter does not.
  private func speaker(_ work: Work.TrainReviewer) async -> String {
    let reviewer = try? await ports.reviewers.reviewer(work.identity)
    return reviewer?.adapter == nil
      ? "Examples go on speaking." : "The adapter before it goes on speaking."
  }

  /// What a training has left of somebody who was forgotten while it ran goes too, also where it was
  /// stopped by that.
  private func sweep(_ id: String, _ made: AdapterName?, _ work: Work.TrainReviewer) async {
    await Task {
      do {
        if try await ports.reviewers.reviewer(work.identity)?.id == id { return }
      } catch { return }
      if let made { try? await ports.adapters?.unload(made) }
      try? ports.folders.removeAll(of: id)
    }.value
  }

  /// A reviewer that was gathered anew meanwhile keeps what that brought.
  private func keep(
    _ trained: TrainedAdapter, of known: LearnedReviewer, passed: Bool,
    _ work: Work.TrainReviewer, _ adapters: any AdapterServer
  ) async throws {
    for _ in 0..<8 {
      guard var reviewer = try await ports.reviewers.reviewer(work.identity),
        reviewer.id == known.id
      else { throw JobFailure("The person was forgotten meanwhile.", isFinal: true) }
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
    if error.code == .cancelled, Task.isCancelled { throw CancellationError() }
    // Ended by somebody else: as good as failed.
    let code = error.code == .cancelled ? .failed : error.code
    let isFinal = code != .failed
    let told = "No adapter was made (\(code.rawValue)): \(Self.reason(code))"
    if var reviewer = try await ports.reviewers.reviewer(work.identity) {
      reviewer.note = told
      do { _ = try await ports.reviewers.save(reviewer) } catch {
        if error.code != .conflict { throw error }
      }
    }
    if isFinal || isLastAttempt {
      await tell(
        "\(told) \(await speaker(work)) \(Self.advice(code)), then ask once more with "
          + "`--force-reload`.", work, job)
    }
    // Here alone with the trainer's own words: they may hold paths of the machine.
    throw JobFailure(
      "No adapter was made (\(code.rawValue)): \(SecretMask.masked(error.detail).text)",
      isFinal: isFinal)
  }

  private static func reason(_ code: TrainingError.Code) -> String {
    switch code {
    case .outOfMemory: "the training ran out of memory."
    case .outOfTime: "the training ran out of time."
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
