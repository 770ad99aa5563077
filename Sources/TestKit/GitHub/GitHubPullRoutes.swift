import Domain
import Foundation

extension GitHubRoute {
  static let pullRoutes: [GitHubRoute] = [
    GitHubRoute("GET", repo: "/pulls", .read("pull_requests")) { world, call, repository in
      let state = call.request.query["state"] ?? "open"
      let found = repository.issues.values.filter { issue in
        issue.pull != nil && (state == "all" || issue.isOpen == (state == "open"))
          && (call.request.query["base"].map { $0 == issue.pull?.baseRef } ?? true)
          && (call.request.query["head"].map { $0.hasSuffix(":\(issue.pull?.headRef ?? "")") }
            ?? true)
      }
      let sort = call.request.query["sort"] ?? "created"
      guard ["created", "updated", "popularity", "long-running"].contains(sort) else {
        throw GitHubRefusal.field("PullRequest", "sort", "invalid")
      }
      // Newest first where it is by the time of creation, else oldest first; GitHub has it so.
      let usual = sort == "created" ? "desc" : "asc"
      let isAscending = (call.request.query["direction"] ?? usual) == "asc"
      func moment(_ issue: GitHubWorld.Issue) -> Date {
        sort == "updated" ? issue.updatedAt : issue.createdAt
      }
      let ordered = found.sorted { a, b in
        let (one, other) = ((moment(a), a.number), (moment(b), b.number))
        return isAscending ? one < other : one > other
      }
      return call.page(
        ordered.compactMap { issue in
          issue.pull.map { world.json(pull: $0, of: issue, in: repository) }
        }, in: world.root)
    },
    GitHubRoute("GET", repo: "/commits/{ref}/pulls", .read("pull_requests")) {
      world, call, repository in
      guard let commit = world.commit(call.text("ref"), in: repository) else {
        throw GitHubRefusal(status: 422, message: "No commit found for SHA: \(call.text("ref"))")
      }
      let found = repository.issues.values.filter { $0.pull?.head == commit.sha }
        .sorted { $0.number > $1.number }
      return call.page(
        found.compactMap { issue in
          issue.pull.map { world.json(pull: $0, of: issue, in: repository) }
        }, in: world.root)
    },
    GitHubRoute("GET", repo: "/pulls/{number}", .read("pull_requests")) { world, call, repository in
      let (issue, pull) = try repository.pull(call)
      switch call.request.media {
      case "diff":
        let changes = world.changes(of: pull, in: repository)
        // A given diff that cannot be read is sent as it stands.
        guard let given = pull.diff, changes.isEmpty else { return try world.diff(changes) }
        return GitHubReply(
          status: 200, body: given, type: "application/vnd.github.diff; charset=utf-8")
      case "patch": throw GitHubRefusal(status: 406, message: "Not supported by this fake")
      default: return .json(world.json(wholePull: pull, of: issue, in: repository))
      }
    },
    GitHubRoute("GET", repo: "/pulls/{number}/files", .read("pull_requests")) {
      world, call, repository in
      let (_, pull) = try repository.pull(call)
      // GitHub lists no more than this.
      let changes = world.changes(of: pull, in: repository).prefix(3000)
      return call.page(
        changes.map { world.json(change: $0, at: pull.head, in: repository) }, in: world.root)
    },
    GitHubRoute("GET", repo: "/pulls/{number}/commits", .read("pull_requests")) {
      world, call, repository in
      let (_, pull) = try repository.pull(call)
      let own = world.ancestors(of: pull.head, in: repository)
        .subtracting(world.ancestors(of: pull.base, in: repository))
      let commits = own.compactMap { repository.commits[$0] }
        .sorted { ($0.date, $0.sha) < ($1.date, $1.sha) }
      return call.page(commits.map { world.json(commit: $0, in: repository) }, in: world.root)
    },
  ]
}

extension GitHubWorld.Repository {
  func issue(_ call: GitHubCall) throws -> GitHubWorld.Issue {
    guard let issue = issues[try call.number("number")] else { throw GitHubRefusal.notFound }
    return issue
  }

  func pull(_ call: GitHubCall) throws -> (GitHubWorld.Issue, GitHubWorld.Pull) {
    let issue = try issue(call)
    guard let pull = issue.pull else { throw GitHubRefusal.notFound }
    return (issue, pull)
  }

  /// Body of a comment, within GitHub's limits.
  static func body(_ fields: GitHubFields, _ resource: String) throws -> String {
    let text = try fields.required("body")
    if text.allSatisfy(\.isWhitespace) {
      throw GitHubRefusal.field(resource, "body", "missing_field", "body cannot be blank")
    }
    try checkLength(text, resource)
    return text
  }

  static func checkLength(_ text: String, _ resource: String) throws {
    // GitHub counts characters; the code units come closest from above.
    guard text.unicodeScalars.count <= 65_536 else {
      throw GitHubRefusal.field(
        resource, "body", "custom", "body is too long (maximum is 65536 characters)")
    }
  }
}

extension GitHubWorld {
  func checkUnlocked(_ issue: Issue, _ call: GitHubCall, _ repository: Repository) throws {
    guard issue.isLocked else { return }
    let role = role(of: login(of: call.caller), in: repository)
    if ["write", "maintain", "admin"].contains(role) { return }
    throw GitHubRefusal(
      status: 403, message: "Unable to create comment because issue is locked.")
  }
}
