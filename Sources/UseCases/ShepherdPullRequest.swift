public import Domain
public import Foundation
public import Jobs

/// Holds the default branch's policy against a pull request as it stands, and does what follows.
/// Every action is recorded with its reason; none is done twice, whatever is delivered twice.
public struct ShepherdPullRequest: Sendable {
  public struct Ports: Sendable {
    public var openForge: ForgeOpener
    public var notes: any PolicyNotes
    public var audit: any AuditTrail
    public var publications: any PublicationStore
    public var runs: any RunStore
    public var jobs: any JobQueue
    /// Leaves a notice for people; `nil`: nobody can be told.
    public var notify: (@Sendable (Notice, ForgeAccess) async throws -> Void)?
    public var limits: WorkLimits
    public var now: @Sendable () -> Date

    public init(
      openForge: @escaping ForgeOpener, notes: any PolicyNotes, audit: any AuditTrail,
      publications: any PublicationStore, runs: any RunStore, jobs: any JobQueue,
      notify: (@Sendable (Notice, ForgeAccess) async throws -> Void)? = nil,
      limits: WorkLimits = WorkLimits(), now: @escaping @Sendable () -> Date = { Date() }
    ) {
      self.openForge = openForge
      self.notes = notes
      self.audit = audit
      self.publications = publications
      self.runs = runs
      self.jobs = jobs
      self.notify = notify
      self.limits = limits
      self.now = now
    }

    var ownReviews: OwnReviews { OwnReviews(publications: publications, runs: runs) }
  }

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  public func handle(_ job: Job) async throws -> JobOutcome {
    try await run(
      Work.ShepherdPullRequest(of: job), age: ForgeFailure.age(of: job, at: ports.now()),
      job: job.id)
  }

  /// - Parameter age: since it was asked for; `nil` for work that nobody tries again by itself.
  /// - Throws: `JobFailure`, or `CancellationError`.
  public func run(
    _ arguments: Work.ShepherdPullRequest, age: Duration? = nil, job: String? = nil
  ) async throws -> JobOutcome {
    let place = "\(arguments.access.forge):\(arguments.reference)"
    do {
      let forge = try await ports.openForge(arguments.access)
      // A process that was started just now did not know its own account when the event came.
      // Checks end, and a base moves, for whoever started it: these say something new.
      if let actor = arguments.actor, ![.checks, .basePushed].contains(arguments.event),
        try await forge.ownAccount().login.lowercased() == actor.lowercased()
      {
        return .cancelled(reason: "Stet did it itself")
      }
      let repository = arguments.reference.repository
      let branch = try await forge.defaultBranch(of: repository)
      // Never from the change itself, nor from another branch that it is for.
      guard let bytes = try await forge.file(BasePolicies.file, in: repository, at: branch) else {
        return .cancelled(reason: "the repository has no policy")
      }
      let policy: ShepherdPolicy
      do throws(PolicyError) {
        policy = try PolicyReader.read(bytes).shepherd
      } catch {
        let problem = error.problems.first.map { "\($0)" } ?? "it cannot be read"
        return .cancelled(reason: "the policy has mistakes, and no rule is followed: \(problem)")
      }
      if policy.isEmpty { return .cancelled(reason: "the policy has no rules") }
      let facts = try await FactGathering(forge: forge, needs: PolicyNeeds(policy)).facts(
        of: arguments.reference, event: arguments.event, actor: arguments.actor,
        review: try await ports.ownReviews.last(
          of: arguments.reference, on: arguments.access.forge), now: ports.now())
      let decision = policy.decision(facts)
      if decision.actions.isEmpty { return .cancelled(reason: "no rule asks for anything") }
      let carrying = ActionCarrying(
        ports: ports, forge: forge, policy: policy, arguments: arguments, place: place, job: job,
        age: age)
      return try await carrying.run(decision, facts)
    } catch let error as ForgeError {
      return try ForgeFailure.outcome(error, at: place, age: age)
    } catch let error as StoreError {
      if error.code == .conflict { return try ForgeFailure.takenOver(at: place, age: age) }
      throw ForgeFailure.failure(error, isQueued: age != nil)
    }
  }

  /// A check that names no pull request: whose head it is of has to be looked for.
  public func handleCommit(_ job: Job) async throws -> JobOutcome {
    try await run(
      Work.ShepherdCommit(of: job), age: ForgeFailure.age(of: job, at: ports.now()))
  }

  /// - Throws: `JobFailure`, or `CancellationError`.
  public func run(
    _ arguments: Work.ShepherdCommit, age: Duration? = nil
  ) async throws -> JobOutcome {
    var open: [PullRequest]
    do throws(ForgeError) {
      let forge = try await ports.openForge(arguments.access)
      let repository = arguments.access.repository
      open = try await forge.openPullRequests(withHead: arguments.commit, in: repository)
      // What the forge knows of a commit of a branch of its own it has told; only a fork's commit has
      // to be looked for among all that are open.
      var isOwn = false
      for branch in arguments.branches ?? [] where open.isEmpty && !isOwn {
        isOwn = try await forge.tip(of: branch, in: repository) == arguments.commit
      }
      if open.isEmpty, !isOwn {
        open = try await forge.pullRequests(
          in: repository, areOpen: true, limit: Self.mostListed)
      }
    } catch {
      let place = "\(arguments.access.forge):\(arguments.access.repository)"
      return try ForgeFailure.outcome(error, at: place, age: age)
    }
    let jobs = try open.filter { $0.head == arguments.commit }.map { pull in
      try Self.job(
        Work.ShepherdPullRequest(
          access: arguments.access, reference: pull.reference, event: .checks,
          actor: arguments.actor, askedBy: arguments.askedBy), ports.limits, ports.now())
    }
    if jobs.isEmpty { return .cancelled(reason: "no open pull request has this head") }
    _ = try await ports.jobs.enqueue(jobs)
    return .completed
  }

  /// The newest by their last change; a check that ends belongs to one of them.
  private static let mostListed = 1_000

  /// One at a time for each pull request; none is left out for another's sake, as each may bring
  /// news.
  static func job(
    _ work: Work.ShepherdPullRequest, _ limits: WorkLimits, _ now: Date
  ) throws -> NewJob {
    let key = "shepherd \("\(work.access.forge):\(work.reference)".lowercased())"
    return NewJob(
      kind: Work.ShepherdPullRequest.kind, arguments: try work.json(),
      uniqueKey: "\(key) \(TimeOrderedID.next(now))", group: WorkLimits.group(work.access),
      limits: [JobLimit(key, concurrency: 1)] + limits.ofForge(work.access))
  }
}
