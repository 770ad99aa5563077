import Domain
import Foundation

extension GitHubRoute {
  static let checkRoutes: [GitHubRoute] = [
    GitHubRoute("POST", repo: "/check-runs", .write("checks")) { world, call, repository in
      let app = try world.checkingApp(call)
      let fields = try call.fields()
      let head = try fields.required("head_sha")
      let name = try fields.required("name")
      guard repository.commits[head] != nil else {
        throw GitHubRefusal(status: 422, message: "No commit found for SHA: \(head)")
      }
      var run = GitHubWorld.CheckRun(
        id: world.newID(), app: app, name: name, head: head, status: "queued", externalID: "")
      try run.update(fields, now: world.now)
      world.repositories[repository.key]?.checkRuns.append(run)
      return .json(world.json(checkRun: run, in: repository), status: 201)
    },
    GitHubRoute("PATCH", repo: "/check-runs/{id}", .write("checks")) { world, call, repository in
      let app = try world.checkingApp(call)
      let index = try repository.checkRun(call)
      var run = repository.checkRuns[index]
      guard run.app == app else {
        throw GitHubRefusal(
          status: 403,
          message: "Invalid app_id `\(app)` - check run can only be "
            + "modified by the GitHub App that created it.")
      }
      try run.update(try call.fields(), now: world.now)
      world.repositories[repository.key]?.checkRuns[index] = run
      return .json(world.json(checkRun: run, in: repository))
    },
    GitHubRoute("GET", repo: "/check-runs/{id}", .read("checks")) { world, call, repository in
      let run = repository.checkRuns[try repository.checkRun(call)]
      return .json(world.json(checkRun: run, in: repository))
    },
    GitHubRoute("GET", repo: "/commits/{ref}/check-runs", .read("checks")) {
      world, call, repository in
      guard let commit = world.commit(call.text("ref"), in: repository) else {
        throw GitHubRefusal(
          status: 422, message: "No commit found for SHA: \(call.text("ref"))")
      }
      let query = call.request.query
      var runs = repository.checkRuns.filter { run in
        run.head == commit.sha && query["check_name"].map { $0 == run.name } ?? true
          && query["app_id"].map { $0 == "\(run.app)" } ?? true
          && query["status"].map { $0 == run.status } ?? true
      }
      if query["filter"] != "all" {
        runs = runs.filter { run in
          run.id == runs.last { $0.name == run.name && $0.app == run.app }?.id
        }
      }
      let (page, links) = call.slice(
        runs.map { world.json(checkRun: $0, in: repository) }, world.root)
      let body = object(["total_count": runs.count, "check_runs": page])
      return GitHubReply(status: 200, headers: links, body: body.bytes)
    },
    GitHubRoute("GET", repo: "/commits/{ref}/check-suites", .read("checks")) {
      world, call, repository in
      guard let commit = world.commit(call.text("ref"), in: repository) else {
        throw GitHubRefusal(
          status: 422, message: "No commit found for SHA: \(call.text("ref"))")
      }
      let suites = world.checkSuites(of: commit, in: repository)
      let (page, links) = call.slice(suites, world.root)
      let body = object(["total_count": suites.count, "check_suites": page])
      return GitHubReply(status: 200, headers: links, body: body.bytes)
    },
    GitHubRoute("POST", repo: "/statuses/{sha}", .write("statuses", role: "write")) {
      world, call, repository in
      try world.addStatus(call, repository)
    },
    GitHubRoute("GET", repo: "/commits/{ref}/statuses", .read("statuses")) {
      world, call, repository in
      let commit = try world.commitOrNotFound(call, repository)
      let statuses = (repository.statuses[commit] ?? []).reversed()
      return call.page(
        statuses.map { world.json(status: $0, of: commit, in: repository) }, in: world.root)
    },
    GitHubRoute("GET", repo: "/commits/{ref}/status", .read("statuses")) {
      world, call, repository in
      let commit = try world.commitOrNotFound(call, repository)
      var latest: [GitHubWorld.Status] = []
      for status in repository.statuses[commit] ?? [] {
        latest.removeAll { $0.context == status.context }
        latest.append(status)
      }
      let states = Set(latest.map(\.state))
      let state =
        states.contains("failure") || states.contains("error")
        ? "failure" : states == ["success"] ? "success" : "pending"
      let url = "\(world.root)/repos/\(repository.fullName)/commits/\(commit)"
      return .json(
        object([
          "state": state,
          "statuses": latest.map { status in
            // The combined form lacks the creator.
            var members = world.json(status: status, of: commit, in: repository).members
            members["creator"] = nil
            return JSONValue.object(members)
          },
          "sha": commit, "total_count": latest.count,
          "repository": world.json(repository: repository), "commit_url": url,
          "url": "\(url)/status",
        ]))
    },
  ]
}

extension GitHubWorld {
  /// One for each App that has made runs.
  fileprivate func checkSuites(of commit: Commit, in repository: Repository) -> [JSONValue] {
    let runs = repository.checkRuns.filter { $0.head == commit.sha }
    let person = object(["name": commit.author, "email": "\(commit.author)@example.com"])
    return Set(runs.map(\.app)).sorted().map { app in
      let names = Set(runs.filter { $0.app == app }.map(\.name))
      let latest = names.compactMap { name in runs.last { $0.app == app && $0.name == name } }
      let isOpen =
        repository.openSuites[commit.sha]?.contains(app) == true
        || latest.contains { $0.status != "completed" }
      let isGreen = latest.allSatisfy {
        ["success", "neutral", "skipped"].contains($0.conclusion ?? "")
      }
      let conclusion: String? = isOpen ? nil : isGreen ? "success" : "failure"
      let id = repository.id * 1000 + app
      let url = "\(root)/repos/\(repository.fullName)/check-suites/\(id)"
      return object([
        "id": id, "node_id": Self.nodeID("CheckSuite", id), "head_branch": nil,
        "head_sha": commit.sha, "status": isOpen ? "in_progress" : "completed",
        "conclusion": conclusion, "url": url,
        "before": commit.parents.first, "after": commit.sha, "pull_requests": [JSONValue](),
        "app": apps[app].map { json(app: $0) }, "repository": json(repository: repository),
        "created_at": commit.date, "updated_at": now,
        "head_commit": object([
          "id": commit.sha, "tree_id": commit.sha, "message": commit.message,
          "timestamp": commit.date, "author": person, "committer": person,
        ]),
        "latest_check_runs_count": latest.count, "check_runs_url": "\(url)/check-runs",
      ])
    }
  }

  fileprivate func checkingApp(_ call: GitHubCall) throws -> Int {
    guard case .installation = call.caller, let app = app(of: call.caller) else {
      throw GitHubRefusal(status: 403, message: "You must authenticate via a GitHub App.")
    }
    return app
  }

  fileprivate func commitOrNotFound(_ call: GitHubCall, _ repository: Repository) throws -> String {
    guard let commit = commit(call.text("ref"), in: repository) else {
      throw GitHubRefusal.notFound
    }
    return commit.sha
  }

  fileprivate mutating func addStatus(
    _ call: GitHubCall, _ repository: Repository
  ) throws -> GitHubReply {
    let sha = call.text("sha")
    let fields = try call.fields()
    _ = try fields.required("state")
    let state = try fields.choice("state", of: ["error", "failure", "pending", "success"]) ?? ""
    guard repository.commits[sha] != nil else {
      throw GitHubRefusal(status: 422, message: "No commit found for SHA: \(sha)")
    }
    let description = try fields.string("description")
    if (description?.count ?? 0) > 140 {
      throw GitHubRefusal.field(
        "Status", "description", "custom", "description is too long (maximum is 140 characters)")
    }
    let status = Status(
      id: newID(), state: state, context: try fields.string("context") ?? "default",
      description: description, target: try fields.string("target_url"),
      login: login(of: call.caller), createdAt: now)
    repositories[repository.key]?.statuses[sha, default: []].append(status)
    return .json(json(status: status, of: sha, in: repository), status: 201)
  }
}

extension GitHubWorld.Repository {
  fileprivate func checkRun(_ call: GitHubCall) throws -> Int {
    let id = try call.number("id")
    guard let index = checkRuns.firstIndex(where: { $0.id == id }) else {
      throw GitHubRefusal.notFound
    }
    return index
  }
}

extension GitHubWorld.CheckRun {
  private static let conclusions = [
    "action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale",
    "timed_out",
  ]

  fileprivate mutating func update(_ fields: GitHubFields, now: Date) throws {
    if let name = try fields.string("name") { self.name = name }
    if let details = try fields.string("details_url") {
      guard details.hasPrefix("http://") || details.hasPrefix("https://") else {
        throw GitHubRefusal.field("CheckRun", "details_url", "invalid")
      }
      self.details = details
    }
    if let id = try fields.string("external_id") { externalID = id }
    if let started = try fields.string("started_at") { startedAt = started }
    if let status = try fields.choice("status", of: ["queued", "in_progress", "completed"]) {
      self.status = status
      if status != "completed" {
        conclusion = nil
        completedAt = nil
      }
    }
    if startedAt == nil { startedAt = now.gitHubText }
    if let conclusion = try fields.choice("conclusion", of: Self.conclusions) {
      self.conclusion = conclusion
      status = "completed"
      completedAt = try fields.string("completed_at") ?? now.gitHubText
    } else if status == "completed", conclusion == nil {
      throw GitHubRefusal.invalid("\"conclusion\" wasn't supplied.")
    }
    guard let value = fields["output"] else { return }
    let output = try GitHubFields(value, place: "properties/output")
    title = try output.required("title")
    summary = try output.required("summary")
    text = try output.string("text")
    for name in ["summary", "text"] where (try output.string(name)?.utf8.count ?? 0) > 65_535 {
      throw GitHubRefusal.invalid(
        "For 'properties/\(name)', the text is longer than 65535 characters.")
    }
    let more = try output.array("annotations") ?? []
    guard more.count <= 50 else {
      throw GitHubRefusal.invalid(
        "No more than 50 items are allowed; \(more.count) were supplied.")
    }
    annotations += more
  }
}
