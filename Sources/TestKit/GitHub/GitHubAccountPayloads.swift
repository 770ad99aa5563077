import Domain
import Foundation

extension GitHubWorld {
  static let web = "https://github.com"

  static func nodeID(_ kind: String, _ id: Int) -> String {
    Data("\(kind)\(id)".utf8).base64EncodedString()
  }

  func json(account login: String) -> JSONValue {
    let account = known(login)
    let url = "\(root)/users/\(login)"
    return object([
      "login": account.login, "id": account.id, "node_id": Self.nodeID("User", account.id),
      "avatar_url": "\(Self.web)/avatars/\(account.id)", "gravatar_id": "", "url": url,
      "html_url": "\(Self.web)/\(login)", "followers_url": "\(url)/followers",
      "following_url": "\(url)/following{/other_user}", "gists_url": "\(url)/gists{/gist_id}",
      "starred_url": "\(url)/starred{/owner}{/repo}", "subscriptions_url": "\(url)/subscriptions",
      "organizations_url": "\(url)/orgs", "repos_url": "\(url)/repos",
      "events_url": "\(url)/events{/privacy}", "received_events_url": "\(url)/received_events",
      "type": account.type, "site_admin": false,
    ])
  }

  /// With what only `/user` and `/users/{username}` tell.
  func json(wholeAccount login: String) -> JSONValue {
    let date = Date(timeIntervalSince1970: 1_500_000_000)
    return json(account: login).merging(
      object([
        "name": login, "company": nil, "blog": "", "location": nil, "email": nil, "hireable": nil,
        "bio": nil, "twitter_username": nil, "public_repos": 1, "public_gists": 0, "followers": 0,
        "following": 0, "created_at": date, "updated_at": date,
      ]))
  }

  func json(app: App) -> JSONValue {
    object([
      "id": app.id, "slug": app.slug, "node_id": Self.nodeID("App", app.id),
      "owner": json(account: app.owner), "name": app.name, "description": "",
      "external_url": "https://example.com", "html_url": "\(Self.web)/apps/\(app.slug)",
      "created_at": app.createdAt, "updated_at": app.createdAt, "permissions": app.permissions,
      "events": app.events,
    ])
  }

  func json(installation: Installation) -> JSONValue {
    object([
      "id": installation.id, "account": json(account: installation.account),
      "repository_selection": installation.repositories == nil ? "all" : "selected",
      "access_tokens_url": "\(root)/app/installations/\(installation.id)/access_tokens",
      "repositories_url": "\(root)/installation/repositories",
      "html_url": "\(Self.web)/settings/installations/\(installation.id)",
      "app_id": installation.app, "target_id": known(installation.account).id,
      "target_type": known(installation.account).type, "permissions": installation.permissions,
      "events": apps[installation.app]?.events ?? [], "created_at": installation.createdAt,
      "updated_at": installation.createdAt, "single_file_name": nil,
      "has_multiple_single_files": false, "single_file_paths": [String](),
      "app_slug": apps[installation.app]?.slug, "suspended_by": nil, "suspended_at": nil,
    ])
  }

  func json(repository: Repository) -> JSONValue {
    let url = "\(root)/repos/\(repository.fullName)"
    let web = "\(Self.web)/\(repository.fullName)"
    var members = object([
      "id": repository.id, "node_id": Self.nodeID("Repository", repository.id),
      "name": repository.name, "full_name": repository.fullName,
      "owner": json(account: repository.owner), "private": repository.isPrivate,
      "html_url": web, "description": nil, "fork": repository.isFork, "url": url,
      "git_url": "git://github.com/\(repository.fullName).git",
      "ssh_url": "git@github.com:\(repository.fullName).git", "clone_url": "\(web).git",
      "mirror_url": nil, "svn_url": web, "homepage": nil, "language": nil, "size": 1,
      "default_branch": repository.defaultBranch, "has_issues": true, "has_projects": true,
      "has_wiki": true, "has_pages": false, "has_downloads": true, "has_discussions": false,
      "archived": false, "disabled": false,
      "visibility": repository.isPrivate ? "private" : "public", "license": nil,
      "pushed_at": repository.createdAt, "created_at": repository.createdAt,
      "updated_at": repository.createdAt,
    ]).members
    for name in [
      "forks", "forks_count", "stargazers_count", "watchers", "watchers_count",
    ] {
      members[name] = .integer(0)
    }
    let open = repository.issues.values.count { $0.isOpen }
    members["open_issues"] = .integer(open)
    members["open_issues_count"] = .integer(open)
    for (name, path) in Self.repositoryLinks { members[name + "_url"] = .string(url + path) }
    return .object(members)
  }

  /// With what only the repository's own route tells.
  func json(wholeRepository repository: Repository, for login: String) -> JSONValue {
    let role = role(of: login, in: repository)
    let ranks = ["none", "read", "triage", "write", "maintain", "admin"]
    let rank = ranks.firstIndex(of: role) ?? 0
    return json(repository: repository).merging(
      object([
        "network_count": 0, "subscribers_count": 0,
        "permissions": object([
          "pull": rank >= 1, "triage": rank >= 2, "push": rank >= 3, "maintain": rank >= 4,
          "admin": rank >= 5,
        ]),
      ]))
  }

  private static let repositoryLinks: [(String, String)] = [
    ("archive", "/{archive_format}{/ref}"), ("assignees", "/assignees{/user}"),
    ("blobs", "/git/blobs{/sha}"), ("branches", "/branches{/branch}"),
    ("collaborators", "/collaborators{/collaborator}"), ("comments", "/comments{/number}"),
    ("commits", "/commits{/sha}"), ("compare", "/compare/{base}...{head}"),
    ("contents", "/contents/{+path}"), ("contributors", "/contributors"),
    ("deployments", "/deployments"), ("downloads", "/downloads"), ("events", "/events"),
    ("forks", "/forks"), ("git_commits", "/git/commits{/sha}"), ("git_refs", "/git/refs{/sha}"),
    ("git_tags", "/git/tags{/sha}"), ("hooks", "/hooks"),
    ("issue_comment", "/issues/comments{/number}"), ("issue_events", "/issues/events{/number}"),
    ("issues", "/issues{/number}"), ("keys", "/keys{/key_id}"), ("labels", "/labels{/name}"),
    ("languages", "/languages"), ("merges", "/merges"), ("milestones", "/milestones{/number}"),
    ("notifications", "/notifications{?since,all,participating}"), ("pulls", "/pulls{/number}"),
    ("releases", "/releases{/id}"), ("stargazers", "/stargazers"),
    ("statuses", "/statuses/{sha}"), ("subscribers", "/subscribers"),
    ("subscription", "/subscription"), ("tags", "/tags"), ("teams", "/teams"),
    ("trees", "/git/trees{/sha}"),
  ]

  func json(commit: Commit, in repository: Repository) -> JSONValue {
    let url = "\(root)/repos/\(repository.fullName)/commits/\(commit.sha)"
    let web = "\(Self.web)/\(repository.fullName)/commit"
    let person = object([
      "name": commit.author, "email": "\(commit.author)@example.com", "date": commit.date,
    ])
    return object([
      "url": url, "sha": commit.sha, "node_id": Self.nodeID("Commit\(commit.sha)", 0),
      "html_url": "\(web)/\(commit.sha)", "comments_url": "\(url)/comments",
      "commit": object([
        "url": url, "author": person, "committer": person, "message": commit.message,
        "comment_count": 0, "tree": object(["sha": commit.sha, "url": url]),
        "verification": object([
          "verified": false, "reason": "unsigned", "signature": nil, "payload": nil,
          "verified_at": nil,
        ]),
      ]),
      "author": json(account: commit.author), "committer": json(account: commit.author),
      "parents": commit.parents.map {
        object([
          "sha": $0, "url": "\(root)/repos/\(repository.fullName)/commits/\($0)",
          "html_url": "\(web)/\($0)",
        ])
      },
    ])
  }

  func json(change: GitHubFileChange, at commit: String, in repository: Repository) -> JSONValue {
    let allowed = CharacterSet.urlPathAllowed
    let path = change.path.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
    var members = object([
      "sha": change.blob, "filename": change.path, "status": change.status,
      "additions": change.diff.additions, "deletions": change.diff.deletions,
      "changes": change.diff.additions + change.diff.deletions,
      "blob_url": "\(Self.web)/\(repository.fullName)/blob/\(commit)/\(path)",
      "raw_url": "\(Self.web)/\(repository.fullName)/raw/\(commit)/\(path)",
      "contents_url": "\(root)/repos/\(repository.fullName)/contents/\(path)?ref=\(commit)",
    ]).members
    // GitHub gives no patch of a file that is binary or long.
    if let patch = change.patch, patch.utf8.count < 1_000_000 { members["patch"] = .string(patch) }
    if change.diff.status == .renamed, let old = change.diff.oldPath {
      members["previous_filename"] = .string(old.description)
    }
    return .object(members)
  }

  func json(reactions: [Reaction], url: String) -> JSONValue {
    var members = object(["url": url, "total_count": reactions.count]).members
    for name in Domain.Reaction.allCases.map(\.rawValue) {
      members[name] = .integer(reactions.count { $0.content == name })
    }
    return .object(members)
  }

  func json(reaction: Reaction) -> JSONValue {
    object([
      "id": reaction.id, "node_id": Self.nodeID("Reaction", reaction.id),
      "user": json(account: reaction.login), "content": reaction.content,
      "created_at": reaction.createdAt,
    ])
  }

  func association(_ login: String, _ repository: Repository) -> String {
    if login.lowercased() == repository.owner.lowercased() { return "OWNER" }
    return repository.roles[login.lowercased()] == nil ? "NONE" : "COLLABORATOR"
  }
}
