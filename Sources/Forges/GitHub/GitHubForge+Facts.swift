public import Domain

extension GitHubForge {
  public func defaultBranch(
    of repository: RepositoryName
  ) async throws(ForgeError) -> String {
    let call = GitHubCall.get(.repository, APIPath(repository), isConditional: true)
    return try await ask(call, in: repository, for: GitHubAPI.RepositoryFactsPayload.self)
      .defaultBranch
  }

  public func tip(
    of branch: String, in repository: RepositoryName
  ) async throws(ForgeError) -> String? {
    let call = GitHubCall.get(
      .gitReference, Self.reference("ref", branch, repository), isConditional: true)
    do {
      return try await ask(call, in: repository, for: GitHubAPI.ReferencePayload.self).object.sha
        .lowercased()
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
  }

  /// `ref` to read one, `refs` to change it.
  static func reference(
    _ word: String, _ branch: String, _ repository: RepositoryName
  ) -> APIPath {
    var path = APIPath(repository, "git", word, "heads")
    for part in branch.split(separator: "/") { path.append(String(part)) }
    return path
  }

  public func details(
    of reference: PullRequestReference
  ) async throws(ForgeError) -> PullRequestDetails {
    let call = GitHubCall.get(
      .pullRequest, APIPath(reference.repository, "pulls", "\(reference.number)"),
      isConditional: true)
    let answer = try await send(call, in: reference.repository)
    let pull = PullRequest(
      try GitHubAPI.decode(GitHubAPI.PullRequestPayload.self, answer, of: call), reference)
    let payload = try GitHubAPI.decode(GitHubAPI.PullDetailsPayload.self, answer, of: call)
    let teams = (payload.requestedTeams ?? []).map { team in
      "@\(team.organization?.login ?? reference.repository.owner)/\(team.slug)"
    }
    return PullRequestDetails(
      pullRequest: pull,
      association: payload.authorAssociation.flatMap {
        PolicyFacts.Association(rawValue: $0.lowercased())
      },
      assignees: (payload.assignees ?? []).map(\.login),
      requestedReviewers: (payload.requestedReviewers ?? []).map(\.login) + teams,
      isLocked: payload.locked ?? false, createdAt: payload.createdAt,
      mergeability: payload.mergeable.map { $0 ? .clean : .conflicted } ?? .unknown,
      mergeCommit: payload.mergeCommitSha)
  }

  /// GitHub lists no more than 3000.
  public func changedFiles(
    of reference: PullRequestReference
  ) async throws(ForgeError) -> [PolicyFacts.File]? {
    let files = try await list(
      .files, APIPath(reference.repository, "pulls", "\(reference.number)", "files"),
      in: reference.repository, of: GitHubAPI.ChangedFilePayload.self, isConditional: true,
      maxPages: RebuiltDiff.maxListedFiles / Self.pageSize)
    guard files.count < RebuiltDiff.maxListedFiles else { return nil }
    // A file that moved was changed at both places.
    return files.flatMap { file in
      let own = PolicyFacts.File(
        path: file.filename, additions: file.additions, deletions: file.deletions)
      return [own] + (file.previousFilename.map { [PolicyFacts.File(path: $0)] } ?? [])
    }
  }

  public func statedReviews(
    of reference: PullRequestReference
  ) async throws(ForgeError) -> [PolicyFacts.Review] {
    try await list(
      .listReviews, APIPath(reference.repository, "pulls", "\(reference.number)", "reviews"),
      in: reference.repository, of: GitHubAPI.ReviewPayload.self, isConditional: true
    ).compactMap { payload in
      guard let state = PolicyFacts.Review.State(rawValue: payload.state.lowercased()),
        state != .pending
      else { return nil }
      let author = ForgeAccount(payload.user)
      return PolicyFacts.Review(
        id: payload.id, author: .init(login: author.login, isBot: author.isBot), state: state,
        commit: payload.commitId?.lowercased())
    }
  }

  public func allChecks(
    on commit: String, in repository: RepositoryName
  ) async throws(ForgeError) -> [PolicyFacts.Check] {
    var checks: [PolicyFacts.Check] = []
    var read = 0
    for page in 1...Self.maxPages {
      let call = GitHubCall.get(
        .listCheckRuns, APIPath(repository, "commits", commit, "check-runs"),
        query: [("filter", "latest"), ("per_page", "\(Self.pageSize)"), ("page", "\(page)")])
      let list = try await ask(call, in: repository, for: GitHubAPI.AnyCheckRunListPayload.self)
      checks += list.checkRuns.map { PolicyFacts.Check($0, commit) }
      read += list.checkRuns.count
      if read >= list.totalCount || list.checkRuns.isEmpty { break }
    }
    checks += try await openSuites(of: commit, in: repository)
    let call = GitHubCall.get(
      .combinedStatus, APIPath(repository, "commits", commit, "status"),
      query: [("per_page", "\(Self.pageSize)")])
    let combined = try await ask(call, in: repository, for: GitHubAPI.CombinedStatusPayload.self)
    if let total = combined.totalCount, total > combined.statuses.count {
      throw ForgeError(
        code: .rejected, detail: "\(commit.prefix(8)) has more than \(Self.pageSize) statuses.")
    }
    return checks + combined.statuses.map { PolicyFacts.Check($0, commit) }
  }

  /// GitHub Actions makes a check run of a job that needs another only when it starts: all runs may
  /// have ended while their suite has not. A suite without any run is an App's that never reports.
  private func openSuites(
    of commit: String, in repository: RepositoryName
  ) async throws(ForgeError) -> [PolicyFacts.Check] {
    var open: [GitHubAPI.CheckSuiteListPayload.Suite] = []
    var read = 0
    for page in 1...Self.maxPages {
      let call = GitHubCall.get(
        .listCheckSuites, APIPath(repository, "commits", commit, "check-suites"),
        query: [("per_page", "\(Self.pageSize)"), ("page", "\(page)")])
      let list = try await ask(call, in: repository, for: GitHubAPI.CheckSuiteListPayload.self)
      open += list.checkSuites.filter {
        $0.status != "completed" && ($0.latestCheckRunsCount ?? 1) > 0
      }
      read += list.checkSuites.count
      if read >= list.totalCount || list.checkSuites.isEmpty { break }
    }
    // What Stet itself has under way is not waited for.
    if case .app = connection.configuration.credentials, !open.isEmpty {
      let own = try await ownAccount().id
      open.removeAll { $0.app?.id == own }
    }
    return open.map { suite in
      PolicyFacts.Check(
        name: "\(suite.app?.name ?? suite.app?.slug ?? "an App")'s check suite",
        conclusion: .pending, commit: commit)
    }
  }

  public func protection(
    of branch: String, in repository: RepositoryName
  ) async throws(ForgeError) -> PolicyFacts.Protection? {
    var protection = PolicyFacts.Protection()
    do {
      let call = GitHubCall.get(
        .branchProtection, APIPath(repository, "branches", branch, "protection"),
        isConditional: true)
      protection = PolicyFacts.Protection(
        try await ask(call, in: repository, for: GitHubAPI.ProtectionPayload.self))
    } catch {
      switch error.code {
      // Whoever may not administer is told the same of every branch, with other words.
      case .notFound where error.detail.lowercased().contains("branch not protected"): break
      case .notFound, .unauthorized:
        guard let seen = try await seenProtection(of: branch, in: repository) else { return nil }
        protection = seen
      default: throw error
      }
    }
    do {
      let rules = try await list(
        .branchRules, APIPath(repository, "rules", "branches", branch), in: repository,
        of: GitHubAPI.BranchRulePayload.self, isConditional: true)
      for rule in rules { protection.add(rule) }
    } catch {
      // Servers of some years ago know no rulesets.
      guard error.code == .notFound || error.code == .unauthorized else { throw error }
    }
    return protection
  }

  /// Without the right to administer only the checks can be seen; the rest GitHub itself holds
  /// against the merge.
  /// - Returns: `nil` where not even they can be.
  private func seenProtection(
    of branch: String, in repository: RepositoryName
  ) async throws(ForgeError) -> PolicyFacts.Protection? {
    let call = GitHubCall.get(
      .branch, APIPath(repository, "branches", branch), isConditional: true)
    let payload: GitHubAPI.BranchPayload
    do { payload = try await ask(call, in: repository, for: GitHubAPI.BranchPayload.self) } catch {
      guard error.code == .notFound || error.code == .unauthorized else { throw error }
      return nil
    }
    if !payload.protected { return PolicyFacts.Protection() }
    guard let checks = payload.protection?.requiredStatusChecks?.contexts else { return nil }
    return PolicyFacts.Protection(checks: checks)
  }

  public func commitsBehind(
    base: String, head: String, in repository: RepositoryName
  ) async throws(ForgeError) -> Int {
    let call = GitHubCall.get(
      .comparison, APIPath(repository, "compare", "\(base)...\(head)"),
      query: [("per_page", "1")])
    return try await ask(call, in: repository, for: GitHubAPI.BehindPayload.self).behindBy
  }

  public func isMember(
    _ login: String, ofTeam team: String
  ) async throws(ForgeError) -> Bool? {
    let parts = team.split(separator: "/").map(String.init)
    guard parts.count == 2 else { return nil }
    func path(_ more: String...) -> APIPath {
      var path: APIPath = ["orgs", parts[0], "teams", parts[1]]
      for part in more { path.append(part) }
      return path
    }
    do {
      let call = GitHubCall.get(.membership, path("memberships", login), isConditional: true)
      let answer = try await connection.send(call, as: ownAccess)
      return try GitHubAPI.decode(GitHubAPI.MembershipPayload.self, answer, of: call).state
        == "active"
    } catch {
      guard error.code == .notFound || error.code == .unauthorized else { throw error }
    }
    // Nobody is a member of a team that cannot be seen, and that is not known.
    do {
      _ = try await connection.send(
        GitHubCall.get(.team, path(), isConditional: true), as: ownAccess)
      return false
    } catch {
      guard error.code == .notFound || error.code == .unauthorized else { throw error }
      return nil
    }
  }

  public func pullRequests(
    in repository: RepositoryName, areOpen: Bool, limit: Int
  ) async throws(ForgeError) -> [PullRequest] {
    var found: [PullRequest] = []
    for page in 1...Self.maxPages {
      let call = GitHubCall.get(
        .listPullRequests, APIPath(repository, "pulls"),
        query: [
          ("state", areOpen ? "open" : "closed"), ("sort", "updated"), ("direction", "desc"),
          ("per_page", "\(Self.pageSize)"), ("page", "\(page)"),
        ])
      let payloads = try await ask(
        call, in: repository, for: [GitHubAPI.PullRequestPayload].self)
      found += payloads.map { PullRequest($0, PullRequestReference(repository, $0.number)) }
      if payloads.count < Self.pageSize || found.count >= limit { break }
    }
    return Array(found.prefix(limit))
  }

  public func openPullRequests(
    withHead commit: String, in repository: RepositoryName
  ) async throws(ForgeError) -> [PullRequest] {
    let call = GitHubCall.get(
      .commitPullRequests, APIPath(repository, "commits", commit, "pulls"),
      query: [("per_page", "\(Self.pageSize)")])
    do {
      return try await ask(call, in: repository, for: [GitHubAPI.PullRequestPayload].self)
        .map { PullRequest($0, PullRequestReference(repository, $0.number)) }
        .filter { $0.state == .open && $0.head == commit }
    } catch {
      // 422 for a commit that the repository does not have, such as one of a fork.
      guard error.code == .notFound || error.code == .rejected else { throw error }
      return []
    }
  }

  public func reviewLoads(
    in repository: RepositoryName
  ) async throws(ForgeError) -> [String: Int] {
    var loads: [String: Int] = [:]
    for page in 1...Self.maxPages {
      let call = GitHubCall.get(
        .listPullRequests, APIPath(repository, "pulls"),
        query: [("state", "open"), ("per_page", "\(Self.pageSize)"), ("page", "\(page)")])
      let pulls = try await ask(call, in: repository, for: [GitHubAPI.PullDetailsPayload].self)
      for reviewer in pulls.flatMap({ $0.requestedReviewers ?? [] }) {
        loads[reviewer.login.lowercased(), default: 0] += 1
      }
      if pulls.count < Self.pageSize { break }
    }
    return loads
  }
}
