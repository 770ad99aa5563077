import Domain
import Jobs

/// One try of one review.
struct PullRequestAttempt: Sendable {
  let ports: ReviewPullRequest.Ports
  let arguments: Work.ReviewPullRequest
  let forge: any Forge
  let trail: ActionTrail
  let number: Int
  let isLast: Bool
  let job: String?
  let held = HeldClaim()

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

  /// The pull request as the event told it, where that still counts. Events come in any order: what
  /// would end the review is looked at once before it does.
  private var told: PullRequest? {
    guard number == 1, let pull = arguments.pullRequest, reasonToLeave(pull) == nil else {
      return nil
    }
    return pull
  }

  /// - Returns: also whether an earlier try, or another run, was cut off while it worked on it.
  func run() async throws -> (outcome: JobOutcome, wasInterrupted: Bool) {
    var wasInterrupted = false
    let outcome = try await review(&wasInterrupted)
    return (outcome, wasInterrupted)
  }

  private func review(_ wasInterrupted: inout Bool) async throws -> JobOutcome {
    var known = told
    var isTold = known != nil
    for _ in 0..<Self.rounds {
      try Task.checkCancellation()
      let pull: PullRequest
      if let known {
        pull = known
      } else if let read = try await readPullRequest() {
        pull = read
      } else {
        return try await ended("the pull request is gone", &wasInterrupted)
      }
      switch try await round(pull, isTold: isTold, &wasInterrupted) {
      case .ended(let outcome): return outcome
      case .moved(let now): (known, isTold) = (now, false)
      }
    }
    return .snoozed(.seconds(30), because: "its head moves while it is reviewed.")
  }

  private func round(
    _ pull: PullRequest, isTold: Bool, _ wasInterrupted: inout Bool
  ) async throws -> Round {
    if let reason = reasonToLeave(pull) { return .ended(try await ended(reason, &wasInterrupted)) }
    guard arguments.publishes else {
      let isEmpty = try await review(pull) == nil
      return .ended(isEmpty ? try await ended(Self.nothing, &wasInterrupted) : .completed)
    }
    var claim = try await takeClaim()
    if claim.wasInterrupted { wasInterrupted = true }
    if claim.wasOvertaken, isTold {
      // Such as one that found it closed: what this one was told came before.
      if let now = try await readPullRequest() { return .moved(now) }
      return .ended(try await ended("the pull request is gone", &wasInterrupted))
    }
    if isPublished(pull, claim.record) {
      if claim.record.checkHead != nil, claim.record.checkHead != pull.head {
        try await concludeOpenCheck(CheckConclusion.superseded, &claim)
      }
      try await claim.release()
      if claim.record.run == arguments.run,
        let review = try await ports.review.runs?.run(id: arguments.run)?.review
      {
        // Published by an earlier try, which may have ended before it told anybody.
        try await ports.notices?.tell(of: review, pull, arguments, at: ports.review.now())
        try await shepherd()
      }
      return .ended(.completed)
    }
    try await begin(pull, claim: &claim)
    guard let reviewed = try await review(pull) else {
      return .ended(try await ended(Self.nothing, &wasInterrupted))
    }

    try Task.checkCancellation()
    guard let now = try await readPullRequest() else {
      return .ended(try await ended("the pull request was deleted meanwhile", &wasInterrupted))
    }
    if let reason = reasonToLeave(now) { return .ended(try await ended(reason, &wasInterrupted)) }
    if now.head != pull.head || now.baseBranch != pull.baseBranch {
      try await concludeOpenCheck(CheckConclusion.superseded, &claim)
      return .moved(now)
    }
    let published = try await PublishReview(forge: forge, trail: trail).publish(
      .init(
        pull: now, review: reviewed.outcome.review, diff: reviewed.diff,
        modelFailed: reviewed.outcome.modelFailure != nil, found: reviewed.found,
        notes: reviewed.notes, handle: ports.handle,
        detailsURL: ports.detailsURL(arguments.run)),
      claim: &claim)
    let shown = Set(reviewed.outcome.review.findings.map(\.fingerprint))
    try await record(published.review, silenced: reviewed.found.subtracting(shown))
    try await ports.notices?.tell(
      of: published.review, pull, arguments, at: ports.review.now())
    try await shepherd()
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
  private func ended(
    _ reason: String, _ wasInterrupted: inout Bool
  ) async throws -> JobOutcome {
    if arguments.publishes {
      // Also where no check is open: a review that is about to open one finds out and stops.
      var claim = try await takeClaim()
      if claim.wasInterrupted { wasInterrupted = true }
      try await concludeOpenCheck(CheckConclusion.ended(.cancelled, "\(reason)."), &claim)
      try await claim.release()
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

  // MARK: Review

  private struct Reviewed {
    var outcome: ReviewChange.Outcome
    var diff: Diff
    /// Fingerprints, what is silenced included.
    var found: Set<String>
    /// About the policy, and about what is not shown.
    var notes: [String]
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
    var reviewing = ports.review
    reviewing.model = ports.review.model?.within(ports.tokenBudget, of: arguments.access)
    var outcome = try await ReviewChange(ports: reviewing).run(
      .init(
        diff: change.bytes, subject: "\(arguments.reference)", askedBy: arguments.askedBy,
        policy: policy.policy, sources: { await files.bytes(of: $0, $1) },
        readsSurroundings: false, leftOut: change.leftOut, callDeadline: ports.callDeadline,
        run: arguments.run, job: job))
    if let failure = outcome.storeFailure { throw failure }
    if let before { try await keep(before, &outcome) }
    try Task.checkCancellation()
    if let failure = outcome.modelFailure, !isLast, number < ModelPatience.tries,
      ModelPatience.waits(for: failure)
    {
      throw JobFailure(
        "the model failed (\(failure.code.rawValue)): \(SecretMask.masked(failure.detail).text)",
        retryAfter: failure.retryAfter)
    }
    let found = Set(outcome.review.findings.map(\.fingerprint))
    var notes = policy.note.map { [$0] } ?? []
    if let filter = try await ports.filters?.used(of: repository),
      let silenced = filter.silence(&outcome.review)
    {
      notes.append(silenced)
    }
    if let note = try await changedPolicy(diff, pull) { notes.append(note) }
    return Reviewed(outcome: outcome, diff: diff, found: found, notes: notes)
  }

  /// A policy that the change itself brings is not heard, which may surprise its author; its
  /// mistakes are told before they count.
  private func changedPolicy(_ diff: Diff, _ pull: PullRequest) async throws -> String? {
    let file = BasePolicies.file
    guard diff.files.contains(where: { $0.path.description == file }) else { return nil }
    let note = "This change touches \(file), which counts only once it is merged"
    guard
      let bytes = try await forge.file(
        file, in: arguments.reference.repository, at: pull.head)
    else { return note + "." }
    do throws(PolicyError) {
      _ = try PolicyReader.read(bytes)
      return note + "."
    } catch {
      let count = error.problems.count
      let first = error.problems.first.map { ": \($0)" } ?? ""
      return note + ". It has \(count) mistake\(count == 1 ? "" : "s"), and would not be followed"
        + "\(first)"
    }
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
    let first = told == nil ? 1 : 0
    let left = Self.callsAllowed - 7 - token - first + (knewPolicy ? 1 : 0)
    return max(0, left) + min(max(0, diff.files.count - 1), 20)
  }

  /// What was found may let rules fire, or keep them from it. The forge tells of no more than the
  /// check, and of that not to everybody.
  private func shepherd() async throws {
    guard ports.followsPolicies, let jobs = ports.jobs else { return }
    let work = Work.ShepherdPullRequest(
      access: arguments.access, reference: arguments.reference, event: .reviewed,
      askedBy: arguments.askedBy)
    _ = try await jobs.enqueue([
      try ShepherdPullRequest.job(work, ports.limits, ports.review.now())
    ])
  }

  private func record(_ review: Review, silenced: Set<String>) async throws {
    guard let runs = ports.review.runs, var run = try await runs.run(id: arguments.run) else {
      return
    }
    run.review = review
    run.silenced = silenced.isEmpty ? nil : silenced.sorted()
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
