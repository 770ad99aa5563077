public import Domain
import Foundation

extension GitHubAPI {
  struct GraphQLPayload<Content: Decodable & Sendable>: Decodable, Sendable {
    struct Problem: Decodable, Sendable {
      var type: String?
      var message: String
    }

    var data: Content?
    var errors: [Problem]?
  }

  struct GraphQLRequestPayload<Variables: Encodable & Sendable>: Encodable, Sendable {
    var query: String
    var variables: Variables
  }

  struct PageInfoPayload: Decodable, Sendable {
    var hasNextPage: Bool
    var endCursor: String?
  }

  struct ActorPayload: Decodable, Sendable {
    enum CodingKeys: String, CodingKey {
      case login, databaseId
      case typeName = "__typename"
    }

    var typeName: String
    var login: String
    var databaseId: Int64?
  }

  struct ThreadsPayload: Decodable, Sendable {
    struct Repository: Decodable, Sendable { var pullRequest: PullRequest? }
    struct PullRequest: Decodable, Sendable { var reviewThreads: Threads }
    struct Threads: Decodable, Sendable {
      var pageInfo: PageInfoPayload
      var nodes: [Thread?]
    }
    struct Thread: Decodable, Sendable {
      var id: String
      var isResolved: Bool
      var isOutdated: Bool
      var path: String
      var diffSide: String?
      var comments: Comments
    }
    struct Comments: Decodable, Sendable { var nodes: [Comment?] }
    struct Comment: Decodable, Sendable {
      struct Commit: Decodable, Sendable { var oid: String }
      struct Reply: Decodable, Sendable { var databaseId: Int64? }

      var databaseId: Int64?
      var author: ActorPayload?
      var body: String
      var createdAt: Date
      var line: Int?
      var diffHunk: String
      var originalCommit: Commit?
      var replyTo: Reply?
    }

    var repository: Repository?
  }

  struct ThreadsVariables: Encodable, Sendable {
    var owner: String
    var name: String
    var number: Int
    var after: String?
  }

  struct ResolveVariables: Encodable, Sendable { var thread: String }

  struct ResolvedPayload: Decodable, Sendable {
    struct Resolution: Decodable, Sendable { var thread: Thread? }
    struct Thread: Decodable, Sendable { var isResolved: Bool }
    var resolveReviewThread: Resolution?
  }

  struct NoVariables: Encodable, Sendable {}

  struct ViewerPayload: Decodable, Sendable {
    struct Viewer: Decodable, Sendable {
      var login: String
      var databaseId: Int64?
    }
    var viewer: Viewer
  }

  static let threadsQuery = """
    query ($owner: String!, $name: String!, $number: Int!, $after: String) {
      repository(owner: $owner, name: $name) {
        pullRequest(number: $number) {
          reviewThreads(first: 50, after: $after) {
            pageInfo { hasNextPage endCursor }
            nodes {
              id isResolved isOutdated path diffSide
              comments(first: 100) {
                nodes {
                  databaseId
                  author { __typename login ... on User { databaseId } ... on Bot { databaseId } }
                  body createdAt line diffHunk
                  originalCommit { oid }
                  replyTo { databaseId }
                }
              }
            }
          }
        }
      }
    }
    """

  static let resolveMutation = """
    mutation ($thread: ID!) {
      resolveReviewThread(input: {threadId: $thread}) { thread { id isResolved } }
    }
    """
}

extension GitHubForge {
  /// Of a thread, its first hundred comments.
  public func reviewThreads(
    of reference: PullRequestReference
  ) async throws(ForgeError) -> [ReviewThread] {
    var threads: [ReviewThread] = []
    var cursor: String?
    for _ in 0..<Self.maxPages {
      let answer = try await query(
        .reviewThreads, GitHubAPI.threadsQuery,
        GitHubAPI.ThreadsVariables(
          owner: reference.repository.owner, name: reference.repository.name,
          number: reference.number, after: cursor),
        mayRepeat: true, access: access(to: reference.repository),
        for: GitHubAPI.ThreadsPayload.self)
      guard let page = answer.repository?.pullRequest?.reviewThreads else {
        throw ForgeError(
          code: .notFound, detail: "GitHub knows no pull request \(reference).")
      }
      threads += page.nodes.compactMap(\.self).map { ReviewThread($0) }
      guard page.pageInfo.hasNextPage, let next = page.pageInfo.endCursor else { return threads }
      cursor = next
    }
    throw ForgeError(
      code: .rejected,
      detail: "\(reference) has more than \(Self.maxPages) pages of review threads.")
  }

  public func resolve(
    thread: String, in repository: RepositoryName
  ) async throws(ForgeError) {
    _ = try await query(
      .resolveThread, GitHubAPI.resolveMutation, GitHubAPI.ResolveVariables(thread: thread),
      mayRepeat: false, access: access(to: repository), for: GitHubAPI.ResolvedPayload.self)
  }

  func viewer() async throws(ForgeError) -> ForgeAccount {
    let viewer = try await query(
      .viewer, "query { viewer { login ... on User { databaseId } } }", GitHubAPI.NoVariables(),
      mayRepeat: true,
      access: ownAccess, for: GitHubAPI.ViewerPayload.self
    ).viewer
    return ForgeAccount(
      id: viewer.databaseId ?? 0, login: viewer.login, isBot: viewer.login.hasSuffix("[bot]"))
  }

  private func query<Content: Decodable & Sendable>(
    _ endpoint: Endpoint, _ text: String, _ variables: some Encodable & Sendable, mayRepeat: Bool,
    access: GitHubConnection.Access, for type: Content.Type
  ) async throws(ForgeError) -> Content {
    let call = GitHubCall(
      endpoint: endpoint, method: "POST", target: .graphQL,
      body: try GitHubCall.encoded(
        GitHubAPI.GraphQLRequestPayload(query: text, variables: variables)),
      mayRepeat: mayRepeat)
    let payload = try GitHubAPI.decode(
      GitHubAPI.GraphQLPayload<Content>.self, try await connection.send(call, as: access),
      of: call)
    if let problem = payload.errors?.first { throw ForgeError(problem.type, problem.message, call) }
    guard let data = payload.data else {
      throw ForgeError(
        code: .malformed, detail: "GitHub's answer to \(call.printable) holds no data.")
    }
    return data
  }
}

extension ForgeError {
  /// An error of GraphQL, which comes with status 200.
  fileprivate init(_ type: String?, _ message: String, _ call: GitHubCall) {
    let code: Code =
      switch type {
      case "NOT_FOUND": .notFound
      case "FORBIDDEN", "INSUFFICIENT_SCOPES": .unauthorized
      case "RATE_LIMITED": .rateLimited
      case "INTERNAL", "SERVICE_UNAVAILABLE": .unreachable
      default: .rejected
      }
    self.init(
      code: code, detail: OneSentence.of("GitHub refuses \(call.printable): \(message)"),
      retryAfter: code == .rateLimited ? RateLimits.secondaryPause : nil, status: 200)
  }
}

extension ReviewThread {
  fileprivate init(_ payload: GitHubAPI.ThreadsPayload.Thread) {
    self.init(
      id: payload.id, isResolved: payload.isResolved, isOutdated: payload.isOutdated,
      path: payload.path,
      comments: payload.comments.nodes.compactMap(\.self).map { comment in
        ForgeComment(
          id: comment.databaseId ?? 0, author: ForgeAccount(comment.author), body: comment.body,
          createdAt: comment.createdAt,
          place: ForgeComment.Place(
            path: payload.path, side: payload.diffSide == "LEFT" ? .old : .new,
            line: comment.line, commit: comment.originalCommit?.oid ?? "",
            inReplyTo: comment.replyTo?.databaseId, diffHunk: comment.diffHunk))
      })
  }
}

extension ForgeAccount {
  /// GraphQL calls a bot by its App's name alone; REST and the web add `[bot]`.
  fileprivate init(_ actor: GitHubAPI.ActorPayload?) {
    guard let actor else {
      self = GitHubAPI.AccountPayload.ghost
      return
    }
    let isBot = actor.typeName == "Bot"
    let isBare = isBot && !actor.login.hasSuffix("[bot]")
    self.init(
      id: actor.databaseId ?? 0, login: isBare ? actor.login + "[bot]" : actor.login, isBot: isBot)
  }
}
