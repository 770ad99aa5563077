import Domain

/// Reads what a webhook says. What it lacks or Stet does not know makes it `.other`.
struct WebhookEventReading {
  var event: String
  var json: RawJSON

  private var action: String? { json["action"]?.string }

  func result() -> ForgeEvent {
    let repository = WebhookRepositoryPayload(json["repository"])
    return ForgeEvent(
      forge: "github", event: event, action: action, repository: repository?.name,
      installation: json["installation"]?["id"]?.integer,
      sender: WebhookAccountPayload(json["sender"])?.account,
      content: content(repository) ?? .other)
  }

  private func content(_ repository: WebhookRepositoryPayload?) -> ForgeEvent.Content? {
    switch event {
    case "ping": return .ping
    case "push": return WebhookPushPayload(json).map { .push($0.push) }
    case "status": return WebhookStatusPayload(json).map { .check($0.check) }
    case "check_run", "check_suite", "workflow_run":
      let member = event == "check_run" ? json["check_run"] : json["check_suite"]
      let run = event == "workflow_run" ? json["workflow_run"] : member
      return WebhookCheckPayload(run, repository: repository).map { .check($0.check) }
    case "label": return (json["label"]?["name"]?.string).map { .label($0) }
    case "installation", "installation_repositories":
      return .installation(WebhookInstallationPayload(json, action: action).installation)
    default: return repository.flatMap { subject(in: $0.name) }
    }
  }

  /// Events about a pull request, an issue or a discussion.
  private func subject(in repository: RepositoryName) -> ForgeEvent.Content? {
    switch event {
    case "pull_request":
      return WebhookPullRequestPayload(json["pull_request"], in: repository).map {
        .pullRequest(pullRequestChange, $0.pullRequest)
      }
    case "issues":
      return WebhookIssuePayload(json["issue"], in: repository).map {
        .issue(action.flatMap { .init(rawValue: $0) } ?? .other, $0.issue)
      }
    case "pull_request_review":
      guard let payload = WebhookReviewPayload(json["review"]),
        let number = WebhookNumberPayload(json["pull_request"]?["number"])?.number
      else { return nil }
      return .review(
        ForgeEvent.ReviewEvent(
          review: payload.review, state: payload.state,
          subject: PullRequestReference(repository, number)))
    case "pull_request_review_thread":
      guard action == "resolved" || action == "unresolved",
        let number = WebhookNumberPayload(json["pull_request"]?["number"])?.number
      else { return nil }
      return .reviewThread(
        isResolved: action == "resolved", PullRequestReference(repository, number))
    case "issue_comment":
      return comment(
        .conversation, on: json["issue"], in: repository,
        isPullRequest: json["issue"]?["pull_request"] != nil)
    case "pull_request_review_comment":
      return comment(.review, on: json["pull_request"], in: repository, isPullRequest: true)
    case "discussion_comment":
      return comment(.discussion, on: json["discussion"], in: repository, isPullRequest: false)
    default: return nil
    }
  }

  /// Another base is told as an edit. No action of GitHub's has the name that we gave it.
  private var pullRequestChange: ForgeEvent.PullRequestChange {
    if action == "edited", json["changes"]?["base"] != nil { return .baseChanged }
    let known = action.flatMap { ForgeEvent.PullRequestChange(rawValue: $0) }
    return known == .baseChanged ? .other : known ?? .other
  }

  private func comment(
    _ kind: CommentReference.Kind, on subject: RawJSON?, in repository: RepositoryName,
    isPullRequest: Bool
  ) -> ForgeEvent.Content? {
    guard let subject,
      let change = action.flatMap({ ForgeEvent.CommentEvent.Change(rawValue: $0) }),
      let payload = WebhookCommentPayload(json["comment"])
    else { return nil }
    let number = WebhookNumberPayload(subject["number"])?.number
    // A discussion has a number too, but neither review nor label can be put on it.
    guard kind == .discussion || number != nil else { return nil }
    return .comment(
      ForgeEvent.CommentEvent(
        change: change, comment: payload.comment, kind: kind,
        subject: kind == .discussion ? nil : number.map { PullRequestReference(repository, $0) },
        isPullRequest: isPullRequest,
        subjectAuthor: WebhookAccountPayload(subject["user"])?.account))
  }
}
