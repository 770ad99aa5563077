public import Foundation

/// All that a policy can ask of a pull request at one moment, as values. What was not learned is
/// `nil`, and a condition upon it is neither met nor refuted. Codable, so that what was known can
/// be recorded and judged again.
public struct PolicyFacts: Sendable, Hashable, Codable {
  /// What happened.
  public var event: PolicyEvent
  /// Who caused the event.
  public var actor: Person?
  /// `OWNER/NAME`.
  public var repository: String
  public var number: Int
  public var title: String
  public var body: String
  public var author: Person
  public var state: PullRequest.State
  public var isDraft: Bool
  /// Branch names.
  public var base: String
  public var head: String
  /// Full commit ids.
  public var baseCommit: String
  public var headCommit: String
  /// Whether the head lies in another repository.
  public var isFromFork: Bool
  public var labels: [String]
  public var assignees: [String]
  public var requestedReviewers: [String]
  public var isLocked: Bool
  /// `nil` where the forge did not tell all of them.
  public var files: [File]?
  /// Every review in its order; what counts of them is `opinions`.
  public var reviews: [Review]?
  public var unresolvedThreads: Int?
  /// The newest run of each check on the head.
  public var checks: [Check]?
  /// Open findings of Stet's own review of this head.
  public var findings: [Finding]?
  /// Share of the change that the review looked at, in percent; `nil` where none was made of this
  /// head.
  public var coverage: Int?
  public var createdAt: Date
  public var updatedAt: Date
  public var mergeability: Mergeability
  /// Commits of the base that the head lacks.
  public var behindBy: Int?
  /// Pull requests that this one says it needs.
  public var dependencies: [Dependency]?
  /// What the forge itself asks for before it merges; `nil` where it does not tell.
  public var protection: Protection?
  /// Owners of the changed files: logins, and teams as `@ORG/TEAM`.
  public var codeOwners: [String]?
  /// The moment for which all this holds.
  public var now: Date

  public init(
    event: PolicyEvent, repository: String, number: Int, title: String, body: String = "",
    author: Person, state: PullRequest.State = .open, isDraft: Bool = false, base: String,
    head: String, baseCommit: String, headCommit: String, createdAt: Date, updatedAt: Date,
    now: Date
  ) {
    self.event = event
    self.repository = repository
    self.number = number
    self.title = title
    self.body = body
    self.author = author
    self.state = state
    self.isDraft = isDraft
    self.base = base
    self.head = head
    self.baseCommit = baseCommit
    self.headCommit = headCommit
    isFromFork = false
    labels = []
    assignees = []
    requestedReviewers = []
    isLocked = false
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    mergeability = .unknown
    self.now = now
  }
}

/// What a rule may wait for.
public enum PolicyEvent: String, Sendable, Hashable, Codable, CaseIterable {
  case opened, reopened, edited, pushed, ready, draft, labeled, unlabeled, assigned, closed
  case reviewRequested = "review_requested"
  case reviewed
  case reviewDismissed = "review_dismissed"
  case commented
  /// A check or status ended, or changed.
  case checks
  case threads
  /// It is to be merged into another branch now.
  case baseChanged = "base_changed"
  /// The branch that it is to be merged into has moved.
  case basePushed = "base_pushed"
  /// Asked for by a person.
  case command
  case scheduled
}

extension PolicyFacts {
  public struct Person: Sendable, Hashable, Codable {
    public var login: String
    public var isBot: Bool
    public var association: Association?
    /// As `ORG/TEAM`; `nil` where the forge does not tell.
    public var teams: [String]?
    public var permission: ForgePermission?

    public init(
      login: String, isBot: Bool = false, association: Association? = nil, teams: [String]? = nil,
      permission: ForgePermission? = nil
    ) {
      self.login = login
      self.isBot = isBot
      self.association = association
      self.teams = teams
      self.permission = permission
    }
  }

  /// How an author stands to the repository, as GitHub words it.
  public enum Association: String, Sendable, Hashable, Codable, CaseIterable {
    case owner, member, collaborator, contributor
    case firstTimeContributor = "first_time_contributor"
    case firstTimer = "first_timer"
    case mannequin, none
  }

  public struct File: Sendable, Hashable, Codable {
    public var path: String
    public var additions: Int
    public var deletions: Int

    public init(path: String, additions: Int = 0, deletions: Int = 0) {
      self.path = path
      self.additions = additions
      self.deletions = deletions
    }
  }

  public struct Review: Sendable, Hashable, Codable {
    public enum State: String, Sendable, Hashable, Codable, CaseIterable {
      case approved
      case changesRequested = "changes_requested"
      case commented, dismissed, pending
    }
    public var id: Int64
    public var author: Person
    public var state: State
    /// The commit that was looked at.
    public var commit: String?

    public init(id: Int64, author: Person, state: State, commit: String?) {
      self.id = id
      self.author = author
      self.state = state
      self.commit = commit
    }
  }

  public struct Check: Sendable, Hashable, Codable {
    public enum Conclusion: String, Sendable, Hashable, Codable, CaseIterable {
      /// Not ended yet.
      case pending
      case success, neutral, skipped, failure, cancelled
      case timedOut = "timed_out"
      case actionRequired = "action_required"
      case stale
      case startupFailure = "startup_failure"

      /// Whether merging need not mind it.
      public var isGreen: Bool { self == .success || self == .neutral || self == .skipped }
    }
    public var name: String
    public var conclusion: Conclusion
    public var commit: String

    public init(name: String, conclusion: Conclusion, commit: String) {
      self.name = name
      self.conclusion = conclusion
      self.commit = commit
    }
  }

  public struct Finding: Sendable, Hashable, Codable {
    public var severity: Severity
    /// A category or a rule's name.
    public var category: String
    /// Whether a model claimed it, and no rule.
    public var isFromModel: Bool

    public init(severity: Severity, category: String, isFromModel: Bool) {
      self.severity = severity
      self.category = category
      self.isFromModel = isFromModel
    }
  }

  public enum Mergeability: String, Sendable, Hashable, Codable, CaseIterable {
    case clean, conflicted
    /// The forge is still at work on it, or did not say.
    case unknown
  }

  public struct Dependency: Sendable, Hashable, Codable {
    /// `OWNER/NAME#N`.
    public var reference: String
    /// `nil` where it cannot be seen.
    public var state: PullRequest.State?

    public init(reference: String, state: PullRequest.State?) {
      self.reference = reference
      self.state = state
    }
  }

  /// The forge's own conditions for the base branch.
  public struct Protection: Sendable, Hashable, Codable {
    public var approvals: Int
    /// Names of checks that must be there and green.
    public var checks: [String]
    public var needsCodeOwners: Bool
    public var needsUpToDate: Bool
    public var needsResolvedThreads: Bool

    public init(
      approvals: Int = 0, checks: [String] = [], needsCodeOwners: Bool = false,
      needsUpToDate: Bool = false, needsResolvedThreads: Bool = false
    ) {
      self.approvals = approvals
      self.checks = checks
      self.needsCodeOwners = needsCodeOwners
      self.needsUpToDate = needsUpToDate
      self.needsResolvedThreads = needsResolvedThreads
    }
  }

  /// The last review of each account that says something: approval, request, or the dismissal of
  /// either. A later remark takes nothing back. Source: GitHub's `latestOpinionatedReviews`.
  public var opinions: [Review]? {
    guard let reviews else { return nil }
    var order: [String] = []
    var last: [String: Review] = [:]
    for review in reviews where review.state != .commented && review.state != .pending {
      let login = review.author.login.lowercased()
      if last.updateValue(review, forKey: login) == nil { order.append(login) }
    }
    return order.compactMap { last[$0] }
  }

  /// Approvals that count as a person's word: not the author's own, not a program's.
  public var approvals: [Review]? {
    opinions?.filter {
      $0.state == .approved && !$0.author.isBot
        && $0.author.login.lowercased() != author.login.lowercased()
    }
  }

  public var changeRequests: [Review]? { opinions?.filter { $0.state == .changesRequested } }

  /// Lines added and removed.
  public var size: Int? { files.map { $0.reduce(0) { $0 + $1.additions + $1.deletions } } }
}
