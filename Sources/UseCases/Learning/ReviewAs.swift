public import Domain
import Foundation
public import Jobs

/// Reviews a pull request as a learned person would, at their lines and in their words, and says
/// that it is a likeness. Who is not learned yet is learned first. Whatever comes of it is told on
/// the pull request.
public struct ReviewAs: Sendable {
  let ports: LearningPorts
  let syntax: any SyntaxChecker

  public init(ports: LearningPorts, syntax: any SyntaxChecker) {
    self.ports = ports
    self.syntax = syntax
  }

  /// - Throws: `JobFailure`, or `CancellationError`.
  public func handle(_ context: JobContext) async throws -> JobOutcome {
    let work = try Work.ReviewAs(of: context.job)
    do { return try await run(work, context) } catch let failure as JobFailure
      where failure.isFinal
    {
      // Written for people; what is tried again, or broke, may name paths of the machine.
      await Self.tell(failure.message, context.job, ports)
      throw failure
    }
  }

  /// Said where the reason may be told to nobody but whoever runs Stet.
  static let unnamedFailure =
    "It could not be done now; ask again. Whoever runs Stet finds the reason with `stet jobs list`."

  /// What failed finally has been told already.
  public func givenUp(_ job: Job, reason: String) async {
    await Self.tell(
      job.state == .cancelled ? "This review was stopped: \(reason)" : Self.unnamedFailure, job,
      ports)
  }

  /// Best effort: where the forge refuses this too, there is nobody left to tell.
  static func tell(_ text: String, _ job: Job, _ ports: LearningPorts) async {
    guard let work = try? Work.ReviewAs(of: job) else { return }
    // A task of its own: that of the job may be cancelled.
    await Task {
      do {
        let forge = try await ports.openForge(work.access)
        try await LikenessVoice(
          ports: ports, work: work, forge: forge, trail: Self.trail(work, job, ports)
        ).say(SecretMask.masked(text).text)
      } catch {}
    }.value
  }

  public func run(_ work: Work.ReviewAs, _ context: JobContext) async throws -> JobOutcome {
    let place = "\(work.access.forge):\(work.reference)"
    let age = ForgeFailure.age(of: context.job, at: ports.now())
    do {
      let forge = try await ports.openForge(work.access)
      let attempt = LikenessAttempt(
        ports: ports, syntax: syntax, work: work, forge: forge,
        voice: LikenessVoice(
          ports: ports, work: work, forge: forge, trail: Self.trail(work, context.job, ports)),
        context: context)
      return try await attempt.run()
    } catch let error as ForgeError {
      return try ForgeFailure.outcome(error, at: place, age: age)
    } catch is PublicationClaim.TakenOver {
      return try ForgeFailure.takenOver(at: place, age: age)
    } catch let error as StoreError {
      throw ForgeFailure.failure(error, isQueued: true)
    }
  }

  private static func trail(
    _ work: Work.ReviewAs, _ job: Job, _ ports: LearningPorts
  ) -> ActionTrail {
    ActionTrail(
      ports.audit, actor: work.askedBy, place: "\(work.access.forge):\(work.reference)",
      decidedBy: Work.ReviewAs.kind, reason: "a likeness was asked for", run: work.run,
      job: job.id)
  }
}

/// One try of one such review.
struct LikenessAttempt: Sendable {
  let ports: LearningPorts
  let syntax: any SyntaxChecker
  let work: Work.ReviewAs
  let forge: any Forge
  let voice: LikenessVoice
  let context: JobContext

  func run() async throws -> JobOutcome {
    if try await voice.hasSaid() { return .completed }
    let pull = try await forge.pullRequest(work.reference)
    guard pull.state == .open else {
      return try await end(
        "This pull request is \(pull.state.rawValue); there is nothing to review.")
    }
    let user = work.user
    let identity = ReviewerIdentity(
      forge: work.access.forge, repository: work.access.repository, user: user)
    if let refused = try await refusal(identity) { return try await end(refused) }

    let before = try await ports.reviewers.reviewer(identity)
    var learning = try await context.step("learn") { try await learn(identity, before) }
    if let id = learning, try await isAnothersFailure(id) {
      learning = try await context.step("learn again") { try await learn(identity, before) }
    }
    var late: String?
    if let learning {
      guard let job = try await ports.jobs.job(id: learning) else {
        return try await end("What was learned is not there any more. Ask again.")
      }
      if !job.state.isFinal {
        return .snoozed(.seconds(5), because: "\(user.login)'s comments are being read.")
      }
      if job.state != .completed {
        let why = Self.reason(job)
        // What was learned before is better than nothing, and it is said that it is older.
        guard before?.gatheredAt != nil else { return try await end(why) }
        late = "What is new could not be read: \(why)"
      }
    }
    guard let reviewer = try await ports.reviewers.reviewer(identity) else {
      return try await end(
        "\(Defanged.codeSpan(user.login)) was forgotten meanwhile. Ask again to learn anew.")
    }
    return try await review(reviewer, pull, late)
  }

  /// Learning that somebody else had asked for, and that came to nothing for reasons of theirs: they
  /// may not read the repository, or have no leave.
  private func isAnothersFailure(_ learning: String) async throws -> Bool {
    guard let job = try await ports.jobs.job(id: learning), job.state.isFinal,
      job.state != .completed, let known = try? Work.LearnReviewer(of: job)
    else { return false }
    return known.asker?.id != work.asker?.id
  }

  /// Why learning ended, where that was written for people: it was stopped, or failed finally, which
  /// leaves tries unused.
  private static func reason(_ job: Job) -> String {
    let isForPeople = job.state == .cancelled || job.attempt < job.maxAttempts
    guard isForPeople, let why = job.errors.last?.message ?? job.note else {
      return ReviewAs.unnamedFailure
    }
    return why
  }

  private func end(_ text: String) async throws -> JobOutcome {
    try await voice.say(text)
    return .cancelled(reason: SecretMask.masked(text).text)
  }

  // MARK: Learning

  private func refusal(_ identity: ReviewerIdentity) async throws -> String? {
    // Somebody at the machine may.
    guard work.asker != nil else { return nil }
    let leave = try await ports.leave(
      LearningRequest(identity: identity, asker: work.asker, reference: work.reference))
    guard case .refused(let why) = leave else { return nil }
    try await voice.trail.note("likeness.refused")
    return why
  }

  /// - Returns: the job that learns; `nil` where what is known is new enough.
  private func learn(
    _ identity: ReviewerIdentity, _ known: LearnedReviewer?
  ) async throws -> String? {
    let age = known?.gatheredAt.map { ports.now().timeIntervalSince($0) }
    let isFresh = age.map { $0 < ports.settings.freshness.seconds } ?? false
    if isFresh, !work.forceReload { return nil }
    let learning = Work.LearnReviewer(
      access: work.access, user: identity.user, asker: work.asker, askedBy: work.askedBy,
      forceReload: work.forceReload || known?.gatheredAt == nil, run: work.run, review: work)
    return try await ports.jobs.enqueue([
      NewJob(
        kind: Work.LearnReviewer.kind, arguments: try learning.json(),
        uniqueKey: learning.uniqueKey, group: WorkLimits.group(work.access),
        limits: ports.limits.ofForge(work.access), priority: -1, run: work.run)
    ]).first?.id
  }

  // MARK: Reviewing

  private func review(
    _ reviewer: LearnedReviewer, _ pull: PullRequest, _ late: String?
  ) async throws -> JobOutcome {
    let change = try await forge.diff(of: work.reference)
    guard let diff = try? Diff(parsing: change.bytes) else {
      return try await end("The forge's diff of this pull request cannot be read.")
    }
    let policy = try await ports.policies.policy(
      of: work.access.repository, base: pull.base, from: forge)
    let opened: LikenessOpening.Opened
    do {
      opened = try await LikenessOpening(ports: ports).open(
        reviewer, tone: work.tone, access: work.access)
    } catch let failure as JobFailure where failure.isFinal {
      return try await end(failure.message)
    }
    let began = ports.now()
    let outcome = try await LikenessReview(
      likeness: opened.likeness, diff: diff, policy: policy.policy, settings: ports.settings,
      concurrency: opened.model.profile.concurrency, syntax: syntax
    ).run()
    try Task.checkCancellation()
    if let failure = outcome.failure, outcome.findings.isEmpty, !context.isLastAttempt,
      context.job.attempt < ModelPatience.tries, ModelPatience.waits(for: failure)
    {
      throw JobFailure(
        "the model failed (\(failure.code.rawValue)): \(SecretMask.masked(failure.detail).text)",
        retryAfter: failure.retryAfter)
    }
    let now = try await forge.pullRequest(work.reference)
    guard now.head == pull.head else {
      return .snoozed(.seconds(10), because: "its head moved while it was reviewed.")
    }
    let text = LikenessText(
      reviewer: reviewer, tone: work.tone, voice: opened.voice, head: pull.head,
      notes: [late, opened.note, Self.leftOut(change)].compactMap { $0 })
    let posted = try await voice.publish(
      outcome, diff: diff, head: pull.head, as: reviewer, text: text)
    try await record(reviewer, outcome, posted, began, change.bytes)
    return .completed
  }

  private static func leftOut(_ change: ForgeDiff) -> String? {
    guard !change.leftOut.isEmpty else { return nil }
    let files = ReviewSummary.count(change.leftOut.count, "file")
    return "The forge gave no text of \(files), which were not looked at."
  }

  /// No word of a likeness is kept in the record: the person may have it forgotten.
  private func record(
    _ reviewer: LearnedReviewer, _ outcome: LikenessReview.Outcome, _ posted: Int,
    _ began: Date, _ diff: [UInt8]
  ) async throws {
    var failure: String?
    if let error = outcome.failure {
      failure = "\(error.code.rawValue): \(SecretMask.masked(error.detail).text)"
    }
    try await ports.runs.save(
      Run(
        id: work.run, kind: .review, startedAt: began,
        seconds: ports.now().timeIntervalSince(began),
        outcome: failure == nil ? .completed : .failed, askedBy: work.askedBy,
        subject: "\(work.reference) as a learned reviewer",
        inputs: ["diff": ContentHash.of(diff)], modelCalls: outcome.spending.calls,
        claims: outcome.looked - outcome.silent - outcome.failed,
        masked: outcome.masked > 0 ? ["secret": outcome.masked] : [:], review: nil,
        failure: failure, job: context.job.id, actions: voice.trail.actions,
        result: .object([
          "reviewer": .string(reviewer.id), "looked": .integer(outcome.looked),
          "silent": .integer(outcome.silent), "posted": .integer(posted),
          "not_looked_at": .integer(outcome.left),
        ])))
  }
}
