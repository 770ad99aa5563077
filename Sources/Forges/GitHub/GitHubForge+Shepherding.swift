public import Domain

extension GitHubForge {
  private func issue(_ reference: PullRequestReference, _ part: String) -> APIPath {
    APIPath(reference.repository, "issues", "\(reference.number)", part)
  }

  private func pull(_ reference: PullRequestReference, _ parts: String...) -> APIPath {
    var path = APIPath(reference.repository, "pulls", "\(reference.number)")
    for part in parts { path.append(part) }
    return path
  }

  /// A change of which the answer tells nothing that is needed.
  private func change(
    _ endpoint: Endpoint, _ method: String, _ path: APIPath, _ body: [String: JSONValue],
    in repository: RepositoryName
  ) async throws(ForgeError) {
    let call = try GitHubCall.change(endpoint, method, path, body: JSONValue.object(body))
    _ = try await send(call, in: repository)
  }

  private func texts(_ items: [String]) -> JSONValue { .array(items.map { .string($0) }) }

  public func setLabels(
    add: [String], remove: [String], on reference: PullRequestReference
  ) async throws(ForgeError) {
    if !add.isEmpty { try await addLabels(add, to: reference) }
    for label in remove { try await removeLabel(label, from: reference) }
  }

  public func assign(
    _ logins: [String], to reference: PullRequestReference
  ) async throws(ForgeError) {
    guard !logins.isEmpty else { return }
    try await change(
      .addAssignees, "POST", issue(reference, "assignees"), ["assignees": texts(logins)],
      in: reference.repository)
  }

  public func requestReviews(
    from people: [String], on reference: PullRequestReference
  ) async throws(ForgeError) {
    guard !people.isEmpty else { return }
    let teams = people.filter { $0.contains("/") }.compactMap {
      $0.split(separator: "/").last.map(String.init)
    }
    try await change(
      .requestReviewers, "POST", pull(reference, "requested_reviewers"),
      [
        "reviewers": texts(people.filter { !$0.contains("/") }), "team_reviewers": texts(teams),
      ], in: reference.repository)
  }

  public func dismiss(
    review: Int64, on reference: PullRequestReference, message: String
  ) async throws(ForgeError) {
    try await change(
      .dismissReview, "PUT", pull(reference, "reviews", "\(review)", "dismissals"),
      ["message": .string(CommentText.fitting(message)), "event": .string("DISMISS")],
      in: reference.repository)
  }

  public func setStatus(
    _ name: String, _ state: PolicyAction.Status.State, description: String, on commit: String,
    in repository: RepositoryName
  ) async throws(ForgeError) {
    try await change(
      .createStatus, "POST", APIPath(repository, "statuses", commit),
      [
        "state": .string(state.rawValue), "context": .string(name),
        "description": .string(CommentText.line(description, limit: 140)),
      ], in: repository)
  }

  public func updateBranch(
    of reference: PullRequestReference, expectedHead: String
  ) async throws(ForgeError) {
    try await change(
      .updateBranch, "PUT", pull(reference, "update-branch"),
      ["expected_head_sha": .string(expectedHead)], in: reference.repository)
  }

  public func merge(
    _ reference: PullRequestReference, expectedHead: String, method: MergeMethod, title: String?,
    message: String?
  ) async throws(ForgeError) -> String {
    guard !expectedHead.isEmpty else {
      throw ForgeError(code: .rejected, detail: "A merge names the commit that it is for.")
    }
    var body: [String: JSONValue] = [
      "sha": .string(expectedHead), "merge_method": .string(method.rawValue),
    ]
    if let title { body["commit_title"] = .string(CommentText.line(title, limit: 250)) }
    if let message { body["commit_message"] = .string(CommentText.fitting(message)) }
    let call = try GitHubCall.change(
      .mergePullRequest, "PUT", pull(reference, "merge"), body: JSONValue.object(body))
    return try await ask(call, in: reference.repository, for: GitHubAPI.MergePayload.self).sha
      .lowercased()
  }

  public func setOpen(
    _ isOpen: Bool, _ reference: PullRequestReference
  ) async throws(ForgeError) {
    try await change(
      .editPullRequest, "PATCH", pull(reference),
      ["state": .string(isOpen ? "open" : "closed")], in: reference.repository)
  }

  public func lock(
    _ reference: PullRequestReference, reason: PolicyAction.LockReason?
  ) async throws(ForgeError) {
    try await change(
      .lockIssue, "PUT", issue(reference, "lock"),
      reason.map { ["lock_reason": .string($0.rawValue)] } ?? [:], in: reference.repository)
  }

  public func dispatch(
    workflow: String, ref: String, inputs: [String: String], in repository: RepositoryName
  ) async throws(ForgeError) {
    try await change(
      .dispatchWorkflow, "POST",
      APIPath(repository, "actions", "workflows", workflow, "dispatches"),
      ["ref": .string(ref), "inputs": .object(inputs.mapValues { .string($0) })], in: repository)
  }

  // MARK: Trials

  public func makeTrial(
    branch: String, upon commit: String, heads: [(number: Int, commit: String)],
    in repository: RepositoryName
  ) async throws(ForgeError) -> MergeTrial {
    try await begin(branch, at: commit, repository)
    var tip = commit
    for head in heads {
      let call = try GitHubCall.change(
        .mergeBranch, "POST", APIPath(repository, "merges"),
        body: JSONValue.object([
          "base": .string(branch), "head": .string(head.commit),
          "commit_message": .string("Trial of #\(head.number)"),
        ]))
      do {
        let answer = try await send(call, in: repository)
        // 204 without a body: the branch holds it already.
        if answer.body.isEmpty { continue }
        tip = try GitHubAPI.decode(GitHubAPI.MergePayload.self, answer, of: call).sha.lowercased()
      } catch {
        guard error.code == .conflict else { throw error }
        return .conflicted(number: head.number)
      }
    }
    return .built(tip)
  }

  private func begin(
    _ branch: String, at commit: String, _ repository: RepositoryName
  ) async throws(ForgeError) {
    do {
      try await change(
        .gitReference, "POST", APIPath(repository, "git", "refs"),
        ["ref": .string("refs/heads/\(branch)"), "sha": .string(commit)], in: repository)
    } catch {
      // One that an earlier try has left.
      guard error.status == 422 else { throw error }
      try await change(
        .gitReference, "PATCH", Self.reference("refs", branch, repository),
        ["sha": .string(commit), "force": .bool(true)], in: repository)
    }
  }

  public func removeBranch(
    _ branch: String, in repository: RepositoryName
  ) async throws(ForgeError) {
    let call = GitHubCall(
      endpoint: .gitReference, method: "DELETE",
      target: .rest(Self.reference("refs", branch, repository).target()), mayRepeat: true)
    do { _ = try await send(call, in: repository) } catch {
      guard error.code == .notFound || error.status == 422 else { throw error }
    }
  }
}
