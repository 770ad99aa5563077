public import Domain
import Foundation

extension FakeGitHub {
  /// What a merge needs beside a review.
  public static let shepherdPermissions = reviewPermissions.merging([
    "contents": "write", "actions": "write", "administration": "read",
  ]) { $1 }

  /// A review by somebody's own hand. - Parameter state: `APPROVED`, `CHANGES_REQUESTED`,
  /// `COMMENTED`. - Returns: its number.
  @discardableResult
  public func addReview(
    _ state: String, by login: String, on reference: PullRequestReference, commit: String? = nil
  ) -> Int64 {
    updatePull(reference) { world, _, pull, _ in
      world.account(login)
      let review = GitHubWorld.Review(
        id: world.newID(), login: login, body: "", state: state, commit: commit ?? pull.head,
        submittedAt: world.now)
      pull.reviews.append(review)
      return Int64(review.id)
    } ?? 0
  }

  /// Makes a pull request one for another branch, which is made at the old one's tip where there is
  /// none.
  public func retarget(_ reference: PullRequestReference, to branch: String) {
    _ = updatePull(reference) { _, _, pull, repository in
      let tip = repository.branches[branch] ?? repository.branches[pull.baseRef] ?? pull.base
      repository.branches[branch] = tip
      pull.baseRef = branch
      pull.base = tip
    }
  }

  /// Many open pull requests at once, each with a branch and a commit of its own.
  /// - Returns: their heads, by their numbers.
  @discardableResult
  public func addPullRequests(
    _ count: Int, in repository: RepositoryName, author: String = "ada"
  ) -> [Int: String] {
    update { world in
      world.account(author)
      let key = repository.description.lowercased()
      guard var found = world.repositories.removeValue(forKey: key) else { return [:] }
      let base = found.branches[found.defaultBranch] ?? ""
      let first = (found.issues.keys.max() ?? 0) + 1
      var heads: [Int: String] = [:]
      for number in first..<(first + count) {
        let sha = world.commit(
          ["many/\(number).py": Array("x = 1\n".utf8)], on: [base], named: nil, by: author,
          in: &found)
        found.branches["many-\(number)"] = sha
        var issue = GitHubWorld.Issue(
          id: world.newID(), number: number, title: "Many", body: nil, login: author,
          createdAt: world.now, updatedAt: world.now)
        issue.pull = GitHubWorld.Pull(
          headRef: "many-\(number)", baseRef: found.defaultBranch, head: sha, base: base,
          headRepository: key, isDraft: false, diff: nil)
        found.issues[number] = issue
        heads[number] = sha
      }
      world.repositories[key] = found
      return heads
    }
  }

  /// A status of another's check. - Parameter state: `success`, `failure`, `pending`, `error`.
  public func setStatus(
    _ name: String, _ state: String, on commit: String, in repository: RepositoryName
  ) {
    update { world in
      world.account("ci-bot", type: "Bot")
      let status = GitHubWorld.Status(
        id: world.newID(), state: state, context: name, description: nil, target: nil,
        login: "ci-bot", createdAt: world.now)
      world.repositories[repository.description.lowercased()]?.statuses[commit, default: []]
        .append(status)
    }
  }

  /// A job of GitHub Actions that has ended.
  /// - Parameter isLast: whether none is to come any more.
  public func addJob(
    _ name: String, _ conclusion: String, isLast: Bool, on commit: String,
    in repository: RepositoryName
  ) {
    let actions = 15_368
    addApp(id: actions, slug: "github-actions", publicKeyPEM: "")
    update { world in
      let key = repository.description.lowercased()
      let run = GitHubWorld.CheckRun(
        id: world.newID(), app: actions, name: name, head: commit, status: "completed",
        conclusion: conclusion, externalID: "", startedAt: world.now.gitHubText,
        completedAt: world.now.gitHubText)
      world.repositories[key]?.checkRuns.append(run)
      if isLast {
        world.repositories[key]?.openSuites[commit]?.remove(actions)
      } else {
        world.repositories[key]?.openSuites[commit, default: []].insert(actions)
      }
    }
  }

  public func protect(
    _ branch: String, in repository: RepositoryName, approvals: Int = 0, checks: [String] = [],
    isStrict: Bool = false, needsOwners: Bool = false, needsResolved: Bool = false
  ) {
    update { world in
      world.repositories[repository.description.lowercased()]?.protections[branch] = .init(
        approvals: approvals, checks: checks, isStrict: isStrict, needsOwners: needsOwners,
        needsResolved: needsResolved)
    }
  }

  /// - Parameter name: `ORG/TEAM`.
  public func addTeam(_ name: String, members: [String]) {
    update { $0.teams[name.lowercased()] = Set(members.map { $0.lowercased() }) }
  }

  /// What stands at a pull request after all that was done to it.
  public struct Standing: Sendable, Equatable {
    public var state: PullRequest.State
    public var head: String
    public var labels: [String]
    public var assignees: [String]
    public var reviewers: [String]
    public var isLocked: Bool
    /// Login and state of each review.
    public var reviews: [String]
    public var comments: [String]
  }

  public func standing(of reference: PullRequestReference) -> Standing? {
    read { world in
      guard
        let repository = world.repositories[reference.repository.description.lowercased()],
        let issue = repository.issues[reference.number], let pull = issue.pull
      else { return nil }
      return Standing(
        state: pull.isMerged ? .merged : issue.isOpen ? .open : .closed, head: pull.head,
        labels: issue.labels, assignees: issue.assignees, reviewers: pull.requestedReviewers,
        isLocked: issue.isLocked, reviews: pull.reviews.map { "\($0.login) \($0.state)" },
        comments: repository.comments.filter { $0.number == issue.number }.map(\.body))
    }
  }

  /// Branches that begin so, by name.
  public func branches(
    beginning prefix: String, in repository: RepositoryName
  ) -> [String: String] {
    read { world in
      (world.repositories[repository.description.lowercased()]?.branches ?? [:]).filter {
        $0.key.hasPrefix(prefix)
      }
    }
  }

  /// Whether a commit holds another.
  public func stands(
    _ commit: String, on other: String, in repository: RepositoryName
  ) -> Bool {
    read { world in
      world.repositories[repository.description.lowercased()].map {
        world.ancestors(of: commit, in: $0).contains(other)
      } ?? false
    }
  }
}
