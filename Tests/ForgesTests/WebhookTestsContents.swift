import Domain
import Foundation
import Testing

@testable import Forges

@Suite(
  .enabled(
    if: !SharedWebhooks.names.isEmpty, "no shared data: set STET_SHARED_DATA to run these tests"))
struct WebhookContentTests {
  /// Each sample by its file, and what it must become.
  static let expected: [String: String] = [
    "check_run.completed": "check completed success",
    "check_run.created": "check queued -",
    "check_run.requested_action": "check in_progress -",
    "check_run.rerequested": "check completed neutral",
    "check_suite.completed": "check completed success",
    "check_suite.requested": "check queued -",
    "check_suite.requested.with-email-with-special-characters": "check queued -",
    "check_suite.rerequested": "check completed success",
    "github_app_authorization.revoked": "other",
    "installation.created": "installation +1 -0",
    "installation.created.with-requester": "installation +1 -0",
    "installation.deleted": "installation +0 -1",
    "installation.new_permissions_accepted": "installation +1 -0",
    "installation.suspend": "installation +0 -0",
    "installation.unsuspend": "installation +0 -0",
    "installation_repositories.added": "installation +1 -0",
    "installation_repositories.removed": "installation +0 -1",
    "issue_comment.created": "comment created conversation issue",
    "issue_comment.created.1": "comment created conversation issue",
    "issue_comment.created.with-installation": "comment created conversation issue",
    "issue_comment.deleted": "comment deleted conversation issue",
    "issue_comment.edited": "comment edited conversation issue",
    "issues.assigned.with-installation": "issue other",
    "issues.edited": "issue edited",
    "issues.labeled": "issue labeled",
    "issues.opened": "issue opened",
    "issues.opened.with-empty-body": "issue opened",
    "issues.reopened": "issue reopened",
    "label.created": "label :bug: Bugfix",
    "ping": "ping",
    "ping.with-app_id": "ping",
    "pull_request.assigned": "pull assigned open",
    "pull_request.closed": "pull closed closed",
    "pull_request.converted_to_draft": "pull converted_to_draft open",
    "pull_request.labeled": "pull labeled open",
    "pull_request.opened": "pull opened open",
    "pull_request.opened.with-null-body": "pull opened open",
    "pull_request.opened.with-organization": "pull opened open",
    "pull_request.ready_for_review": "pull ready_for_review open",
    "pull_request.ready_for_review.with-installation": "pull ready_for_review open",
    "pull_request.reopened": "pull reopened open",
    "pull_request.review_requested": "pull review_requested open",
    "pull_request.synchronize": "pull synchronize open",
    "pull_request.unlabeled": "pull unlabeled open",
    "pull_request_review.dismissed": "review dismissed",
    "pull_request_review.submitted": "review commented",
    "pull_request_review.submitted.with-organization": "review commented",
    "pull_request_review_comment.created": "comment created review pull",
    "pull_request_review_comment.deleted": "comment deleted review pull",
    "pull_request_review_comment.edited": "comment edited review pull",
    "pull_request_review_thread.resolved": "thread resolved",
    "pull_request_review_thread.unresolved": "thread unresolved",
    "push": "push refs/tags/simple-tag",
    "push.1": "push refs/tags/simple-tag",
    "push.with-installation": "push refs/tags/simple-tag",
    "push.with-new-branch": "push refs/heads/master",
    "push.with-no-username-committer": "push refs/heads/master",
    "status": "check completed success",
    "status.with-installation": "check completed success",
    "workflow_run.completed": "check completed success",
    "workflow_run.completed.with-pull-requests": "check completed success",
    "workflow_run.requested": "check queued -",
  ]

  static func shown(_ content: ForgeEvent.Content) -> String {
    switch content {
    case .pullRequest(let change, let pull): "pull \(change.rawValue) \(pull.state.rawValue)"
    case .comment(let event):
      "comment \(event.change) \(event.kind) \(event.isPullRequest ? "pull" : "issue")"
    case .review(let event): "review \(event.state)"
    case .reviewThread(let isResolved, _): "thread \(isResolved ? "resolved" : "unresolved")"
    case .issue(let change, _): "issue \(change)"
    case .push(let push): "push \(push.ref)"
    case .check(let check): "check \(check.status) \(check.conclusion ?? "-")"
    case .label(let name): "label \(name)"
    case .installation(let it): "installation +\(it.added.count) -\(it.removed.count)"
    case .ping: "ping"
    case .other: "other"
    }
  }

  @Test func everySampleBecomesItsContent() throws {
    #expect(Set(Self.expected.keys) == Set(SharedWebhooks.names))
    var decoded = 0
    for name in SharedWebhooks.names {
      let event = try Self.read(name)
      let raw = try SharedWebhooks.object(name)
      #expect(Self.shown(event.content) == Self.expected[name], "\(name)")
      #expect(event.forge == "github" && event.event == SharedWebhooks.event(name))
      #expect(event.action == raw["action"] as? String)
      let repository = raw["repository"] as? [String: Any]
      #expect(event.repository?.description == repository?["full_name"] as? String, "\(name)")
      let installation = raw["installation"] as? [String: Any]
      #expect(event.installation == (installation?["id"] as? Int).map(Int64.init), "\(name)")
      let sender = try #require(raw["sender"] as? [String: Any])
      #expect(event.sender?.login == sender["login"] as? String)
      #expect(event.sender?.id == (sender["id"] as? Int).map(Int64.init))
      #expect(event.sender?.isBot == (sender["type"] as? String == "Bot"), "\(name)")
      decoded += 1
    }
    print("webhook payloads decoded: \(decoded)")
  }

  private static func read(_ name: String) throws -> ForgeEvent {
    try GitHubWebhooks(secret: nil).event(
      named: SharedWebhooks.event(name), body: SharedWebhooks.body(name))
  }

  private static func member(_ object: Any?, _ path: String...) -> Any? {
    path.reduce(object) { ($0 as? [String: Any])?[$1] }
  }

  @Test(arguments: SharedWebhooks.names.filter { $0.hasPrefix("pull_request.") })
  func pullRequestsAreReadWhole(name: String) throws {
    let raw = try #require(try SharedWebhooks.object(name)["pull_request"] as? [String: Any])
    guard case .pullRequest(_, let pull) = try Self.read(name).content else {
      Issue.record("not a pull request")
      return
    }
    #expect(pull.reference.number == raw["number"] as? Int)
    #expect(pull.title == raw["title"] as? String)
    #expect(pull.body == (raw["body"] as? String ?? ""))
    #expect(pull.isDraft == raw["draft"] as? Bool)
    #expect(pull.author.login == Self.member(raw, "user", "login") as? String)
    #expect(pull.head == Self.member(raw, "head", "sha") as? String)
    #expect(pull.base == Self.member(raw, "base", "sha") as? String)
    #expect(pull.headBranch == Self.member(raw, "head", "ref") as? String)
    #expect(pull.baseBranch == Self.member(raw, "base", "ref") as? String)
    #expect(
      pull.headRepository?.description == Self.member(raw, "head", "repo", "full_name") as? String)
    #expect(
      pull.labels
        == (raw["labels"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String })
    #expect(pull.commentCount == raw["comments"] as? Int)
    #expect(pull.reviewCommentCount == raw["review_comments"] as? Int)
    #expect(pull.changedFiles == raw["changed_files"] as? Int)
    #expect(pull.url == raw["html_url"] as? String)
    let updated = try #require(raw["updated_at"] as? String)
    #expect(pull.updatedAt == ISO8601DateFormatter().date(from: updated))
  }

  @Test func aReviewCommentKnowsItsPlace() throws {
    let name = "pull_request_review_comment.created"
    let raw = try #require(try SharedWebhooks.object(name)["comment"] as? [String: Any])
    guard case .comment(let event) = try Self.read(name).content else {
      Issue.record("not a comment")
      return
    }
    #expect(event.comment.id == (raw["id"] as? Int).map(Int64.init))
    #expect(event.comment.body == raw["body"] as? String)
    #expect(event.subject?.description == "Codertocat/Hello-World#2")
    #expect(event.subjectAuthor?.login == "Codertocat")
    let place = try #require(event.comment.place)
    #expect(place.path == raw["path"] as? String)
    #expect(place.line == raw["line"] as? Int)
    #expect(place.commit == raw["commit_id"] as? String)
    #expect(place.diffHunk == raw["diff_hunk"] as? String)
    #expect(place.side == .new && place.inReplyTo == nil)
  }

  @Test func aCheckKnowsItsAppAndPullRequests() throws {
    guard case .check(let check) = try Self.read("check_run.completed").content else {
      Issue.record("not a check")
      return
    }
    #expect(check.name == "Octocoders-linter")
    #expect(check.appID == 29310 && check.externalID == nil)
    #expect(check.pullRequests == [2])
    #expect(check.commit == "ec26c3e57ca3a959ca5aad62de7213c562f8c821")
  }

  @Test func pushesAndInstallationsNameWhatMoved() throws {
    guard case .push(let push) = try Self.read("push.with-new-branch").content else {
      Issue.record("not a push")
      return
    }
    #expect(push.before == String(repeating: "0", count: 40))
    #expect(push.after == "6113728f27ae82c7b1a177c8d03f9e96e0adf246")
    guard case .installation(let change) = try Self.read("installation_repositories.added").content
    else {
      Issue.record("not an installation")
      return
    }
    #expect(change.account == "Codertocat")
    #expect(change.added.map(\.description) == ["Codertocat/Space"])
  }
}
