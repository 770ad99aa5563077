public import Foundation

/// What a report asks of a forge about a whole repository.
public protocol RepositoryHistory: Sendable {
  /// Pull requests in any state that changed since then, newest change first.
  func pullRequests(
    in repository: RepositoryName, changedSince date: Date
  ) async throws(ForgeError) -> [PullRequestTimes]
}

/// When a pull request was opened, and how it ended.
public struct PullRequestTimes: Sendable, Hashable {
  public var reference: PullRequestReference
  public var openedAt: Date
  public var mergedAt: Date?
  /// Also of a merged one.
  public var closedAt: Date?

  public init(
    reference: PullRequestReference, openedAt: Date, mergedAt: Date? = nil, closedAt: Date? = nil
  ) {
    self.reference = reference
    self.openedAt = openedAt
    self.mergedAt = mergedAt
    self.closedAt = closedAt
  }
}
