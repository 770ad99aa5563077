public import Domain
import Foundation
public import Jobs

/// Makes a likeness of a person out of their own review comments in a repository, and brings one
/// that is there up to date. With enough examples it has an adapter trained.
public struct LearnReviewer: Sendable {
  let ports: LearningPorts

  public init(ports: LearningPorts) { self.ports = ports }

  /// - Throws: `JobFailure`, or `CancellationError`.
  public func handle(_ context: JobContext) async throws -> JobOutcome {
    let work = try Work.LearnReviewer(of: context.job)
    return try await run(work, job: context.job) { context.progress($0) }
  }

  /// What it had read is of no use to anybody when it is given up.
  public func givenUp(_ job: Job) async {
    guard let work = try? Work.LearnReviewer(of: job) else { return }
    await Task { _ = try? await clear(work) }.value
  }

  /// - Parameter job: `nil` where no queue runs it.
  public func run(
    _ work: Work.LearnReviewer, job: Job?, progress: @escaping @Sendable (String) -> Void
  ) async throws -> JobOutcome {
    let place = "\(work.access.forge):\(work.access.repository)"
    let age = job.map { ForgeFailure.age(of: $0, at: ports.now()) }
    do {
      try await learn(work, job, progress)
      try await clear(work)
      return .completed
    } catch is GatherReviews.Forgotten {
      try await clear(work)
      return .cancelled(reason: "the person was forgotten meanwhile")
    } catch let error as ForgeError {
      return try await outcome(of: error, work, place, age)
    } catch let failure as JobFailure {
      if failure.isFinal { try await clear(work) }
      throw failure
    } catch let error as StoreError {
      throw ForgeFailure.failure(error, isQueued: job != nil)
    }
  }

  private func outcome(
    of error: ForgeError, _ work: Work.LearnReviewer, _ place: String, _ age: Duration?
  ) async throws -> JobOutcome {
    do {
      if let asker = work.asker, try await ports.isOver(error, asker, work.access.forge) {
        throw JobFailure(
          "The sign-in of \(Defanged.codeSpan(asker.login)) is over or was revoked while comments "
            + "were read. Ask again for a new link.", isFinal: true)
      }
      if work.asker != nil, error.code == .unauthorized, error.status ?? 401 == 401 {
        // The one that is kept now is good: it was renewed while this ran.
        throw JobFailure("the sign-in was renewed while comments were read.")
      }
      if error.code == .notFound || error.code == .unauthorized {
        let who = work.asker.map { Defanged.codeSpan($0.login) } ?? "Stet"
        let what =
          error.code == .notFound
          ? "\(who) cannot see \(work.access.repository), or it is gone."
          : "\(who) may not read the reviews of \(work.access.repository) any more: the sign-in "
            + "was revoked, or lacks a permission. Sign in again and ask once more."
        throw JobFailure("\(what) \(SecretMask.masked(error.detail).text)", isFinal: true)
      }
      return try ForgeFailure.outcome(error, at: place, age: age)
    } catch let failure as JobFailure {
      if failure.isFinal { try await clear(work) }
      throw failure
    }
  }

  /// Answers of the forge are kept no longer than this takes.
  private func clear(_ work: Work.LearnReviewer) async throws(StoreError) {
    for name in GatherReviews.names(work) { try await ports.gatherings.remove(name) }
  }

  // MARK: Learning

  private func learn(
    _ work: Work.LearnReviewer, _ job: Job?, _ progress: @escaping @Sendable (String) -> Void
  ) async throws {
    if let refused = try await refusal(work) { throw JobFailure(refused, isFinal: true) }
    var reviewer = try await begin(work)
    let known =
      work.forceReload ? [] : try await ports.reviewers.examples(of: reviewer.id)
    let gathered = try await GatherReviews(ports: ports, work: work, progress: progress)
      .gather(reviewer, known: known)
    guard
      known.contains(where: { $0.comment != nil })
        || gathered.examples.contains(where: { $0.comment != nil })
    else {
      if reviewer.gatheredAt == nil { try await ports.reviewers.forget(reviewer.identity) }
      throw JobFailure(Self.nothing(work, gathered), isFinal: true)
    }
    try Task.checkCancellation()
    // It may have taken hours to read.
    if let refused = try await refusal(work) {
      if reviewer.gatheredAt == nil { try await ports.reviewers.forget(reviewer.identity) }
      throw JobFailure(refused, isFinal: true)
    }
    if work.forceReload { try await ports.reviewers.removeExamples(of: reviewer.id) }
    try await ports.reviewers.remove(gathered.outdated, of: reviewer.id)
    try await ports.index.remove(gathered.outdated, in: ExampleSearch.scope(reviewer))
    try await ports.reviewers.add(gathered.examples, to: reviewer.id)
    let examples = try await ports.reviewers.examples(of: reviewer.id)
    progress("\(examples.count) examples are put into the index")
    // After a reload what is not there any more must not be found either.
    if work.forceReload { reviewer.embedder = nil }
    let stored = try await ExampleSearch.store(
      gathered.examples, all: examples, of: reviewer, ports,
      repository: WorkLimits.group(work.access))
    reviewer.embedder = stored.name
    reviewer.calibration = try await LikenessFitting.calibration(
      of: examples, ExampleSearch(reviewer, examples, ports))
    Self.describe(&reviewer, work, gathered, examples)
    reviewer.gatheredAt = ports.now()
    reviewer.note = stored.failure ?? note(reviewer)
    reviewer = try await save(reviewer)
    try await ports.audit.append(
      AuditEvent(
        actor: work.askedBy, action: "reviewer.learned",
        place: "\(work.access.forge):\(work.access.repository)",
        decidedBy: Work.LearnReviewer.kind, run: work.run, job: job?.id,
        facts: [
          "reviewer": reviewer.id, "comments": "\(reviewer.comments)",
          "silences": "\(reviewer.silences)",
        ]))
    try await train(reviewer, work, isNew: !gathered.examples.isEmpty)
  }

  /// Somebody may have withdrawn their consent since it was asked for.
  private func refusal(_ work: Work.LearnReviewer) async throws -> String? {
    // Somebody at the machine may.
    guard work.asker != nil else { return nil }
    let leave = try await ports.leave(
      LearningRequest(
        identity: work.identity, asker: work.asker, reference: work.review?.reference))
    guard case .refused(let why) = leave else { return nil }
    return why
  }

  /// Stored at once, so that whoever forgets the person meanwhile ends this.
  private func begin(_ work: Work.LearnReviewer) async throws(StoreError) -> LearnedReviewer {
    if let known = try await ports.reviewers.reviewer(work.identity) { return known }
    return try await ports.reviewers.save(
      LearnedReviewer(id: TimeOrderedID.next(ports.now()), identity: work.identity))
  }

  private func save(_ reviewer: LearnedReviewer) async throws -> LearnedReviewer {
    do { return try await ports.reviewers.save(reviewer) } catch {
      guard error.code == .conflict,
        try await ports.reviewers.reviewer(reviewer.identity)?.id != reviewer.id
      else { throw error }
      try await ports.reviewers.removeExamples(of: reviewer.id)
      try await ports.index.remove(scope: ExampleSearch.scope(reviewer))
      throw GatherReviews.Forgotten()
    }
  }

  private static func describe(
    _ reviewer: inout LearnedReviewer, _ work: Work.LearnReviewer,
    _ gathered: GatherReviews.Gathered, _ examples: [ReviewExample]
  ) {
    reviewer.identity = work.identity
    reviewer.comments = examples.count { $0.comment != nil }
    reviewer.silences = examples.count - reviewer.comments
    if work.forceReload { reviewer.dropped = [:] }
    for (reason, count) in gathered.dropped { reviewer.dropped[reason, default: 0] += count }
    reviewer.cursor = gathered.cursor ?? reviewer.cursor
    reviewer.readUntil = gathered.newest ?? reviewer.readUntil
  }

  private static func nothing(
    _ work: Work.LearnReviewer, _ gathered: GatherReviews.Gathered
  ) -> String {
    let who = Defanged.codeSpan(work.user.login)
    var text = "\(who) has no review comments in \(work.access.repository) to learn from: "
    text += "\(gathered.read) comments at lines were read, \(gathered.theirs) of them theirs"
    let reasons = DroppedComments.words(gathered.dropped)
    return text + (reasons.isEmpty ? "." : ", and these fell out: \(reasons).")
  }

  // MARK: Training

  private func note(_ reviewer: LearnedReviewer) -> String? {
    if ports.trainer == nil || ports.adapters == nil {
      return "No adapter is trained here: it speaks by examples."
    }
    if reviewer.comments < ports.settings.examplesForAdapter {
      return
        "An adapter needs \(ports.settings.examplesForAdapter) comments: it speaks by examples."
    }
    return reviewer.note
  }

  private func train(
    _ reviewer: LearnedReviewer, _ work: Work.LearnReviewer, isNew: Bool
  ) async throws {
    guard ports.trainer != nil, ports.adapters != nil,
      reviewer.comments >= ports.settings.examplesForAdapter,
      isNew || reviewer.trainings.last.map({ $0.verdict == TrainedAdapter.unjudged }) != false
    else { return }
    let training = Work.TrainReviewer(
      identity: reviewer.identity, askedBy: work.askedBy, run: work.run, review: work.review)
    _ = try await ports.jobs.enqueue([
      NewJob(
        kind: Work.TrainReviewer.kind, arguments: try training.json(),
        uniqueKey: training.uniqueKey, group: WorkLimits.group(work.access),
        limits: WorkLimits.ofTraining, priority: 1, maxAttempts: 3, run: training.run)
    ])
  }
}

/// What fell out, in words.
public enum DroppedComments {
  public static func words(_ dropped: [LearnedReviewer.DropReason: Int]) -> String {
    LearnedReviewer.DropReason.allCases.compactMap { reason in
      dropped[reason].map { "\($0) \(words(reason))" }
    }.joined(separator: ", ")
  }

  private static func words(_ reason: LearnedReviewer.DropReason) -> String {
    switch reason {
    case .bot: "of a bot"
    case .approval: "that only approve"
    case .thanks: "of thanks"
    case .question: "that only ask somebody"
    case .quote: "that only quote"
    case .secret: "with secrets"
    case .duplicate: "that repeat others"
    case .empty: "without words"
    case .noPlace: "without a line"
    case .tooLong: "that are too long"
    case .reply: "that answer in a conversation"
    case .ownChange: "at their own changes"
    }
  }
}
