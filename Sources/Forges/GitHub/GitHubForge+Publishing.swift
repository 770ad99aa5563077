public import Domain

extension GitHubForge {
  public func post(
    _ draft: ReviewDraft, on reference: PullRequestReference
  ) async throws(ForgeError) -> PostedReview {
    let event =
      switch draft.verdict {
      case .approve: "APPROVE"
      case .requestChanges: "REQUEST_CHANGES"
      case .comment: "COMMENT"
      }
    let body = GitHubAPI.ReviewRequestPayload(
      commit: draft.commit, event: event,
      body: draft.body.isEmpty ? nil : CommentText.fitting(draft.body),
      comments: draft.comments.map { comment in
        let side = comment.side == .old ? "LEFT" : "RIGHT"
        let isRange = comment.startLine < comment.line
        return GitHubAPI.ReviewRequestPayload.Comment(
          path: comment.path, line: comment.line, side: side,
          startLine: isRange ? comment.startLine : nil, startSide: isRange ? side : nil,
          body: CommentText.fitting(comment.body))
      })
    let call = try GitHubCall.change(
      .createReview, "POST",
      APIPath(reference.repository, "pulls", "\(reference.number)", "reviews"), body: body)
    return PostedReview(
      try await ask(call, in: reference.repository, for: GitHubAPI.ReviewPayload.self))
  }

  public func comment(
    _ body: String, on reference: PullRequestReference
  ) async throws(ForgeError) -> ForgeComment {
    let call = try GitHubCall.change(
      .createComment, "POST",
      APIPath(reference.repository, "issues", "\(reference.number)", "comments"),
      body: GitHubAPI.CommentRequestPayload(body: CommentText.fitting(body)))
    return ForgeComment(
      try await ask(call, in: reference.repository, for: GitHubAPI.IssueCommentPayload.self))
  }

  /// - Parameter comment: the first of its thread: GitHub knows no answers to answers.
  public func reply(
    _ body: String, to comment: Int64, on reference: PullRequestReference
  ) async throws(ForgeError) -> ForgeComment {
    let call = try GitHubCall.change(
      .createReply, "POST",
      APIPath(
        reference.repository, "pulls", "\(reference.number)", "comments", "\(comment)", "replies"),
      body: GitHubAPI.CommentRequestPayload(body: CommentText.fitting(body)))
    return ForgeComment(
      try await ask(call, in: reference.repository, for: GitHubAPI.ReviewCommentPayload.self))
  }

  public func edit(
    comment: Int64, in repository: RepositoryName, to body: String
  ) async throws(ForgeError) {
    let call = try GitHubCall.change(
      .editComment, "PATCH", APIPath(repository, "issues", "comments", "\(comment)"),
      body: GitHubAPI.CommentRequestPayload(body: CommentText.fitting(body)))
    _ = try await ask(call, in: repository, for: GitHubAPI.IssueCommentPayload.self)
  }

  public func react(
    _ reaction: Reaction, to comment: CommentReference, in repository: RepositoryName
  ) async throws(ForgeError) {
    let place: String
    switch comment.kind {
    case .conversation: place = "issues"
    case .review: place = "pulls"
    case .discussion:
      throw ForgeError(
        code: .rejected, detail: "Stet cannot react to comments of GitHub discussions.")
    }
    let call = try GitHubCall.change(
      .createReaction, "POST",
      APIPath(repository, place, "comments", "\(comment.id)", "reactions"),
      body: GitHubAPI.ReactionRequestPayload(content: reaction.rawValue))
    _ = try await ask(call, in: repository, for: GitHubAPI.ReactionPayload.self)
  }

  public func addLabels(
    _ labels: [String], to reference: PullRequestReference
  ) async throws(ForgeError) {
    guard !labels.isEmpty else { return }
    let call = try GitHubCall.change(
      .addLabels, "POST",
      APIPath(reference.repository, "issues", "\(reference.number)", "labels"),
      body: GitHubAPI.LabelsRequestPayload(labels: labels))
    _ = try await ask(call, in: reference.repository, for: [GitHubAPI.LabelPayload].self)
  }

  /// A label that is not there is as good as removed.
  public func removeLabel(
    _ label: String, from reference: PullRequestReference
  ) async throws(ForgeError) {
    let path = APIPath(reference.repository, "issues", "\(reference.number)", "labels", label)
    let call = GitHubCall(
      endpoint: .removeLabel, method: "DELETE", target: .rest(path.target()), mayRepeat: false)
    do { _ = try await send(call, in: reference.repository) } catch {
      guard error.code == .notFound, error.detail.contains("Label does not exist") else {
        throw error
      }
    }
  }

  // MARK: Checks

  public func setCheck(
    _ state: CheckState, on commit: String, of pull: PullRequestReference, existing: Int64?
  ) async throws(ForgeError) -> Int64? {
    let repository = pull.repository
    // A check run that is open is brought to its end in any case.
    guard actsAsApp, existing != nil || connection.grants.mayCreateCheckRuns(in: repository) else {
      try await setStatus(state, on: commit, in: repository)
      return nil
    }
    do {
      return try await setCheckRun(state, on: commit, of: pull, existing: existing)
    } catch {
      // Without `checks: write` GitHub answers 403; 404 where it hides what it has. Limits, which
      // are 403 too, have another code.
      let isRefused = error.status == 403 && error.code == .unauthorized
      let isHidden = error.status == 404 && existing == nil
      guard isRefused || isHidden else { throw error }
      if isRefused { connection.grants.refuseCheckRuns(in: repository) }
      try await setStatus(state, on: commit, in: repository)
      connection.grants.refuseCheckRuns(in: repository)
      return nil
    }
  }

  public func unfinishedCheck(
    on commit: String, of pull: PullRequestReference
  ) async throws(ForgeError) -> Int64? {
    let repository = pull.repository
    guard capabilities.hasCheckRuns else { return nil }
    let call = GitHubCall.get(
      .listCheckRuns, APIPath(repository, "commits", commit, "check-runs"),
      query: [
        ("check_name", connection.configuration.checkName), ("status", "in_progress"),
        ("filter", "all"),
      ])
    let list = try await ask(call, in: repository, for: GitHubAPI.CheckRunListPayload.self)
    return list.checkRuns.filter { $0.isOwn(of: pull) && $0.status != "completed" }
      .map(\.id).max()
  }

  private func setCheckRun(
    _ state: CheckState, on commit: String, of pull: PullRequestReference, existing: Int64?
  ) async throws(ForgeError) -> Int64 {
    let repository = pull.repository
    let progress = state.progress
    let body = GitHubAPI.CheckRunRequestPayload(
      name: connection.configuration.checkName, commit: existing == nil ? commit : nil,
      externalID: existing == nil ? "\(CheckOwner(pullRequest: pull.number))" : nil,
      status: progress.isFinal ? "completed" : progress.rawValue,
      conclusion: progress.isFinal ? progress.rawValue : nil, detailsURL: state.detailsURL,
      output: GitHubAPI.CheckRunRequestPayload.Output(
        title: CommentText.line(state.title, limit: 255),
        summary: CommentText.fitting(state.summary, limit: CommentText.checkLimit)))
    let call =
      if let existing {
        try GitHubCall.change(
          .updateCheckRun, "PATCH", APIPath(repository, "check-runs", "\(existing)"), body: body)
      } else {
        try GitHubCall.change(
          .createCheckRun, "POST", APIPath(repository, "check-runs"), body: body)
      }
    return try await ask(call, in: repository, for: GitHubAPI.CheckRunPayload.self).id
  }

  private func setStatus(
    _ state: CheckState, on commit: String, in repository: RepositoryName
  ) async throws(ForgeError) {
    let word =
      switch state.progress {
      case .queued, .inProgress: "pending"
      case .success: "success"
      case .failure: "failure"
      // A status has no neutral colour, and what was not reviewed must not look green.
      case .neutral, .cancelled: "error"
      }
    let call = try GitHubCall.change(
      .createStatus, "POST", APIPath(repository, "statuses", commit),
      body: GitHubAPI.StatusRequestPayload(
        state: word, description: CommentText.line(state.title, limit: 140),
        context: connection.configuration.checkName, targetURL: state.detailsURL))
    _ = try await ask(call, in: repository, for: GitHubAPI.StatusPayload.self)
  }
}
