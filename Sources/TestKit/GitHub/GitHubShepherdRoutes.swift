import Domain
import Foundation

extension GitHubRoute {
  private static let write = GitHubNeed.write("pull_requests", role: "triage")

  /// What moving a pull request along changes.
  static let shepherdRoutes: [GitHubRoute] = [
    GitHubRoute("PUT", repo: "/pulls/{number}/merge", .write("contents", role: "write")) {
      world, call, repository in
      try world.merge(call, repository)
    },
    GitHubRoute("PUT", repo: "/pulls/{number}/update-branch", .write("pull_requests")) {
      world, call, repository in
      try world.updateBranch(call, repository)
    },
    GitHubRoute("PATCH", repo: "/pulls/{number}", .write("pull_requests")) {
      world, call, repository in
      let (issue, _) = try repository.pull(call)
      let fields = try call.fields()
      let state = try fields.choice("state", of: ["open", "closed"])
      let now = world.now
      return try world.change(issue, repository) { issue, pull in
        if let title = try fields.string("title") { issue.title = title }
        guard let state, issue.isOpen != (state == "open") else { return }
        if pull.isMerged {
          throw GitHubRefusal.field("PullRequest", "state", "invalid", "state cannot be changed.")
        }
        issue.isOpen = state == "open"
        issue.closedAt = issue.isOpen ? nil : now
      }
    },
    GitHubRoute("PUT", repo: "/issues/{number}/lock", .write("issues", "pull_requests")) {
      world, call, repository in
      let issue = try repository.issue(call)
      let fields = call.request.body.isEmpty ? nil : try call.fields()
      let reason = try fields?.choice(
        "lock_reason", of: ["off-topic", "too heated", "resolved", "spam"])
      world.repositories[repository.key]?.issues[issue.number]?.isLocked = true
      world.repositories[repository.key]?.issues[issue.number]?.lockReason = reason
      return GitHubReply(status: 204)
    },
    GitHubRoute(
      "POST", repo: "/issues/{number}/assignees",
      .write("issues", "pull_requests", role: "triage")
    ) { world, call, repository in
      var issue = try repository.issue(call)
      // Whoever cannot be assigned is left out without a word.
      for login in (try call.fields().array("assignees") ?? []).compactMap(\.string)
      where world.accounts[login.lowercased()] != nil && !issue.assignees.contains(login) {
        issue.assignees.append(login)
      }
      issue.updatedAt = world.now
      world.repositories[repository.key]?.issues[issue.number] = issue
      return .json(world.json(issue: issue, in: repository), status: 201)
    },
    GitHubRoute("POST", repo: "/pulls/{number}/requested_reviewers", write) {
      world, call, repository in
      let (issue, _) = try repository.pull(call)
      let fields = try call.fields()
      let people = (try fields.array("reviewers") ?? []).compactMap(\.string)
      let teams = (try fields.array("team_reviewers") ?? []).compactMap(\.string)
      for login in people {
        if login.lowercased() == issue.login.lowercased() {
          throw GitHubRefusal(
            status: 422, message: "Review cannot be requested from pull request author.")
        }
        let isKnown =
          repository.roles[login.lowercased()] != nil
          || login.lowercased() == repository.owner.lowercased()
        guard isKnown else {
          throw GitHubRefusal(
            status: 422,
            message: "Reviews may only be requested from collaborators. One or more of the users "
              + "or teams you specified is not a collaborator of the \(repository.fullName) "
              + "repository.")
        }
      }
      return try world.change(issue, repository, status: 201) { _, pull in
        pull.requestedReviewers += people.filter { !pull.requestedReviewers.contains($0) }
        pull.requestedTeams += teams.filter { !pull.requestedTeams.contains($0) }
      }
    },
    GitHubRoute(
      "PUT", repo: "/pulls/{number}/reviews/{id}/dismissals",
      .write("pull_requests", role: "write")
    ) { world, call, repository in
      let (issue, _) = try repository.pull(call)
      let id = try call.number("id")
      _ = try call.fields().required("message")
      var found: GitHubWorld.Review?
      _ = try world.change(issue, repository) { _, pull in
        guard let index = pull.reviews.firstIndex(where: { $0.id == id }) else {
          throw GitHubRefusal.notFound
        }
        guard ["APPROVED", "CHANGES_REQUESTED"].contains(pull.reviews[index].state) else {
          throw GitHubRefusal.unprocessable(
            "Can not dismiss a \(pull.reviews[index].state.lowercased()) pull request review")
        }
        pull.reviews[index].state = "DISMISSED"
        found = pull.reviews[index]
      }
      guard let found else { throw GitHubRefusal.notFound }
      return .json(world.json(review: found, of: issue, in: repository))
    },
    GitHubRoute(
      "POST", repo: "/actions/workflows/{workflow}/dispatches", .write("actions", role: "write")
    ) { world, call, repository in
      let fields = try call.fields()
      let ref = try fields.required("ref")
      guard world.commit(ref, in: repository) != nil else {
        throw GitHubRefusal(status: 422, message: "No ref found for: \(ref)")
      }
      world.repositories[repository.key]?.dispatches.append(
        .init(workflow: call.text("workflow"), ref: ref, inputs: fields["inputs"] ?? .object([:])))
      return GitHubReply(status: 204)
    },
    GitHubRoute("GET", "/orgs/{org}/teams/{team}") { world, call in
      let key = "\(call.text("org"))/\(call.text("team"))".lowercased()
      guard world.teams[key] != nil else { throw GitHubRefusal.notFound }
      return .json(world.json(team: call.text("team"), of: call.text("org")))
    },
    GitHubRoute("GET", "/orgs/{org}/teams/{team}/memberships/{username}") { world, call in
      let key = "\(call.text("org"))/\(call.text("team"))".lowercased()
      guard world.teams[key]?.contains(call.text("username").lowercased()) == true else {
        throw GitHubRefusal.notFound
      }
      return .json(
        object([
          "url": "\(world.root)\(call.request.target)", "role": "member", "state": "active",
        ]))
    },
  ]
}

extension GitHubWorld {
  func json(team slug: String, of org: String) -> JSONValue {
    let url = "\(root)/orgs/\(org)/teams/\(slug)"
    return object([
      "id": 1, "node_id": Self.nodeID("Team", 1), "name": slug, "slug": slug, "description": "",
      "privacy": "closed", "notification_setting": "notifications_enabled",
      "permission": "pull", "url": url, "html_url": url, "members_url": "\(url)/members{/member}",
      "repositories_url": "\(url)/repos", "parent": nil,
    ])
  }

  /// Changes a pull request and answers with it.
  fileprivate mutating func change(
    _ issue: Issue, _ repository: Repository, status: Int = 200,
    _ body: (inout Issue, inout Pull) throws -> Void
  ) throws -> GitHubReply {
    var issue = issue
    guard var pull = issue.pull else { throw GitHubRefusal.notFound }
    try body(&issue, &pull)
    issue.pull = pull
    issue.updatedAt = now
    repositories[repository.key]?.issues[issue.number] = issue
    return .json(json(wholePull: pull, of: issue, in: repository), status: status)
  }

  /// The files of both sides together; `nil` where both changed the same file.
  func merged(_ base: String, _ head: String, in repository: Repository) -> [String: [UInt8]]? {
    guard let ours = repository.commits[base]?.files,
      let theirs = repository.commits[head]?.files
    else { return nil }
    let before =
      mergeBase(base, head, in: repository).flatMap { repository.commits[$0]?.files } ?? [:]
    var files = ours
    for path in Set(before.keys).union(theirs.keys) where theirs[path] != before[path] {
      if ours[path] != before[path], ours[path] != theirs[path] { return nil }
      files[path] = theirs[path]
    }
    return files
  }

  fileprivate mutating func merge(
    _ call: GitHubCall, _ repository: Repository
  ) throws -> GitHubReply {
    var repository = repository
    var (issue, pull) = try repository.pull(call)
    let fields = try call.fields()
    let method = try fields.choice("merge_method", of: ["merge", "squash", "rebase"]) ?? "merge"
    guard issue.isOpen, !pull.isDraft, let tip = repository.branches[pull.baseRef],
      let files = merged(tip, pull.head, in: repository)
    else { throw GitHubRefusal(status: 405, message: "Pull Request is not mergeable") }
    if let sha = try fields.string("sha"), sha != pull.head {
      throw GitHubRefusal(
        status: 409, message: "Head branch was modified. Review and try the merge again.")
    }
    if let protection = repository.protections[pull.baseRef] {
      try check(protection, pull, tip, repository)
    }
    let sha = newSHA()
    repository.commits[sha] = Commit(
      sha: sha, parents: method == "merge" ? [tip, pull.head] : [tip], files: files,
      message: try fields.string("commit_title") ?? issue.title,
      author: login(of: call.caller), date: now)
    repository.branches[pull.baseRef] = sha
    pull.isMerged = true
    pull.mergeCommit = sha
    issue.isOpen = false
    issue.closedAt = now
    issue.updatedAt = now
    issue.pull = pull
    repository.issues[issue.number] = issue
    repositories[repository.key] = repository
    return .json(
      object(["sha": sha, "merged": true, "message": "Pull Request successfully merged"]))
  }

  private func check(
    _ protection: Protection, _ pull: Pull, _ tip: String, _ repository: Repository
  ) throws {
    var last: [String: String] = [:]
    for review in pull.reviews where review.state != "COMMENTED" {
      last[review.login.lowercased()] = review.state
    }
    let writers = last.filter {
      ["write", "maintain", "admin"].contains(role(of: $0.key, in: repository))
    }
    if writers.values.contains("CHANGES_REQUESTED") {
      throw GitHubRefusal(
        status: 405, message: "Changes have been requested by reviewers with write access.")
    }
    if writers.values.count(where: { $0 == "APPROVED" }) < protection.approvals {
      throw GitHubRefusal(
        status: 405,
        message: "At least \(protection.approvals) approving review is required by reviewers with "
          + "write access.")
    }
    for name in protection.checks {
      let run = repository.checkRuns.last { $0.head == pull.head && $0.name == name }
      let status = repository.statuses[pull.head]?.last { $0.context == name }
      let isGreen =
        ["success", "neutral", "skipped"].contains(run?.conclusion ?? "")
        || status?.state == "success"
      if !isGreen {
        throw GitHubRefusal(status: 405, message: "Required status check \"\(name)\" is expected.")
      }
    }
    if protection.isStrict, !ancestors(of: pull.head, in: repository).contains(tip) {
      throw GitHubRefusal(
        status: 405, message: "The head branch is not up to date with the base branch.")
    }
  }

  fileprivate mutating func updateBranch(
    _ call: GitHubCall, _ repository: Repository
  ) throws -> GitHubReply {
    var repository = repository
    var (issue, pull) = try repository.pull(call)
    let expected = call.request.body.isEmpty ? nil : try call.fields().string("expected_head_sha")
    if let expected, expected != pull.head {
      throw GitHubRefusal(status: 422, message: "expected head sha didn’t match current head ref.")
    }
    guard let tip = repository.branches[pull.baseRef],
      !ancestors(of: pull.head, in: repository).contains(tip)
    else {
      throw GitHubRefusal(status: 422, message: "There are no new commits on the base branch.")
    }
    guard let files = merged(pull.head, tip, in: repository) else {
      throw GitHubRefusal(status: 422, message: "merge conflict between base and head")
    }
    let sha = newSHA()
    repository.commits[sha] = Commit(
      sha: sha, parents: [pull.head, tip], files: files, message: "Merge branch",
      author: login(of: call.caller), date: now)
    pull.head = sha
    pull.base = tip
    if repository.branches[pull.headRef] != nil { repository.branches[pull.headRef] = sha }
    issue.pull = pull
    issue.updatedAt = now
    repository.issues[issue.number] = issue
    repositories[repository.key] = repository
    return .json(
      object(["message": "Updating pull request branch.", "url": "\(root)\(call.request.target)"]),
      status: 202)
  }
}
