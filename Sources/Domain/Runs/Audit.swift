public import Foundation

/// Something that was done, and why.
public struct AuditEvent: Sendable, Hashable, Codable {
  /// Who or what asked: `github:octocat`, `token:ID`, `cli`, `schedule:NAME`.
  public var actor: String
  /// In dotted words: `review.posted`, `comment.edited`, `token.created`, `command.refused`.
  public var action: String
  /// Where: `github:OWNER/NAME#N`, `token:ID`.
  public var place: String
  /// Which rule, model or command decided; empty where nothing but the actor did.
  public var decidedBy: String
  public var run: String?
  public var job: String?
  /// Further facts: identifiers and counts, never text of others and never a secret.
  public var facts: [String: String]

  public init(
    actor: String, action: String, place: String, decidedBy: String = "", run: String? = nil,
    job: String? = nil, facts: [String: String] = [:]
  ) {
    self.actor = actor
    self.action = action
    self.place = place
    self.decidedBy = decidedBy
    self.run = run
    self.job = job
    self.facts = facts
  }
}

public struct AuditEntry: Sendable, Hashable, Codable {
  /// From 1 without a gap.
  public var number: Int64
  public var at: Date
  public var event: AuditEvent
  /// The hash of entry `number - 1`; 64 zeros for the first.
  public var previous: String
  /// SHA-256 over number, time, event and `previous`, lower-case hex.
  public var hash: String

  public init(number: Int64, at: Date, event: AuditEvent, previous: String, hash: String) {
    self.number = number
    self.at = at
    self.event = event
    self.previous = previous
    self.hash = hash
  }
}

public struct AuditVerification: Sendable, Hashable {
  public var entries: Int64
  /// The last hash. Kept elsewhere it also proves that nothing was cut off the end.
  public var head: String
  /// The first entry that does not follow from the one before it; `nil` where all do.
  public var brokenAt: Int64?

  public init(entries: Int64, head: String, brokenAt: Int64?) {
    self.entries = entries
    self.head = head
    self.brokenAt = brokenAt
  }
}
