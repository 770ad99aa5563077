/// A code host. Every call is one request of its API, or as many pages as the answer has; a call
/// that changes something is not repeated by the adapter once it may have arrived.
public protocol Forge: PullRequestReader, ReviewPublisher, PublicationMender, PullRequestShepherd,
  IssueReader, BacklogKeeper, AccountDirectory, ReviewHistory,
  Sendable
{
  /// As settings and links call it, such as `github`.
  var name: String { get }
  var capabilities: ForgeCapabilities { get }
  /// Where git reads and writes a repository, and with what. The token may be good for an hour only,
  /// so it is asked for when it is needed.
  func gitRemote(for repository: RepositoryName) async throws(ForgeError) -> GitRemote
}

/// A repository's address for git, and what lets it in.
public struct GitRemote: Sendable, Hashable {
  /// `https://HOST/OWNER/NAME.git`, without credentials.
  public var url: String
  /// Sent as the password of HTTP authentication.
  public var token: String?

  public init(url: String, token: String?) {
    self.url = url
    self.token = token
  }
}

/// Optional abilities as data.
public struct ForgeCapabilities: Sendable, Hashable {
  /// Check runs; without them `setCheck` writes a commit status.
  public var hasCheckRuns: Bool
  public var hasReviewThreads: Bool

  public init(hasCheckRuns: Bool, hasReviewThreads: Bool) {
    self.hasCheckRuns = hasCheckRuns
    self.hasReviewThreads = hasReviewThreads
  }
}

/// What a review reads.
public protocol PullRequestReader: Sendable {
  func pullRequest(_ reference: PullRequestReference) async throws(ForgeError) -> PullRequest
  /// The change of the pull request as it stands now. Too large for one answer: file by file.
  func diff(of reference: PullRequestReference) async throws(ForgeError) -> ForgeDiff
  /// What changed from the merge base of two commits to the second.
  func comparison(
    _ repository: RepositoryName, base: String, head: String
  ) async throws(ForgeError) -> ForgeDiff
  /// The bytes of a file at a commit or branch; `nil` where there is none.
  func file(
    _ path: String, in repository: RepositoryName, at commit: String
  ) async throws(ForgeError) -> [UInt8]?
  func permission(
    of login: String, in repository: RepositoryName
  ) async throws(ForgeError) -> ForgePermission
  /// Comments on the conversation, oldest first.
  func comments(on reference: PullRequestReference) async throws(ForgeError) -> [ForgeComment]
  /// Comments at lines, oldest first.
  func reviewComments(on reference: PullRequestReference) async throws(ForgeError) -> [ForgeComment]
  func reviews(of reference: PullRequestReference) async throws(ForgeError) -> [PostedReview]
  func reviewThreads(of reference: PullRequestReference) async throws(ForgeError) -> [ReviewThread]
  /// The commits that the pull request would merge, oldest first, as far as the forge lists them.
  func commits(of reference: PullRequestReference) async throws(ForgeError) -> [ForgeCommit]
  /// The account whose credentials Stet holds, as it signs comments; for a GitHub App `SLUG[bot]`.
  func ownAccount() async throws(ForgeError) -> ForgeAccount
}

/// What a review changes.
public protocol ReviewPublisher: Sendable {
  /// Posts one review with all its comments. - Throws: `.rejected` when a line is not of the diff.
  func post(
    _ draft: ReviewDraft, on reference: PullRequestReference
  ) async throws(ForgeError) -> PostedReview
  func comment(
    _ body: String, on reference: PullRequestReference
  ) async throws(ForgeError) -> ForgeComment
  /// Answers in the thread of a review comment.
  func reply(
    _ body: String, to comment: Int64, on reference: PullRequestReference
  ) async throws(ForgeError) -> ForgeComment
  /// Replaces the text of a comment on the conversation.
  func edit(
    comment: Int64, in repository: RepositoryName, to body: String
  ) async throws(ForgeError)
  /// Creates the check where `existing` is `nil`. - Returns: what a later call passes as `existing`;
  /// `nil` where the forge knows only statuses.
  /// - Parameter pull: whose check it is: one commit may be the head of several.
  func setCheck(
    _ state: CheckState, on commit: String, of pull: PullRequestReference, existing: Int64?
  ) async throws(ForgeError) -> Int64?
  /// A check run of Stet's own for this pull request that is not finished; `nil` where there is
  /// none, or where the forge knows only statuses. For a call that was cut off before its answer
  /// came.
  func unfinishedCheck(
    on commit: String, of pull: PullRequestReference
  ) async throws(ForgeError) -> Int64?
  func react(
    _ reaction: Reaction, to comment: CommentReference, in repository: RepositoryName
  ) async throws(ForgeError)
  func addLabels(
    _ labels: [String], to reference: PullRequestReference
  ) async throws(ForgeError)
  func removeLabel(_ label: String, from reference: PullRequestReference) async throws(ForgeError)
  func resolve(thread: String, in repository: RepositoryName) async throws(ForgeError)
}

/// Sets right what a late call of a process that has lost its job doubled, or wrote over.
public protocol PublicationMender: Sendable {
  /// Takes a comment away; one that is gone already is as good as removed.
  /// - Throws: `.unauthorized` where it is another's and the credentials do not suffice.
  func remove(
    comment: CommentReference, in repository: RepositoryName
  ) async throws(ForgeError)
  /// Replaces the body of a review of Stet's own. A submitted review cannot be taken back.
  func edit(
    review: Int64, on reference: PullRequestReference, to body: String
  ) async throws(ForgeError)
  /// Checks of Stet's own on this commit for this pull request, oldest first; where the forge knows
  /// only statuses, which say nothing of pull requests, the newest of them.
  func checks(
    on commit: String, of pull: PullRequestReference
  ) async throws(ForgeError) -> [PostedCheck]
}

/// What the enrichment of issues reads. It changes them by `ReviewPublisher`: comments and labels are
/// the same on issues and on pull requests.
public protocol IssueReader: Sendable {
  /// - Throws: `.notFound` where there is none.
  func issue(_ reference: PullRequestReference) async throws(ForgeError) -> ForgeIssue
  /// Issues in any state, without pull requests, the newest first.
  /// - Parameter limit: most that are read; a forge may look at more to find them.
  func issues(
    in repository: RepositoryName, limit: Int
  ) async throws(ForgeError) -> [ForgeIssue]
  /// Names of all labels that the repository has.
  func labels(in repository: RepositoryName) async throws(ForgeError) -> [String]
  /// Who gave a comment this reaction.
  func accounts(
    reacting reaction: Reaction, to comment: CommentReference, in repository: RepositoryName
  ) async throws(ForgeError) -> [ForgeAccount]
}

/// A comment by its number and by where it stands, because forges number the two kinds apart.
public struct CommentReference: Sendable, Hashable, Codable {
  public enum Kind: String, Sendable, Hashable, Codable { case conversation, review, discussion }
  public var kind: Kind
  public var id: Int64

  public init(_ kind: Kind, _ id: Int64) {
    self.kind = kind
    self.id = id
  }
}

/// Why a forge call failed, in terms a use case can act on.
public struct ForgeError: Error, Sendable, Equatable {
  public enum Code: String, Sendable, CaseIterable {
    /// 401, or a 403 that says that the credentials or their permissions do not suffice.
    case unauthorized
    case notFound = "not_found"
    /// A primary or secondary limit: wait `retryAfter`.
    case rateLimited = "rate_limited"
    /// The state changed meanwhile (409).
    case conflict
    /// The forge refuses the request as it stands (422 and the like): repeating it is useless.
    case rejected
    /// No answer, a server error, or half an answer. A change may or may not have been made.
    case unreachable
    /// The answer is not what the API promises, such as a login page in HTML.
    case malformed
    case cancelled
  }

  public var code: Code
  /// One sentence in the forge's or our words; never a secret.
  public var detail: String
  /// Earliest useful retry; `nil` when waiting cannot help or is not known.
  public var retryAfter: Duration?
  public var status: Int?

  public init(code: Code, detail: String, retryAfter: Duration? = nil, status: Int? = nil) {
    self.code = code
    self.detail = detail
    self.retryAfter = retryAfter
    self.status = status
  }
}
