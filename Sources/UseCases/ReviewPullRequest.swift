public import Domain
public import Jobs

/// Reviews a pull request as it stands on its forge, and publishes what was proved.
public struct ReviewPullRequest: Sendable {
  public struct Ports: Sendable {
    public var openForge: ForgeOpener
    /// Model, cache, run records, parsers: as a review of any change needs them.
    public var review: ReviewChange.Ports
    public var publications: any PublicationStore
    public var audit: any AuditTrail
    public var policies: BasePolicies
    /// Total time for one model call.
    public var callDeadline: Duration
    /// Where a person reads of a run; `nil` where there is no such page.
    public var detailsURL: @Sendable (_ run: String) -> String?
    /// Whom commands address, without `@`.
    public var handle: String

    public init(
      openForge: @escaping ForgeOpener, review: ReviewChange.Ports,
      publications: any PublicationStore, audit: any AuditTrail,
      policies: BasePolicies = BasePolicies(), callDeadline: Duration = .seconds(120),
      detailsURL: @escaping @Sendable (_ run: String) -> String? = { _ in nil },
      handle: String = "stet"
    ) {
      self.openForge = openForge
      self.review = review
      self.publications = publications
      self.audit = audit
      self.policies = policies
      self.callDeadline = callDeadline
      self.detailsURL = detailsURL
      self.handle = handle
    }
  }

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  public func handle(_ job: Job) async throws -> JobOutcome {
    try await run(
      Work.ReviewPullRequest(of: job), attempt: job.attempt,
      isLastAttempt: job.attempt >= job.maxAttempts, job: job.id)
  }

  /// - Parameters:
  ///   - attempt: from 1. A model that fails is tried anew in the first ones.
  ///   - isLastAttempt: what can be published now is published now.
  /// - Returns: `.cancelled` with a reason where there was nothing to review.
  /// - Throws: `JobFailure`, or `CancellationError`.
  public func run(
    _ arguments: Work.ReviewPullRequest, attempt: Int = 1, isLastAttempt: Bool = true,
    job: String? = nil
  ) async throws -> JobOutcome {
    let place = "\(arguments.access.forge):\(arguments.reference)"
    do {
      let attempt = PullRequestAttempt(
        ports: ports, arguments: arguments, forge: try await ports.openForge(arguments.access),
        trail: ActionTrail(
          ports.audit, actor: arguments.askedBy, place: place,
          decidedBy: Work.ReviewPullRequest.kind, run: arguments.run, job: job),
        number: attempt, isLast: isLastAttempt, job: job)
      return try await attempt.run()
    } catch let error as ForgeError {
      return try ForgeFailure.outcome(error, at: place)
    } catch is PublicationClaim.TakenOver {
      // Another worker is at it. What it leaves undone is found and done when this one comes back.
      return .snoozed(.seconds(15))
    } catch let error as StoreError {
      throw ForgeFailure.failure(error)
    }
  }
}

/// One try of one review.
struct PullRequestAttempt: Sendable {
  let ports: ReviewPullRequest.Ports
  let arguments: Work.ReviewPullRequest
  let forge: any Forge
  let trail: ActionTrail
  let number: Int
  let isLast: Bool
  let job: String?

  /// A model that failed in so many tries is not waited for any longer.
  private static let patience = 3
  /// A head that moves so often in one try is left alone for a while.
  private static let rounds = 3
  /// Forge calls of a review of one file, publishing and a token call included.
  private static let callsAllowed = 8
  private static let nothing = "nothing is left of its change"

  private enum Round {
    case ended(JobOutcome)
    /// The pull request as it stands now, on another commit than the one that was reviewed.
    case moved(PullRequest)
  }

  func run() async throws -> JobOutcome {
    var known = number == 1 ? arguments.pullRequest : nil
    for _ in 0..<Self.rounds {
      try Task.checkCancellation()
      let pull: PullRequest
      if let known {
        pull = known
      } else if let read = try await readPullRequest() {
        pull = read
      } else {
        return try await ended("the pull request is gone")
      }
      switch try await round(pull) {
      case .ended(let outcome): return outcome
      case .moved(let now): known = now
      }
    }
    return .snoozed(.seconds(30))
  }

  private func round(_ pull: PullRequest) async throws -> Round {
    if let reason = reasonToLeave(pull) { return .ended(try await ended(reason)) }
    guard arguments.publishes else {
      return .ended(try await review(pull) == nil ? try await ended(Self.nothing) : .completed)
    }
    var claim = try await PublicationClaim.take(
      ports.publications, forge: arguments.access.forge, reference: arguments.reference)
    if isPublished(pull, claim.record) { return .ended(.completed) }
    try await begin(pull, claim: &claim)
    guard let reviewed = try await review(pull) else {
      return .ended(try await ended(Self.nothing))
    }

    try Task.checkCancellation()
    guard let now = try await readPullRequest() else {
      return .ended(try await ended("the pull request was deleted meanwhile"))
    }
    if let reason = reasonToLeave(now) { return .ended(try await ended(reason)) }
    if now.head != pull.head || now.baseBranch != pull.baseBranch {
      try await concludeOpenCheck(
        CheckConclusion.ended(
          .cancelled, "A newer state of the pull request is looked at instead."), &claim)
      return .moved(now)
    }
    let published = try await PublishReview(forge: forge, trail: trail).publish(
      .init(
        pull: now, review: reviewed.outcome.review, diff: reviewed.diff,
        modelFailed: reviewed.outcome.modelFailure != nil,
        notes: reviewed.note.map { [$0] } ?? [], handle: ports.handle,
        detailsURL: ports.detailsURL(arguments.run)),
      claim: &claim)
    try await record(published.review)
    return .ended(.completed)
  }

  // MARK: Whether to review

  private func readPullRequest() async throws(ForgeError) -> PullRequest? {
    do {
      return try await forge.pullRequest(arguments.reference)
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
  }

  private func reasonToLeave(_ pull: PullRequest) -> String? {
    switch pull.state {
    case .closed: "the pull request is closed"
    case .merged: "the pull request is merged"
    case .open where pull.isDraft && !arguments.isAskedFor: "the pull request is a draft"
    case .open: nil
    }
  }

  private func isPublished(_ pull: PullRequest, _ record: Publication) -> Bool {
    !arguments.isAskedFor && record.pendingHead == nil && record.publishedHead == pull.head
  }

  /// Ends without a review: no comment, and no check left turning.
  private func ended(_ reason: String) async throws -> JobOutcome {
    let (name, reference) = (arguments.access.forge, arguments.reference)
    let record = try await ports.publications.publication(on: name, of: reference)
    if arguments.publishes, record?.checkHead != nil {
      var claim = try await PublicationClaim.take(
        ports.publications, forge: name, reference: reference)
      try await concludeOpenCheck(CheckConclusion.ended(.cancelled, "\(reason)."), &claim)
    }
    // An event that only ends what goes on has promised nobody a run.
    let isPromised = arguments.pullRequest.flatMap(reasonToLeave) == nil
    if isPromised, let runs = ports.review.runs, try await runs.run(id: arguments.run) == nil {
      try await runs.save(
        Run(
          id: arguments.run, kind: .review, startedAt: ports.review.now(), seconds: 0,
          outcome: .cancelled, askedBy: arguments.askedBy, subject: "\(arguments.reference)",
          inputs: [:], modelCalls: [], claims: 0, masked: [:], review: nil, failure: reason,
          job: job))
    }
    return .cancelled(reason: reason)
  }

  // MARK: Check

  /// An open check is one whose commit stands in the record.
  private func begin(_ pull: PullRequest, claim: inout PublicationClaim) async throws {
    let record = claim.record
    if record.checkHead == pull.head { return }
    if record.checkHead != nil {
      try await concludeOpenCheck(
        CheckConclusion.ended(.cancelled, "A newer commit is looked at instead."), &claim)
    }
    do {
      let check = try await forge.setCheck(
        CheckConclusion.begun(ports.detailsURL(arguments.run)), on: pull.head,
        in: arguments.reference.repository, existing: nil)
      try await trail.note("check.begun", facts: ["head": pull.head])
      try await claim.update { record in
        record.check = check
        record.checkHead = pull.head
      }
    } catch let error as ForgeError where !error.isPassing {
      try await trail.note(
        "check.refused", facts: ["head": pull.head, "error": error.code.rawValue])
    }
  }

  private func concludeOpenCheck(
    _ state: CheckState, _ claim: inout PublicationClaim
  ) async throws {
    guard let head = claim.record.checkHead else { return }
    do {
      _ = try await forge.setCheck(
        state, on: head, in: arguments.reference.repository, existing: claim.record.check)
      try await trail.note(
        "check.concluded", facts: ["head": head, "conclusion": state.progress.rawValue])
    } catch let error as ForgeError where !error.isPassing {
      try await trail.note("check.refused", facts: ["head": head, "error": error.code.rawValue])
    }
    try await claim.update { record in
      record.check = nil
      record.checkHead = nil
    }
  }

  // MARK: Review

  private struct Reviewed {
    var outcome: ReviewChange.Outcome
    var diff: Diff
    /// About the policy.
    var note: String?
  }

  /// - Returns: `nil` where the change is empty.
  /// - Throws: `JobFailure` where the model failed and may yet answer.
  private func review(_ pull: PullRequest) async throws -> Reviewed? {
    let change = try await forge.diff(of: arguments.reference)
    let diff = try parsed(change)
    if diff.files.isEmpty, change.leftOut.isEmpty { return nil }
    let repository = arguments.reference.repository
    let knewPolicy = await ports.policies.knows(repository, base: pull.base)
    let policy = try await ports.policies.policy(of: repository, base: pull.base, from: forge)
    let files = WholeFiles(
      reader: forge, repository: repository, commit: pull.head,
      allowance: filesAllowed(diff, knewPolicy: knewPolicy))

    let before = try await ports.review.runs?.run(id: arguments.run)
    var outcome = try await ReviewChange(ports: ports.review).run(
      .init(
        diff: change.bytes, subject: "\(arguments.reference)", askedBy: arguments.askedBy,
        policy: policy.policy, sources: { await files.bytes(of: $0, $1) },
        readsSurroundings: false, leftOut: change.leftOut, callDeadline: ports.callDeadline,
        run: arguments.run, job: job))
    if let failure = outcome.storeFailure { throw failure }
    if let before { try await keep(before, &outcome) }
    if let failure = outcome.modelFailure, !isLast, number < Self.patience {
      throw JobFailure(
        "the model failed (\(failure.code.rawValue)): \(SecretMask.masked(failure.detail).text)",
        retryAfter: failure.retryAfter)
    }
    return Reviewed(outcome: outcome, diff: diff, note: policy.note)
  }

  private func parsed(_ change: ForgeDiff) throws -> Diff {
    do {
      return try Diff(parsing: change.bytes)
    } catch {
      throw JobFailure(
        "\(arguments.reference): the forge's diff cannot be read: \(error.description)")
    }
  }

  /// An earlier try's calls were paid for too.
  private func keep(_ before: Run, _ outcome: inout ReviewChange.Outcome) async throws {
    outcome.review.usage.add(before.review?.usage)
    guard let runs = ports.review.runs, var run = try await runs.run(id: arguments.run) else {
      return
    }
    run.modelCalls = before.modelCalls + run.modelCalls
    run.actions = before.actions
    run.review = outcome.review
    try await runs.save(run)
  }

  /// Of the eight calls that the review of one file may take, check, diff, policy, pull request,
  /// summary, review and check take seven. What a token or the pull request at first does not take
  /// is left to read a whole file; every further file of the change earns one more.
  private func filesAllowed(_ diff: Diff, knewPolicy: Bool) -> Int {
    let token = arguments.access.installation == nil ? 0 : 1
    let first = arguments.pullRequest == nil || number > 1 ? 1 : 0
    let left = Self.callsAllowed - 7 - token - first + (knewPolicy ? 1 : 0)
    return max(0, left) + min(max(0, diff.files.count - 1), 20)
  }

  private func record(_ review: Review) async throws {
    guard let runs = ports.review.runs, var run = try await runs.run(id: arguments.run) else {
      return
    }
    run.review = review
    run.actions = (run.actions ?? []) + trail.actions
    try await runs.save(run)
  }
}

extension ModelUsage {
  fileprivate mutating func add(_ other: ModelUsage?) {
    guard let other, other.modelCalls > 0 else { return }
    costUSD =
      modelCalls == 0
      ? other.costUSD : costUSD.flatMap { cost in other.costUSD.map { cost + $0 } }
    modelCalls += other.modelCalls
    inputTokens += other.inputTokens
    outputTokens += other.outputTokens
  }
}
