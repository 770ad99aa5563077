import Domain
import Foundation
import Jobs

/// Has open pull requests held against the policy because time has passed: some in each run, the
/// oldest first, going on after the one that was looked at last, and from the beginning after the
/// newest.
struct ScheduledLooks: Sendable {
  struct Budget: Sendable {
    /// Pull requests in one run.
    var looks = 200
    /// They are begun within so many seconds, so that the forge is not asked for all of them at once.
    var spread = 1_800
  }

  struct Cursor: Codable, Sendable, Hashable {
    /// The number that was looked at last; 0 at the beginning.
    var after = 0
    /// The page on which it stood.
    var page = 1
  }

  let ports: ShepherdPullRequest.Ports
  let access: ForgeAccess
  var budget = Budget()

  /// - Returns: how many are looked at.
  func enqueue(_ forge: any Forge) async throws -> Int {
    var memory = try await PolicyMemory(
      "looks \(WorkLimits.group(access))", in: ports.notes, new: Cursor())
    let (pulls, next) = try await Self.listed(
      from: memory.value, in: access.repository, base: nil, most: budget.looks, forge)
    let step = pulls.isEmpty ? 0 : Double(budget.spread) / Double(pulls.count)
    let jobs = try pulls.enumerated().map { index, pull in
      var job = try ShepherdPullRequest.job(
        Work.ShepherdPullRequest(
          access: access, reference: pull.reference, event: .scheduled,
          askedBy: SweepRepository.actor),
        ports.limits, ports.now())
      // One that still waits from the last time is not added again.
      job.uniqueKey = "scheduled \("\(access.forge):\(pull.reference)".lowercased())"
      job.delay = .milliseconds(Int(Double(index) * step * 1_000))
      job.priority = 5
      return job
    }
    _ = try await ports.jobs.enqueue(jobs)
    memory.value = next
    try await memory.save()
    return jobs.count
  }

  /// Pages move up as pull requests are closed, so the place is sought from the page before.
  /// - Returns: the next ones, and where to go on: at the beginning, where there are no more.
  static func listed(
    from start: Cursor, in repository: RepositoryName, base: String?, most: Int, _ forge: any Forge
  ) async throws -> ([PullRequest], Cursor) {
    var found: [PullRequest] = []
    var number = start.page
    while number > 1 {
      let page = try await forge.openPullRequests(in: repository, base: base, page: number - 1)
      number -= 1
      if let first = page.first, first.reference.number <= start.after { break }
    }
    while found.count < most {
      try Task.checkCancellation()
      let page = try await forge.openPullRequests(in: repository, base: base, page: number)
      for pull in page where pull.reference.number > start.after {
        found.append(pull)
        if found.count == most {
          return (found, Cursor(after: pull.reference.number, page: number))
        }
      }
      if page.count < Backlog.page { return (found, Cursor()) }
      number += 1
    }
    return (found, start)
  }
}
