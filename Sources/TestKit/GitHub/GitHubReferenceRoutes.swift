import Domain
import Foundation

extension GitHubRoute {
  /// Branches by git's names, what protects them, and merges of one into another.
  static let gitReferenceRoutes: [GitHubRoute] = [
    GitHubRoute("GET", repo: "/git/ref/{ref…}", .read("contents")) { world, call, repository in
      let branch = try repository.branch(call)
      guard let sha = repository.branches[branch] else { throw GitHubRefusal.notFound }
      return .json(world.json(branch: branch, at: sha, in: repository))
    },
    GitHubRoute("POST", repo: "/git/refs", .write("contents", role: "write")) {
      world, call, repository in
      let fields = try call.fields()
      let ref = try fields.required("ref")
      let sha = try fields.required("sha")
      guard ref.hasPrefix("refs/heads/"), repository.commits[sha] != nil else {
        throw GitHubRefusal(status: 422, message: "Object does not exist")
      }
      let branch = String(ref.dropFirst("refs/heads/".count))
      guard repository.branches[branch] == nil else {
        throw GitHubRefusal(status: 422, message: "Reference already exists")
      }
      world.repositories[repository.key]?.branches[branch] = sha
      return .json(world.json(branch: branch, at: sha, in: repository), status: 201)
    },
    GitHubRoute("PATCH", repo: "/git/refs/{ref…}", .write("contents", role: "write")) {
      world, call, repository in
      let branch = try repository.branch(call)
      let fields = try call.fields()
      let sha = try fields.required("sha")
      guard let tip = repository.branches[branch], repository.commits[sha] != nil else {
        throw GitHubRefusal(status: 422, message: "Reference does not exist")
      }
      let isForward = world.ancestors(of: sha, in: repository).contains(tip)
      guard isForward || fields["force"]?.bool == true else {
        throw GitHubRefusal(status: 422, message: "Update is not a fast forward")
      }
      world.repositories[repository.key]?.branches[branch] = sha
      return .json(world.json(branch: branch, at: sha, in: repository))
    },
    GitHubRoute("DELETE", repo: "/git/refs/{ref…}", .write("contents", role: "write")) {
      world, call, repository in
      let branch = try repository.branch(call)
      guard repository.branches[branch] != nil else {
        throw GitHubRefusal(status: 422, message: "Reference does not exist")
      }
      world.repositories[repository.key]?.branches[branch] = nil
      return GitHubReply(status: 204)
    },
    GitHubRoute("POST", repo: "/merges", .write("contents", role: "write")) {
      world, call, repository in
      let fields = try call.fields()
      let base = try fields.required("base")
      guard let tip = repository.branches[base],
        let head = world.commit(try fields.required("head"), in: repository)
      else { throw GitHubRefusal(status: 404, message: "Base does not exist") }
      if world.ancestors(of: tip, in: repository).contains(head.sha) {
        return GitHubReply(status: 204)
      }
      guard let files = world.merged(tip, head.sha, in: repository) else {
        throw GitHubRefusal(status: 409, message: "Merge conflict")
      }
      let sha = world.newSHA()
      let commit = GitHubWorld.Commit(
        sha: sha, parents: [tip, head.sha], files: files,
        message: try fields.string("commit_message") ?? "Merge",
        author: world.login(of: call.caller), date: world.now)
      world.repositories[repository.key]?.commits[sha] = commit
      world.repositories[repository.key]?.branches[base] = sha
      return .json(world.json(commit: commit, in: repository), status: 201)
    },
    GitHubRoute("GET", repo: "/branches/{branch}/protection", .read("administration")) {
      world, call, repository in
      // Whoever may not administer is not told whether there is any.
      if case .user(let login) = call.caller, world.role(of: login, in: repository) != "admin" {
        throw GitHubRefusal.notFound
      }
      guard let protection = repository.protections[call.text("branch")] else {
        throw GitHubRefusal(status: 404, message: "Branch not protected")
      }
      let url = "\(world.root)\(call.request.target)"
      return .json(
        object([
          "url": url,
          "required_status_checks": protection.checks.isEmpty
            ? nil
            : object([
              "url": "\(url)/required_status_checks", "strict": protection.isStrict,
              "contexts": protection.checks, "contexts_url": url, "checks": [JSONValue](),
            ]),
          "required_pull_request_reviews": object([
            "url": "\(url)/required_pull_request_reviews", "dismiss_stale_reviews": false,
            "require_code_owner_reviews": protection.needsOwners,
            "required_approving_review_count": protection.approvals,
          ]),
          "required_conversation_resolution": object(["enabled": protection.needsResolved]),
        ]))
    },
    GitHubRoute("GET", repo: "/rules/branches/{branch}", .metadata) { world, call, _ in
      call.page([], in: world.root)
    },
    GitHubRoute("GET", repo: "/branches/{branch}", .read("contents")) { world, call, repository in
      let branch = call.text("branch")
      guard let commit = world.commit(branch, in: repository),
        repository.branches[branch] != nil
      else { throw GitHubRefusal(status: 404, message: "Branch not found") }
      let protection = repository.protections[branch]
      let url = "\(world.root)\(call.request.target)"
      return .json(
        object([
          "name": branch, "commit": world.json(commit: commit, in: repository),
          "_links": object(["html": url, "self": url]), "protected": protection != nil,
          "protection": object([
            "enabled": protection != nil,
            "required_status_checks": object([
              "enforcement_level": protection == nil ? "off" : "non_admins",
              "contexts": protection?.checks ?? [], "checks": [JSONValue](),
            ]),
          ]),
          "protection_url": "\(url)/protection",
        ]))
    },
  ]
}

extension GitHubWorld.Repository {
  fileprivate func branch(_ call: GitHubCall) throws -> String {
    let ref = call.text("ref")
    guard ref.hasPrefix("heads/") else { throw GitHubRefusal.notFound }
    return String(ref.dropFirst("heads/".count))
  }
}

extension GitHubWorld {
  fileprivate func json(
    branch: String, at sha: String, in repository: Repository
  ) -> JSONValue {
    let url = "\(root)/repos/\(repository.fullName)/git"
    return object([
      "ref": "refs/heads/\(branch)", "node_id": Self.nodeID("Ref", 1),
      "url": "\(url)/refs/heads/\(branch)".urlSafe,
      "object": object(["type": "commit", "sha": sha, "url": "\(url)/commits/\(sha)"]),
    ])
  }
}
