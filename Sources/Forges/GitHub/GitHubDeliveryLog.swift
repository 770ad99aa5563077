public import Domain
import Foundation

extension GitHubConnection {
  /// What GitHub remembers of the webhooks that it sent here.
  public var deliveryLog: any DeliveryLog { GitHubDeliveryLog(connection: self) }
}

/// An App asks in its own name; a token needs the right to administer the hooks of the repository.
/// Source: GitHub docs, "REST API endpoints for GitHub App webhooks", "… for repository webhooks".
struct GitHubDeliveryLog: DeliveryLog {
  let connection: GitHubConnection

  var forge: String { "github" }

  var hasOneSource: Bool {
    if case .app = connection.configuration.credentials { return true }
    return false
  }

  func hooks(
    in repository: RepositoryName
  ) async throws(ForgeError) -> [(source: DeliverySource, address: String)] {
    let call = GitHubCall.get(
      .listHooks, APIPath(repository, "hooks"),
      query: [("per_page", "\(GitHubForge.pageSize)")], isConditional: true)
    let answer = try await connection.send(
      call, as: .repository(repository, installation: nil))
    return try GitHubAPI.decode([GitHubAPI.HookPayload].self, answer, of: call)
      .filter(\.active).compactMap { hook in
        hook.config.url.map { (.repository(repository, hook: hook.id), $0) }
      }
  }

  func deliveries(
    of source: DeliverySource, cursor: String?
  ) async throws(ForgeError) -> SentDeliveries {
    var query = [("per_page", "\(GitHubForge.pageSize)")]
    if let cursor { query.append(("cursor", cursor)) }
    let call = GitHubCall.get(.listDeliveries, Self.path(source), query: query)
    let answer = try await connection.send(call, as: Self.access(source))
    let items = try GitHubAPI.decode([GitHubAPI.SentDeliveryPayload].self, answer, of: call)
    return SentDeliveries(
      items: items.map {
        SentDelivery(
          id: $0.id, delivery: $0.guid, event: $0.event, at: $0.deliveredAt,
          status: $0.statusCode)
      }, next: answer.nextLink.flatMap(Self.cursor))
  }

  func redeliver(_ id: Int64, of source: DeliverySource) async throws(ForgeError) {
    var path = Self.path(source)
    path.append("\(id)")
    path.append("attempts")
    let call = GitHubCall(
      endpoint: .redeliver, method: "POST", target: .rest(path.target()), mayRepeat: false)
    _ = try await connection.send(call, as: Self.access(source))
  }

  private static func path(_ source: DeliverySource) -> APIPath {
    switch source {
    case .app: ["app", "hook", "deliveries"]
    case .repository(let repository, let hook):
      APIPath(repository, "hooks", "\(hook)", "deliveries")
    }
  }

  private static func access(_ source: DeliverySource) -> GitHubConnection.Access {
    switch source {
    case .app: .app
    case .repository(let repository, _): .repository(repository, installation: nil)
    }
  }

  /// What the link to the next page says of where it begins.
  private static func cursor(_ link: String) -> String? {
    URLComponents(string: link)?.queryItems?.first { $0.name == "cursor" }?.value
  }
}

extension GitHubAPI {
  struct HookPayload: Decodable {
    struct Configuration: Decodable { var url: String? }
    var id: Int64
    var active: Bool
    var config: Configuration
  }

  struct SentDeliveryPayload: Decodable {
    var id: Int64
    var guid: String
    var deliveredAt: Date
    var statusCode: Int
    var event: String
  }
}
