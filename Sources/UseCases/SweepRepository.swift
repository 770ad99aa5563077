public import Domain
import Foundation
public import Jobs

/// Goes through what is open in a repository: what grew stale by its policy, and the pull requests
/// that a rule is to be held against because time has passed. Both go on where the last run stopped.
public struct SweepRepository: Sendable {
  public struct Ports: Sendable {
    public var shepherd: ShepherdPullRequest.Ports
    public var register: any RepositoryRegister
    public var notices: NoticeQueue?

    public init(
      shepherd: ShepherdPullRequest.Ports, register: any RepositoryRegister,
      notices: NoticeQueue? = nil
    ) {
      self.shepherd = shepherd
      self.register = register
      self.notices = notices
    }
  }

  let ports: Ports
  var staleBudget = StaleRound.Budget()
  var looks = ScheduledLooks.Budget()

  public init(ports: Ports) { self.ports = ports }

  /// As in `AuditEvent.actor`.
  static let actor = "schedule:sweep"

  public func handle(_ context: JobContext) async throws -> JobOutcome {
    try await run(
      Work.SweepRepository(of: context.job),
      age: ForgeFailure.age(of: context.job, at: ports.shepherd.now()), job: context.job.id,
      progress: context.progress)
  }

  /// - Throws: `JobFailure`, or `CancellationError`.
  func run(
    _ arguments: Work.SweepRepository, age: Duration? = nil, job: String? = nil,
    progress: (String) -> Void = { _ in }
  ) async throws -> JobOutcome {
    let access = arguments.access
    let place = "\(access.forge):\(access.repository)"
    do {
      // Whatever the policy says by now: what waits in a queue was let in by one.
      let queues = try await AdvanceMergeQueue.looks(access, notes: ports.shepherd.notes)
      _ = try await ports.shepherd.jobs.enqueue(queues)
      if !queues.isEmpty { progress("\(queues.count) merge queues are looked at") }
      let forge = try await ports.shepherd.openForge(access)
      let policy: ShepherdPolicy
      switch try await DefaultPolicy.read(of: access.repository, from: forge) {
      case .policy(let file): policy = file.shepherd
      case .none(let reason): return .cancelled(reason: reason)
      }
      let looksAtPulls = policy.hears(.scheduled)
      if policy.stale.isEmpty, !looksAtPulls {
        return .cancelled(reason: "nothing in the policy waits for a time")
      }
      for stale in policy.stale {
        let items = StaleItems(
          ports: .init(
            forge: forge, notes: ports.shepherd.notes, audit: ports.shepherd.audit,
            notices: ports.notices, now: ports.shepherd.now),
          access: access, policy: stale, actor: Self.actor, job: job)
        let tally = try await StaleRound(items: items, budget: staleBudget).run()
        progress("\(tally.looked) quiet items looked at, \(tally.done) of them changed")
      }
      if looksAtPulls {
        let count = try await ScheduledLooks(
          ports: ports.shepherd, access: access, budget: looks
        ).enqueue(forge)
        progress("\(count) pull requests are held against the policy")
      }
      return .completed
    } catch let error as ForgeError {
      if error.code == .notFound {
        // Deleted, renamed, or no longer Stet's to see: its next delivery brings it back.
        try await ports.register.forget(access.known)
        return .cancelled(reason: "\(place) is not to be seen any more")
      }
      return try ForgeFailure.outcome(error, at: place, age: age)
    } catch let error as StoreError {
      if error.code == .conflict { return try ForgeFailure.takenOver(at: place, age: age) }
      throw ForgeFailure.failure(error, isQueued: age != nil)
    }
  }
}

/// The policy that stands on a default branch now.
enum DefaultPolicy {
  enum Found: Sendable {
    case policy(PolicyFile)
    /// Why there is none to follow.
    case none(String)
  }

  static func read(
    of repository: RepositoryName, from forge: any Forge
  ) async throws(ForgeError) -> Found {
    let branch = try await forge.defaultBranch(of: repository)
    guard let bytes = try await forge.file(BasePolicies.file, in: repository, at: branch) else {
      return .none("the repository has no policy")
    }
    do throws(PolicyError) {
      return .policy(try PolicyReader.read(bytes))
    } catch {
      let problem = error.problems.first.map { "\($0)" } ?? "it cannot be read"
      return .none("the policy has mistakes, and nothing of it is followed: \(problem)")
    }
  }
}
