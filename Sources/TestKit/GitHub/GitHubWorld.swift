import Domain
import Foundation

/// Everything that the fake GitHub holds. One value behind one lock.
struct GitHubWorld {
  struct Account {
    var id: Int
    var login: String
    var type = "User"
  }

  struct App {
    var id: Int
    var slug: String
    var name: String
    var owner: String
    var publicKey: String
    var permissions: [String: String]
    var events: [String]
    var createdAt: Date
    /// What was sent to the App's own hook, oldest first.
    var sent: [Sent] = []
  }

  struct Installation {
    var id: Int
    var app: Int
    var account: String
    /// Lower-case full names; `nil`: all of the account.
    var repositories: Set<String>?
    var permissions: [String: String]
    var createdAt: Date
    var isSuspended = false
  }

  enum Token {
    case user(login: String)
    case installation(InstallationToken)
    /// Of somebody who signed in by an app.
    case oauth(OAuthToken)
  }

  struct InstallationToken {
    var installation: Int
    /// Lower-case full names; `nil`: those of the installation.
    var repositories: Set<String>?
    var permissions: [String: String]
    var expires: Date
  }

  struct Commit {
    var sha: String
    var parents: [String]
    var files: [String: [UInt8]]
    var message: String
    var author: String
    var date: Date
  }

  struct Label {
    var id: Int
    var name: String
    var color = "ededed"
    var description: String?
  }

  struct Reaction {
    var id: Int
    var login: String
    var content: String
    var createdAt: Date
  }

  struct Comment {
    var id: Int
    var number: Int
    var login: String
    var body: String
    var app: Int?
    var createdAt: Date
    var updatedAt: Date
    var reactions: [Reaction] = []
  }

  struct Review {
    var id: Int
    var login: String
    var body: String
    var state: String
    var commit: String
    var submittedAt: Date
  }

  struct ReviewComment {
    var id: Int
    var number: Int
    var review: Int
    var login: String
    var body: String
    var path: String
    var side: Side
    /// `nil` where a later commit has outdated it, and for a comment on the whole file.
    var line: Int?
    var originalLine: Int?
    var startLine: Int?
    var originalStartLine: Int?
    var startSide: Side?
    var isOnFile = false
    var position: Int?
    var originalPosition: Int
    var hunk: String
    var commit: String
    var originalCommit: String
    /// The first comment of its thread.
    var root: Int?
    var createdAt: Date
    var updatedAt: Date
    var reactions: [Reaction] = []
  }

  struct CheckRun {
    var id: Int
    var app: Int
    var name: String
    var head: String
    var status: String
    var conclusion: String?
    var externalID: String
    var details: String?
    var startedAt: String?
    var completedAt: String?
    var title: String?
    var summary: String?
    var text: String?
    var annotations: [JSONValue] = []
  }

  struct Status {
    var id: Int
    var state: String
    var context: String
    var description: String?
    var target: String?
    var login: String
    var createdAt: Date
  }

  struct Pull {
    var headRef: String
    var baseRef: String
    var head: String
    var base: String
    /// Where the head's branch is; `nil` where the fork was deleted.
    var headRepository: String?
    var isDraft = false
    var isMerged = false
    var mergeCommit: String?
    /// Logins, and teams' slugs.
    var requestedReviewers: [String] = []
    var requestedTeams: [String] = []
    /// Given instead of computed.
    var diff: [UInt8]?
    var reviews: [Review] = []
    var comments: [ReviewComment] = []
    /// By the root comment's number.
    var resolved: [Int: String] = [:]
  }

  /// An issue, and a pull request where `pull` is set: they share their numbers.
  struct Issue {
    var id: Int
    var number: Int
    var title: String
    var body: String?
    var login: String
    var isOpen = true
    var isLocked = false
    var lockReason: String?
    var assignees: [String] = []
    var labels: [String] = []
    var createdAt: Date
    var updatedAt: Date
    var closedAt: Date?
    /// Why an issue was closed.
    var stateReason: String?
    /// Its title.
    var milestone: String?
    var pull: Pull?
    var reactions: [Reaction] = []
  }

  /// What a branch asks for before anything is merged into it.
  struct Protection {
    var approvals = 0
    var checks: [String] = []
    var isStrict = false
    var needsOwners = false
    var needsResolved = false
  }

  /// A webhook's place, with what was sent there, oldest first.
  struct Hook {
    var id: Int
    var address: String
    var isActive = true
    var sent: [Sent] = []
  }

  /// One attempt to deliver.
  struct Sent {
    var id: Int
    var delivery: GitHubDelivery
    var action: String?
    var installation: Int?
    var at: Date
    var isRedelivery = false
    /// 0 where nobody answered.
    var status: Int
  }

  /// A workflow that was asked for.
  struct Dispatch {
    var workflow: String
    var ref: String
    var inputs: JSONValue
  }

  struct Repository {
    var id: Int
    var owner: String
    var name: String
    var isPrivate = false
    var isFork = false
    var defaultBranch = "main"
    var commits: [String: Commit] = [:]
    var branches: [String: String] = [:]
    /// Role by lower-case login.
    var roles: [String: String] = [:]
    var labels: [Label] = []
    var issues: [Int: Issue] = [:]
    var comments: [Comment] = []
    var checkRuns: [CheckRun] = []
    /// Suites with more jobs to come, by commit and App.
    var openSuites: [String: Set<Int>] = [:]
    /// By commit, oldest first.
    var statuses: [String: [Status]] = [:]
    /// By branch.
    var protections: [String: Protection] = [:]
    var dispatches: [Dispatch] = []
    var hooks: [Hook] = []
    var createdAt: Date

    var fullName: String { "\(owner)/\(name)" }
    var key: String { fullName.lowercased() }
  }

  var accounts: [String: Account] = [:]
  var apps: [Int: App] = [:]
  var installations: [Int: Installation] = [:]
  var tokens: [String: Token] = [:]
  var oauthApps: [String: OAuthApp] = [:]
  var oauthCodes: [String: OAuthCode] = [:]
  var oauthRefreshTokens: [String: OAuthToken] = [:]
  /// Logins in lower case who let no app in.
  var oauthRefusers: Set<String> = []
  var repositories: [String: Repository] = [:]
  /// Members by `ORG/TEAM`, all in lower case.
  var teams: [String: Set<String>] = [:]
  var limits = GitHubLimits()
  var maximumDiffFiles = 300
  var maximumDiffLines = 20_000
  /// Of an installation token, seconds.
  var tokenLifetime: TimeInterval = 3600
  /// Where this request thinks the API is, without a closing slash.
  var root = ""
  /// The server's clock at this request.
  var now = Date()
  private var lastID = 1_000_000

  mutating func newID() -> Int {
    lastID += 1
    return lastID
  }

  /// The account of that name, which is made where there is none.
  @discardableResult
  mutating func account(_ login: String, id: Int? = nil, type: String? = nil) -> Account {
    let key = login.lowercased()
    if let known = accounts[key], id == nil || id == known.id { return known }
    let account = Account(
      id: id ?? newID(), login: login,
      type: type ?? (login.hasSuffix("[bot]") ? "Bot" : "User"))
    accounts[key] = account
    return account
  }

  func known(_ login: String) -> Account {
    accounts[login.lowercased()] ?? Account(id: 0, login: login)
  }

  // MARK: commits

  /// All that `commit` stands on, itself included.
  func ancestors(of commit: String, in repository: Repository) -> Set<String> {
    var seen: Set<String> = []
    var open = [commit]
    while let next = open.popLast() {
      guard seen.insert(next).inserted, let found = repository.commits[next] else { continue }
      open += found.parents
    }
    return seen
  }

  /// The nearest commit that both stand on.
  func mergeBase(_ base: String, _ head: String, in repository: Repository) -> String? {
    let known = ancestors(of: base, in: repository)
    var open = [head]
    var seen: Set<String> = []
    while !open.isEmpty {
      let next = open.removeFirst()
      if known.contains(next) { return next }
      guard seen.insert(next).inserted else { continue }
      open += repository.commits[next]?.parents ?? []
    }
    return nil
  }

  /// A commit by its full or abbreviated name, or what a branch names.
  func commit(_ name: String, in repository: Repository) -> Commit? {
    var name = name
    if name == "HEAD" { name = repository.defaultBranch }
    if let found = repository.commits[name] { return found }
    if name.hasPrefix("refs/heads/") { name.removeFirst("refs/heads/".count) }
    if name.hasPrefix("heads/") { name.removeFirst("heads/".count) }
    if let sha = repository.branches[name] { return repository.commits[sha] }
    let parts = name.split(separator: "/")
    if parts.count == 4, parts[0] == "refs", parts[1] == "pull", parts[3] == "head",
      let pull = Int(parts[2]).flatMap({ repository.issues[$0]?.pull })
    {
      return repository.commits[pull.head]
    }
    guard name.count >= 7 else { return nil }
    let matches = repository.commits.keys.filter { $0.hasPrefix(name) }
    return matches.count == 1 ? matches.first.flatMap { repository.commits[$0] } : nil
  }
}

extension Side {
  var gitHub: String { self == .new ? "RIGHT" : "LEFT" }
  init?(gitHub: String?) {
    switch gitHub {
    case nil, "RIGHT": self = .new
    case "LEFT": self = .old
    default: return nil
    }
  }
}
