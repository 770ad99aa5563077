public import Domain
public import Foundation
import WebClient

extension GitHubForge {
  /// GitHub lists pull requests among issues.
  public func openItems(
    in repository: RepositoryName, label: String?, since: Date?, page: Int
  ) async throws(ForgeError) -> [OpenItem] {
    var query = [
      ("state", "open"), ("sort", "updated"), ("direction", "asc"), ("per_page", "\(Backlog.page)"),
      ("page", "\(page)"),
    ]
    if let label { query.append(("labels", label)) }
    if let since { query.append(("since", Self.time(since))) }
    let call = GitHubCall.get(
      .listIssues, APIPath(repository, "issues"), query: query, isConditional: true)
    return try await ask(call, in: repository, for: [GitHubAPI.IssuePayload].self).map {
      OpenItem($0, in: repository)
    }
  }

  public func openPullRequests(
    in repository: RepositoryName, base: String?, page: Int
  ) async throws(ForgeError) -> [PullRequest] {
    var query = [
      ("state", "open"), ("sort", "created"), ("direction", "asc"),
      ("per_page", "\(Backlog.page)"), ("page", "\(page)"),
    ]
    if let base { query.append(("base", base)) }
    let call = GitHubCall.get(
      .listPullRequests, APIPath(repository, "pulls"), query: query, isConditional: true)
    return try await ask(call, in: repository, for: [GitHubAPI.PullRequestPayload].self).map {
      PullRequest($0, PullRequestReference(repository, $0.number))
    }
  }

  public func openItem(
    _ reference: PullRequestReference
  ) async throws(ForgeError) -> OpenItem? {
    let call = GitHubCall.get(
      .issue, APIPath(reference.repository, "issues", "\(reference.number)"))
    let payload = try await ask(call, in: reference.repository, for: GitHubAPI.IssuePayload.self)
    return payload.state == "open" ? OpenItem(payload, in: reference.repository) : nil
  }

  public func comments(
    on reference: PullRequestReference, since: Date
  ) async throws(ForgeError) -> [ForgeComment] {
    var call = GitHubCall.get(
      .listComments,
      APIPath(reference.repository, "issues", "\(reference.number)", "comments"),
      query: [("since", Self.time(since)), ("per_page", "\(Self.pageSize)")])
    call.pageSize = Self.pageSize
    call.budget = RetryBudget(
      attempts: Self.mostCommentPages + connection.configuration.retry.attempts - 1)
    var comments: [ForgeComment] = []
    for _ in 0..<Self.mostCommentPages {
      let answer = try await send(call, in: reference.repository)
      comments += try GitHubAPI.decode([GitHubAPI.IssueCommentPayload].self, answer, of: call)
        .map { ForgeComment($0) }
      guard let next = answer.nextLink else { break }
      call.target = .rest(try target(of: next, call))
    }
    return comments
  }

  /// A thousand comments after a reminder are an answer.
  private static let mostCommentPages = 10

  public func closeItem(
    _ reference: PullRequestReference, _ kind: StalePolicy.Kind
  ) async throws(ForgeError) {
    var body: [String: JSONValue] = ["state": .string("closed")]
    if kind == .issues { body["state_reason"] = .string("not_planned") }
    let call = try GitHubCall.change(
      .editIssue, "PATCH",
      APIPath(reference.repository, "issues", "\(reference.number)"),
      body: JSONValue.object(body))
    _ = try await send(call, in: reference.repository)
  }

  /// As GitHub's API has it: whole seconds of UTC.
  private static func time(_ date: Date) -> String {
    Date(timeIntervalSince1970: date.timeIntervalSince1970.rounded(.down))
      .formatted(.iso8601)
  }
}

extension OpenItem {
  fileprivate init(_ payload: GitHubAPI.IssuePayload, in repository: RepositoryName) {
    let created = payload.createdAt ?? Date()
    self.init(
      reference: PullRequestReference(repository, payload.number),
      kind: payload.pullRequest == nil ? .issues : .pullRequests, title: payload.title ?? "",
      author: ForgeAccount(payload.user), labels: (payload.labels ?? []).compactMap(\.name),
      isDraft: payload.draft ?? false, milestone: payload.milestone?.title,
      isAssigned: payload.assignees?.isEmpty == false, createdAt: created,
      // What tells no time is taken for new: nothing follows from it.
      updatedAt: payload.updatedAt ?? Date())
  }
}
