import Domain
import Foundation

/// One request on its way to its answer.
struct GitHubCall {
  var request: GitHubRequest
  var caller: GitHubCaller
  var parameters: [String: String]

  func text(_ name: String) -> String { parameters[name] ?? "" }

  func number(_ name: String) throws -> Int {
    guard let number = Int(text(name)) else { throw GitHubRefusal.notFound }
    return number
  }

  func fields() throws -> GitHubFields { try GitHubFields(request.body) }

  /// One page of a list, with the links to the others.
  func page(_ items: [JSONValue], in root: String) -> GitHubReply {
    let (slice, links) = slice(items, root)
    return GitHubReply(status: 200, headers: links, body: JSONValue.array(slice).bytes)
  }

  func slice(
    _ items: [JSONValue], _ root: String
  ) -> ([JSONValue], [(name: String, value: String)]) {
    let size = min(100, max(1, request.query["per_page"].flatMap { Int($0) } ?? 30))
    let page = max(1, request.query["page"].flatMap { Int($0) } ?? 1)
    let last = max(1, (items.count + size - 1) / size)
    let start = min(items.count, (page - 1) * size)
    func link(_ number: Int, _ relation: String) -> String {
      var query = request.query
      query["page"] = "\(number)"
      let text = query.sorted { $0.key < $1.key }.map { name, value in
        let allowed = CharacterSet.alphanumerics.union(["-", "_", ".", "~"])
        return "\(name)=\(value.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")"
      }.joined(separator: "&")
      let path = request.target.split(separator: "?")[0]
      return "<\(root)\(path)?\(text)>; rel=\"\(relation)\""
    }
    var links: [String] = []
    if page > 1 { links.append(link(min(page - 1, last), "prev")) }
    if page < last {
      links.append(link(page + 1, "next"))
      links.append(link(last, "last"))
    }
    if page > 1 { links.append(link(1, "first")) }
    return (
      Array(items[start..<min(items.count, start + size)]),
      links.isEmpty ? [] : [("link", links.joined(separator: ", "))]
    )
  }
}

/// A method and a path that GitHub answers. A last part `{name…}` takes the rest of the path.
struct GitHubRoute: Sendable {
  typealias Answer = @Sendable (inout GitHubWorld, GitHubCall) throws -> GitHubReply
  typealias InRepository =
    @Sendable (inout GitHubWorld, GitHubCall, GitHubWorld.Repository) throws -> GitHubReply

  var method: String
  var template: String
  var parts: [String]
  var answer: Answer

  init(_ method: String, _ template: String, _ answer: @escaping Answer) {
    self.method = method
    self.template = template
    parts = template.split(separator: "/").map(String.init)
    self.answer = answer
  }

  /// A route below `/repos/{owner}/{repo}`, whose caller is checked first.
  init(
    _ method: String, repo template: String, _ need: GitHubNeed, _ answer: @escaping InRepository
  ) {
    self.init(method, "/repos/{owner}/{repo}" + template) { world, call in
      let key = "\(call.text("owner"))/\(call.text("repo"))".lowercased()
      guard let repository = world.repositories[key] else { throw GitHubRefusal.notFound }
      try world.check(need, call.caller, repository)
      return try answer(&world, call, repository)
    }
  }

  func match(_ method: String, _ segments: [String]) -> [String: String]? {
    guard method == self.method, !parts.isEmpty else { return nil }
    let takesRest = parts.last?.hasSuffix("…}") == true
    guard segments.count == parts.count || (takesRest && segments.count >= parts.count) else {
      return nil
    }
    var parameters: [String: String] = [:]
    for (index, part) in parts.enumerated() {
      if part.hasPrefix("{") {
        let name = part.dropFirst().dropLast()
        if takesRest, index == parts.count - 1 {
          parameters[String(name.dropLast())] = segments[index...].joined(separator: "/")
        } else {
          parameters[String(name)] = segments[index]
        }
      } else if part != segments[index] {
        return nil
      }
    }
    return parameters
  }

  static let all: [GitHubRoute] =
    accountRoutes + repositoryRoutes + historyRoutes + pullRoutes + reviewRoutes + issueRoutes
    + checkRoutes + shepherdRoutes + gitReferenceRoutes + graphQLRoutes + hookRoutes + oauthRoutes
}

extension GitHubWorld {
  /// The answer to one request, limits, ETag and all.
  mutating func answer(_ request: GitHubRequest) -> GitHubReply {
    root = "http://\(request.headers["host"] ?? "127.0.0.1")"
    let isGraphQL = request.segments == ["graphql"]
    var who = "anonymous"
    var reply: GitHubReply
    do {
      guard request.headers["user-agent"]?.isEmpty == false else {
        throw GitHubRefusal(
          status: 403,
          message: "Request forbidden by administrative rules. Please make sure your request has a "
            + "User-Agent header")
      }
      if let version = request.headers["x-github-api-version"],
        !["2022-11-28", "2026-03-10"].contains(version)
      {
        throw GitHubRefusal(
          status: 400, message: "\"\(version)\" is not a supported API version.")
      }
      let caller = try caller(request)
      who = login(of: caller).isEmpty ? "anonymous" : "user \(login(of: caller))"
      if request.segments != ["rate_limit"] { try limits.count(who, now: now) }
      reply = try answer(request, caller)
      if case .signedIn(let token) = caller {
        reply.headers.append(("x-oauth-scopes", token.scopes.joined(separator: ", ")))
      }
      if request.method == "GET", reply.status == 200 {
        let tag = "W/\"\(GitHubDiffs.blob(reply.body))\""
        reply.headers.append(("etag", tag))
        let known = (request.headers["if-none-match"] ?? "").split(separator: ",").map {
          $0.trimmingCharacters(in: .whitespaces)
        }
        if known.contains(tag) {
          limits.giveBack(who)
          reply.status = 304
          reply.body = []
        }
      }
    } catch let refusal as GitHubRefusal {
      reply = refusal.reply
    } catch {
      reply = GitHubRefusal(status: 500, message: "\(error)").reply
    }
    let resource = isGraphQL ? "graphql" : "core"
    reply.headers += limits.headers(who, now: now, resource: resource)
    return reply
  }

  private mutating func answer(
    _ request: GitHubRequest, _ caller: GitHubCaller
  ) throws -> GitHubReply {
    for route in GitHubRoute.all {
      guard let parameters = route.match(request.method, request.segments) else { continue }
      return try route.answer(
        &self, GitHubCall(request: request, caller: caller, parameters: parameters))
    }
    throw GitHubRefusal.notFound
  }
}
