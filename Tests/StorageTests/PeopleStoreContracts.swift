import Domain
import Foundation
import Testing

/// What every `UsageLimiter` must do. - Parameter limiter: one that knows no use, on this clock.
func usageLimiterContract(_ limiter: any UsageLimiter, _ clock: TestClock) async throws {
  func take(_ use: String, _ limit: Int = 2, key: String = "k") async throws -> Duration? {
    try await limiter.take(key, use: use, limit: limit, per: .seconds(60))
  }
  #expect(try await take("a") == nil)
  clock.advance(10)
  #expect(try await take("b") == nil)
  clock.advance(10)
  // The window slides: the first use ends in 40 seconds, to the microsecond.
  #expect(try await take("c") == .seconds(40))
  clock.advance(0.25)
  #expect(try await take("c") == .milliseconds(39_750))
  // A retried job costs nothing more, and what was refused was not counted.
  #expect(try await take("a") == nil)
  #expect(try await take("b") == nil)
  #expect(try await take("c") == .milliseconds(39_750))
  // Other keys are not concerned.
  #expect(try await take("c", key: "other") == nil)
  // Under a smaller limit both have to end; under a larger one there is room.
  #expect(try await take("c", 1) == .milliseconds(49_750))
  clock.advance(39.5)
  #expect(try await take("c") == .milliseconds(250))
  clock.advance(0.25)
  #expect(try await take("c") == nil)
  #expect(try await take("d") == .seconds(10))
  #expect(try await take("d", 3) == nil)
  // Once its window is over a use is a new one.
  #expect(try await take("a", 3) == .seconds(10))
  // No use at all is allowed; nor does that disturb what is counted.
  #expect(try await take("e", 0, key: "none") == .seconds(60))
  #expect(try await take("e", -1, key: "none") == .seconds(60))
  #expect(try await take("d", 0) == nil)
  clock.advance(3_600)
  #expect(try await take("x") == nil)
  #expect(try await take("y") == nil)
  #expect(try await take("z") == .seconds(60))

  // Many at once never take more than there is.
  let granted = try await withThrowingTaskGroup(of: Bool.self) { group in
    for number in 0..<20 {
      group.addTask {
        try await limiter.take("many", use: "\(number)", limit: 5, per: .seconds(60)) == nil
      }
    }
    return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
  }
  #expect(granted == 5)
}

/// What every `AuditTrail` must do. - Parameter trail: an empty one, on this clock.
func auditTrailContract(_ trail: any AuditTrail, _ clock: TestClock) async throws {
  let none = AuditVerification(entries: 0, head: String(repeating: "0", count: 64), brokenAt: nil)
  #expect(try await trail.verify() == none)
  #expect(try await trail.entries(after: 0, limit: 10).isEmpty)

  var appended: [AuditEntry] = []
  for number in 1...5 {
    appended.append(try await trail.append(Samples.auditEvent(number)))
    clock.advance(0.123457)
  }
  #expect(appended.map(\.number) == [1, 2, 3, 4, 5])
  #expect(appended.map(\.event) == (1...5).map(Samples.auditEvent))
  #expect(appended[0].previous == none.head)
  #expect(appended.dropFirst().map(\.previous) == appended.dropLast().map(\.hash))
  #expect(Set(appended.map(\.hash)).count == 5)
  #expect(appended.allSatisfy { $0.hash.utf8.count == 64 && $0.hash == $0.hash.lowercased() })
  #expect(abs(appended[1].at.timeIntervalSince1970 - 1_700_000_000.123457) < 0.000_001)

  #expect(try await trail.entries(after: 0, limit: 10) == appended)
  #expect(try await trail.entries(after: 2, limit: 2) == Array(appended[2...3]))
  #expect(try await trail.entries(after: 5, limit: 2).isEmpty)
  #expect(try await trail.entries(after: 0, limit: 0).isEmpty)
  #expect(try await trail.entries(after: 0, limit: -1).isEmpty)
  #expect(try await trail.entries(before: nil, limit: 2) == [appended[4], appended[3]])
  #expect(try await trail.entries(before: 3, limit: 10) == [appended[1], appended[0]])
  #expect(try await trail.entries(before: 1, limit: 10).isEmpty)
  #expect(try await trail.entries(before: nil, limit: -1).isEmpty)
  #expect(
    try await trail.verify()
      == AuditVerification(entries: 5, head: appended[4].hash, brokenAt: nil))

  // Those who append at once still stand in one row.
  try await withThrowingTaskGroup(of: Void.self) { group in
    for number in 0..<30 {
      group.addTask { _ = try await trail.append(Samples.auditEvent(number)) }
    }
    try await group.waitForAll()
  }
  let after = try await trail.verify()
  #expect(after.entries == 35)
  #expect(after.brokenAt == nil)
}

/// What every `IssueStore` must do. - Parameter store: an empty one.
func issueStoreContract(_ store: any IssueStore) async throws {
  #expect(try await store.issue(id: "none") == nil)
  #expect(try await store.issues(limit: 10, before: nil).isEmpty)
  let issues = (1...5).map(Samples.issue)
  for issue in issues { try await store.save(issue) }
  #expect(try await store.issues(limit: 10, before: nil) == issues.reversed())
  #expect(
    try await store.issues(limit: 2, before: issues[3].id) == [issues[2], issues[1]])
  #expect(try await store.issues(limit: 10, before: issues[0].id).isEmpty)
  #expect(try await store.issues(limit: 0, before: nil).isEmpty)
  #expect(try await store.issues(limit: -1, before: nil).isEmpty)

  var enriched = issues[2]
  enriched.status = .enriched
  enriched.priority = .urgent
  enriched.summary = "what it is about"
  enriched.tags = ["bug", "ä"]
  enriched.source = .fallback
  enriched.lastError = "the model did not answer."
  enriched.updatedAt += 5
  try await store.save(enriched)
  #expect(try await store.issue(id: enriched.id) == enriched)
  #expect(try await store.issues(limit: 10, before: nil).count == 5)
  try await issueFilterContract(store, issues, enriched)
}

/// - Parameters: five issues as they were stored, and the third as it is now.
private func issueFilterContract(
  _ store: any IssueStore, _ issues: [TrackedIssue], _ enriched: TrackedIssue
) async throws {
  func found(_ filter: IssueFilter) async throws -> [String] {
    try await store.issues(filter).map(\.id)
  }
  #expect(try await found(IssueFilter(tags: ["BUG"])) == [enriched.id])
  #expect(try await found(IssueFilter(tags: ["bug", "ä"])) == [enriched.id])
  #expect(try await found(IssueFilter(tags: ["bug", "api"])).isEmpty)
  // No signs of a pattern, and no part of a tag.
  for odd in ["b_g", "%", "bu", "bug%", "!", "\n", ""] {
    #expect(try await found(IssueFilter(tags: [odd])).isEmpty, "\(odd)")
  }
  #expect(try await found(IssueFilter(status: .enriched)) == [enriched.id])
  #expect(try await found(IssueFilter(priority: .urgent)) == [enriched.id])
  #expect(try await found(IssueFilter(priority: .low, limit: 2)) == [issues[4].id, issues[3].id])
  #expect(try await found(IssueFilter(state: .closed)).isEmpty)

  // One state in the place of another, unless somebody was quicker.
  var closed = enriched
  closed.state = .closed
  closed.tags = ["100%_sure!"]
  closed.removedTags = ["bug"]
  closed.duplicates = [.init(id: issues[0].id, words: 0.5, meaning: 0.25)]
  #expect(try await store.replace(enriched, with: closed))
  #expect(try await !store.replace(enriched, with: enriched))
  #expect(try await store.issue(id: closed.id) == closed)
  #expect(try await found(IssueFilter(state: .closed)) == [closed.id])
  #expect(try await found(IssueFilter(tags: ["100%_sure!"], state: .closed)) == [closed.id])
  #expect(try await found(IssueFilter(tags: ["bug"])).isEmpty)
  #expect(
    try await found(IssueFilter(state: .open, before: issues[3].id))
      == [issues[1].id, issues[0].id])
  var unknown = closed
  unknown.id = "none"
  #expect(try await !store.replace(unknown, with: unknown))
  #expect(try await store.change(id: "none") { $0.title = "x" } == nil)

  // Nothing is lost where many change the same issue.
  let id = closed.id
  try await withThrowingTaskGroup(of: Void.self) { group in
    for number in 0..<5 {
      group.addTask { _ = try await store.change(id: id) { $0.tags.append("t\(number)") } }
    }
    try await group.waitForAll()
  }
  #expect(try await store.issue(id: closed.id)?.tags.count == 6)
}

/// What every `TokenStore` must do. - Parameter store: an empty one.
func tokenStoreContract(_ store: any TokenStore) async throws {
  #expect(try await store.token(hash: "h1") == nil)
  #expect(try await store.tokens().isEmpty)
  let tokens = (1...3).map(Samples.token)
  for token in tokens.reversed() { try await store.save(token) }
  #expect(try await store.tokens() == tokens)
  #expect(try await store.token(hash: "h2") == tokens[1])
  #expect(try await store.token(hash: "H2") == nil)
  #expect(try await store.token(hash: "") == nil)

  // The text of a token belongs to one token.
  var copy = Samples.token(4)
  copy.hash = "h2"
  let error = await #expect(throws: StoreError.self) { try await store.save(copy) }
  #expect(error?.code == .conflict)
  #expect(try await store.tokens() == tokens)

  let at = Date(timeIntervalSince1970: 1_700_000_500)
  #expect(try await store.revoke(id: tokens[0].id, at: at))
  #expect(try await !store.revoke(id: tokens[0].id, at: at + 5))
  #expect(try await !store.revoke(id: "none", at: at))
  #expect(try await store.token(hash: "h1")?.revokedAt == at)
  #expect(try await store.token(hash: "h2")?.revokedAt == nil)

  // Saving again replaces it, except that what was revoked stays so.
  var renamed = tokens[0]
  renamed.name = "renamed"
  renamed.expiresAt = nil
  try await store.save(renamed)
  let found = try #require(try await store.token(hash: "h1"))
  #expect(found.name == "renamed")
  #expect(found.expiresAt == nil)
  #expect(found.revokedAt == at)
  #expect(try await store.tokens().count == 3)
}

extension Samples {
  static func auditEvent(_ number: Int) -> AuditEvent {
    AuditEvent(
      actor: "github:octocat", action: "review.posted", place: "github:octo/hello#\(number)",
      decidedBy: number.isMultiple(of: 2) ? "" : "model:m", run: runID(1),
      job: number == 3 ? nil : "job-\(number)",
      facts: ["findings": "\(number)", "ä/\"x\"": "\u{0}\n"])
  }

  static func issue(_ number: Int) -> TrackedIssue {
    let created = Date(timeIntervalSince1970: 1_700_000_000.5 + Double(number))
    return TrackedIssue(
      id: runID(number), title: "title \u{0} '\(number)'", description: "text\n🙂",
      priority: number == 1 ? nil : .low, createdAt: created, updatedAt: created, job: "job")
  }

  static func token(_ number: Int) -> APIToken {
    APIToken(
      id: "id-\(number)", name: "name '\(number)'", scope: APIToken.Scope.allCases[number % 3],
      hash: "h\(number)", createdAt: Date(timeIntervalSince1970: 1_700_000_000 + Double(number)),
      expiresAt: number == 2 ? nil : Date(timeIntervalSince1970: 1_800_000_000))
  }
}
