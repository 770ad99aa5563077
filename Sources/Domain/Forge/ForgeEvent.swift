/// A verified, typed webhook. What Stet does not act on is `.other`; it never fails.
public struct ForgeEvent: Sendable, Hashable, Codable {
  /// `github`.
  public var forge: String
  /// The forge's own words, such as `pull_request` and `synchronize`.
  public var event: String
  public var action: String?
  public var repository: RepositoryName?
  /// The GitHub App's installation, where the delivery names one.
  public var installation: Int64?
  public var sender: ForgeAccount?
  public var content: Content

  public enum Content: Sendable, Hashable, Codable {
    case pullRequest(PullRequestChange, PullRequest)
    case comment(CommentEvent)
    case review(ReviewEvent)
    case reviewThread(isResolved: Bool, PullRequestReference)
    case issue(IssueChange, ForgeIssue)
    case push(Push)
    /// A check run, check suite, workflow run or status of another.
    case check(Check)
    case label(String)
    case installation(Installation)
    case ping
    case other
  }

  /// What happened to a pull request.
  public enum PullRequestChange: String, Sendable, Hashable, Codable {
    case opened, reopened, closed, edited, synchronize
    case readyForReview = "ready_for_review"
    case convertedToDraft = "converted_to_draft"
    case labeled, unlabeled, assigned, unassigned
    case reviewRequested = "review_requested"
    case reviewRequestRemoved = "review_request_removed"
    /// `edited`, and it is to be merged into another branch now: its diff is another.
    case baseChanged = "base_changed"
    case other
  }

  public enum IssueChange: String, Sendable, Hashable, Codable {
    case opened, edited, reopened, closed, labeled, unlabeled, other
  }

  public struct CommentEvent: Sendable, Hashable, Codable {
    public enum Change: String, Sendable, Hashable, Codable { case created, edited, deleted }
    public var change: Change
    public var comment: ForgeComment
    public var kind: CommentReference.Kind
    /// The pull request or issue; `nil` for a discussion.
    public var subject: PullRequestReference?
    public var isPullRequest: Bool
    /// Who opened the pull request or issue.
    public var subjectAuthor: ForgeAccount?

    public init(
      change: Change, comment: ForgeComment, kind: CommentReference.Kind,
      subject: PullRequestReference?, isPullRequest: Bool, subjectAuthor: ForgeAccount?
    ) {
      self.change = change
      self.comment = comment
      self.kind = kind
      self.subject = subject
      self.isPullRequest = isPullRequest
      self.subjectAuthor = subjectAuthor
    }
  }

  public struct ReviewEvent: Sendable, Hashable, Codable {
    public var review: PostedReview
    /// `approved`, `changes_requested`, `commented`, `dismissed`.
    public var state: String
    public var subject: PullRequestReference

    public init(review: PostedReview, state: String, subject: PullRequestReference) {
      self.review = review
      self.state = state
      self.subject = subject
    }
  }

  public struct Push: Sendable, Hashable, Codable {
    /// Such as `refs/heads/main`.
    public var ref: String
    /// Full commit ids; zeros where the ref was created or deleted.
    public var before: String
    public var after: String

    public init(ref: String, before: String, after: String) {
      self.ref = ref
      self.before = before
      self.after = after
    }
  }

  public struct Check: Sendable, Hashable, Codable {
    public var name: String
    public var commit: String
    /// `queued`, `in_progress`, `completed`, or a status's `pending`.
    public var status: String
    /// `success`, `failure`, …; `nil` while it runs.
    public var conclusion: String?
    public var pullRequests: [Int]
    /// The App that owns it, where the delivery says.
    public var appID: Int64?
    /// What Stet set as the check run's `external_id`.
    public var externalID: String?
    /// Branches that hold the commit, as far as the delivery names them.
    public var branches: [String]

    public init(
      name: String, commit: String, status: String, conclusion: String?, pullRequests: [Int],
      appID: Int64?, externalID: String?, branches: [String] = []
    ) {
      self.name = name
      self.commit = commit
      self.status = status
      self.conclusion = conclusion
      self.pullRequests = pullRequests
      self.appID = appID
      self.externalID = externalID
      self.branches = branches
    }
  }

  public struct Installation: Sendable, Hashable, Codable {
    public var account: String?
    public var added: [RepositoryName]
    public var removed: [RepositoryName]

    public init(account: String?, added: [RepositoryName], removed: [RepositoryName]) {
      self.account = account
      self.added = added
      self.removed = removed
    }
  }

  public init(
    forge: String, event: String, action: String?, repository: RepositoryName?,
    installation: Int64?, sender: ForgeAccount?, content: Content
  ) {
    self.forge = forge
    self.event = event
    self.action = action
    self.repository = repository
    self.installation = installation
    self.sender = sender
    self.content = content
  }
}

/// Reads one forge's webhooks.
public protocol WebhookReader: Sendable {
  /// `github`: the last part of its route.
  var forge: String { get }
  /// What `verify` would refuse whatever the body is, told by the headers alone, so that the body of
  /// such a delivery need not be received.
  func refusal(header: (String) -> String?) -> WebhookError?
  /// Checks the signature over the raw bytes in constant time, then reads what identifies it.
  /// - Parameter header: the first value of a header, by its name in lower case.
  func verify(
    body: [UInt8], header: (String) -> String?
  ) throws(WebhookError) -> WebhookIdentity
  /// - Parameters: as `verify` returned and received them. Unknown events and fields never fail.
  func event(named event: String, body: [UInt8]) throws(WebhookError) -> ForgeEvent
}

extension WebhookReader {
  public func refusal(header: (String) -> String?) -> WebhookError? { nil }
}

/// What makes a webhook the same as another.
public struct WebhookIdentity: Sendable, Hashable {
  /// The forge's own id of the delivery; a redelivery repeats it.
  public var delivery: String
  public var event: String
  public var action: String?
  /// SHA-256 of what it means (event, action, object, head), lower-case hex: a replay under a new
  /// delivery id has the same.
  public var meaning: String

  public init(delivery: String, event: String, action: String?, meaning: String) {
    self.delivery = delivery
    self.event = event
    self.action = action
    self.meaning = meaning
  }
}

public struct WebhookError: Error, Sendable, Equatable {
  public enum Code: String, Sendable {
    /// No secret is set: nothing can be believed.
    case notConfigured = "not_configured"
    case unsigned
    case wrongSignature = "wrong_signature"
    case malformed
  }
  public var code: Code
  /// What is wrong and what to do; never the secret nor the signature that would be right.
  public var detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }
}
