import Metrics

/// A call of the API by a name of ours: the bounded label of metrics.
enum Endpoint: String, CaseIterable, Sendable {
  case installation
  case installationToken = "installation_token"
  case app, user
  case userByLogin = "user_by_login"
  case oauthToken = "oauth_token"
  case revokeToken = "revoke_token"
  case pullRequest = "pull_request"
  case pullRequestTimes = "pull_request_times"
  case diff
  case files
  case comparison
  case contents
  case blob
  case permission
  case listComments = "list_comments"
  case listReviewComments = "list_review_comments"
  case listPastComments = "list_past_comments"
  case listReviews = "list_reviews"
  case listCommits = "list_commits"
  case createReview = "create_review"
  case createComment = "create_comment"
  case editComment = "edit_comment"
  case deleteComment = "delete_comment"
  case deleteReviewComment = "delete_review_comment"
  case editReview = "edit_review"
  case createReply = "create_reply"
  case createCheckRun = "create_check_run"
  case updateCheckRun = "update_check_run"
  case listCheckRuns = "list_check_runs"
  case listCheckSuites = "list_check_suites"
  case listStatuses = "list_statuses"
  case createStatus = "create_status"
  case createReaction = "create_reaction"
  case addLabels = "add_labels"
  case removeLabel = "remove_label"
  case issue
  case listIssues = "list_issues"
  case listLabels = "list_labels"
  case listReactions = "list_reactions"
  case viewer
  case reviewThreads = "review_threads"
  case resolveThread = "resolve_thread"
  case repository
  case branchProtection = "branch_protection"
  case branchRules = "branch_rules"
  case branch
  case team
  case membership
  case listPullRequests = "list_pull_requests"
  case commitPullRequests = "commit_pull_requests"
  case combinedStatus = "combined_status"
  case addAssignees = "add_assignees"
  case requestReviewers = "request_reviewers"
  case dismissReview = "dismiss_review"
  case updateBranch = "update_branch"
  case mergePullRequest = "merge_pull_request"
  case editPullRequest = "edit_pull_request"
  case lockIssue = "lock_issue"
  case dispatchWorkflow = "dispatch_workflow"
  case gitReference = "git_reference"
  case mergeBranch = "merge_branch"
  case editIssue = "edit_issue"
  case listHooks = "list_hooks"
  case listDeliveries = "list_deliveries"
  case redeliver

  /// Counts what was sent for one answer: its last request by the class of its status, those
  /// before it, which were repeated, as `retried`.
  func count(status: Int?, attempts: Int) {
    if attempts > 1 { counter("retried").increment(by: attempts - 1) }
    if attempts > 0 { counter(status.map { "\($0 / 100)xx" } ?? "none").increment() }
  }

  private func counter(_ status: String) -> Counter {
    Counter(
      label: "stet_forge_requests_total",
      dimensions: [("forge", "github"), ("endpoint", rawValue), ("status", status)])
  }
}
