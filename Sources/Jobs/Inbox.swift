/// A raw message from outside that was found genuine. The inbox does not know what is in it.
public struct Delivery: Sendable, Hashable {
  /// `SOURCE:ID`, such as `github:72d3162e-cc78-11e3-81ab-4c9367dc0958`.
  public var id: String
  /// The sender's kind of message, such as `pull_request`.
  public var event: String
  /// Same for messages that mean the same, however often they are sent.
  public var meaning: String
  public var body: [UInt8]

  public init(id: String, event: String, meaning: String, body: [UInt8]) {
    self.id = id
    self.event = event
    self.meaning = meaning
    self.body = body
  }
}

public enum Acceptance: Sendable, Hashable {
  case accepted(job: String)
  /// This delivery, or another that means the same, is stored already.
  case duplicate(of: String)
}

/// Stores deliveries, each with the job that will look at it, before they are acknowledged.
public protocol Inbox: Sendable {
  /// Stores both in one transaction that is on disk when this returns, or neither. Calls that wait
  /// at the same time may share one transaction.
  func accept(_ delivery: Delivery, enqueuing job: NewJob) async throws -> Acceptance
  func delivery(id: String) async throws -> Delivery?
}
