import Domain
import Foundation
public import Jobs

/// Has the open pull requests into a branch that has moved held against the policy again, the
/// oldest first, one after the other: some in each run, and the rest when those are through, so
/// that what the forge allows in an hour is not spent on one push.
public struct ShepherdBase: Sendable {
  let ports: ShepherdPullRequest.Ports

  public init(ports: ShepherdPullRequest.Ports) { self.ports = ports }

  /// Time for several pushes to come together.
  static let gathering = Duration.seconds(5)
  /// Pull requests in one run, and seconds between the beginnings of two looks.
  private static let (mostLooks, step) = (200, 9)

  /// How far a branch's pull requests are gone through.
  struct Round: Codable, Sendable {
    var cursor = ScheduledLooks.Cursor()
    /// The push for which it is gone through.
    var commit = ""
    /// The branch has moved since it was begun: those before the cursor are looked at once more.
    var isStale = false
    /// When the last of those that were added begins.
    var until: Date?
  }

  static func job(_ work: Work.ShepherdBase, _ limits: WorkLimits) throws -> NewJob {
    let key = "base \(WorkLimits.group(work.access)) \(work.branch)"
    return NewJob(
      kind: Work.ShepherdBase.kind, arguments: try work.json(),
      uniqueKey: "\(key) \(work.commit)", supersedeKey: key, group: WorkLimits.group(work.access),
      limits: [JobLimit(key, concurrency: 1)] + limits.ofForge(work.access), delay: gathering)
  }

  public func handle(_ job: Job) async throws -> JobOutcome {
    try await run(
      Work.ShepherdBase(of: job), age: ForgeFailure.age(of: job, at: ports.now()), job: job.id)
  }

  /// - Throws: `JobFailure`, or `CancellationError`.
  func run(
    _ arguments: Work.ShepherdBase, age: Duration? = nil, job: String? = nil
  ) async throws -> JobOutcome {
    let access = arguments.access
    let place = "\(access.forge):\(access.repository)"
    do {
      var memory = try await PolicyMemory(
        "base \(WorkLimits.group(access)) \(arguments.branch)", in: ports.notes, new: Round())
      let now = ports.now()
      // Those that wait will see what the branch holds by then.
      if let until = memory.value.until, until > now {
        return .snoozed(
          .seconds(until.timeIntervalSince(now) + 1),
          because: "\(place): pull requests into \(arguments.branch) are being looked at")
      }
      if memory.value.commit != arguments.commit {
        memory.value.isStale = memory.value.cursor.after > 0
        memory.value.commit = arguments.commit
      }
      let forge = try await ports.openForge(access)
      // Asked first: most branches are nobody's base, and then nothing else need be asked.
      let (pulls, next) = try await ScheduledLooks.listed(
        from: memory.value.cursor, in: access.repository, base: arguments.branch,
        most: Self.mostLooks, forge)
      if pulls.isEmpty, memory.value.cursor.after == 0 {
        return .cancelled(reason: "no open pull request is for this branch")
      }
      switch try await DefaultPolicy.read(of: access.repository, from: forge) {
      case .none(let reason): return .cancelled(reason: reason)
      case .policy(let file):
        guard file.shepherd.hears(.basePushed) else {
          return .cancelled(reason: "no rule waits for a push to a base")
        }
      }
      _ = try await ports.jobs.enqueue(try looks(at: pulls, arguments))
      memory.value.cursor = next
      memory.value.until = now.addingTimeInterval(Double(pulls.count * Self.step))
      let isThrough = next.after == 0 && !memory.value.isStale
      if next.after == 0 { memory.value.isStale = false }
      try await memory.save()
      if isThrough { return .completed }
      return .snoozed(
        .seconds(pulls.count * Self.step + 1),
        because: "\(place): \(pulls.count) pull requests into \(arguments.branch) come first")
    } catch let error as ForgeError {
      return try ForgeFailure.outcome(error, at: place, age: age)
    } catch let error as StoreError {
      if error.code == .conflict { return try ForgeFailure.takenOver(at: place, age: age) }
      throw ForgeFailure.failure(error, isQueued: age != nil)
    }
  }

  private func looks(
    at pulls: [PullRequest], _ arguments: Work.ShepherdBase
  ) throws -> [NewJob] {
    try pulls.enumerated().map { index, pull in
      var job = try ShepherdPullRequest.job(
        Work.ShepherdPullRequest(
          access: arguments.access, reference: pull.reference, event: .basePushed,
          actor: arguments.actor, askedBy: arguments.askedBy),
        ports.limits, ports.now())
      // Of many pushes that are not looked at yet one look is enough.
      job.uniqueKey = "base \("\(arguments.access.forge):\(pull.reference)".lowercased())"
      job.priority = 2
      job.delay = .seconds(index * Self.step)
      return job
    }
  }
}
