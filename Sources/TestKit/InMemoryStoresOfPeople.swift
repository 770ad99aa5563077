import Crypto
public import Domain
public import Foundation

/// Counts uses until the process ends, for tests.
public actor InMemoryUsageLimiter: UsageLimiter {
  private var uses: [String: [String: Int64]] = [:]
  private let now: @Sendable () -> Date
  private let failure: StoreError?

  /// - Parameter failure: thrown by every call, to show how a use case bears a broken store.
  public init(
    now: @escaping @Sendable () -> Date = { Date() }, failingWith failure: StoreError? = nil
  ) {
    self.now = now
    self.failure = failure
  }

  public func take(
    _ key: String, use: String, limit: Int, per period: Duration
  ) async throws(StoreError) -> Duration? {
    if let failure { throw failure }
    let present = Int64((now().timeIntervalSince1970 * 1_000_000).rounded())
    let length =
      period.components.seconds * 1_000_000 + period.components.attoseconds / 1_000_000_000_000
    // After the clock was set back, what lies in the future counts as done now.
    var counted = uses[key, default: [:]].mapValues { min($0, present) }
      .filter { $0.value > present - length }
    defer { uses[key] = counted }
    if counted[use] != nil { return nil }
    if counted.count < limit {
      counted[use] = present
      return nil
    }
    guard limit > 0 else { return period }
    let blocking = counted.values.sorted(by: >)[limit - 1]
    return .microseconds(blocking + length - present)
  }
}

/// An audit trail that ends with the process, for tests.
public actor InMemoryAuditTrail: AuditTrail {
  private var links: [AuditLink] = []
  private let now: @Sendable () -> Date
  private let failure: StoreError?

  /// - Parameter failure: thrown by every call, to show how a use case bears a broken store.
  public init(
    now: @escaping @Sendable () -> Date = { Date() }, failingWith failure: StoreError? = nil
  ) {
    self.now = now
    self.failure = failure
  }

  @discardableResult
  public func append(_ event: AuditEvent) async throws(StoreError) -> AuditEntry {
    if let failure { throw failure }
    let last = links.last.map { (number: $0.number, hash: $0.hash) }
    let link = try AuditLink(event, at: now(), after: last, sha256: Self.sha256)
    links.append(link)
    return try link.entry()
  }

  public func entries(after: Int64, limit: Int) async throws(StoreError) -> [AuditEntry] {
    if let failure { throw failure }
    var entries: [AuditEntry] = []
    for link in links.lazy.filter({ $0.number > after }).prefix(max(0, limit)) {
      entries.append(try link.entry())
    }
    return entries
  }

  public func entries(before: Int64?, limit: Int) async throws(StoreError) -> [AuditEntry] {
    if let failure { throw failure }
    var entries: [AuditEntry] = []
    let older = links.reversed().lazy.filter { $0.number < before ?? .max }
    for link in older.prefix(max(0, limit)) { entries.append(try link.entry()) }
    return entries
  }

  public func verify() async throws(StoreError) -> AuditVerification {
    if let failure { throw failure }
    var check = AuditCheck(sha256: Self.sha256)
    for link in links { check.read(link) }
    return check.verification
  }

  private static func sha256(_ bytes: [UInt8]) -> String {
    SHA256.hash(data: bytes).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count < 2 ? "0" + digits : digits
    }.joined()
  }
}

/// Issues that end with the process, for tests.
public actor InMemoryIssueStore: IssueStore {
  private var issues: [String: TrackedIssue] = [:]
  private let failure: StoreError?

  /// - Parameter failure: thrown by every call, to show how a use case bears a broken store.
  public init(failingWith failure: StoreError? = nil) { self.failure = failure }

  public func save(_ issue: TrackedIssue) async throws(StoreError) {
    if let failure { throw failure }
    issues[issue.id] = issue
  }

  public func issue(id: String) async throws(StoreError) -> TrackedIssue? {
    if let failure { throw failure }
    return issues[id]
  }

  public func replace(
    _ old: TrackedIssue, with new: TrackedIssue
  ) async throws(StoreError) -> Bool {
    if let failure { throw failure }
    guard issues[old.id] == old else { return false }
    issues[old.id] = new
    return true
  }

  public func issues(_ filter: IssueFilter) async throws(StoreError) -> [TrackedIssue] {
    if let failure { throw failure }
    let older = issues.values.filter { issue in
      (filter.before.map { issue.id < $0 } ?? true) && filter.takes(issue)
    }
    return Array(older.sorted { $0.id > $1.id }.prefix(max(0, filter.limit)))
  }
}

/// API tokens that end with the process, for tests.
public actor InMemoryTokenStore: TokenStore {
  private var stored: [String: APIToken] = [:]
  private let failure: StoreError?

  /// - Parameter failure: thrown by every call, to show how a use case bears a broken store.
  public init(failingWith failure: StoreError? = nil) { self.failure = failure }

  public func save(_ token: APIToken) async throws(StoreError) {
    if let failure { throw failure }
    guard !stored.values.contains(where: { $0.hash == token.hash && $0.id != token.id }) else {
      throw StoreError(
        code: .conflict, detail: "another token has the text of the token \(token.id).")
    }
    var token = token
    // What was revoked stays so.
    token.revokedAt = stored[token.id]?.revokedAt ?? token.revokedAt
    stored[token.id] = token
  }

  public func token(hash: String) async throws(StoreError) -> APIToken? {
    if let failure { throw failure }
    return stored.values.first { $0.hash == hash }
  }

  public func tokens() async throws(StoreError) -> [APIToken] {
    if let failure { throw failure }
    return stored.values.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
  }

  public func revoke(id: String, at: Date) async throws(StoreError) -> Bool {
    if let failure { throw failure }
    guard stored[id] != nil, stored[id]?.revokedAt == nil else { return false }
    stored[id]?.revokedAt = at
    return true
  }
}
