public import Domain

extension GitHubForge {
  public func remove(
    comment: CommentReference, in repository: RepositoryName
  ) async throws(ForgeError) {
    let endpoint: Endpoint
    let place: String
    switch comment.kind {
    case .conversation: (endpoint, place) = (.deleteComment, "issues")
    case .review: (endpoint, place) = (.deleteReviewComment, "pulls")
    case .discussion:
      throw ForgeError(
        code: .rejected, detail: "Stet cannot remove comments of GitHub discussions.")
    }
    let path = APIPath(repository, place, "comments", "\(comment.id)")
    // Twice is as good as once.
    let call = GitHubCall(
      endpoint: endpoint, method: "DELETE", target: .rest(path.target()), mayRepeat: true)
    do { _ = try await send(call, in: repository) } catch {
      guard error.code == .notFound else { throw error }
    }
  }

  public func edit(
    review: Int64, on reference: PullRequestReference, to body: String
  ) async throws(ForgeError) {
    let call = try GitHubCall.change(
      .editReview, "PUT",
      APIPath(reference.repository, "pulls", "\(reference.number)", "reviews", "\(review)"),
      body: GitHubAPI.CommentRequestPayload(body: CommentText.fitting(body)))
    _ = try await ask(call, in: reference.repository, for: GitHubAPI.ReviewPayload.self)
  }

  public func checks(
    on commit: String, of pull: PullRequestReference
  ) async throws(ForgeError) -> [PostedCheck] {
    let repository = pull.repository
    let name = connection.configuration.checkName
    guard capabilities.hasCheckRuns else {
      // The newest come first, and one page of them is enough: of a context the newest counts.
      let call = GitHubCall.get(
        .listStatuses, APIPath(repository, "commits", commit, "statuses"),
        query: [("per_page", "\(Self.pageSize)")])
      let statuses = try await ask(call, in: repository, for: [GitHubAPI.StatusPayload].self)
      return statuses.first { $0.context == name }.map { [PostedCheck($0)] } ?? []
    }
    let call = GitHubCall.get(
      .listCheckRuns, APIPath(repository, "commits", commit, "check-runs"),
      query: [("check_name", name), ("filter", "all"), ("per_page", "\(Self.pageSize)")])
    let list = try await ask(call, in: repository, for: GitHubAPI.CheckRunListPayload.self)
    return list.checkRuns.filter { $0.isOwn(of: pull) }.map { PostedCheck($0) }
      .sorted { ($0.id ?? 0) < ($1.id ?? 0) }
  }
}

extension PostedCheck {
  fileprivate init(_ payload: GitHubAPI.CheckRunPayload) {
    self.init(
      id: payload.id,
      progress: CheckState.Progress(rawValue: payload.conclusion ?? payload.status),
      title: payload.output?.title ?? "")
  }

  fileprivate init(_ payload: GitHubAPI.StatusPayload) {
    let progress: CheckState.Progress? =
      switch payload.state {
      case "pending": .inProgress
      case "success": .success
      case "failure": .failure
      case "error": .neutral
      default: nil
      }
    self.init(id: nil, progress: progress, title: payload.description ?? "")
  }
}
