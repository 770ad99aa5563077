public import Domain
import WebClient

extension GitHubForge {
  public func issue(
    _ reference: PullRequestReference
  ) async throws(ForgeError) -> ForgeIssue {
    let call = GitHubCall.get(
      .issue, APIPath(reference.repository, "issues", "\(reference.number)"), isConditional: true)
    return ForgeIssue(
      try await ask(call, in: reference.repository, for: GitHubAPI.IssuePayload.self),
      in: reference.repository)
  }

  /// GitHub lists pull requests among issues; they are left out, and no more than ten pages are read
  /// for the others.
  public func issues(
    in repository: RepositoryName, limit: Int
  ) async throws(ForgeError) -> [ForgeIssue] {
    var call = GitHubCall.get(
      .listIssues, APIPath(repository, "issues"),
      query: [
        ("state", "all"), ("sort", "created"), ("direction", "desc"),
        ("per_page", "\(Self.pageSize)"),
      ], isConditional: true)
    call.pageSize = Self.pageSize
    call.budget = RetryBudget(
      attempts: Self.mostIssuePages + connection.configuration.retry.attempts - 1)
    var issues: [ForgeIssue] = []
    for _ in 0..<Self.mostIssuePages where issues.count < limit {
      let answer = try await send(call, in: repository)
      issues += try GitHubAPI.decode([GitHubAPI.IssuePayload].self, answer, of: call)
        .filter { $0.pullRequest == nil }.map { ForgeIssue($0, in: repository) }
      guard let next = answer.nextLink else { break }
      call.target = .rest(try target(of: next, call))
    }
    return Array(issues.prefix(max(0, limit)))
  }

  private static let mostIssuePages = 10

  public func labels(in repository: RepositoryName) async throws(ForgeError) -> [String] {
    try await list(
      .listLabels, APIPath(repository, "labels"), in: repository, of: GitHubAPI.LabelPayload.self,
      isConditional: true, maxPages: 10
    ).map(\.name)
  }

  public func accounts(
    reacting reaction: Reaction, to comment: CommentReference, in repository: RepositoryName
  ) async throws(ForgeError) -> [ForgeAccount] {
    let place: String
    switch comment.kind {
    case .conversation: place = "issues"
    case .review: place = "pulls"
    case .discussion:
      throw ForgeError(
        code: .rejected, detail: "Stet cannot read reactions to comments of GitHub discussions.")
    }
    return try await list(
      .listReactions, APIPath(repository, place, "comments", "\(comment.id)", "reactions"),
      in: repository, of: GitHubAPI.ReactionPayload.self, isConditional: true, maxPages: 10
    ).filter { $0.content == reaction.rawValue }.map { ForgeAccount($0.user) }
  }
}

extension ForgeIssue {
  fileprivate init(_ payload: GitHubAPI.IssuePayload, in repository: RepositoryName) {
    self.init(
      reference: PullRequestReference(repository, payload.number), title: payload.title ?? "",
      body: payload.body ?? "", isOpen: payload.state != "closed",
      isPullRequest: payload.pullRequest != nil, author: ForgeAccount(payload.user),
      labels: (payload.labels ?? []).compactMap(\.name), url: payload.htmlUrl ?? "")
  }
}
