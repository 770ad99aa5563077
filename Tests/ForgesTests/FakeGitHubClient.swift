import Domain
import Foundation
import TestKit
import WebClient

/// Asks a fake GitHub as any client would.
struct FakeGitHubClient: Sendable {
  struct Answer {
    var status: Int
    var headers: WebHeaders
    var bytes: [UInt8]

    var json: JSONValue {
      (try? JSONDecoder().decode(JSONValue.self, from: Data(bytes))) ?? .null
    }
    var text: String { String(decoding: bytes, as: UTF8.self) }
    var message: String? { json["message"]?.string }
  }

  let client = WebClient(
    configuration: WebClientConfiguration(userAgent: "fake-github-tests", proxy: .none))
  var root: String
  var authorization: String?

  func with(_ authorization: String?) -> FakeGitHubClient {
    var other = self
    other.authorization = authorization
    return other
  }

  func callAsFunction(
    _ method: String, _ path: String, _ body: JSONValue? = nil, accept: String? = nil,
    headers more: [String: String] = [:]
  ) async throws -> Answer {
    let bytes = try body.map { Array(try JSONEncoder().encode($0)) }
    return try await send(method, path, bytes, accept: accept, headers: more)
  }

  func send(
    _ method: String, _ path: String, _ body: [UInt8]?, accept: String? = nil,
    headers more: [String: String] = [:]
  ) async throws -> Answer {
    var headers = WebHeaders()
    if let authorization { headers.add("authorization", authorization) }
    if let accept { headers.add("accept", accept) }
    if body != nil { headers.add("content-type", "application/json") }
    for (name, value) in more { headers.add(name, value) }
    let response = try await client.send(
      WebRequest(
        method: method, url: path.hasPrefix("http") ? path : root + path, headers: headers,
        body: body, deadline: .seconds(20), acceptsErrorStatus: true))
    return Answer(status: response.status, headers: response.headers, bytes: response.body)
  }

  /// Starts `hub`, runs `body` and stops everything, whatever `body` does.
  static func with(
    _ hub: FakeGitHub, _ authorization: String? = nil,
    _ body: (FakeGitHubClient) async throws -> Void
  ) async throws {
    let server = try await hub.listen()
    let client = FakeGitHubClient(root: server.url, authorization: authorization)
    do {
      try await body(client)
    } catch {
      await client.client.shutdown()
      await server.stop()
      throw error
    }
    await client.client.shutdown()
    await server.stop()
  }
}

extension JSONValue {
  /// A JSON text that a test has written itself.
  static func parsed(_ text: String) throws -> JSONValue {
    try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
  }

  subscript(index: Int) -> JSONValue? {
    guard let array, array.indices.contains(index) else { return nil }
    return array[index]
  }
}

/// A pull request with an App, a person and a file of ten lines of which one changed.
struct FakeGitHubScene {
  let hub = FakeGitHub()
  let key: GitHubAppKey
  let repository = RepositoryName(owner: "octo-org", name: "orders")
  let pull: PullRequestReference
  let head: String
  let base: String
  /// `ada` opened the pull request, `grace` may write.
  let ada = "token " + ["ada", "token"].joined(separator: "-")
  let grace = "Bearer " + ["grace", "token"].joined(separator: "-")

  static let old = (1...10).map { "line \($0)\n" }.joined()
  static let new = old.replacingOccurrences(of: "line 5\n", with: "line five\nline 5b\n")

  init(isPrivate: Bool = false) throws {
    key = try GitHubAppKey()
    hub.addRepository(
      repository, isPrivate: isPrivate,
      files: ["a.py": Array(Self.old.utf8), "docs/read me.md": Array("# Read\n".utf8)])
    pull = hub.addPullRequest(
      in: repository, title: "Change a line", body: "Because.", author: "ada",
      head: ["a.py": Array(Self.new.utf8)])
    head = hub.head(of: pull) ?? ""
    base = hub.base(of: pull) ?? ""
    hub.addToken(String(ada.dropFirst("token ".count)), for: "ada")
    hub.addToken(String(grace.dropFirst("Bearer ".count)), for: "grace")
    hub.setPermission(.write, of: "grace", in: repository)
    hub.setPermission(.read, of: "ada", in: repository)
    hub.addApp(id: 7, slug: "stet-test", publicKeyPEM: key.publicPEM)
    hub.addInstallation(id: 70, of: 7, on: "octo-org")
  }

  var path: String { "/repos/octo-org/orders" }
  var pullPath: String { "\(path)/pulls/\(pull.number)" }
  var issuePath: String { "\(path)/issues/\(pull.number)" }

  func jwt() throws -> String { "Bearer " + (try key.jwt(app: 7)) }

  /// The header with an installation token.
  func installed(
    _ client: FakeGitHubClient, _ narrowing: String = "{}"
  ) async throws -> String {
    let answer = try await client.with(try jwt())(
      "POST", "/app/installations/70/access_tokens", .parsed(narrowing))
    return "Bearer " + (answer.json["token"]?.string ?? "")
  }
}
