public import Domain
public import Foundation

extension FakeGitHub {
  /// A comment as it stands, of either kind.
  public struct Posted: Sendable, Equatable {
    public var id: Int64
    public var login: String
    public var body: String
    public var createdAt: Date
    public var updatedAt: Date
    /// Contents such as `eyes` by who gave them.
    public var reactions: [String: [String]]
    // Of a review comment.
    public var path: String?
    public var side: Side?
    public var line: Int?
    public var startLine: Int?
    public var commit: String?
    public var inReplyTo: Int64?
    public var review: Int64?
    public var isResolved: Bool
  }

  public struct Review: Sendable, Equatable {
    public var id: Int64
    public var login: String
    public var body: String
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`, `PENDING`.
    public var state: String
    public var commit: String
  }

  public struct CheckRun: Sendable, Equatable {
    public var id: Int64
    public var app: Int
    public var name: String
    public var head: String
    public var status: String
    public var conclusion: String?
    public var title: String?
    public var summary: String?
    public var externalID: String
  }

  public struct Status: Sendable, Equatable {
    public var state: String
    public var context: String
    public var description: String?
    public var target: String?
    public var login: String
    public var commit: String
  }

  private func issue(_ reference: PullRequestReference) -> GitHubWorld.Issue? {
    repository(reference.repository)?.issues[reference.number]
  }

  private func repository(_ name: RepositoryName) -> GitHubWorld.Repository? {
    read { $0.repositories[name.description.lowercased()] }
  }

  private static func grouped(_ reactions: [GitHubWorld.Reaction]) -> [String: [String]] {
    Dictionary(grouping: reactions, by: \.content).mapValues { $0.map(\.login) }
  }

  /// Comments on the conversation, oldest first.
  public func comments(on reference: PullRequestReference) -> [Posted] {
    (repository(reference.repository)?.comments ?? []).filter { $0.number == reference.number }
      .map {
        Posted(
          id: Int64($0.id), login: $0.login, body: $0.body, createdAt: $0.createdAt,
          updatedAt: $0.updatedAt, reactions: Self.grouped($0.reactions), isResolved: false)
      }
  }

  /// Comments at lines, oldest first.
  public func reviewComments(on reference: PullRequestReference) -> [Posted] {
    guard let pull = issue(reference)?.pull else { return [] }
    return pull.comments.map { comment in
      Posted(
        id: Int64(comment.id), login: comment.login, body: comment.body,
        createdAt: comment.createdAt, updatedAt: comment.updatedAt,
        reactions: Self.grouped(comment.reactions), path: comment.path, side: comment.side,
        line: comment.line, startLine: comment.startLine, commit: comment.commit,
        inReplyTo: comment.root.map(Int64.init), review: Int64(comment.review),
        isResolved: pull.resolved[comment.root ?? comment.id] != nil)
    }
  }

  public func reviews(of reference: PullRequestReference) -> [Review] {
    (issue(reference)?.pull?.reviews ?? []).map {
      Review(id: Int64($0.id), login: $0.login, body: $0.body, state: $0.state, commit: $0.commit)
    }
  }

  public func labels(of reference: PullRequestReference) -> [String] {
    issue(reference)?.labels ?? []
  }

  public func checkRuns(in name: RepositoryName, of commit: String? = nil) -> [CheckRun] {
    (repository(name)?.checkRuns ?? []).filter { commit == nil || $0.head == commit }.map {
      CheckRun(
        id: Int64($0.id), app: $0.app, name: $0.name, head: $0.head, status: $0.status,
        conclusion: $0.conclusion, title: $0.title, summary: $0.summary,
        externalID: $0.externalID)
    }
  }

  /// Oldest first.
  public func statuses(in name: RepositoryName, of commit: String) -> [Status] {
    (repository(name)?.statuses[commit] ?? []).map {
      Status(
        state: $0.state, context: $0.context, description: $0.description, target: $0.target,
        login: $0.login, commit: commit)
    }
  }

  public func head(of reference: PullRequestReference) -> String? {
    issue(reference)?.pull?.head
  }

  public func base(of reference: PullRequestReference) -> String? {
    issue(reference)?.pull?.base
  }

  // MARK: what others do meanwhile

  public func close(_ reference: PullRequestReference) { setOpen(reference, false) }
  public func reopen(_ reference: PullRequestReference) { setOpen(reference, true) }

  public func merge(_ reference: PullRequestReference) {
    setOpen(reference, false)
    updatePull(reference) { _, _, pull, repository in
      pull.isMerged = true
      repository.branches[pull.baseRef] = pull.head
    }
  }

  private func setOpen(_ reference: PullRequestReference, _ isOpen: Bool) {
    change(reference) { issue, now in
      issue.isOpen = isOpen
      issue.closedAt = isOpen ? nil : now
    }
  }

  /// The pull request is gone, and answers 404.
  public func delete(_ reference: PullRequestReference) {
    update {
      $0.repositories[reference.repository.description.lowercased()]?.issues[reference.number] = nil
    }
  }

  public func lock(_ reference: PullRequestReference) {
    change(reference) { issue, _ in issue.isLocked = true }
  }

  public func setDraft(_ isDraft: Bool, _ reference: PullRequestReference) {
    change(reference) { issue, _ in issue.pull?.isDraft = isDraft }
  }

  public func setText(title: String, body: String?, of reference: PullRequestReference) {
    change(reference) { issue, _ in (issue.title, issue.body) = (title, body) }
  }

  /// The branch's repository is gone; the pull request stays.
  public func deleteFork(of reference: PullRequestReference) {
    change(reference) { issue, _ in issue.pull?.headRepository = nil }
  }

  private func change(
    _ reference: PullRequestReference, _ body: (inout GitHubWorld.Issue, Date) -> Void
  ) {
    update { world in
      let key = reference.repository.description.lowercased()
      guard var issue = world.repositories[key]?.issues[reference.number] else { return }
      body(&issue, world.now)
      issue.updatedAt = world.now
      world.repositories[key]?.issues[reference.number] = issue
    }
  }

  @discardableResult
  public func addComment(
    _ body: String, by login: String, on reference: PullRequestReference
  ) -> Int64 {
    update { world in
      world.account(login)
      let comment = GitHubWorld.Comment(
        id: world.newID(), number: reference.number, login: login, body: body,
        createdAt: world.now, updatedAt: world.now)
      world.repositories[reference.repository.description.lowercased()]?.comments.append(comment)
      world.repositories[reference.repository.description.lowercased()]?
        .issues[reference.number]?.updatedAt = world.now
      return Int64(comment.id)
    }
  }

  public func deleteComment(_ id: Int64, in repository: RepositoryName) {
    update { world in
      let key = repository.description.lowercased()
      world.repositories[key]?.comments.removeAll { $0.id == Int(id) }
      for number in Array(world.repositories[key]?.issues.keys ?? [:].keys) {
        world.repositories[key]?.issues[number]?.pull?.comments.removeAll { $0.id == Int(id) }
      }
    }
  }

  /// Somebody reacts to a comment on the conversation, or at a line.
  public func react(
    _ reaction: Reaction, by login: String, to comment: Int64, in repository: RepositoryName
  ) {
    update { world in
      world.account(login)
      let key = repository.description.lowercased()
      let given = GitHubWorld.Reaction(
        id: world.newID(), login: login, content: reaction.rawValue, createdAt: world.now)
      if let index = world.repositories[key]?.comments.firstIndex(where: {
        $0.id == Int(comment)
      }) {
        world.repositories[key]?.comments[index].reactions.append(given)
        return
      }
      for (number, issue) in world.repositories[key]?.issues ?? [:] {
        guard let index = issue.pull?.comments.firstIndex(where: { $0.id == Int(comment) }) else {
          continue
        }
        world.repositories[key]?.issues[number]?.pull?.comments[index].reactions.append(given)
      }
    }
  }

  /// Somebody takes a label from an issue or pull request.
  public func removeLabel(_ label: String, from reference: PullRequestReference) {
    change(reference) { issue, _ in issue.labels.removeAll { $0 == label } }
  }

  /// A comment at a line of the diff, or an answer in a thread.
  @discardableResult
  public func addReviewComment(
    _ body: String, by login: String, on reference: PullRequestReference, path: String,
    line: Int, side: Side = .new, inReplyTo root: Int64? = nil
  ) -> Int64 {
    updatePull(reference) { world, _, pull, repository in
      world.account(login)
      let change = world.changes(of: pull, in: repository).first { $0.path == path }
      let position = change?.diff.lineIndex().position(side, line)
      let review = GitHubWorld.Review(
        id: world.newID(), login: login, body: "", state: "COMMENTED", commit: pull.head,
        submittedAt: world.now)
      pull.reviews.append(review)
      var comment = GitHubWorld.ReviewComment(
        id: world.newID(), number: reference.number, review: review.id, login: login, body: body,
        path: path, side: side, originalPosition: position ?? 1, hunk: "@@ -1 +1 @@",
        commit: pull.head, originalCommit: pull.head, createdAt: world.now, updatedAt: world.now)
      (comment.line, comment.originalLine) = (line, line)
      comment.position = position
      comment.root = root.map(Int.init)
      pull.comments.append(comment)
      return Int64(comment.id)
    } ?? 0
  }
}
