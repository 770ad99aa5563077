import Domain
import Foundation
import Testing

@testable import Forges

/// What GitHub sends seldom: texts of our own.
struct WebhookOddityTests {
  private static let sha = String(repeating: "a1", count: 20)

  private func read(_ event: String, _ text: String) throws -> ForgeEvent {
    try GitHubWebhooks(secret: nil).event(named: event, body: Array(text.utf8))
  }

  private func pullRequest(_ members: String) throws -> PullRequest? {
    let text = """
      {"action": "opened", "repository": {"id": 1, "full_name": "o/r"},
       "pull_request": {"number": 7, \(members)
         "base": {"ref": "main", "sha": "\(Self.sha)"}}}
      """
    guard case .pullRequest(.opened, let pull) = try read("pull_request", text).content else {
      return nil
    }
    return pull
  }

  @Test func ghostsAndDeletedForks() throws {
    let pull = try #require(
      try pullRequest(
        """
        "user": null, "body": null, "head": {"ref": "x", "sha": "\(Self.sha)", "repo": null},
        """))
    #expect(pull.author.login == "ghost")
    #expect(pull.headRepository == nil)
    #expect(pull.body == "")
    #expect(pull.commentCount == nil)
  }

  @Test func aMergedOneIsMerged() throws {
    let head = #""head": {"ref": "x", "sha": "\#(Self.sha)"},"#
    #expect(
      try pullRequest(#""state": "closed", "merged": true, "# + head)?.state == .merged)
    #expect(
      try pullRequest(#""state": "closed", "merged_at": "2020-01-01T00:00:00Z", "# + head)?.state
        == .merged)
    #expect(try pullRequest(#""state": "closed", "merged_at": null, "# + head)?.state == .closed)
  }

  /// A commit goes into paths of the API.
  @Test(arguments: ["main", "../../x", "", "A1" + sha.dropFirst(2), sha + "a", "\(sha)\\u0000"])
  func whatIsNoCommitMakesItOther(head: String) throws {
    #expect(try pullRequest(#""head": {"ref": "x", "sha": "\#(head)"},"#) == nil)
  }

  @Test(arguments: [
    ("octocat", "User", false), ("dependabot[bot]", "Bot", true), ("app[bot]", "User", true),
    ("renovate", "bot", true), ("robot", "User", false), ("acme", "Organization", false),
  ])
  func botsAreKnown(login: String, type: String, isBot: Bool) throws {
    let event = try read(
      "star", #"{"action":"created","sender":{"login":"\#(login)","id":5,"type":"\#(type)"}}"#)
    #expect(event.sender == ForgeAccount(id: 5, login: login, isBot: isBot))
    #expect(event.content == .other)
  }

  @Test(arguments: ["renamed", "labeled_twice", ""])
  func unknownActions(action: String) throws {
    let rest = #""repository":{"full_name":"o/r"}"#
    let pull = """
      {"action":"\(action)",\(rest),"pull_request":{"number":1,"head":{"sha":"\(Self.sha)"},
      "base":{"sha":"\(Self.sha)"}}}
      """
    guard case .pullRequest(.other, _) = try read("pull_request", pull).content else {
      Issue.record("an unknown action of a pull request is another change of it")
      return
    }
    let comment = #"{"action":"\#(action)",\#(rest),"issue":{"number":1},"comment":{"id":1}}"#
    #expect(try read("issue_comment", comment).content == .other)
  }

  @Test(arguments: [
    ("edited", #"{"title":{"from":"x"}}"#, ForgeEvent.PullRequestChange.edited),
    ("edited", #"{"base":{"ref":{"from":"x"}}}"#, .baseChanged),
    ("edited", "null", .edited), ("base_changed", "{}", .other),
    ("synchronize", #"{"base":{}}"#, .synchronize),
  ])
  func anotherBaseIsMoreThanAnEdit(
    action: String, changes: String, expected: ForgeEvent.PullRequestChange
  ) throws {
    let text = """
      {"action":"\(action)","changes":\(changes),"repository":{"full_name":"o/r"},
       "pull_request":{"number":1,"head":{"sha":"\(Self.sha)"},"base":{"sha":"\(Self.sha)"}}}
      """
    guard case .pullRequest(expected, _) = try read("pull_request", text).content else {
      Issue.record("not that change")
      return
    }
  }

  @Test func aCommentOnAPullRequestSaysSo() throws {
    let text = """
      {"action":"created","repository":{"full_name":"o/r"},
       "issue":{"number":3,"user":null,"pull_request":{"url":"x"}},
       "comment":{"id":9007199254740993,"body":"a\\u00e9\\ud83d\\ude00\\ud83d b","user":null}}
      """
    guard case .comment(let event) = try read("issue_comment", text).content else {
      Issue.record("not a comment")
      return
    }
    #expect(event.isPullRequest && event.subjectAuthor == nil)
    #expect(event.comment.id == 9_007_199_254_740_993)
    #expect(event.comment.body == "aé😀\u{FFFD} b")
    #expect(event.comment.author.login == "ghost")
  }

  @Test func aDiscussionIsNoIssue() throws {
    let text = """
      {"action":"created","repository":{"full_name":"o/r"},
       "discussion":{"number":3,"user":{"login":"u","id":2}},"comment":{"id":4,"body":"hello"}}
      """
    guard case .comment(let event) = try read("discussion_comment", text).content else {
      Issue.record("not a comment")
      return
    }
    #expect(event.kind == .discussion && event.subject == nil && !event.isPullRequest)
    #expect(event.subjectAuthor?.login == "u")
  }

  @Test func pullRequestsOfForksAreNotOurs() throws {
    let text = """
      {"action":"completed","repository":{"id":1,"full_name":"o/r"},
       "check_run":{"name":"c","head_sha":"\(Self.sha)","status":"completed","external_id":"e",
       "pull_requests":[{"number":4,"base":{"repo":{"id":1}}},{"number":5,"base":{"repo":{"id":2}}},
       {"number":6}]}}
      """
    guard case .check(let check) = try read("check_run", text).content else {
      Issue.record("not a check")
      return
    }
    #expect(check.pullRequests == [4, 6])
    #expect(check.externalID == "e")
  }

  @Test func aPendingStatusHasNoConclusion() throws {
    let text = #"{"sha":"\#(Self.sha)","state":"pending","context":"ci"}"#
    guard case .check(let check) = try read("status", text).content else {
      Issue.record("not a check")
      return
    }
    #expect(check.status == "pending" && check.conclusion == nil && check.name == "ci")
  }

  @Test(arguments: [
    ("2019-05-15T15:20:33Z", 1_557_933_633.0), ("2019-05-15T17:20:33+02:00", 1_557_933_633.0),
    ("2021-04-28T22:32:50.500-04:00", 1_619_663_570.5),
  ])
  func momentsAreRead(text: String, seconds: Double) throws {
    let json = try RawJSON(checking: Array("\"\(text)\"".utf8))
    let date = try #require(WebhookMomentPayload(json)?.date)
    #expect(abs(date.timeIntervalSince1970 - seconds) < 0.001)
  }
}
