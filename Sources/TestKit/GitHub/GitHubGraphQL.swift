import Domain
import Foundation

/// The part of GitHub's GraphQL schema that REST lacks: review threads.
/// Source: GitHub's public schema, `schema.docs.graphql`.
extension GitHubRoute {
  static let graphQLRoutes: [GitHubRoute] = [
    GitHubRoute("POST", "/graphql") { world, call in
      if case .anonymous = call.caller {
        throw GitHubRefusal(
          status: 401, message: "This endpoint requires you to be authenticated.")
      }
      let fields = try call.fields()
      guard let query = try fields.string("query"), !query.isEmpty else {
        return .json(
          object([
            "errors": [
              object(["message": "A query attribute must be specified and must be a string."])
            ]
          ]))
      }
      var resolver = GitHubResolver(world: world, call: call)
      let reply = resolver.answer(query, fields["variables"]?.members ?? [:])
      world = resolver.world
      return .json(reply)
    }
  ]
}

/// A value of a type of the schema, whose fields are asked for by name.
indirect enum GraphQLNode {
  case leaf(JSONValue)
  case list([GraphQLNode])
  case repository(GitHubWorld.Repository)
  case pull(String, GitHubWorld.Issue, GitHubWorld.Pull)
  /// The thread of that first comment.
  case thread(String, number: Int, root: Int)
  case comment(String, GitHubWorld.ReviewComment)
  case actor(GitHubWorld.Account)
  /// A type that is nothing but its fields.
  case bag(String, [String: GraphQLNode])

  var type: String {
    switch self {
    case .leaf, .list: ""
    case .repository: "Repository"
    case .pull: "PullRequest"
    case .thread: "PullRequestReviewThread"
    case .comment: "PullRequestReviewComment"
    case .actor(let account): account.type
    case .bag(let type, _): type
    }
  }
}

struct GitHubResolver {
  struct Failure: Error {
    /// As in `NOT_FOUND`; `nil` where the query itself is wrong.
    var type: String?
    var message: String
    /// Members of its own, such as `code`.
    var extensions: JSONValue?
  }

  var world: GitHubWorld
  let call: GitHubCall
  private var errors: [JSONValue] = []
  /// A wrong query gives no data at all.
  private var isInvalid = false

  init(world: GitHubWorld, call: GitHubCall) {
    self.world = world
    self.call = call
  }

  mutating func answer(_ query: String, _ variables: [String: JSONValue]) -> JSONValue {
    let document: GraphQLDocument
    do {
      document = try GraphQLDocument(query, variables: variables)
    } catch {
      let message = (error as? GraphQLDocument.ParseError)?.message ?? "Parse error"
      return object(["errors": [object(["message": message])]])
    }
    let root = GraphQLNode.bag(document.isMutation ? "Mutation" : "Query", [:])
    let data = resolve(document.selections, of: root, path: [])
    if isInvalid { return object(["errors": JSONValue.array(errors)]) }
    var answer = ["data": data]
    if !errors.isEmpty { answer["errors"] = .array(errors) }
    return .object(answer)
  }

  private mutating func resolve(
    _ selections: [GraphQLDocument.Selection], of node: GraphQLNode, path: [String]
  ) -> JSONValue {
    var members: [String: JSONValue] = [:]
    for selection in selections {
      switch selection {
      case .inline(let type, let inner):
        let isActor = if case .actor = node { true } else { false }
        guard type == nil || type == node.type || (isActor && type == "Actor") else { continue }
        let account = asItself(node)
        members.merge(resolve(inner, of: account, path: path).members) { $1 }
      case .field(let field):
        if field.name == "__typename" {
          members[field.alias] = .string(node.type)
          continue
        }
        do {
          let value = try value(of: field, in: node)
          members[field.alias] = write(value, field, path + [field.alias])
        } catch {
          members[field.alias] = .null
          report(error, field, path + [field.alias], node)
        }
      }
    }
    return .object(members)
  }

  /// An actor behind `... on Bot` has that type's fields, not only the interface's.
  private func asItself(_ node: GraphQLNode) -> GraphQLNode {
    guard case .actor(let account) = node else { return node }
    return .bag(
      account.type,
      [
        "login": .leaf(.string(Self.login(account))), "databaseId": .leaf(.integer(account.id)),
        "id": .leaf(.string(GitHubWorld.nodeID(account.type, account.id))),
      ])
  }

  private mutating func report(
    _ error: any Error, _ field: GraphQLDocument.Field, _ path: [String], _ node: GraphQLNode
  ) {
    let failure = error as? Failure ?? Failure(type: nil, message: "\(error)")
    let place = object(["line": field.line, "column": field.column])
    var members = object([
      "path": path.map(JSONValue.string), "locations": [place], "message": failure.message,
    ]).members
    if let type = failure.type { members["type"] = .string(type) }
    if let extensions = failure.extensions {
      members["extensions"] = extensions
      isInvalid = true
    }
    errors.append(.object(members))
  }

  private mutating func write(
    _ node: GraphQLNode?, _ field: GraphQLDocument.Field, _ path: [String]
  ) -> JSONValue {
    switch node {
    case nil: return .null
    case .leaf(let value): return value
    case .list(let items):
      return .array(
        items.enumerated().map { write($0.element, field, path + ["\($0.offset)"]) })
    case .some(let node):
      if field.selections.isEmpty {
        report(
          Failure(
            type: nil,
            message: "Field must have selections (field '\(field.name)' returns \(node.type) but "
              + "has no selections.)", extensions: object(["code": "selectionMismatch"])),
          field, path, node)
        return .null
      }
      return resolve(field.selections, of: node, path: path)
    }
  }

  static func login(_ account: GitHubWorld.Account) -> String {
    // Unlike REST, GraphQL writes a bot's login without its suffix.
    account.login.hasSuffix("[bot]") ? String(account.login.dropLast(5)) : account.login
  }

  func undefined(_ field: String, on type: String) -> Failure {
    Failure(
      type: nil, message: "Field '\(field)' doesn't exist on type '\(type)'",
      extensions: object(["code": "undefinedField", "typeName": type, "fieldName": field]))
  }

  func notFound(_ what: String) -> Failure { Failure(type: "NOT_FOUND", message: what) }

  /// A slice of a connection. Source: GitHub's documentation, "Using pagination in the GraphQL API".
  func connection(
    _ type: String, _ field: GraphQLDocument.Field, _ nodes: [GraphQLNode]
  ) throws -> GraphQLNode {
    let first = field.arguments["first"]?.integer
    let last = field.arguments["last"]?.integer
    guard let size = first ?? last else {
      throw Failure(
        type: "MISSING_PAGINATION_BOUNDARIES",
        message: "You must provide a `first` or `last` value to properly paginate the "
          + "`\(field.name)` connection.")
    }
    guard (1...100).contains(size) else {
      throw Failure(
        type: "EXCESSIVE_PAGINATION",
        message: "Requesting \(size) records on the `\(field.name)` connection exceeds the `first` "
          + "limit of 100 records.")
    }
    func offset(_ name: String) throws -> Int? {
      guard let text = field.arguments[name]?.string else { return nil }
      guard let data = Data(base64Encoded: text),
        let number = Int(String(decoding: data, as: UTF8.self).dropFirst("cursor:".count))
      else {
        throw Failure(
          type: "INVALID_CURSOR_ARGUMENTS",
          message: "`\(text)` does not appear to be a valid cursor.")
      }
      return number
    }
    func cursor(_ index: Int) -> GraphQLNode {
      .leaf(.string(Data("cursor:\(index)".utf8).base64EncodedString()))
    }
    var range = 0..<nodes.count
    if let after = try offset("after") { range = min(after + 1, nodes.count)..<nodes.count }
    if let before = try offset("before") {
      range = range.lowerBound..<max(range.lowerBound, min(before, nodes.count))
    }
    let slice =
      first == nil
      ? max(range.lowerBound, range.upperBound - size)..<range.upperBound
      : range.lowerBound..<min(range.upperBound, range.lowerBound + size)
    let page = GraphQLNode.bag(
      "PageInfo",
      [
        "hasNextPage": .leaf(.bool(slice.upperBound < nodes.count)),
        "hasPreviousPage": .leaf(.bool(slice.lowerBound > 0)),
        "startCursor": slice.isEmpty ? .leaf(.null) : cursor(slice.lowerBound),
        "endCursor": slice.isEmpty ? .leaf(.null) : cursor(slice.upperBound - 1),
      ])
    return .bag(
      type + "Connection",
      [
        "nodes": .list(Array(nodes[slice])), "totalCount": .leaf(.integer(nodes.count)),
        "pageInfo": page,
        "edges": .list(
          slice.map { .bag(type + "Edge", ["node": nodes[$0], "cursor": cursor($0)]) }),
      ])
  }
}
