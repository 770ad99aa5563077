public import Foundation

/// Somebody with an account on a forge: a person, a bot or an app.
public struct ForgeAccount: Sendable, Hashable, Codable {
  /// The forge's own number; survives a change of login.
  public var id: Int64
  public var login: String
  public var isBot: Bool

  public init(id: Int64, login: String, isBot: Bool) {
    self.id = id
    self.login = login
    self.isBot = isBot
  }
}

/// A pull request as the forge tells it at one moment.
public struct PullRequest: Sendable, Hashable, Codable {
  public enum State: String, Sendable, Hashable, Codable { case open, closed, merged }

  public var reference: PullRequestReference
  public var title: String
  /// Markdown by its author; empty where there is none. Not to be trusted.
  public var body: String
  public var state: State
  public var isDraft: Bool
  public var author: ForgeAccount
  /// Full commit ids, lower-case hex.
  public var head: String
  public var base: String
  public var headBranch: String
  public var baseBranch: String
  /// `nil` where the fork was deleted.
  public var headRepository: RepositoryName?
  public var labels: [String]
  /// What the forge counted; `nil` where it did not say. A zero spares a listing.
  public var commentCount: Int?
  public var reviewCommentCount: Int?
  public var changedFiles: Int?
  public var url: String
  public var updatedAt: Date

  public init(
    reference: PullRequestReference, title: String, body: String, state: State, isDraft: Bool,
    author: ForgeAccount, head: String, base: String, headBranch: String, baseBranch: String,
    headRepository: RepositoryName?, labels: [String] = [], commentCount: Int? = nil,
    reviewCommentCount: Int? = nil, changedFiles: Int? = nil, url: String, updatedAt: Date
  ) {
    self.reference = reference
    self.title = title
    self.body = body
    self.state = state
    self.isDraft = isDraft
    self.author = author
    self.head = head
    self.base = base
    self.headBranch = headBranch
    self.baseBranch = baseBranch
    self.headRepository = headRepository
    self.labels = labels
    self.commentCount = commentCount
    self.reviewCommentCount = reviewCommentCount
    self.changedFiles = changedFiles
    self.url = url
    self.updatedAt = updatedAt
  }
}

/// An issue as the forge tells it. Title and body are not to be trusted.
public struct ForgeIssue: Sendable, Hashable, Codable {
  public var reference: PullRequestReference
  public var title: String
  public var body: String
  public var isOpen: Bool
  public var isPullRequest: Bool
  public var author: ForgeAccount
  public var labels: [String]
  public var url: String

  public init(
    reference: PullRequestReference, title: String, body: String, isOpen: Bool,
    isPullRequest: Bool, author: ForgeAccount, labels: [String], url: String
  ) {
    self.reference = reference
    self.title = title
    self.body = body
    self.isOpen = isOpen
    self.isPullRequest = isPullRequest
    self.author = author
    self.labels = labels
    self.url = url
  }
}

/// A commit of a pull request.
public struct ForgeCommit: Sendable, Hashable, Codable {
  /// Full, lower-case hex.
  public var id: String
  /// Not to be trusted.
  public var message: String

  public init(id: String, message: String) {
    self.id = id
    self.message = message
  }
}

/// The change of a pull request as the forge gave it.
public struct ForgeDiff: Sendable, Hashable {
  /// A unified diff in git's form.
  public var bytes: [UInt8]
  /// Files of which the forge gave no text, such as those beyond its limits. Never silently dropped:
  /// they go to the ledger.
  public var leftOut: [String]

  public init(bytes: [UInt8], leftOut: [String] = []) {
    self.bytes = bytes
    self.leftOut = leftOut
  }
}

/// What an account may do in a repository, weakest first.
public enum ForgePermission: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  case none, read, triage, write, maintain, admin

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
}
