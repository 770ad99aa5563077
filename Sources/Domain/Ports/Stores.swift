public import Foundation

/// Why a store could not do its work.
public struct StoreError: Error, Sendable, Equatable {
  public enum Code: String, Sendable {
    case full, corrupt, locked, unwritable, newerSchema = "newer_schema", failed
    /// Another wrote meanwhile; read again.
    case conflict
    /// The database does not answer, now. A change that was under way may or may not have been made.
    case unreachable
    /// The database answers, and does not let this program in: a wrong password, no such database,
    /// an address that is none.
    case refused
    /// Whoever asked no longer waits; nothing was changed.
    case cancelled
    /// More than a row may hold.
    case tooLarge = "too_large"
  }
  public var code: Code
  /// What failed and where, without secrets.
  public var detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }
}

/// Keeps run records.
public protocol RunStore: Sendable {
  /// Stores a run whole, replacing one of the same id.
  func save(_ run: Run) async throws(StoreError)
  func run(id: String) async throws(StoreError) -> Run?
  /// Newest first. - Parameter before: only runs with a smaller id.
  func runs(limit: Int, before: String?) async throws(StoreError) -> [Run]
}

/// Keeps answers by the content that was asked, so that a second look sends only what changed.
public protocol ResponseCache: Sendable {
  /// - Parameter key: SHA-256 of everything that shaped the answer, lower-case hex.
  func reply(for key: String) async throws(StoreError) -> ModelReply?
  func store(_ reply: ModelReply, for key: String) async throws(StoreError)
}

/// Knows which questions were answered in which words, so that one in nearly the same words needs no
/// other answer. The answers themselves are in a `ResponseCache`.
public protocol SimilarAnswers: Sendable {
  /// The newest of a scope, with the keys of their answers; the newest first.
  /// - Parameter scope: lower-case hex of all that shaped the answers beside the issue. What was
  ///   answered in one is never given in another.
  func wordings(
    in scope: String, limit: Int
  ) async throws(StoreError) -> [(key: String, wording: IssueWording)]
  /// - Parameter key: of the answer.
  func remember(
    _ wording: IssueWording, as key: String, in scope: String
  ) async throws(StoreError)
}

/// Keeps the vectors of texts, so that each text is sent to a model once. Losing one costs a request.
public protocol VectorStore: Sendable {
  /// By key; those that are not there are missing.
  func vectors(for keys: [String]) async throws(StoreError) -> [String: [Float]]
  func store(_ vectors: [String: [Float]]) async throws(StoreError)
}

/// Keeps what Stet has posted on each pull request.
public protocol PublicationStore: Sendable {
  func publication(
    on forge: String, of reference: PullRequestReference
  ) async throws(StoreError) -> Publication?
  /// - Throws: `.conflict` where the stored version is not `publication.version`; stores it as
  ///   the next one. A new one has version 0.
  /// - Returns: what was stored, with its new version.
  func save(_ publication: Publication) async throws(StoreError) -> Publication
}

/// Answers of a forge with their validators, for conditional requests. Losing one costs a request.
public protocol ValidatorStore: Sendable {
  func answer(for key: String) async -> ValidatedAnswer?
  func store(_ answer: ValidatedAnswer, for key: String) async
}

public struct ValidatedAnswer: Sendable, Hashable {
  public var etag: String
  public var body: [UInt8]
  /// Response headers that matter later (`link`), by lower-case name.
  public var headers: [String: String]

  public init(etag: String, body: [UInt8], headers: [String: String] = [:]) {
    self.etag = etag
    self.body = body
    self.headers = headers
  }
}

/// Counts what somebody did, for limits that outlive the process.
public protocol UsageLimiter: Sendable {
  /// Counts one use. The same `use` counts once, so that a retried job costs nothing more.
  /// - Returns: `nil` where it is within `limit` in the last `period`, else the time to wait.
  func take(
    _ key: String, use: String, limit: Int, per period: Duration
  ) async throws(StoreError) -> Duration?
}

/// The append-only record of who did what. Each entry holds the hash of the one before.
public protocol AuditTrail: Sendable {
  @discardableResult
  func append(_ event: AuditEvent) async throws(StoreError) -> AuditEntry
  /// Oldest first. - Parameter after: only entries with a larger number.
  func entries(after: Int64, limit: Int) async throws(StoreError) -> [AuditEntry]
  /// Newest first. - Parameter before: only entries with a smaller number; `nil`: from the last.
  func entries(before: Int64?, limit: Int) async throws(StoreError) -> [AuditEntry]
  func verify() async throws(StoreError) -> AuditVerification
}

/// Keeps the issues of Stet's own tracker.
public protocol IssueStore: Sendable {
  /// Stores a new issue, or replaces one of the same id.
  func save(_ issue: TrackedIssue) async throws(StoreError)
  /// Puts one state of an issue in the place of another. - Returns: false where `old` is not what is
  /// stored any more, because somebody has changed it meanwhile; nothing is stored then.
  func replace(_ old: TrackedIssue, with new: TrackedIssue) async throws(StoreError) -> Bool
  func issue(id: String) async throws(StoreError) -> TrackedIssue?
  /// Newest first.
  func issues(_ filter: IssueFilter) async throws(StoreError) -> [TrackedIssue]
}

extension IssueStore {
  /// Newest first. - Parameter before: only issues with a smaller id.
  public func issues(limit: Int, before: String?) async throws(StoreError) -> [TrackedIssue] {
    try await issues(IssueFilter(before: before, limit: limit))
  }

  /// Changes an issue as it stands, again where somebody else has changed it meanwhile.
  /// - Returns: the issue after it; `nil` where there is none.
  /// - Throws: `.conflict` after ten tries.
  @discardableResult
  public func change(
    id: String, _ body: @Sendable (inout TrackedIssue) -> Void
  ) async throws(StoreError) -> TrackedIssue? {
    for _ in 0..<10 {
      guard let old = try await issue(id: id) else { return nil }
      var new = old
      body(&new)
      if new == old { return old }
      if try await replace(old, with: new) { return new }
    }
    throw StoreError(
      code: .conflict, detail: "the issue \(id) is being changed by others all the time.")
  }
}

/// Keeps notices until the digest that tells of them is sent.
public protocol NoticeStore: Sendable {
  /// One of the same id in the same digest is replaced.
  func hold(_ notice: Notice, in digest: String) async throws(StoreError)
  /// In order of time.
  func held(in digest: String) async throws(StoreError) -> [Notice]
  /// Throws away those that were told of.
  func release(_ ids: [String], from digest: String) async throws(StoreError)
}

/// Keeps API tokens, by the hash of their text alone.
public protocol TokenStore: Sendable {
  func save(_ token: APIToken) async throws(StoreError)
  func token(hash: String) async throws(StoreError) -> APIToken?
  func tokens() async throws(StoreError) -> [APIToken]
  /// - Returns: false where there is no such token that is not revoked yet.
  func revoke(id: String, at: Date) async throws(StoreError) -> Bool
}
