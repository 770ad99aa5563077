public import Domain
public import Foundation
import WebClient

extension GitHubForge: RepositoryHistory {
  /// Pages of a hundred, as many as it takes, up to `maxPages`.
  public func pullRequests(
    in repository: RepositoryName, changedSince date: Date
  ) async throws(ForgeError) -> [PullRequestTimes] {
    var call = GitHubCall.get(
      .pullRequestTimes, APIPath(repository, "pulls"),
      query: [
        ("state", "all"), ("sort", "updated"), ("direction", "desc"),
        ("per_page", "\(Self.pageSize)"),
      ])
    call.pageSize = Self.pageSize
    call.budget = RetryBudget(attempts: Self.maxPages + connection.configuration.retry.attempts - 1)
    var times: [PullRequestTimes] = []
    for _ in 0..<Self.maxPages {
      let answer = try await send(call, in: repository)
      let page = try GitHubAPI.decode([GitHubAPI.PullRequestTimesPayload].self, answer, of: call)
      for pull in page where pull.updatedAt >= date {
        times.append(
          PullRequestTimes(
            reference: PullRequestReference(repository, pull.number), openedAt: pull.createdAt,
            mergedAt: pull.mergedAt, closedAt: pull.closedAt))
      }
      guard page.last.map({ $0.updatedAt >= date }) ?? false, let next = answer.nextLink else {
        return times
      }
      call.target = .rest(try target(of: next, call))
    }
    return times
  }
}

extension GitHubAPI {
  struct PullRequestTimesPayload: Decodable {
    var number: Int
    var createdAt: Date
    var updatedAt: Date
    var mergedAt: Date?
    var closedAt: Date?
  }
}
