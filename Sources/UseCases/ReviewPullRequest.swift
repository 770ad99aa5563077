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
    /// Where a look after what a lost process may have sent is asked for; `nil` without a queue.
    public var jobs: (any JobQueue)?
    /// What a repository may spend on the model in a day; `nil`: anything.
    public var tokenBudget: (any TokenBudget)?
    /// Total time for one model call.
    public var callDeadline: Duration
    /// Where a person reads of a run; `nil` where there is no such page.
    public var detailsURL: @Sendable (_ run: String) -> String?
    /// Whom commands address, without `@`.
    public var handle: String
    /// Where people are told; `nil` where nobody is.
    public var notices: NoticeQueue?
    /// What each repository's people ignore; `nil`: nothing is silenced.
    public var filters: (any OutcomeFilterStore)?
    /// Whether the repository's rules are held against each pull request that was reviewed.
    public var followsPolicies: Bool
    /// What the jobs for that are given.
    public var limits: WorkLimits

    public init(
      openForge: @escaping ForgeOpener, review: ReviewChange.Ports,
      publications: any PublicationStore, audit: any AuditTrail,
      policies: BasePolicies = BasePolicies(), jobs: (any JobQueue)? = nil,
      tokenBudget: (any TokenBudget)? = nil,
      callDeadline: Duration = .seconds(120),
      detailsURL: @escaping @Sendable (_ run: String) -> String? = { _ in nil },
      handle: String = "stet", notices: NoticeQueue? = nil,
      filters: (any OutcomeFilterStore)? = nil, followsPolicies: Bool = false,
      limits: WorkLimits = WorkLimits()
    ) {
      self.openForge = openForge
      self.review = review
      self.publications = publications
      self.audit = audit
      self.policies = policies
      self.jobs = jobs
      self.tokenBudget = tokenBudget
      self.callDeadline = callDeadline
      self.detailsURL = detailsURL
      self.handle = handle
      self.notices = notices
      self.filters = filters
      self.followsPolicies = followsPolicies
      self.limits = limits
    }
  }

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  public func handle(_ job: Job) async throws -> JobOutcome {
    try await run(
      Work.ReviewPullRequest(of: job), attempt: job.attempt,
      isLastAttempt: job.attempt >= job.maxAttempts,
      age: ForgeFailure.age(of: job, at: ports.review.now()), job: job.id,
      afterLoss: LostTry.precedes(job))
  }

  /// - Parameters:
  ///   - attempt: from 1. A model that fails is tried anew in the first ones.
  ///   - isLastAttempt: what can be published now is published now.
  ///   - age: since it was asked for; `nil` for work that nobody tries again by itself.
  ///   - afterLoss: the process that ran the last try was lost, and may still send something.
  /// - Returns: `.cancelled` with a reason where there was nothing to review.
  /// - Throws: `JobFailure`, or `CancellationError`.
  public func run(
    _ arguments: Work.ReviewPullRequest, attempt: Int = 1, isLastAttempt: Bool = true,
    age: Duration? = nil, job: String? = nil, afterLoss: Bool = false
  ) async throws -> JobOutcome {
    do {
      let outcome = try await once(arguments, attempt, isLastAttempt, age, job, afterLoss)
      if case .snoozed = outcome, job == nil {
        // No queue brings it back.
        await giveUp(
          arguments, reason: "It cannot be reviewed now. Ask again later.", job: nil)
      }
      return outcome
    } catch {
      let failure = error as? JobFailure
      // An outage of the store uses up no try: this was not the last one.
      let comesAgain = error is CancellationError || ForgeFailure.isOutage(error, age: age)
      if failure?.isFinal == true || isLastAttempt, !comesAgain {
        await giveUp(arguments, reason: failure?.message ?? "The review failed.", job: job)
      }
      throw error
    }
  }

  /// Concludes the check that a review left open, as neutral and with the reason. To be told of jobs
  /// that end without their handler, such as one whose workers died again and again.
  public func givenUp(_ job: Job, reason: String) async {
    guard let arguments = try? Work.ReviewPullRequest(of: job) else { return }
    await giveUp(arguments, reason: SecretMask.masked(reason).text, job: job.id)
  }

  private func once(
    _ arguments: Work.ReviewPullRequest, _ number: Int, _ isLast: Bool, _ age: Duration?,
    _ job: String?, _ afterLoss: Bool
  ) async throws -> JobOutcome {
    let place = place(arguments)
    let trail = trail(arguments, job)
    do {
      let attempt = try await attempt(arguments, trail, number, isLast, job)
      let (outcome, wasInterrupted) = try await ran(attempt)
      // What the process before this one still sends comes after what this one has read.
      if wasInterrupted || afterLoss { await lookLater(arguments, "take-over", .seconds(5)) }
      return outcome
    } catch let error as ForgeError {
      return try ForgeFailure.outcome(error, at: place, age: age)
    } catch is PublicationClaim.TakenOver {
      // Its last request may have come after the other had read what stands.
      if !trail.actions.isEmpty { await lookLater(arguments, job ?? arguments.run, .zero) }
      return try ForgeFailure.takenOver(at: place, age: age)
    } catch let error as StoreError {
      throw ForgeFailure.failure(error, isQueued: job != nil)
    }
  }

  /// The claim is given back whatever came of it.
  private func ran(
    _ attempt: PullRequestAttempt
  ) async throws -> (outcome: JobOutcome, wasInterrupted: Bool) {
    do {
      let result = try await attempt.run()
      await attempt.letGo()
      return result
    } catch {
      await attempt.letGo()
      // What was being sent may still arrive, and nobody would take this try for a lost one.
      if (error as? ForgeError)?.code == .cancelled, attempt.held.isPublishing {
        await lookLater(attempt.arguments, attempt.job ?? attempt.arguments.run, .zero)
      }
      throw error
    }
  }

  private func lookLater(
    _ arguments: Work.ReviewPullRequest, _ cause: String, _ delay: Duration
  ) async {
    guard arguments.publishes, let jobs = ports.jobs else { return }
    await Work.ReconcilePublication(arguments).enqueue(in: jobs, cause: cause, delay: delay)
  }

  /// Best effort: where the forge refuses this too, there is nobody left to tell.
  private func giveUp(
    _ arguments: Work.ReviewPullRequest, reason: String, job: String?
  ) async {
    guard arguments.publishes else { return }
    await ports.notices?.tellOfFailure(arguments, reason: reason, at: ports.review.now())
    let publications = ports.publications
    let record = try? await publications.publication(
      on: arguments.access.forge, of: arguments.reference)
    guard record?.checkHead != nil else { return }
    // A task of its own: the one that gives up may be cancelled.
    await Task {
      do {
        let trail = trail(arguments, job)
        try await attempt(arguments, trail, 1, true, job).giveUp(reason)
      } catch {}
    }.value
  }

  private func attempt(
    _ arguments: Work.ReviewPullRequest, _ trail: ActionTrail, _ number: Int, _ isLast: Bool,
    _ job: String?
  ) async throws -> PullRequestAttempt {
    PullRequestAttempt(
      ports: ports, arguments: arguments, forge: try await ports.openForge(arguments.access),
      trail: trail, number: number, isLast: isLast, job: job)
  }

  private func trail(_ arguments: Work.ReviewPullRequest, _ job: String?) -> ActionTrail {
    ActionTrail(
      ports.audit, actor: arguments.askedBy, place: place(arguments),
      decidedBy: Work.ReviewPullRequest.kind, reason: reason(arguments),
      run: arguments.run, job: job)
  }

  private func reason(_ arguments: Work.ReviewPullRequest) -> String {
    if arguments.isAskedFor { return "a review was asked for" }
    guard let pull = arguments.pullRequest else { return "its commit is to be reviewed" }
    return pull.state == .open
      ? "\(pull.head.prefix(8)) is its newest commit" : "it is \(pull.state.rawValue)"
  }

  private func place(_ arguments: Work.ReviewPullRequest) -> String {
    "\(arguments.access.forge):\(arguments.reference)"
  }
}
