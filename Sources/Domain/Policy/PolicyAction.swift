/// What a rule does. Names and texts are as the policy has them; who exactly is asked for a review
/// is found when it is carried out.
public enum PolicyAction: Sendable, Hashable {
  case label([String])
  case unlabel([String])
  case comment(PolicyTemplate)
  case assign([String])
  case requestReviewers(Reviewers)
  /// Stet's own review of the change.
  case review
  case requestChanges(PolicyTemplate)
  case approve(PolicyTemplate?)
  case dismiss(Dismissal)
  case status(Status)
  case updateBranch
  case merge(Merge)
  case queue(MergePriority)
  case close(PolicyTemplate?)
  case reopen
  case lock(LockReason?)
  /// To a channel of the settings; `nil`: the default one.
  case notify(channel: String?, PolicyTemplate)
  case dispatch(Dispatch)
  case enrich
  /// Learns from the reviews of these people.
  case learn([String])

  public struct Reviewers: Sendable, Hashable {
    public enum Choice: String, Sendable, Hashable, CaseIterable {
      /// Everybody that is named.
      case all
      case roundRobin = "round_robin"
      case codeOwners = "code_owners"
      case leastLoaded = "least_loaded"
    }
    public var choice: Choice
    /// Logins, and teams as `@ORG/TEAM`.
    public var from: [String]
    /// How many are asked; all, where the choice is all.
    public var count: Int

    public init(choice: Choice = .all, from: [String] = [], count: Int = 1) {
      self.choice = choice
      self.from = from
      self.count = count
    }
  }

  public struct Dismissal: Sendable, Hashable {
    public enum Which: String, Sendable, Hashable, CaseIterable {
      case approvals
      case changesRequested = "changes_requested"
      /// Approvals of an earlier commit.
      case stale
    }
    public var which: Which
    /// Only theirs; empty: everybody's.
    public var by: PolicyPeople
    public var message: PolicyTemplate

    public init(which: Which, by: PolicyPeople = PolicyPeople(), message: PolicyTemplate) {
      self.which = which
      self.by = by
      self.message = message
    }
  }

  public struct Status: Sendable, Hashable {
    public enum State: String, Sendable, Hashable, CaseIterable { case success, failure, pending }
    public var name: String
    public var state: State
    public var description: PolicyTemplate

    public init(name: String, state: State, description: PolicyTemplate) {
      self.name = name
      self.state = state
      self.description = description
    }
  }

  public struct Merge: Sendable, Hashable {
    /// `nil`: the policy's.
    public var method: MergeMethod?
    public var title: PolicyTemplate?
    public var message: PolicyTemplate?

    public init(
      method: MergeMethod? = nil, title: PolicyTemplate? = nil, message: PolicyTemplate? = nil
    ) {
      self.method = method
      self.title = title
      self.message = message
    }
  }

  public enum LockReason: String, Sendable, Hashable, CaseIterable {
    case offTopic = "off-topic"
    case tooHeated = "too heated"
    case resolved, spam
  }

  public struct Dispatch: Sendable, Hashable {
    /// The workflow's file name.
    public var workflow: String
    /// `nil`: the base branch. A workflow of the change itself is never run with these rights.
    public var ref: String?
    public var inputs: [String: PolicyTemplate]

    public init(workflow: String, ref: String? = nil, inputs: [String: PolicyTemplate] = [:]) {
      self.workflow = workflow
      self.ref = ref
      self.inputs = inputs
    }
  }

  /// As a policy writes it.
  public var name: String {
    switch self {
    case .label: "label"
    case .unlabel: "unlabel"
    case .comment: "comment"
    case .assign: "assign"
    case .requestReviewers: "request_reviewers"
    case .review: "review"
    case .requestChanges: "request_changes"
    case .approve: "approve"
    case .dismiss: "dismiss"
    case .status: "status"
    case .updateBranch: "update_branch"
    case .merge: "merge"
    case .queue: "queue"
    case .close: "close"
    case .reopen: "reopen"
    case .lock: "lock"
    case .notify: "notify"
    case .dispatch: "dispatch"
    case .enrich: "enrich"
    case .learn: "learn"
    }
  }

  public static let names = [
    "label", "unlabel", "comment", "assign", "request_reviewers", "review", "request_changes",
    "approve", "dismiss", "status", "update_branch", "merge", "queue", "close", "reopen", "lock",
    "notify", "dispatch", "enrich", "learn",
  ]

  /// What somebody reads of it: the name and what it is about.
  public var summary: String {
    switch self {
    case .label(let labels), .unlabel(let labels): "\(name) \(Wording.list(labels))"
    case .assign(let people): "\(name) \(Wording.list(people))"
    case .requestReviewers(let reviewers):
      "\(name) \(reviewers.choice.rawValue) \(Wording.list(reviewers.from))"
    case .dismiss(let dismissal): "\(name) \(dismissal.which.rawValue)"
    case .status(let status): "\(name) \(status.name) \(status.state.rawValue)"
    case .dispatch(let dispatch): "\(name) \(dispatch.workflow)"
    case .merge(let merge): merge.method.map { "\(name) \($0.rawValue)" } ?? name
    case .queue(let priority): "\(name) \(priority.rawValue)"
    case .notify(let channel, _): channel.map { "\(name) \($0)" } ?? name
    case .learn(let people): "\(name) \(Wording.list(people))"
    default: name
    }
  }

  /// Events that carrying it out causes.
  public var causes: [PolicyEvent] {
    switch self {
    case .label: [.labeled]
    case .unlabel: [.unlabeled]
    case .comment: [.commented]
    case .assign: [.assigned]
    case .requestReviewers: [.reviewRequested]
    case .review, .requestChanges, .approve: [.reviewed]
    case .dismiss: [.reviewDismissed]
    case .status: [.checks]
    case .updateBranch: [.pushed]
    case .merge, .close: [.closed]
    case .reopen: [.reopened]
    case .queue, .lock, .notify, .dispatch, .enrich, .learn: []
    }
  }

  /// What is done first: all that others may ask for, then what ends the pull request.
  var rank: Int {
    switch self {
    case .merge, .queue: 3
    case .close, .lock: 2
    case .approve, .requestChanges, .dismiss: 1
    default: 0
    }
  }
}

public enum MergeMethod: String, Sendable, Hashable, Codable, CaseIterable {
  case merge, squash, rebase
}

public enum MergePriority: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  case low, normal, high, urgent

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
}
