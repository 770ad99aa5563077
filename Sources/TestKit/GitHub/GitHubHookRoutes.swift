import Domain
import Foundation

extension GitHubRoute {
  private static let administer = GitHubNeed(permissions: ["repository_hooks"], role: "admin")
  private static let change = GitHubNeed.write("repository_hooks", role: "admin")

  /// What was sent to whom, and to be sent again. Source: GitHub docs, "Redelivering webhooks".
  static let hookRoutes: [GitHubRoute] = [
    GitHubRoute("GET", "/app/hook/deliveries") { world, call in
      try world.page(of: try world.ownApp(call).sent, call)
    },
    GitHubRoute("POST", "/app/hook/deliveries/{id}/attempts") { world, call in
      let app = try world.ownApp(call)
      guard let sent = app.sent.first(where: { "\($0.id)" == call.text("id") }) else {
        throw GitHubRefusal.notFound
      }
      let again = try world.again(sent)
      world.apps[app.id]?.sent.append(again)
      return .json(object([:]), status: 202)
    },
    GitHubRoute("GET", repo: "/hooks", administer) { world, call, repository in
      call.page(repository.hooks.map { world.json(hook: $0, in: repository) }, in: world.root)
    },
    GitHubRoute("GET", repo: "/hooks/{hook}/deliveries", administer) { world, call, repository in
      guard let hook = repository.hooks.first(where: { "\($0.id)" == call.text("hook") }) else {
        throw GitHubRefusal.notFound
      }
      return try world.page(of: hook.sent, call)
    },
    GitHubRoute("POST", repo: "/hooks/{hook}/deliveries/{id}/attempts", change) {
      world, call, repository in
      guard let index = repository.hooks.firstIndex(where: { "\($0.id)" == call.text("hook") }),
        let sent = repository.hooks[index].sent.first(where: { "\($0.id)" == call.text("id") })
      else { throw GitHubRefusal.notFound }
      let again = try world.again(sent)
      world.repositories[repository.key]?.hooks[index].sent.append(again)
      return .json(object([:]), status: 202)
    },
  ]
}

extension GitHubWorld {
  /// Newest first, with a cursor in the link to the next page.
  fileprivate func page(of sent: [Sent], _ call: GitHubCall) throws -> GitHubReply {
    let size = min(100, max(1, call.request.query["per_page"].flatMap { Int($0) } ?? 30))
    var items = sent.sorted { $0.id > $1.id }
    if let cursor = call.request.query["cursor"] {
      guard cursor.hasPrefix("v1_"), let id = Int(cursor.dropFirst(3)) else {
        throw GitHubRefusal(status: 400, message: "Invalid cursor")
      }
      items.removeAll { $0.id >= id }
    }
    let page = items.prefix(size)
    var links: [(name: String, value: String)] = []
    if items.count > size, let last = page.last {
      let path = call.request.target.split(separator: "?")[0]
      links = [
        ("link", "<\(root)\(path)?per_page=\(size)&cursor=v1_\(last.id)>; rel=\"next\"")
      ]
    }
    return GitHubReply(
      status: 200, headers: links, body: JSONValue.array(page.map { json(sent: $0) }).bytes)
  }

  /// Sent to nobody by itself: who holds the hub takes it by `FakeGitHub.redelivered`.
  fileprivate mutating func again(_ sent: Sent) throws -> Sent {
    guard now.timeIntervalSince(sent.at) < 3 * 86_400 else {
      throw GitHubRefusal(status: 422, message: "Delivery is too old to be redelivered")
    }
    var again = sent
    again.id = newID()
    again.at = now
    again.isRedelivery = true
    again.status = 0
    return again
  }

  private func json(sent: Sent) -> JSONValue {
    object([
      "id": sent.id, "guid": sent.delivery.id, "delivered_at": sent.at,
      "redelivery": sent.isRedelivery, "duration": 0.03,
      "status": sent.status == 0
        ? "failed to connect"
        : (200..<300).contains(sent.status) ? "OK" : "Invalid HTTP Response: \(sent.status)",
      "status_code": sent.status, "event": sent.delivery.event, "action": sent.action,
      "installation_id": sent.installation, "repository_id": nil, "throttled_at": nil,
      "url": "",
    ])
  }

  fileprivate func json(hook: Hook, in repository: Repository) -> JSONValue {
    let url = "\(root)/repos/\(repository.fullName)/hooks/\(hook.id)"
    return object([
      "type": "Repository", "id": hook.id, "name": "web", "active": hook.isActive,
      "events": ["*"],
      "config": object(["content_type": "json", "insecure_ssl": "0", "url": hook.address]),
      "updated_at": repository.createdAt, "created_at": repository.createdAt, "url": url,
      "test_url": "\(url)/test", "ping_url": "\(url)/pings", "deliveries_url": "\(url)/deliveries",
      "last_response": object(["code": nil, "status": "unused", "message": nil]),
    ])
  }
}
