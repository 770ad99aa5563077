public import Domain
import Foundation
import Synchronization

extension FakeGitHub {
  /// Serves these repositories beneath the fake's own address, `…/OWNER/NAME.git`, to the tokens that
  /// the fake knows. What is pushed, or committed by `GitHTTPServer.commit`, moves the fake's
  /// branches and the heads of its pull requests.
  public func attach(_ server: GitHTTPServer) {
    git.withLock { $0 = server }
    server.decides.withLock {
      $0 = { [weak self] request, repository in self?.right(of: request, in: repository) }
    }
    server.onPush.withLock {
      $0 = { [weak self, weak server] repository in
        guard let self, let server else { return }
        try? await follow(repository, of: server)
      }
    }
  }

  private func right(
    of request: ReceivedRequest, in name: RepositoryName
  ) -> GitHTTPServer.Right? {
    update { world in
      guard let repository = world.repositories[name.description.lowercased()] else {
        return GitHTTPServer.Right.none
      }
      let caller: GitHubCaller
      do { caller = try world.caller(GitHubRequest(request)) } catch { return nil }
      func may(_ need: GitHubNeed) -> Bool {
        (try? world.check(need, caller, repository)) != nil
      }
      if may(.write("contents", role: "write")) { return .write }
      if may(.read("contents")) { return .read }
      // As GitHub asks one who shows nothing for a name and password.
      if case .anonymous = caller { return nil }
      return GitHTTPServer.Right.none
    }
  }

  /// A pull request whose branches are real: both sides are committed to the repository of the
  /// attached server, which is made where it is not there.
  /// - Parameters:
  ///   - base: the default branch's files, over what it has.
  ///   - head: contents by path over the base's; `nil` deletes.
  ///   - headRepository: a fork, where the head's branch is.
  @discardableResult
  public func addGitPullRequest(
    in repository: RepositoryName, number: Int? = nil, title: String = "Change something",
    body: String? = nil, author: String = "ada", base: [String: [UInt8]] = [:],
    head: [String: [UInt8]?], headBranch: String = "change",
    headRepository: RepositoryName? = nil, isPrivate: Bool = false
  ) async throws -> PullRequestReference {
    guard let server = git.withLock({ $0 }) else {
      throw GitProgramFailure(description: "attach a GitHTTPServer first")
    }
    let exists = FileManager.default.fileExists(atPath: server.path(of: repository))
    var baseCommit: String
    if exists {
      let branches = try await server.branches(in: repository)
      baseCommit = branches["main"] ?? ""
      if !base.isEmpty {
        baseCommit = try await server.commit(
          base.mapValues { Optional($0) }, to: "main", in: repository)
      }
    } else {
      baseCommit = try await server.add(repository, files: base)
    }
    if read({ $0.repositories[repository.description.lowercased()] == nil }) {
      addRepository(
        repository, isPrivate: isPrivate,
        files: try await server.files(at: baseCommit, in: repository), commit: baseCommit)
    } else {
      try await follow(repository, of: server)
    }
    if let fork = headRepository {
      if !FileManager.default.fileExists(atPath: server.path(of: fork)) {
        try await server.add(fork)
        try await server.git("fetch", "-q", server.path(of: repository), "main:base", in: fork)
        try await server.set("main", to: baseCommit, in: fork)
        try await server.set("base", to: nil, in: fork)
      }
      if read({ $0.repositories[fork.description.lowercased()] == nil }) {
        addRepository(
          fork, files: try await server.files(at: baseCommit, in: fork), commit: baseCommit)
        update { $0.repositories[fork.description.lowercased()]?.isFork = true }
      }
    }
    let headCommit = try await server.commit(
      head, to: headBranch, in: headRepository ?? repository, onTopOf: baseCommit)
    return addPullRequest(
      in: repository, number: number, title: title, body: body, author: author, head: head,
      headCommit: headCommit, headBranch: headBranch, headRepository: headRepository)
  }

  /// Takes over what moved in a real repository: branches, and the heads of pull requests from them.
  private func follow(_ name: RepositoryName, of server: GitHTTPServer) async throws {
    let key = name.description.lowercased()
    guard let known = read({ $0.repositories[key] }) else { return }
    let branches = try await server.branches(in: name)
    var commits: [GitHubWorld.Commit] = []
    for (branch, tip) in branches where known.branches[branch] != tip {
      for sha in try await server.git("rev-list", "--max-count=50", tip, in: name)
        .split(separator: "\n").map(String.init)
      where known.commits[sha] == nil && !commits.contains(where: { $0.sha == sha }) {
        commits.append(try await commit(sha, in: name, of: server))
      }
    }
    let new = commits
    update { world in
      for commit in new { world.repositories[key]?.commits[commit.sha] = commit }
      world.repositories[key]?.branches = branches
      for repository in Array(world.repositories.keys) {
        world.moveHeads(of: repository, from: key, branches, new)
      }
    }
  }

  private func commit(
    _ sha: String, in name: RepositoryName, of server: GitHTTPServer
  ) async throws -> GitHubWorld.Commit {
    let text = try await server.git("show", "-s", "--format=%P%n%an%n%B", sha, in: name)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    // A first commit has no parents, and its empty first line was trimmed away.
    let parents = (lines.first ?? "").split(separator: " ").map(String.init)
      .filter { $0.count == 40 }
    let rest = parents.isEmpty ? lines[...] : lines.dropFirst()
    return GitHubWorld.Commit(
      sha: sha, parents: parents, files: try await server.files(at: sha, in: name),
      message: rest.dropFirst().joined(separator: "\n"), author: rest.first ?? "somebody",
      date: Date())
  }
}

extension GitHubWorld {
  /// - Parameter source: where the branches are, by its lower-case name.
  fileprivate mutating func moveHeads(
    of key: String, from source: String, _ branches: [String: String], _ commits: [Commit]
  ) {
    guard var repository = repositories[key] else { return }
    for (number, var issue) in repository.issues {
      guard var pull = issue.pull, issue.isOpen, pull.headRepository == source,
        let tip = branches[pull.headRef], tip != pull.head
      else { continue }
      for commit in commits where repository.commits[commit.sha] == nil {
        repository.commits[commit.sha] = commit
      }
      guard let files = repository.commits[tip]?.files else { continue }
      let before = repository.commits[pull.head]?.files ?? [:]
      pull.head = tip
      pull.diff = nil
      pull.outdate(from: before, to: files, now: changes(of: pull, in: repository), commit: tip)
      issue.pull = pull
      issue.updatedAt = now
      repository.issues[number] = issue
    }
    repositories[key] = repository
  }
}
