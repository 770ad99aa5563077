import Domain
import Foundation
import TestKit

/// Webhooks as GitHub words them, of a pull request as it stands on the fake.
struct StoryDeliveries {
  let hub: FakeGitHub
  let reference: PullRequestReference

  private func account(_ login: String) -> String {
    let id = login.utf8.reduce(100) { $0 + Int($1) }
    return #"{"id":\#(id),"login":"\#(login)","type":"User"}"#
  }

  private var repository: String {
    let owner = #"{"id":2,"login":"\#(reference.repository.owner)","type":"Organization"}"#
    return """
      {"id":10,"name":"\(reference.repository.name)","full_name":"\(reference.repository)",\
      "private":false,"fork":false,"owner":\(owner),"default_branch":"main"}
      """
  }

  private var pull: String {
    let standing = hub.standing(of: reference)
    let isOpen = standing?.state == .open
    return """
      {"id":11,"number":\(reference.number),"state":"\(isOpen ? "open" : "closed")",\
      "title":"Tell of bad orders","body":null,"draft":false,\
      "merged":\(standing?.state == .merged),"user":\(account("ada")),\
      "html_url":"https://github.example/\(reference.repository)/pull/\(reference.number)",\
      "labels":[],"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z",\
      "comments":0,"review_comments":0,\
      "head":{"ref":"change","sha":"\(standing?.head ?? "")","repo":\(repository),\
      "user":\(account("ada"))},\
      "base":{"ref":"main","sha":"\(hub.base(of: reference) ?? "")","repo":\(repository),\
      "user":\(account("ada"))}}
      """
  }

  private func delivery(
    _ event: String, by login: String, _ members: String
  ) -> GitHubDelivery {
    let text = #"{\#(members),"repository":\#(repository),"sender":\#(account(login))}"#
    return GitHubDelivery(payload: Array(text.utf8), event: event)
  }

  func pullRequest(
    _ action: String, by login: String = "ada", _ more: String = ""
  ) -> GitHubDelivery {
    delivery(
      "pull_request", by: login,
      #""action":"\#(action)","number":\#(reference.number),"pull_request":\#(pull)\#(more)"#)
  }

  func review(_ state: String, by login: String) -> GitHubDelivery {
    let head = hub.head(of: reference) ?? ""
    return delivery(
      "pull_request_review", by: login,
      """
      "action":"submitted","review":{"id":\(Int.random(in: 1_000..<9_000_000)),\
      "user":\(account(login)),"body":null,"state":"\(state)","commit_id":"\(head)",\
      "submitted_at":"2026-01-01T00:00:00Z","html_url":"https://github.example/r"},\
      "pull_request":\(pull)
      """)
  }

  func comment(_ body: String, by login: String) -> GitHubDelivery {
    let id = hub.addComment(body, by: login, on: reference)
    return delivery(
      "issue_comment", by: login,
      """
      "action":"created","issue":{"id":11,"number":\(reference.number),"state":"open",\
      "title":"t","body":null,"user":\(account("ada")),"labels":[],\
      "html_url":"https://github.example/p/1",\
      "pull_request":{"url":"https://github.example/p/1"}},\
      "comment":{"id":\(id),"body":"\(body)","user":\(account(login)),\
      "created_at":"2026-01-01T00:00:00Z"}
      """)
  }

  func status(
    _ name: String, _ state: String, on commit: String, branch: String
  ) -> GitHubDelivery {
    delivery(
      "status", by: "ci-runner",
      """
      "id":\(Int.random(in: 1_000..<9_000_000)),"sha":"\(commit)","context":"\(name)",\
      "state":"\(state)","branches":[{"name":"\(branch)","commit":{"sha":"\(commit)"}}]
      """)
  }
}
