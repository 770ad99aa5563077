public import Domain
public import Foundation

/// Puts a report together from the stored runs, and from the forge where it is asked.
public struct MakeReport: Sendable {
  /// Pull requests of a repository that changed since a time, as the forge lists them.
  public typealias Listing =
    @Sendable (RepositoryName, Date) async throws(ForgeError) -> [PullRequestTimes]

  let runs: any RunStore
  let outcomes: ReadOutcomes
  let pullRequests: Listing?
  let now: @Sendable () -> Date

  /// - Parameter pullRequests: `nil`: the forge is not asked.
  public init(
    runs: any RunStore, outcomes: ReadOutcomes, pullRequests: Listing? = nil,
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.runs = runs
    self.outcomes = outcomes
    self.pullRequests = pullRequests
    self.now = now
  }

  /// Of whole days of UTC, the present one included.
  /// - Parameter repository: `nil`: all.
  public func report(of repository: RepositoryName?, days: Int) async throws -> RepositoryReport {
    let now = now()
    let today = (now.timeIntervalSince1970 / 86_400).rounded(.down)
    let to = Date(timeIntervalSince1970: (today + 1) * 86_400)
    let from = to.addingTimeInterval(-Double(days) * 86_400)
    // A finding of this time may have been said first before it.
    let read = try await outcomes.read(
      repository: repository, since: from.addingTimeInterval(-30 * 86_400))
    var found: [Run] = []
    try await ReadOutcomes.each(runs, since: from) { found.append($0) }
    var notes =
      read.unseen.isEmpty
      ? [] : ["\(read.unseen.count) pull requests could not be looked at on the forge."]
    var listed: [PullRequestTimes]?
    if let pullRequests, let repository {
      do throws(ForgeError) {
        listed = try await pullRequests(repository, from)
      } catch {
        notes.append("The forge was not heard: \(SecretMask.masked(error.detail).text)")
      }
    }
    return RepositoryReport(
      repository: repository, from: from, to: to, runs: found, outcomes: read.outcomes,
      pullRequests: listed, notes: notes)
  }
}
