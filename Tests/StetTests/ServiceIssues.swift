import Domain
import Foundation
import Jobs
import TestKit
import Testing
import WebClient

extension ServiceRunning {
  /// Has the service ask this fake. - Returns: its socket, which whoever asks for it stops.
  func asking(_ model: FakeModelServer) async throws -> FaultServer {
    let socket = try await model.listen()
    environment.merge([
      "LLM_PROVIDER": "openai", "OPENAI_BASE_URL": socket.url + "/v1",
      "OPENAI_API_KEY": model.key, "LLM_MODEL": model.model,
    ]) { $1 }
    return socket
  }

  struct Told {
    var status: Int
    var body: JSONValue
    var headers: WebHeaders

    var id: String { body["id"]?.string ?? "" }
    /// Fields that were refused.
    var fields: [String] { (body["errors"]?.array ?? []).compactMap { $0["field"]?.string } }
  }

  func json(_ method: String = "GET", _ path: String, _ body: String? = nil) async throws -> Told {
    let answer = try await ask(method, path, body: body)
    let value = try JSONDecoder().decode(JSONValue.self, from: Data(answer.body))
    return Told(status: answer.status, body: value, headers: answer.headers)
  }

  /// Waits until an issue of the tracker is enriched.
  func enriched(_ id: String, within limit: Duration = .seconds(20)) async throws -> JSONValue {
    var last: JSONValue = .null
    try await eventually("an enriched issue", within: limit) {
      last = try await self.json("GET", "/issues/\(id)").body
      return last["status"]?.string == "enriched"
    } told: {
      "\(last)"
    }
    return last
  }
}

/// An issue on the fake forge, the webhooks that tell of it, and what became of it.
struct ForgeIssueScene {
  static let repository = RepositoryName(owner: "octo-org", name: "shop")

  let hub: FakeGitHub
  let issue: PullRequestReference

  /// - Parameter policy: the text of `.stet.yml`.
  init(
    _ service: ServiceRunning, policy: String?,
    labels: [String] = ["bug", "enhancement", "performance", "ui"],
    title: String = "Crash when the form is sent",
    body: String = "The page breaks. It is slow, too."
  ) {
    hub = service.hub
    let files = policy.map { [".stet.yml": Array($0.utf8)] } ?? [:]
    hub.addRepository(Self.repository, files: files)
    hub.addLabels(labels, to: Self.repository)
    hub.setPermission(.write, of: "stet-account", in: Self.repository)
    hub.setPermission(.triage, of: "grace", in: Self.repository)
    hub.setPermission(.read, of: "mallory", in: Self.repository)
    issue = hub.addIssue(in: Self.repository, title: title, body: body)
  }

  var comments: [FakeGitHub.Posted] { hub.comments(on: issue) }
  var labels: [String] { hub.labels(of: issue) }
  /// What was asked of the forge that changes something.
  var changes: [String] {
    hub.log.filter { $0.method != "GET" }.map { "\($0.method) \($0.plainPath)" }
  }

  /// - Parameter action: `opened`, `edited`, `unlabeled` and others of GitHub's.
  func delivery(
    _ action: String, title: String = "Crash when the form is sent",
    body: String = "The page breaks. It is slow, too.", by sender: String = "ada",
    labels: [String] = []
  ) throws -> GitHubDelivery {
    let account: [String: Any] = ["id": 1, "login": sender, "type": "User"]
    let payload: [String: Any] = [
      "action": action,
      "issue": [
        "id": 11, "number": issue.number, "state": "open", "title": title, "body": body,
        "user": account, "labels": labels.map { ["id": 1, "name": $0] },
        "html_url": "https://github.example/p/1",
      ],
      "repository": [
        "id": 10, "name": Self.repository.name, "full_name": "\(Self.repository)",
        "private": false, "fork": false, "default_branch": "main",
        "owner": ["id": 2, "login": Self.repository.owner, "type": "Organization"],
      ],
      "sender": account,
    ]
    let bytes = try JSONSerialization.data(withJSONObject: payload, options: [.sortedKeys])
    return GitHubDelivery(payload: Array(bytes), event: "issues")
  }

  /// A comment by somebody, and the webhook that tells of it.
  func said(_ body: String, by login: String) throws -> GitHubDelivery {
    let id = hub.addComment(body, by: login, on: issue)
    let account: [String: Any] = ["id": login == "ada" ? 1 : 5, "login": login, "type": "User"]
    let payload: [String: Any] = [
      "action": "created",
      "issue": [
        "id": 11, "number": issue.number, "state": "open", "title": "t", "body": "b",
        "user": ["id": 1, "login": "ada", "type": "User"], "labels": [Any](),
        "html_url": "https://github.example/p/1",
      ],
      "comment": [
        "id": id, "body": body, "user": account, "created_at": "2026-01-01T00:00:00Z",
      ],
      "repository": [
        "id": 10, "name": Self.repository.name, "full_name": "\(Self.repository)",
        "private": false, "fork": false, "default_branch": "main",
        "owner": ["id": 2, "login": Self.repository.owner, "type": "Organization"],
      ],
      "sender": account,
    ]
    let bytes = try JSONSerialization.data(withJSONObject: payload, options: [.sortedKeys])
    return GitHubDelivery(payload: Array(bytes), event: "issue_comment")
  }
}

enum SaidOfIssues {
  static func tagged(
    _ tags: [String], _ summary: String = "The page breaks.", duplicates: [String]? = nil
  ) throws -> FakeModelServer.Reply {
    var answer: [String: Any] = ["summary": summary, "tags": tags]
    if let duplicates { answer["duplicates"] = duplicates }
    return .text(
      String(
        decoding: try JSONSerialization.data(withJSONObject: answer, options: [.sortedKeys]),
        as: UTF8.self))
  }
}
