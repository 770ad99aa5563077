import Crypto
public import Domain
import Foundation

extension FakeGitHub {
  // MARK: who

  /// An account, made where it is not known. Whatever names a login makes it too.
  public func addAccount(_ login: String, id: Int64? = nil, isBot: Bool = false) {
    update { _ = $0.account(login, id: id.map(Int.init), type: isBot ? "Bot" : nil) }
  }

  /// A personal token; any text.
  public func addToken(_ token: String, for login: String) {
    update {
      $0.account(login)
      $0.tokens[token] = .user(login: login)
    }
  }

  public func removeToken(_ token: String) { update { $0.tokens[token] = nil } }

  /// What a review needs.
  public static let reviewPermissions = [
    "metadata": "read", "contents": "read", "pull_requests": "write", "issues": "write",
    "checks": "write", "statuses": "write",
  ]

  /// A GitHub App, which signs its tokens with the private half of this key.
  public func addApp(
    id: Int, slug: String, owner: String = "octo-org", publicKeyPEM: String,
    permissions: [String: String] = FakeGitHub.reviewPermissions
  ) {
    update { world in
      world.account(owner)
      world.account("\(slug)[bot]")
      world.apps[id] = GitHubWorld.App(
        id: id, slug: slug, name: slug, owner: owner, publicKey: publicKeyPEM,
        permissions: permissions,
        events: ["pull_request", "issue_comment", "pull_request_review_comment"],
        createdAt: world.now)
    }
  }

  /// - Parameter repositories: `nil`: all of the account.
  public func addInstallation(
    id: Int, of app: Int, on account: String, repositories: [RepositoryName]? = nil,
    permissions: [String: String] = FakeGitHub.reviewPermissions
  ) {
    update { world in
      world.account(account)
      world.installations[id] = GitHubWorld.Installation(
        id: id, app: app, account: account,
        repositories: repositories.map { Set($0.map { $0.description.lowercased() }) },
        permissions: permissions, createdAt: world.now)
    }
  }

  public func suspend(installation id: Int, _ isSuspended: Bool = true) {
    update { $0.installations[id]?.isSuspended = isSuspended }
  }

  /// Forgets every installation token, as GitHub does when an installation is removed or changed.
  public func revokeInstallationTokens() {
    update { world in
      for (token, kind) in world.tokens {
        if case .installation = kind { world.tokens[token] = nil }
      }
    }
  }

  // MARK: repositories

  /// - Parameters:
  ///   - files: of the first commit on `main`.
  ///   - commit: its name; made up where `nil`.
  public func addRepository(
    _ name: RepositoryName, id: Int64? = nil, isPrivate: Bool = false,
    defaultBranch: String = "main", files: [String: [UInt8]] = [:], commit: String? = nil
  ) {
    update { world in
      let login = world.account(name.owner).login
      var repository = GitHubWorld.Repository(
        id: id.map(Int.init) ?? world.newID(), owner: login, name: name.name,
        isPrivate: isPrivate, createdAt: world.now)
      repository.defaultBranch = defaultBranch
      let sha = commit ?? world.newSHA()
      repository.commits[sha] = GitHubWorld.Commit(
        sha: sha, parents: [], files: files, message: "First", author: login, date: world.now)
      repository.branches[defaultBranch] = sha
      world.repositories[repository.key] = repository
    }
  }

  /// Shows it to everybody, or to some.
  public func setPrivate(_ name: RepositoryName, _ isPrivate: Bool) {
    update { $0.repositories[name.description.lowercased()]?.isPrivate = isPrivate }
  }

  public func deleteRepository(_ name: RepositoryName) {
    update { $0.repositories[name.description.lowercased()] = nil }
  }

  public func setPermission(
    _ permission: ForgePermission, of login: String, in repository: RepositoryName
  ) {
    update { world in
      world.account(login)
      world.repositories[repository.description.lowercased()]?.roles[login.lowercased()] =
        permission.rawValue
    }
  }

  /// The commit that a branch names; the default branch where `nil`.
  public func commit(of branch: String? = nil, in repository: RepositoryName) -> String? {
    read { world in
      world.repositories[repository.description.lowercased()].flatMap {
        $0.branches[branch ?? $0.defaultBranch]
      }
    }
  }

  /// Commits to a branch, which is made from the default one where there is none.
  /// - Parameter files: contents by path; `nil` deletes.
  @discardableResult
  public func commit(
    _ files: [String: [UInt8]?], to branch: String? = nil, in repository: RepositoryName,
    named sha: String? = nil
  ) -> String {
    update { world in
      guard var found = world.repositories[repository.description.lowercased()] else { return "" }
      let branch = branch ?? found.defaultBranch
      let parent = found.branches[branch] ?? found.branches[found.defaultBranch]
      let sha = world.commit(
        files, on: parent.map { [$0] } ?? [], named: sha, by: found.owner, in: &found)
      found.branches[branch] = sha
      world.repositories[found.key] = found
      return sha
    }
  }

  // MARK: pull requests

  /// Adds the repository too where it is not known.
  /// - Parameters:
  ///   - base: replaces the default branch's files where it is given.
  ///   - head: contents by path, over those of the base; `nil` deletes.
  ///   - diff: given as it stands instead of one computed from the files.
  @discardableResult
  public func addPullRequest(
    in repository: RepositoryName, number: Int? = nil, title: String = "Change something",
    body: String? = nil, author: String = "ada", base: [String: [UInt8]]? = nil,
    head: [String: [UInt8]?], baseCommit: String? = nil, headCommit: String? = nil,
    headBranch: String = "change", headRepository: RepositoryName? = nil, isDraft: Bool = false,
    labels: [String] = [], diff: [UInt8]? = nil
  ) -> PullRequestReference {
    let key = repository.description.lowercased()
    if read({ $0.repositories[key] == nil }) {
      addRepository(repository, files: base ?? [:], commit: baseCommit)
    } else if let base {
      let known = read { world in
        world.repositories[key].flatMap { $0.commits[$0.branches[$0.defaultBranch] ?? ""]?.files }
      }
      let gone = Dictionary(
        uniqueKeysWithValues: (known ?? [:]).keys.filter { base[$0] == nil }.map {
          ($0, [UInt8]?.none)
        })
      commit(
        gone.merging(base.mapValues { Optional($0) }) { $1 }, in: repository, named: baseCommit)
    }
    if let fork = headRepository, read({ $0.repositories[fork.description.lowercased()] == nil }) {
      addRepository(fork)
      update { $0.repositories[fork.description.lowercased()]?.isFork = true }
    }
    return update { world in
      world.account(author)
      guard var found = world.repositories[key] else {
        return PullRequestReference(repository, number ?? 0)
      }
      let base = found.branches[found.defaultBranch] ?? ""
      let sha = world.commit(head, on: [base], named: headCommit, by: author, in: &found)
      let number = number ?? (found.issues.keys.max() ?? 0) + 1
      if headRepository == nil { found.branches[headBranch] = sha }
      var issue = GitHubWorld.Issue(
        id: world.newID(), number: number, title: title, body: body, login: author,
        createdAt: world.now, updatedAt: world.now)
      issue.pull = GitHubWorld.Pull(
        headRef: headBranch, baseRef: found.defaultBranch, head: sha, base: base,
        headRepository: (headRepository ?? repository).description.lowercased(),
        isDraft: isDraft, diff: diff)
      issue.labels = labels
      for label in labels where !found.labels.contains(where: { $0.name == label }) {
        found.labels.append(GitHubWorld.Label(id: world.newID(), name: label))
      }
      found.issues[number] = issue
      world.repositories[key] = found
      return PullRequestReference(repository, number)
    }
  }

  /// Labels that the repository has, beside those that were there.
  public func addLabels(_ labels: [String], to repository: RepositoryName) {
    update { world in
      let key = repository.description.lowercased()
      for label in labels {
        let known = world.repositories[key]?.labels ?? []
        guard !known.contains(where: { $0.name.lowercased() == label.lowercased() }) else {
          continue
        }
        let id = world.newID()
        world.repositories[key]?.labels.append(GitHubWorld.Label(id: id, name: label))
      }
    }
  }

  @discardableResult
  public func addIssue(
    in repository: RepositoryName, number: Int? = nil, title: String, body: String? = nil,
    author: String = "ada", labels: [String] = []
  ) -> PullRequestReference {
    addLabels(labels, to: repository)
    return update { world in
      world.account(author)
      let key = repository.description.lowercased()
      let number = number ?? (world.repositories[key]?.issues.keys.max() ?? 0) + 1
      var issue = GitHubWorld.Issue(
        id: world.newID(), number: number, title: title, body: body, login: author,
        createdAt: world.now, updatedAt: world.now)
      issue.labels = labels
      world.repositories[key]?.issues[number] = issue
      return PullRequestReference(repository, number)
    }
  }

  /// Commits on top of the pull request's head. - Returns: the new head.
  @discardableResult
  public func push(
    _ files: [String: [UInt8]?], to reference: PullRequestReference, named sha: String? = nil
  ) -> String {
    moveHead(of: reference, files, named: sha) { pull in pull.head }
  }

  /// Replaces the pull request's commits by one on its base, as an amended commit does.
  @discardableResult
  public func forcePush(
    _ files: [String: [UInt8]?], to reference: PullRequestReference, named sha: String? = nil
  ) -> String {
    moveHead(of: reference, files, named: sha) { pull in pull.base }
  }

  private func moveHead(
    of reference: PullRequestReference, _ files: [String: [UInt8]?], named sha: String?,
    parent: (GitHubWorld.Pull) -> String
  ) -> String {
    updatePull(reference) { world, issue, pull, repository in
      let before = repository.commits[pull.head]?.files ?? [:]
      let sha = world.commit(
        files, on: [parent(pull)], named: sha, by: issue.login, in: &repository)
      pull.head = sha
      pull.diff = nil
      if repository.branches[pull.headRef] != nil { repository.branches[pull.headRef] = sha }
      pull.outdate(
        from: before, to: repository.commits[sha]?.files ?? [:],
        now: world.changes(
          of: pull, in: repository), commit: sha)
      return sha
    } ?? ""
  }

  /// Takes in the base branch's newest commit, as a rebase does: the same files on a new base.
  @discardableResult
  public func rebase(_ reference: PullRequestReference, named sha: String? = nil) -> String {
    updatePull(reference) { world, issue, pull, repository in
      let base = repository.branches[pull.baseRef] ?? pull.base
      let old = repository.commits[pull.base]?.files ?? [:]
      let head = repository.commits[pull.head]?.files ?? [:]
      var changed: [String: [UInt8]?] = [:]
      for path in Set(old.keys).union(head.keys) where old[path] != head[path] {
        changed[path] = .some(head[path])
      }
      pull.base = base
      pull.head = world.commit(changed, on: [base], named: sha, by: issue.login, in: &repository)
      return pull.head
    } ?? ""
  }

  @discardableResult
  func updatePull<Value: Sendable>(
    _ reference: PullRequestReference,
    _ body: (
      inout GitHubWorld, inout GitHubWorld.Issue, inout GitHubWorld.Pull,
      inout GitHubWorld.Repository
    ) -> Value
  ) -> Value? {
    update { world in
      let key = reference.repository.description.lowercased()
      guard var repository = world.repositories[key],
        var issue = repository.issues[reference.number], var pull = issue.pull
      else { return nil }
      let value = body(&world, &issue, &pull, &repository)
      issue.pull = pull
      issue.updatedAt = world.now
      repository.issues[reference.number] = issue
      world.repositories[key] = repository
      return value
    }
  }
}

extension GitHubWorld {
  mutating func newSHA() -> String {
    GitHubDiffs.hex(Insecure.SHA1.hash(data: Array("commit \(newID())".utf8)))
  }

  /// A commit with its parent's files and these.
  mutating func commit(
    _ files: [String: [UInt8]?], on parents: [String], named sha: String?, by author: String,
    in repository: inout Repository
  ) -> String {
    let sha = sha ?? newSHA()
    var all = parents.first.flatMap { repository.commits[$0]?.files } ?? [:]
    for (path, bytes) in files { all[path] = bytes }
    repository.commits[sha] = Commit(
      sha: sha, parents: parents, files: all, message: "Change", author: author, date: now)
    return sha
  }
}

extension GitHubWorld.Pull {
  /// Moves comments to where their lines went, or marks them as outdated.
  mutating func outdate(
    from old: [String: [UInt8]], to new: [String: [UInt8]], now changes: [GitHubFileChange],
    commit: String
  ) {
    for index in comments.indices {
      let comment = comments[index]
      guard comment.side == .new, let line = comment.line, old[comment.path] != new[comment.path]
      else { continue }
      let anchor = LineAnchor(path: SourcePath(comment.path), side: .new, line: line)
        .carried(from: old[comment.path] ?? [], to: new[comment.path] ?? [])
      let change = changes.first { $0.path == comment.path }
      let shown = anchor.flatMap { change?.diff.lineIndex().line(.new, $0.line) }
      comments[index].line = shown?.newNumber
      comments[index].position = shown?.position
      if shown != nil { comments[index].commit = commit }
      if shown == nil { comments[index].startLine = nil }
    }
  }
}
