import Domain
import Foundation

extension GitHubWorld {
  func json(label: Label, in repository: Repository) -> JSONValue {
    object([
      "id": label.id, "node_id": Self.nodeID("Label", label.id),
      "url": "\(root)/repos/\(repository.fullName)/labels/\(label.name)".urlSafe,
      "name": label.name, "description": label.description ?? "", "color": label.color,
      "default": false,
    ])
  }

  func json(labelsOf issue: Issue, in repository: Repository) -> JSONValue {
    .array(
      issue.labels.compactMap { name in
        repository.labels.first { $0.name.lowercased() == name.lowercased() }
          .map { json(label: $0, in: repository) }
      })
  }

  private func side(
    _ repository: Repository?, owner: String, ref: String, sha: String
  ) -> JSONValue {
    object([
      "label": "\(repository?.owner ?? owner):\(ref)", "ref": ref, "sha": sha,
      "user": repository.map { json(account: $0.owner) } ?? json(account: owner),
      "repo": repository.map { json(repository: $0) },
    ])
  }

  func json(pull: Pull, of issue: Issue, in repository: Repository) -> JSONValue {
    let url = "\(root)/repos/\(repository.fullName)/pulls/\(issue.number)"
    let issueURL = "\(root)/repos/\(repository.fullName)/issues/\(issue.number)"
    let web = "\(Self.web)/\(repository.fullName)/pull/\(issue.number)"
    let statuses = "\(root)/repos/\(repository.fullName)/statuses/\(pull.head)"
    func link(_ url: String) -> JSONValue { object(["href": url]) }
    let links = object([
      "self": link(url), "html": link(web), "issue": link(issueURL),
      "comments": link("\(issueURL)/comments"), "review_comments": link("\(url)/comments"),
      "review_comment": link("\(root)/repos/\(repository.fullName)/pulls/comments{/number}"),
      "commits": link("\(url)/commits"), "statuses": link(statuses),
    ])
    let head = pull.headRepository.flatMap { repositories[$0] }
    let first = object([
      "url": url, "id": issue.id, "node_id": Self.nodeID("PullRequest", issue.id),
      "html_url": web, "diff_url": "\(web).diff", "patch_url": "\(web).patch",
      "issue_url": issueURL, "commits_url": "\(url)/commits",
      "review_comments_url": "\(url)/comments",
      "review_comment_url": "\(root)/repos/\(repository.fullName)/pulls/comments{/number}",
      "comments_url": "\(issueURL)/comments", "statuses_url": statuses, "number": issue.number,
      "state": issue.isOpen ? "open" : "closed", "locked": issue.isLocked,
      "active_lock_reason": issue.lockReason, "title": issue.title,
      "user": json(account: issue.login),
      "body": issue.body, "labels": json(labelsOf: issue, in: repository), "milestone": nil,
    ])
    return first.merging(
      object([
        "created_at": issue.createdAt, "updated_at": issue.updatedAt, "closed_at": issue.closedAt,
        "merged_at": pull.isMerged ? issue.closedAt : nil, "merge_commit_sha": pull.mergeCommit,
        "assignee": issue.assignees.first.map { json(account: $0) },
        "assignees": issue.assignees.map { json(account: $0) },
        "requested_reviewers": pull.requestedReviewers.map { json(account: $0) },
        "requested_teams": pull.requestedTeams.map { json(team: $0, of: repository.owner) },
        "draft": pull.isDraft, "_links": links,
        "head": side(head, owner: issue.login, ref: pull.headRef, sha: pull.head),
        "base": side(
          repository, owner: repository.owner, ref: pull.baseRef, sha: pull.base),
        "author_association": association(issue.login, repository), "auto_merge": nil,
      ]))
  }

  /// With what only the pull request's own route tells.
  func json(wholePull pull: Pull, of issue: Issue, in repository: Repository) -> JSONValue {
    let changes = changes(of: pull, in: repository)
    let commits = ancestors(of: pull.head, in: repository)
      .subtracting(ancestors(of: pull.base, in: repository))
    let tip = repository.branches[pull.baseRef] ?? pull.base
    let canMerge = !issue.isOpen || merged(tip, pull.head, in: repository) != nil
    return json(pull: pull, of: issue, in: repository).merging(
      object([
        "merged": pull.isMerged, "mergeable": canMerge, "rebaseable": canMerge,
        "mergeable_state": canMerge ? "clean" : "dirty", "merged_by": nil,
        "comments": repository.comments.count { $0.number == issue.number },
        "review_comments": pull.comments.count, "maintainer_can_modify": false,
        "commits": commits.count, "additions": changes.reduce(0) { $0 + $1.diff.additions },
        "deletions": changes.reduce(0) { $0 + $1.diff.deletions },
        "changed_files": changes.count,
      ]))
  }

  private func json(milestone title: String, in repository: Repository) -> JSONValue {
    let url = "\(root)/repos/\(repository.fullName)/milestones/1"
    return object([
      "url": url, "html_url": "\(Self.web)/\(repository.fullName)/milestone/1",
      "labels_url": "\(url)/labels", "id": 1, "node_id": Self.nodeID("Milestone", 1), "number": 1,
      "state": "open", "title": title, "description": nil,
      "creator": json(account: repository.owner),
      "open_issues": 1, "closed_issues": 0, "created_at": repository.createdAt,
      "updated_at": repository.createdAt, "closed_at": nil, "due_on": nil,
    ])
  }

  func json(issue: Issue, in repository: Repository) -> JSONValue {
    let url = "\(root)/repos/\(repository.fullName)/issues/\(issue.number)"
    let kind = issue.pull == nil ? "issues" : "pull"
    let web = "\(Self.web)/\(repository.fullName)/\(kind)/\(issue.number)"
    var members = object([
      "id": issue.id, "node_id": Self.nodeID("Issue", issue.id), "url": url,
      "repository_url": "\(root)/repos/\(repository.fullName)",
      "labels_url": "\(url)/labels{/name}", "comments_url": "\(url)/comments",
      "events_url": "\(url)/events", "html_url": web, "number": issue.number,
      "state": issue.isOpen ? "open" : "closed", "state_reason": issue.stateReason,
      "title": issue.title,
      "body": issue.body, "user": json(account: issue.login),
      "labels": json(labelsOf: issue, in: repository),
      "assignee": issue.assignees.first.map { json(account: $0) },
      "assignees": issue.assignees.map { json(account: $0) },
      "milestone": issue.milestone.map { json(milestone: $0, in: repository) },
      "locked": issue.isLocked,
      "active_lock_reason": nil, "closed_by": nil, "performed_via_github_app": nil,
      "comments": repository.comments.count { $0.number == issue.number },
      "closed_at": issue.closedAt, "created_at": issue.createdAt, "updated_at": issue.updatedAt,
      "author_association": association(issue.login, repository),
      "reactions": json(reactions: issue.reactions, url: "\(url)/reactions"),
      "timeline_url": "\(url)/timeline",
    ]).members
    if let pull = issue.pull {
      members["draft"] = .bool(pull.isDraft)
      members["pull_request"] = object([
        "url": "\(root)/repos/\(repository.fullName)/pulls/\(issue.number)", "html_url": web,
        "diff_url": "\(web).diff", "patch_url": "\(web).patch",
        "merged_at": pull.isMerged ? issue.closedAt : nil,
      ])
    }
    return .object(members)
  }

  func json(comment: Comment, in repository: Repository) -> JSONValue {
    let url = "\(root)/repos/\(repository.fullName)/issues/comments/\(comment.id)"
    let kind = repository.issues[comment.number]?.pull == nil ? "issues" : "pull"
    return object([
      "id": comment.id, "node_id": Self.nodeID("IssueComment", comment.id), "url": url,
      "html_url":
        "\(Self.web)/\(repository.fullName)/\(kind)/\(comment.number)#issuecomment-\(comment.id)",
      "issue_url": "\(root)/repos/\(repository.fullName)/issues/\(comment.number)",
      "body": comment.body, "user": json(account: comment.login),
      "created_at": comment.createdAt, "updated_at": comment.updatedAt,
      "author_association": association(comment.login, repository),
      "performed_via_github_app": comment.app.flatMap { apps[$0] }.map { json(app: $0) },
      "reactions": json(reactions: comment.reactions, url: "\(url)/reactions"),
    ])
  }

  func json(review: Review, of issue: Issue, in repository: Repository) -> JSONValue {
    let web =
      "\(Self.web)/\(repository.fullName)/pull/\(issue.number)#pullrequestreview-\(review.id)"
    let pull = "\(root)/repos/\(repository.fullName)/pulls/\(issue.number)"
    var members = object([
      "id": review.id, "node_id": Self.nodeID("PullRequestReview", review.id),
      "user": json(account: review.login), "body": review.body, "state": review.state,
      "html_url": web, "pull_request_url": pull, "commit_id": review.commit,
      "author_association": association(review.login, repository),
      "_links": object([
        "html": object(["href": web]), "pull_request": object(["href": pull]),
      ]),
    ]).members
    if review.state != "PENDING" { members["submitted_at"] = review.submittedAt.json }
    return .object(members)
  }

  func json(reviewComment comment: ReviewComment, in repository: Repository) -> JSONValue {
    let url = "\(root)/repos/\(repository.fullName)/pulls/comments/\(comment.id)"
    let pull = "\(root)/repos/\(repository.fullName)/pulls/\(comment.number)"
    let web = "\(Self.web)/\(repository.fullName)/pull/\(comment.number)#discussion_r\(comment.id)"
    var members = object([
      "url": url, "pull_request_review_id": comment.review, "id": comment.id,
      "node_id": Self.nodeID("PullRequestReviewComment", comment.id),
      "diff_hunk": comment.hunk, "path": comment.path, "position": comment.position,
      "original_position": comment.originalPosition, "commit_id": comment.commit,
      "original_commit_id": comment.originalCommit, "user": json(account: comment.login),
      "body": comment.body, "created_at": comment.createdAt, "updated_at": comment.updatedAt,
      "html_url": web, "pull_request_url": pull,
      "author_association": association(comment.login, repository),
      "_links": object([
        "self": object(["href": url]), "html": object(["href": web]),
        "pull_request": object(["href": pull]),
      ]),
      "reactions": json(reactions: comment.reactions, url: "\(url)/reactions"),
      "start_line": comment.startLine, "original_start_line": comment.originalStartLine,
      "start_side": comment.startSide?.gitHub, "line": comment.line,
      "original_line": comment.originalLine, "side": comment.side.gitHub,
      "subject_type": comment.isOnFile ? "file" : "line",
    ]).members
    if let root = comment.root { members["in_reply_to_id"] = .integer(root) }
    return .object(members)
  }

  func json(checkRun run: CheckRun, in repository: Repository) -> JSONValue {
    let url = "\(root)/repos/\(repository.fullName)/check-runs/\(run.id)"
    let pulls = repository.issues.values.filter { $0.pull?.head == run.head }
      .sorted { $0.number < $1.number }
    let short = object([
      "id": repository.id, "url": "\(root)/repos/\(repository.fullName)",
      "name": repository.name,
    ])
    return object([
      "id": run.id, "head_sha": run.head, "node_id": Self.nodeID("CheckRun", run.id),
      "external_id": run.externalID, "url": url,
      "html_url": "\(Self.web)/\(repository.fullName)/runs/\(run.id)",
      "details_url": run.details ?? "\(Self.web)/\(repository.fullName)", "status": run.status,
      "conclusion": run.conclusion, "started_at": run.startedAt,
      "completed_at": run.completedAt, "name": run.name,
      "output": object([
        "title": run.title, "summary": run.summary, "text": run.text,
        "annotations_count": run.annotations.count, "annotations_url": "\(url)/annotations",
      ]),
      "check_suite": object(["id": repository.id * 1000 + run.app]),
      "app": apps[run.app].map { json(app: $0) },
      "pull_requests": pulls.map { issue in
        object([
          "id": issue.id, "number": issue.number,
          "url": "\(root)/repos/\(repository.fullName)/pulls/\(issue.number)",
          "head": object([
            "ref": issue.pull?.headRef, "sha": issue.pull?.head, "repo": short,
          ]),
          "base": object([
            "ref": issue.pull?.baseRef, "sha": issue.pull?.base, "repo": short,
          ]),
        ])
      },
    ])
  }

  func json(status: Status, of commit: String, in repository: Repository) -> JSONValue {
    object([
      "url": "\(root)/repos/\(repository.fullName)/statuses/\(commit)",
      "avatar_url": "\(Self.web)/avatars/\(known(status.login).id)", "id": status.id,
      "node_id": Self.nodeID("Status", status.id), "state": status.state,
      "description": status.description ?? "", "target_url": status.target,
      "context": status.context, "created_at": status.createdAt, "updated_at": status.createdAt,
      "creator": json(account: status.login),
    ])
  }
}

extension String {
  var urlSafe: String { addingPercentEncoding(withAllowedCharacters: .urlFragmentAllowed) ?? self }
}
