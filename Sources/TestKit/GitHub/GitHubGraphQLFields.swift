import Domain
import Foundation

extension GitHubResolver {
  /// A field's value; `nil` is `null`.
  mutating func value(
    of field: GraphQLDocument.Field, in node: GraphQLNode
  ) throws -> GraphQLNode? {
    switch node {
    case .bag("Query", _): return try query(field)
    case .bag("Mutation", _): return try mutation(field)
    case .bag(let type, let fields):
      guard let value = fields[field.name] else { throw undefined(field.name, on: type) }
      return value
    case .repository(let repository): return try value(of: field, in: repository)
    case .pull(let key, let issue, let pull): return try value(of: field, in: pull, issue, key)
    case .thread(let key, let number, let root):
      return try thread(field, key: key, number: number, root: root)
    case .comment(let key, let comment): return try value(of: field, in: comment, key)
    case .actor(let account):
      switch field.name {
      case "login": return .leaf(.string(Self.login(account)))
      case "url": return .leaf(.string("\(GitHubWorld.web)/\(account.login)"))
      case "avatarUrl": return .leaf(.string("\(GitHubWorld.web)/avatars/\(account.id)"))
      case "resourcePath": return .leaf(.string("/\(account.login)"))
      default: throw undefined(field.name, on: "Actor")
      }
    case .leaf, .list: throw undefined(field.name, on: "String")
    }
  }

  private func query(_ field: GraphQLDocument.Field) throws -> GraphQLNode? {
    switch field.name {
    case "viewer": return .actor(world.known(world.login(of: call.caller)))
    case "rateLimit":
      var limits = world.limits
      let login = world.login(of: call.caller)
      let state = limits.state("user \(login)", now: world.now)
      return .bag(
        "RateLimit",
        [
          "limit": .leaf(state["limit"] ?? .null), "remaining": .leaf(state["remaining"] ?? .null),
          "used": .leaf(state["used"] ?? .null), "cost": .leaf(.integer(1)),
        ])
    case "repository":
      guard let owner = field.arguments["owner"]?.string,
        let name = field.arguments["name"]?.string
      else {
        throw Failure(
          message: "Field 'repository' is missing required arguments: owner, name",
          extensions: object(["code": "missingRequiredArguments"]))
      }
      guard let repository = world.repositories["\(owner)/\(name)".lowercased()],
        (try? world.check(.metadata, call.caller, repository)) != nil
      else {
        throw notFound("Could not resolve to a Repository with the name '\(owner)/\(name)'.")
      }
      return .repository(repository)
    case "node":
      let id = field.arguments["id"]?.string ?? ""
      guard let thread = find(thread: id) else {
        throw notFound("Could not resolve to a node with the global id of '\(id)'")
      }
      return thread
    default: throw undefined(field.name, on: "Query")
    }
  }

  private func find(thread id: String) -> GraphQLNode? {
    for repository in world.repositories.values {
      for issue in repository.issues.values {
        for comment in issue.pull?.comments ?? [] where comment.root == nil {
          if GitHubWorld.nodeID("PullRequestReviewThread", comment.id) == id {
            return .thread(repository.key, number: issue.number, root: comment.id)
          }
        }
      }
    }
    return nil
  }

  private mutating func mutation(_ field: GraphQLDocument.Field) throws -> GraphQLNode? {
    guard field.name == "resolveReviewThread" || field.name == "unresolveReviewThread" else {
      throw undefined(field.name, on: "Mutation")
    }
    guard let id = field.arguments["input"]?["threadId"]?.string else {
      throw Failure(
        message: "Argument 'threadId' on InputObject is required. Expected type ID!",
        extensions: object(["code": "missingRequiredInputObjectAttribute"]))
    }
    guard let thread = find(thread: id), case .thread(let key, let number, let root) = thread,
      let repository = world.repositories[key]
    else { throw notFound("Could not resolve to a node with the global id of '\(id)'") }
    do {
      try world.check(
        .write("pull_requests", role: "write"), call.caller, repository)
    } catch let refusal as GitHubRefusal {
      throw Failure(type: "FORBIDDEN", message: refusal.message)
    }
    let login = world.login(of: call.caller)
    let isResolving = field.name == "resolveReviewThread"
    world.repositories[key]?.issues[number]?.pull?.resolved[root] = isResolving ? login : nil
    return .bag(
      isResolving ? "ResolveReviewThreadPayload" : "UnresolveReviewThreadPayload",
      [
        "thread": thread,
        "clientMutationId": .leaf(field.arguments["input"]?["clientMutationId"] ?? .null),
      ])
  }

  private func value(
    of field: GraphQLDocument.Field, in repository: GitHubWorld.Repository
  ) throws -> GraphQLNode? {
    switch field.name {
    case "id": return .leaf(.string(GitHubWorld.nodeID("Repository", repository.id)))
    case "databaseId": return .leaf(.integer(repository.id))
    case "name": return .leaf(.string(repository.name))
    case "nameWithOwner": return .leaf(.string(repository.fullName))
    case "isPrivate": return .leaf(.bool(repository.isPrivate))
    case "pullRequest":
      let number = field.arguments["number"]?.integer ?? 0
      try permit(repository)
      guard let issue = repository.issues[number], let pull = issue.pull else {
        throw notFound("Could not resolve to a PullRequest with the number of \(number).")
      }
      return .pull(repository.key, issue, pull)
    default: throw undefined(field.name, on: "Repository")
    }
  }

  private func permit(_ repository: GitHubWorld.Repository) throws {
    do {
      try world.check(.read("pull_requests"), call.caller, repository)
    } catch let refusal as GitHubRefusal {
      throw Failure(type: "FORBIDDEN", message: refusal.message)
    }
  }

  private func value(
    of field: GraphQLDocument.Field, in pull: GitHubWorld.Pull, _ issue: GitHubWorld.Issue,
    _ key: String
  ) throws -> GraphQLNode? {
    switch field.name {
    case "id": return .leaf(.string(GitHubWorld.nodeID("PullRequest", issue.id)))
    case "databaseId": return .leaf(.integer(issue.id))
    case "number": return .leaf(.integer(issue.number))
    case "title": return .leaf(.string(issue.title))
    case "isDraft": return .leaf(.bool(pull.isDraft))
    case "headRefOid": return .leaf(.string(pull.head))
    case "baseRefOid": return .leaf(.string(pull.base))
    case "state":
      return .leaf(.string(issue.isOpen ? "OPEN" : pull.isMerged ? "MERGED" : "CLOSED"))
    case "author": return .actor(world.known(issue.login))
    case "reviewThreads":
      let roots = pull.comments.filter { $0.root == nil }
      return try connection(
        "PullRequestReviewThread", field,
        roots.map { .thread(key, number: issue.number, root: $0.id) })
    default: throw undefined(field.name, on: "PullRequest")
    }
  }

  private func thread(
    _ field: GraphQLDocument.Field, key: String, number: Int, root id: Int
  ) throws -> GraphQLNode? {
    guard let pull = world.repositories[key]?.issues[number]?.pull,
      let root = pull.comments.first(where: { $0.id == id })
    else { return nil }
    func leaf(_ value: (any JSONWritable)?) -> GraphQLNode { .leaf(value?.json ?? .null) }
    switch field.name {
    case "id": return leaf(GitHubWorld.nodeID("PullRequestReviewThread", id))
    case "isResolved": return leaf(pull.resolved[id] != nil)
    case "isCollapsed": return leaf(pull.resolved[id] != nil)
    case "isOutdated": return leaf(root.line == nil && !root.isOnFile)
    case "path": return leaf(root.path)
    case "line": return leaf(root.line)
    case "startLine": return leaf(root.startLine)
    case "originalLine": return leaf(root.originalLine)
    case "originalStartLine": return leaf(root.originalStartLine)
    case "diffSide": return leaf(root.side.gitHub)
    case "startDiffSide": return leaf(root.startSide?.gitHub)
    case "subjectType": return leaf(root.isOnFile ? "FILE" : "LINE")
    case "viewerCanResolve": return leaf(pull.resolved[id] == nil)
    case "viewerCanUnresolve": return leaf(pull.resolved[id] != nil)
    case "viewerCanReply": return leaf(true)
    case "resolvedBy": return pull.resolved[id].map { .actor(world.known($0)) }
    case "comments":
      let comments = pull.comments.filter { $0.id == id || $0.root == id }
      return try connection(
        "PullRequestReviewComment", field, comments.map { .comment(key, $0) })
    default: throw undefined(field.name, on: "PullRequestReviewThread")
    }
  }

  private func value(
    of field: GraphQLDocument.Field, in comment: GitHubWorld.ReviewComment, _ key: String
  ) throws -> GraphQLNode? {
    func leaf(_ value: (any JSONWritable)?) -> GraphQLNode { .leaf(value?.json ?? .null) }
    func commit(_ sha: String) -> GraphQLNode { .bag("Commit", ["oid": leaf(sha)]) }
    switch field.name {
    case "id": return leaf(GitHubWorld.nodeID("PullRequestReviewComment", comment.id))
    case "databaseId": return leaf(comment.id)
    case "fullDatabaseId": return leaf("\(comment.id)")
    case "body": return leaf(comment.body)
    case "author": return .actor(world.known(comment.login))
    case "createdAt": return leaf(comment.createdAt)
    case "updatedAt": return leaf(comment.updatedAt)
    case "path": return leaf(comment.path)
    case "line": return leaf(comment.line)
    case "startLine": return leaf(comment.startLine)
    case "originalLine": return leaf(comment.originalLine)
    case "originalStartLine": return leaf(comment.originalStartLine)
    case "position": return leaf(comment.position)
    case "originalPosition": return leaf(comment.originalPosition)
    case "outdated": return leaf(comment.line == nil && !comment.isOnFile)
    case "diffHunk": return leaf(comment.hunk)
    case "isMinimized": return leaf(false)
    case "commit": return commit(comment.commit)
    case "originalCommit": return commit(comment.originalCommit)
    case "url":
      let name = world.repositories[key]?.fullName ?? key
      return leaf("\(GitHubWorld.web)/\(name)/pull/\(comment.number)#discussion_r\(comment.id)")
    case "replyTo":
      let root = world.repositories[key]?.issues[comment.number]?.pull?.comments
        .first { $0.id == comment.root }
      return root.map { .comment(key, $0) }
    default: throw undefined(field.name, on: "PullRequestReviewComment")
    }
  }
}
