public import Domain
public import Foundation
public import Jobs

/// Mends a pull request: reads its head, finds changes that are shown to hold, pushes them as one
/// commit, and says what it did; or says why it did nothing.
public struct FixPullRequest: Sendable {
  public struct Ports: Sendable {
    public var openForge: ForgeOpener
    public var workspaces: WorkspaceOpener
    /// `nil`: built-in rules, and what ruff can mend.
    public var model: (any LanguageModel)?
    public var syntax: any SyntaxChecker
    /// Where linters run; `nil`: they do not, and the answer says so.
    public var sandbox: (any CodeSandbox)?
    public var runs: any RunStore
    public var publications: any PublicationStore
    public var audit: any AuditTrail
    /// Asked whether the job is still this try's; `nil` without a queue.
    public var jobs: (any JobStore)?
    /// What a repository may spend on the model in a day; `nil`: anything.
    public var tokenBudget: (any TokenBudget)?
    /// `nil`: nobody is told.
    public var notices: NoticeQueue?
    public var limits: Limits
    public var now: @Sendable () -> Date
    public var random: @Sendable () -> UInt64

    public init(
      openForge: @escaping ForgeOpener, workspaces: @escaping WorkspaceOpener,
      model: (any LanguageModel)?, syntax: any SyntaxChecker, sandbox: (any CodeSandbox)?,
      runs: any RunStore, publications: any PublicationStore, audit: any AuditTrail,
      jobs: (any JobStore)? = nil, tokenBudget: (any TokenBudget)? = nil,
      notices: NoticeQueue? = nil, limits: Limits = Limits(),
      now: @escaping @Sendable () -> Date = { Date() },
      random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    ) {
      self.openForge = openForge
      self.workspaces = workspaces
      self.model = model
      self.syntax = syntax
      self.sandbox = sandbox
      self.runs = runs
      self.publications = publications
      self.audit = audit
      self.jobs = jobs
      self.tokenBudget = tokenBudget
      self.notices = notices
      self.limits = limits
      self.now = now
      self.random = random
    }
  }

  public struct Limits: Sendable, Hashable {
    /// Times that a model is asked about a file.
    public var rounds: Int
    /// Of all that finds and proves.
    public var time: Duration
    /// A model that fails is waited for in so many tries of the job.
    public var modelTries: Int

    public init(rounds: Int = 3, time: Duration = .seconds(900), modelTries: Int = 3) {
      self.rounds = rounds
      self.time = time
      self.modelTries = modelTries
    }
  }

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  public func handle(_ context: JobContext) async throws -> JobOutcome {
    let job = context.job
    return try await run(
      Work.FixPullRequest(of: job), attempt: job.attempt, isLastAttempt: context.isLastAttempt,
      age: ForgeFailure.age(of: job, at: ports.now()), job: job,
      progress: { context.progress($0) })
  }

  /// - Parameters:
  ///   - attempt: from 1. A model that fails is waited for in the first ones.
  ///   - isLastAttempt: what is to be said is said now.
  ///   - age: since it was asked for; `nil` for work that nobody tries again by itself.
  /// - Throws: `JobFailure`, or `CancellationError`.
  public func run(
    _ arguments: Work.FixPullRequest, attempt: Int = 1, isLastAttempt: Bool = true,
    age: Duration? = nil, job: Job? = nil,
    progress: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> JobOutcome {
    let ledger = try await ledger(arguments, job)
    do {
      let outcome = try await once(arguments, ledger, attempt, isLastAttempt, job, progress)
      await ledger.close(.completed, failure: nil)
      if case .completed = outcome, arguments.publishes {
        // It is done: a notice that is lost must not have it done again.
        try? await ports.notices?.tell(
          PullRequestNotice.fix(arguments, ledger.document.summary, at: ports.now()),
          access: arguments.access)
      }
      return outcome
    } catch {
      return try await failed(error, arguments, ledger, isLastAttempt, age, job)
    }
  }

  /// Says that nothing will come. To be told of jobs that end without their handler.
  public func givenUp(_ job: Job, reason: String) async {
    guard let arguments = try? Work.FixPullRequest(of: job) else { return }
    // A task of its own: the one that gives up may be cancelled.
    await Task {
      guard let ledger = try? await ledger(arguments, job) else { return }
      await giveUp(arguments, ledger, SecretMask.masked(reason).text, nil)
      await ledger.close(.failed, failure: SecretMask.masked(reason).text)
    }.value
  }

  private func once(
    _ arguments: Work.FixPullRequest, _ ledger: FixLedger, _ number: Int, _ isLast: Bool,
    _ job: Job?, _ progress: @escaping @Sendable (String) -> Void
  ) async throws -> JobOutcome {
    let forge = try await ports.openForge(arguments.access)
    return try await FixAttempt(
      ports: ports, arguments: arguments, forge: forge, ledger: ledger, number: number,
      isLast: isLast, job: job, progress: progress
    ).run()
  }

  // MARK: When it fails

  /// Whatever came of it, its record says so.
  private func failed(
    _ error: any Error, _ arguments: Work.FixPullRequest, _ ledger: FixLedger, _ isLast: Bool,
    _ age: Duration?, _ job: Job?
  ) async throws -> JobOutcome {
    let place = "\(arguments.access.forge):\(arguments.reference)"
    do {
      switch error {
      case is CancellationError:
        await ledger.close(.cancelled, failure: "it was stopped")
        throw error
      case let error as ForgeError:
        let outcome = try ForgeFailure.outcome(error, at: place, age: age)
        await ledger.close(.failed, failure: SecretMask.masked(error.detail).text)
        return outcome
      case is PublicationClaim.TakenOver:
        // Another has the job: the record is that one's.
        return try ForgeFailure.takenOver(at: place, age: age)
      case let error as StoreError:
        throw ForgeFailure.failure(error, isQueued: job != nil)
      default: throw error
      }
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      let failure = error as? JobFailure
      let words = failure?.message ?? "The fix failed."
      if failure?.isFinal == true || isLast, !ForgeFailure.isOutage(error, age: age) {
        await giveUp(arguments, ledger, words, job)
      }
      await ledger.close(.failed, failure: words)
      throw error
    }
  }

  /// Best effort: where the forge refuses this too, there is nobody left to tell.
  private func giveUp(
    _ arguments: Work.FixPullRequest, _ ledger: FixLedger, _ reason: String, _ job: Job?
  ) async {
    guard let forge = try? await ports.openForge(arguments.access) else { return }
    let attempt = FixAttempt(
      ports: ports, arguments: arguments, forge: forge, ledger: ledger, number: 1, isLast: true,
      job: job, progress: { _ in })
    try? await attempt.giveUp(reason)
  }

  private func ledger(
    _ arguments: Work.FixPullRequest, _ job: Job?
  ) async throws -> FixLedger {
    do throws(StoreError) {
      return try await FixLedger(
        arguments, job: job?.id, runs: ports.runs, audit: ports.audit, now: ports.now)
    } catch {
      throw ForgeFailure.failure(error, isQueued: job != nil)
    }
  }
}
