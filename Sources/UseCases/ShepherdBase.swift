import Domain
import Foundation
public import Jobs

/// Has the open pull requests into a branch that has moved held against the policy again, the
/// oldest first, one after the other.
public struct ShepherdBase: Sendable {
  let ports: ShepherdPullRequest.Ports

  public init(ports: ShepherdPullRequest.Ports) { self.ports = ports }

  /// Time for several pushes to come together.
  static let gathering = Duration.seconds(5)
  /// Between the beginnings of two looks, in seconds, so that the forge is not asked for all of them
  /// at once; and the most that one waits.
  private static let (step, longest) = (1, 3_600)
  private static let mostPages = 100

  static func job(_ work: Work.ShepherdBase, _ limits: WorkLimits) throws -> NewJob {
    let key = "base \(WorkLimits.group(work.access)) \(work.branch)"
    return NewJob(
      kind: Work.ShepherdBase.kind, arguments: try work.json(),
      uniqueKey: "\(key) \(work.commit)", group: WorkLimits.group(work.access),
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
      let forge = try await ports.openForge(access)
      // Asked first: most branches are nobody's base, and then nothing else need be asked.
      var page = try await forge.openPullRequests(
        in: access.repository, base: arguments.branch, page: 1)
      if page.isEmpty { return .cancelled(reason: "no open pull request is for this branch") }
      switch try await DefaultPolicy.read(of: access.repository, from: forge) {
      case .none(let reason): return .cancelled(reason: reason)
      case .policy(let file):
        guard file.shepherd.hears(.basePushed) else {
          return .cancelled(reason: "no rule waits for a push to a base")
        }
      }
      for number in 1...Self.mostPages {
        try Task.checkCancellation()
        if number > 1 {
          page = try await forge.openPullRequests(
            in: access.repository, base: arguments.branch, page: number)
        }
        _ = try await ports.jobs.enqueue(
          try looks(at: page, from: (number - 1) * Backlog.page, arguments))
        if page.count < Backlog.page { break }
      }
      return .completed
    } catch let error as ForgeError {
      return try ForgeFailure.outcome(error, at: place, age: age)
    } catch let error as StoreError {
      if error.code == .conflict { return try ForgeFailure.takenOver(at: place, age: age) }
      throw ForgeFailure.failure(error, isQueued: age != nil)
    }
  }

  private func looks(
    at page: [PullRequest], from first: Int, _ arguments: Work.ShepherdBase
  ) throws -> [NewJob] {
    try page.enumerated().map { index, pull in
      var job = try ShepherdPullRequest.job(
        Work.ShepherdPullRequest(
          access: arguments.access, reference: pull.reference, event: .basePushed,
          actor: arguments.actor, askedBy: arguments.askedBy),
        ports.limits, ports.now())
      // Of many pushes that are not looked at yet one look is enough.
      job.uniqueKey = "base \("\(arguments.access.forge):\(pull.reference)".lowercased())"
      job.priority = 2
      job.delay = .seconds(min((first + index) * Self.step, Self.longest))
      return job
    }
  }
}
