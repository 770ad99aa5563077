import Domain
import Foundation

extension GitHubRoute {
  private static let read = GitHubNeed.read("issues", "pull_requests")
  private static let write = GitHubNeed.write("issues", "pull_requests")

  static let issueRoutes: [GitHubRoute] = [
    GitHubRoute("GET", repo: "/issues", read) { world, call, repository in
      let issues = try repository.issues(call)
      return call.page(issues.map { world.json(issue: $0, in: repository) }, in: world.root)
    },
    GitHubRoute("GET", repo: "/issues/{number}", read) { world, call, repository in
      .json(world.json(issue: try repository.issue(call), in: repository))
    },
    GitHubRoute("PATCH", repo: "/issues/{number}", .write("issues", "pull_requests")) {
      world, call, repository in
      try world.change(try repository.issue(call), call, repository)
    },
    GitHubRoute("GET", repo: "/issues/{number}/comments", read) { world, call, repository in
      let issue = try repository.issue(call)
      let since = try call.since()
      let comments = repository.comments.filter {
        $0.number == issue.number && $0.updatedAt >= since
      }
      return call.page(comments.map { world.json(comment: $0, in: repository) }, in: world.root)
    },
    GitHubRoute("POST", repo: "/issues/{number}/comments", write) { world, call, repository in
      let issue = try repository.issue(call)
      try world.checkUnlocked(issue, call, repository)
      let comment = GitHubWorld.Comment(
        id: world.newID(), number: issue.number, login: world.login(of: call.caller),
        body: try GitHubWorld.Repository.body(try call.fields(), "IssueComment"),
        app: world.app(of: call.caller), createdAt: world.now, updatedAt: world.now)
      world.repositories[repository.key]?.comments.append(comment)
      world.repositories[repository.key]?.issues[issue.number]?.updatedAt = world.now
      return .json(world.json(comment: comment, in: repository), status: 201)
    },
    GitHubRoute("GET", repo: "/issues/comments/{id}", read) { world, call, repository in
      .json(world.json(comment: repository.comments[try repository.comment(call)], in: repository))
    },
    GitHubRoute("PATCH", repo: "/issues/comments/{id}", write) { world, call, repository in
      let index = try repository.comment(call)
      var comment = repository.comments[index]
      try world.checkAuthor(comment.login, call, repository)
      comment.body = try GitHubWorld.Repository.body(try call.fields(), "IssueComment")
      comment.updatedAt = world.now
      world.repositories[repository.key]?.comments[index] = comment
      return .json(world.json(comment: comment, in: repository))
    },
    GitHubRoute("DELETE", repo: "/issues/comments/{id}", write) { world, call, repository in
      let index = try repository.comment(call)
      try world.checkAuthor(repository.comments[index].login, call, repository)
      world.repositories[repository.key]?.comments.remove(at: index)
      return GitHubReply(status: 204)
    },
    GitHubRoute("GET", repo: "/issues/comments/{id}/reactions", read) { world, call, repository in
      let comment = repository.comments[try repository.comment(call)]
      return call.page(comment.reactions.map { world.json(reaction: $0) }, in: world.root)
    },
    GitHubRoute("POST", repo: "/issues/comments/{id}/reactions", write) { world, call, repository in
      let index = try repository.comment(call)
      var reactions = repository.comments[index].reactions
      let reply = try world.react(call, &reactions)
      world.repositories[repository.key]?.comments[index].reactions = reactions
      return reply
    },
    GitHubRoute("GET", repo: "/issues/{number}/labels", read) { world, call, repository in
      let labels = world.json(labelsOf: try repository.issue(call), in: repository)
      return call.page(labels.array ?? [], in: world.root)
    },
    GitHubRoute(
      "POST", repo: "/issues/{number}/labels",
      .write("issues", "pull_requests", role: "triage")
    ) { world, call, repository in
      let issue = try repository.issue(call)
      return try world.addLabels(call, issue, repository)
    },
    GitHubRoute(
      "DELETE", repo: "/issues/{number}/labels/{name}",
      .write("issues", "pull_requests", role: "triage")
    ) { world, call, repository in
      var issue = try repository.issue(call)
      let name = call.text("name").lowercased()
      guard let index = issue.labels.firstIndex(where: { $0.lowercased() == name }) else {
        throw GitHubRefusal(status: 404, message: "Label does not exist")
      }
      issue.labels.remove(at: index)
      issue.updatedAt = world.now
      world.repositories[repository.key]?.issues[issue.number] = issue
      return .json(world.json(labelsOf: issue, in: repository))
    },
  ]
}

extension GitHubWorld.Repository {
  /// Issues and pull requests as `GET /repos/O/R/issues` filters and orders them; what GitHub does
  /// not know it refuses with 422.
  fileprivate func issues(_ call: GitHubCall) throws -> [GitHubWorld.Issue] {
    func choice(_ name: String, _ words: [String]) throws -> String {
      guard let word = call.request.query[name], !word.isEmpty else { return words[0] }
      guard words.contains(word) else { throw GitHubRefusal.field("Issue", name, "invalid") }
      return word
    }
    let state = try choice("state", ["open", "closed", "all"])
    let sort = try choice("sort", ["created", "updated", "comments"])
    let isAscending = try choice("direction", ["desc", "asc"]) == "asc"
    let wanted = (call.request.query["labels"] ?? "").split(separator: ",").map {
      $0.lowercased()
    }
    func moment(_ issue: GitHubWorld.Issue) -> Double {
      switch sort {
      case "updated": issue.updatedAt.timeIntervalSince1970
      case "comments": Double(comments.count { $0.number == issue.number })
      default: issue.createdAt.timeIntervalSince1970
      }
    }
    let since = try call.since()
    let kept = issues.values.filter { issue in
      let own = Set(issue.labels.map { $0.lowercased() })
      return (state == "all" || (state == "open") == issue.isOpen)
        && issue.updatedAt >= since
        && wanted.allSatisfy(own.contains)
    }
    return kept.sorted { a, b in
      let (one, other) = ((moment(a), a.number), (moment(b), b.number))
      return isAscending ? one < other : one > other
    }
  }

  fileprivate func comment(_ call: GitHubCall) throws -> Int {
    let id = try call.number("id")
    guard let index = comments.firstIndex(where: { $0.id == id }) else {
      throw GitHubRefusal.notFound
    }
    return index
  }
}

extension GitHubCall {
  /// Of the query; the beginning of all time where there is none. What GitHub tells has whole seconds.
  fileprivate func since() throws -> Date {
    guard let text = request.query["since"] else { return .distantPast }
    guard let date = try? Date(text, strategy: .iso8601) else {
      throw GitHubRefusal(status: 422, message: "Invalid since parameter: \(text)")
    }
    return date
  }
}

extension GitHubWorld {
  /// Issues and pull requests alike; merged ones stay closed.
  fileprivate mutating func change(
    _ issue: Issue, _ call: GitHubCall, _ repository: Repository
  ) throws -> GitHubReply {
    let login = login(of: call.caller)
    if case .user = call.caller, login.lowercased() != issue.login.lowercased(),
      !["triage", "write", "maintain", "admin"].contains(role(of: login, in: repository))
    {
      throw GitHubRefusal(status: 403, message: "Must have admin rights to Repository.")
    }
    var issue = issue
    let fields = try call.fields()
    let state = try fields.choice("state", of: ["open", "closed"])
    let reason = try fields.choice(
      "state_reason", of: ["completed", "not_planned", "duplicate", "reopened"])
    if let title = try fields.string("title") { issue.title = title }
    if let body = try fields.string("body") { issue.body = body }
    if let state, issue.isOpen != (state == "open") {
      if issue.pull?.isMerged == true {
        throw GitHubRefusal.field("Issue", "state", "invalid", "state cannot be changed.")
      }
      issue.isOpen = state == "open"
      issue.closedAt = issue.isOpen ? nil : now
      issue.stateReason = issue.pull == nil ? reason : nil
    }
    issue.updatedAt = now
    repositories[repository.key]?.issues[issue.number] = issue
    return .json(json(issue: issue, in: repositories[repository.key] ?? repository))
  }

  /// Only who wrote a comment, or may write in the repository, changes it.
  func checkAuthor(_ author: String, _ call: GitHubCall, _ repository: Repository) throws {
    let login = login(of: call.caller)
    if login.lowercased() == author.lowercased() { return }
    if case .installation = call.caller { return }
    if ["write", "maintain", "admin"].contains(role(of: login, in: repository)) { return }
    throw GitHubRefusal(status: 403, message: "Must have admin rights to Repository.")
  }

  /// 201 for a new reaction, 200 for one that the account has given before.
  mutating func react(_ call: GitHubCall, _ reactions: inout [Reaction]) throws -> GitHubReply {
    let names = Domain.Reaction.allCases.map(\.rawValue)
    let fields = try call.fields()
    _ = try fields.required("content")
    let content = try fields.choice("content", of: names) ?? ""
    let login = login(of: call.caller)
    if let known = reactions.first(where: { $0.login == login && $0.content == content }) {
      return .json(json(reaction: known))
    }
    let reaction = Reaction(id: newID(), login: login, content: content, createdAt: now)
    reactions.append(reaction)
    return .json(json(reaction: reaction), status: 201)
  }

  fileprivate mutating func addLabels(
    _ call: GitHubCall, _ issue: Issue, _ repository: Repository
  ) throws -> GitHubReply {
    // The list may also stand alone, as PyGithub sends it.
    let body = JSONValue(bytes: call.request.body)
    let list = try body?.array ?? (try call.fields().array("labels") ?? [])
    let names = list.compactMap { $0.string ?? $0["name"]?.string }
    guard !names.isEmpty, names.count == list.count else {
      throw GitHubRefusal.invalid("\"labels\" wasn't supplied.")
    }
    for name in names where name.isEmpty || name.count > 50 {
      throw GitHubRefusal.field("Label", "name", "invalid")
    }
    var repository = repository
    var issue = issue
    for name in names {
      if !repository.labels.contains(where: { $0.name.lowercased() == name.lowercased() }) {
        repository.labels.append(Label(id: newID(), name: name))
      }
      if !issue.labels.contains(where: { $0.lowercased() == name.lowercased() }) {
        issue.labels.append(name)
      }
    }
    issue.updatedAt = now
    repository.issues[issue.number] = issue
    repositories[repository.key] = repository
    return .json(json(labelsOf: issue, in: repository))
  }
}
