public import Domain
import Foundation
public import Jobs

/// Has each repository that Stet has heard of looked through by a job of its own, spread over a
/// while, so that the forge is not asked for all of them at once.
public struct SweepRepositories: Sendable {
  let register: any RepositoryRegister
  let jobs: any JobQueue
  let limits: WorkLimits

  public init(
    register: any RepositoryRegister, jobs: any JobQueue, limits: WorkLimits = WorkLimits()
  ) {
    self.register = register
    self.jobs = jobs
    self.limits = limits
  }

  private static let page = 200
  /// All are begun within so many seconds.
  private static let spread = 1_200

  public func handle(_ context: JobContext) async throws -> JobOutcome {
    var after: String?
    var count = 0
    while true {
      try Task.checkCancellation()
      let page = try await register.repositories(after: after, limit: Self.page)
      let new = try page.map { known in
        let access = ForgeAccess(known)
        count += 1
        return NewJob(
          kind: Work.SweepRepository.kind,
          arguments: try Work.SweepRepository(access: access).json(), uniqueKey: known.key,
          group: WorkLimits.group(access), limits: limits.ofForge(access), priority: 5,
          // The same place in every sweep, whatever else is known.
          delay: .seconds(Self.place(of: known.key)), maxAttempts: 3)
      }
      _ = try await jobs.enqueue(new)
      guard page.count == Self.page, let last = page.last else { break }
      after = last.key
    }
    if count == 0 { return .cancelled(reason: "no repository has sent anything yet") }
    context.progress("\(count) repositories are looked through")
    return .completed
  }

  private static func place(of key: String) -> Int {
    let hash = ContentHash.of(parts: [key]).prefix(6)
    return (Int(hash, radix: 16) ?? 0) % spread
  }
}
