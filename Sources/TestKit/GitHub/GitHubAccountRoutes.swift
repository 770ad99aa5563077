import Crypto
import Domain
import Foundation

extension GitHubRoute {
  static let accountRoutes: [GitHubRoute] = [
    GitHubRoute("GET", "/user") { world, call in
      switch call.caller {
      case .anonymous: throw GitHubRefusal(status: 401, message: "Requires authentication")
      case .user(let login): return .json(world.json(wholeAccount: login))
      case .signedIn(let token): return .json(world.json(wholeAccount: token.login))
      case .app, .installation: throw GitHubRefusal.forIntegration
      }
    },
    GitHubRoute("GET", "/users/{username}") { world, call in
      guard world.accounts[call.text("username").lowercased()] != nil else {
        throw GitHubRefusal.notFound
      }
      return .json(world.json(wholeAccount: call.text("username")))
    },
    GitHubRoute("GET", "/rate_limit") { world, call in
      let login = world.login(of: call.caller)
      let core = world.limits.state(login.isEmpty ? "anonymous" : "user \(login)", now: world.now)
      return .json(
        object([
          "resources": object(["core": core, "search": core, "graphql": core]), "rate": core,
        ]))
    },
    GitHubRoute("GET", "/app") { world, call in
      .json(world.json(app: try world.ownApp(call)))
    },
    GitHubRoute("GET", "/app/installations") { world, call in
      let app = try world.ownApp(call)
      let own = world.installations.values.filter { $0.app == app.id }.sorted { $0.id < $1.id }
      return call.page(own.map { world.json(installation: $0) }, in: world.root)
    },
    GitHubRoute("GET", "/app/installations/{id}") { world, call in
      .json(world.json(installation: try world.ownInstallation(call)))
    },
    GitHubRoute("POST", "/app/installations/{id}/access_tokens") { world, call in
      try world.makeToken(call)
    },
    GitHubRoute("GET", "/repos/{owner}/{repo}/installation") { world, call in
      let app = try world.ownApp(call)
      let key = "\(call.text("owner"))/\(call.text("repo"))".lowercased()
      guard let repository = world.repositories[key],
        let installation = world.installations.values.first(where: { installation in
          installation.app == app.id
            && (installation.repositories?.contains(repository.key)
              ?? (installation.account.lowercased() == repository.owner.lowercased()))
        })
      else { throw GitHubRefusal.notFound }
      return .json(world.json(installation: installation))
    },
    GitHubRoute("GET", "/installation/repositories") { world, call in
      guard case .installation(let token) = call.caller else { throw GitHubRefusal.forIntegration }
      let found = world.repositories.values.filter { repository in
        (try? world.check(.write(), .installation(token), repository)) != nil
      }.sorted { $0.id < $1.id }
      let (page, links) = call.slice(found.map { world.json(repository: $0) }, world.root)
      let body = object([
        "total_count": found.count, "repositories": page, "repository_selection": "selected",
      ])
      return GitHubReply(status: 200, headers: links, body: body.bytes)
    },
  ]
}

extension GitHubWorld {
  func ownApp(_ call: GitHubCall) throws -> App {
    guard case .app(let id) = call.caller, let app = apps[id] else {
      throw GitHubRefusal(status: 401, message: "A JSON web token could not be decoded")
    }
    return app
  }

  fileprivate func ownInstallation(_ call: GitHubCall) throws -> Installation {
    let app = try ownApp(call)
    guard let installation = installations[try call.number("id")], installation.app == app.id else {
      throw GitHubRefusal.notFound
    }
    return installation
  }

  /// A token for an hour, narrowed as asked, never wider than the installation.
  fileprivate mutating func makeToken(_ call: GitHubCall) throws -> GitHubReply {
    let installation = try ownInstallation(call)
    guard !installation.isSuspended else {
      throw GitHubRefusal(status: 403, message: "This installation has been suspended")
    }
    let fields = try call.fields()
    var granted = installation.permissions
    // An empty object asks for all, as PyGithub does.
    if let wanted = fields["permissions"], !wanted.members.isEmpty {
      granted = [:]
      for (name, level) in wanted.members {
        let levels = ["read", "write", "admin"]
        guard let asked = level.string.flatMap({ levels.firstIndex(of: $0) }),
          let had = installation.permissions[name].flatMap({ levels.firstIndex(of: $0) }),
          asked <= had
        else {
          throw GitHubRefusal(
            status: 422,
            message: "The permissions requested are not granted to this installation.")
        }
        granted[name] = levels[asked]
      }
      granted["metadata"] = "read"
    }
    let reachable = repositories.values.filter { repository in
      installation.repositories?.contains(repository.key)
        ?? (repository.owner.lowercased() == installation.account.lowercased())
    }
    var chosen: [Repository]?
    if let names = try fields.array("repositories") {
      chosen = (chosen ?? [])
      for name in names {
        guard
          let found = reachable.first(where: {
            $0.name.lowercased() == name.string?.lowercased()
          })
        else { throw Self.unreachableRepository }
        chosen?.append(found)
      }
    }
    if let ids = try fields.array("repository_ids") {
      chosen = (chosen ?? [])
      for id in ids {
        guard let found = reachable.first(where: { $0.id == id.integer }) else {
          throw Self.unreachableRepository
        }
        chosen?.append(found)
      }
    }
    let token = "ghs_" + GitHubDiffs.hex((0..<18).map { _ in UInt8.random(in: 0...255) })
    let expires = now.addingTimeInterval(tokenLifetime)
    tokens[token] = .installation(
      InstallationToken(
        installation: installation.id, repositories: chosen.map { Set($0.map(\.key)) },
        permissions: granted, expires: expires))
    var answer = object([
      "token": token, "expires_at": expires, "permissions": granted,
      "repository_selection":
        chosen == nil && installation.repositories == nil ? "all" : "selected",
    ]).members
    if let chosen { answer["repositories"] = chosen.map { json(repository: $0) }.json }
    return .json(.object(answer), status: 201)
  }

  private static let unreachableRepository = GitHubRefusal(
    status: 422,
    message: "There is at least one repository that does not exist or is not accessible to the "
      + "parent installation.")
}
