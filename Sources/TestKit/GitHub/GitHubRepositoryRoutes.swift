import Domain
import Foundation

extension GitHubRoute {
  static let repositoryRoutes: [GitHubRoute] = [
    GitHubRoute("GET", repo: "", .metadata) { world, call, repository in
      .json(
        world.json(
          wholeRepository: repository, for: world.login(of: call.caller)))
    },
    GitHubRoute("GET", repo: "/contents/{path…}", .read("contents")) { world, call, repository in
      try world.contents(call, repository)
    },
    GitHubRoute("GET", repo: "/contents", .read("contents")) { world, call, repository in
      try world.contents(call, repository)
    },
    GitHubRoute("GET", repo: "/compare/{basehead…}", .read("contents")) { world, call, repository in
      try world.comparison(call, repository)
    },
    GitHubRoute("GET", repo: "/commits/{ref}", .read("contents")) { world, call, repository in
      guard let commit = world.commit(call.text("ref"), in: repository) else {
        throw GitHubRefusal(
          status: 422, message: "No commit found for SHA: \(call.text("ref"))")
      }
      let changes = GitHubDiffs.changes(
        from: commit.parents.first.flatMap { repository.commits[$0] }?.files ?? [:],
        to: commit.files)
      if call.request.media == "diff" { return try world.diff(changes) }
      let additions = changes.reduce(0) { $0 + $1.diff.additions }
      let deletions = changes.reduce(0) { $0 + $1.diff.deletions }
      return .json(
        world.json(commit: commit, in: repository).merging(
          object([
            "stats": object([
              "additions": additions, "deletions": deletions, "total": additions + deletions,
            ]),
            "files": changes.map { world.json(change: $0, at: commit.sha, in: repository) },
          ])))
    },
    GitHubRoute("GET", repo: "/collaborators/{username}/permission", .metadata) {
      world, call, repository in
      let login = call.text("username")
      guard world.accounts[login.lowercased()] != nil else {
        throw GitHubRefusal(
          status: 404, message: "\(login) is not a user")
      }
      let role = world.role(of: login, in: repository)
      let coarse = ["triage": "read", "maintain": "write"][role] ?? role
      let ranks = ["none", "read", "triage", "write", "maintain", "admin"]
      let rank = ranks.firstIndex(of: role) ?? 0
      let user = world.json(account: login).merging(
        object([
          "role_name": role,
          "permissions": object([
            "pull": rank >= 1, "triage": rank >= 2, "push": rank >= 3, "maintain": rank >= 4,
            "admin": rank >= 5,
          ]),
        ]))
      return .json(object(["permission": coarse, "role_name": role, "user": user]))
    },
    GitHubRoute("GET", repo: "/labels", .read("issues", "pull_requests")) {
      world, call, repository in
      call.page(repository.labels.map { world.json(label: $0, in: repository) }, in: world.root)
    },
  ]
}

extension GitHubWorld {
  func diff(_ changes: [GitHubFileChange]) throws -> GitHubReply {
    try checkSize(changes)
    return GitHubReply(
      status: 200, body: changes.flatMap(\.bytes),
      type: "application/vnd.github.diff; charset=utf-8")
  }

  fileprivate func contents(_ call: GitHubCall, _ repository: Repository) throws -> GitHubReply {
    let ref = call.request.query["ref"] ?? repository.defaultBranch
    guard let commit = commit(ref, in: repository) else {
      throw GitHubRefusal(status: 404, message: "No commit found for the ref \(ref)")
    }
    let path = call.text("path")
    guard let bytes = commit.files[path] else {
      return try directory(path, ref, commit, repository)
    }
    if call.request.media == "raw" {
      return GitHubReply(
        status: 200, body: bytes, type: "application/vnd.github.raw; charset=utf-8")
    }
    // Over one megabyte only the raw form has the content.
    let isLarge = bytes.count > 1_000_000
    let text = Data(bytes).base64EncodedString(options: [
      .lineLength76Characters, .endLineWithLineFeed,
    ])
    return .json(
      entry(path, "file", bytes, ref, repository).merging(
        object([
          "encoding": isLarge ? "none" : "base64",
          "content": isLarge || text.isEmpty ? "" : text + "\n",
        ])))
  }

  private func directory(
    _ path: String, _ ref: String, _ commit: Commit, _ repository: Repository
  ) throws -> GitHubReply {
    let prefix = path.isEmpty ? "" : path + "/"
    let below = commit.files.filter { $0.key.hasPrefix(prefix) }
    guard !below.isEmpty else { throw GitHubRefusal.notFound }
    var names: [String: String] = [:]
    for file in below.keys {
      let parts = file.dropFirst(prefix.count).split(separator: "/")
      if let name = parts.first { names[String(name)] = parts.count > 1 ? "dir" : "file" }
    }
    return .json(
      .array(
        names.sorted { $0.key < $1.key }.map { name, type in
          entry(prefix + name, type, commit.files[prefix + name] ?? [], ref, repository)
        }))
  }

  private func entry(
    _ path: String, _ type: String, _ bytes: [UInt8], _ ref: String, _ repository: Repository
  ) -> JSONValue {
    let safe = path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? ""
    let url = "\(root)/repos/\(repository.fullName)/contents/\(safe)?ref=\(ref.urlSafe)"
    let sha = GitHubDiffs.blob(bytes)
    let git = "\(root)/repos/\(repository.fullName)/git/blobs/\(sha)"
    let web = "\(Self.web)/\(repository.fullName)/blob/\(ref.urlSafe)/\(safe)"
    return object([
      "type": type, "size": bytes.count, "name": path.split(separator: "/").last.map(String.init),
      "path": path, "sha": sha, "url": url, "git_url": git, "html_url": web,
      "download_url": type == "file" ? web.replacingOccurrences(of: "/blob/", with: "/raw/") : nil,
      "_links": object(["self": url, "git": git, "html": web]),
    ])
  }

  fileprivate func comparison(_ call: GitHubCall, _ repository: Repository) throws -> GitHubReply {
    let text = call.text("basehead")
    guard let dots = text.range(of: "..."),
      let base = commit(String(text[..<dots.lowerBound]), in: repository),
      let head = commit(String(text[dots.upperBound...]), in: repository),
      let fork = mergeBase(base.sha, head.sha, in: repository),
      let common = repository.commits[fork]
    else { throw GitHubRefusal.notFound }
    let changes = GitHubDiffs.changes(from: common.files, to: head.files)
    if call.request.media == "diff" { return try diff(changes) }
    let old = ancestors(of: base.sha, in: repository)
    let new = ancestors(of: head.sha, in: repository)
    let commits = new.subtracting(old).compactMap { repository.commits[$0] }
      .sorted { ($0.date, $0.sha) < ($1.date, $1.sha) }
    let behind = old.subtracting(new).count
    let status =
      switch (commits.count, behind) {
      case (0, 0): "identical"
      case (_, 0): "ahead"
      case (0, _): "behind"
      default: "diverged"
      }
    let url = "\(root)/repos/\(repository.fullName)/compare/\(text.urlSafe)"
    let web = "\(Self.web)/\(repository.fullName)/compare/\(text.urlSafe)"
    let (page, links) = call.slice(commits.map { json(commit: $0, in: repository) }, root)
    let body = object([
      "url": url, "html_url": web, "permalink_url": web, "diff_url": "\(web).diff",
      "patch_url": "\(web).patch", "base_commit": json(commit: base, in: repository),
      "merge_base_commit": json(commit: common, in: repository), "status": status,
      "ahead_by": commits.count, "behind_by": behind, "total_commits": commits.count,
      "commits": page,
      // At most so many files are listed, and only on the first page.
      "files": changes.prefix(300).map { json(change: $0, at: head.sha, in: repository) },
    ])
    return GitHubReply(status: 200, headers: links, body: body.bytes)
  }
}
