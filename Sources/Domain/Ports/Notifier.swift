/// Tells people. Each call is one message to one place, sent once: who calls repeats what failed.
public protocol Notifier: Sendable {
  /// - Throws: `.unreachable` also where nobody knows whether the message arrived.
  func send(
    _ message: NoticeMessage, to destination: NoticeDestination
  ) async throws(NotifierError)
}

/// Why a message was not delivered, in terms a use case can act on.
public struct NotifierError: Error, Sendable, Equatable {
  public enum Code: String, Sendable, CaseIterable {
    /// The settings name no such place.
    case notConfigured = "not_configured"
    /// The receiver refuses this message, or us: repeating it is useless.
    case rejected
    /// The address is one that is not asked for others: on this machine or in its network.
    case forbiddenAddress = "forbidden_address"
    case rateLimited = "rate_limited"
    /// No answer, or one that says: later.
    case unreachable
    case cancelled
  }

  public var code: Code
  /// One sentence; never an address with its path, never a secret.
  public var detail: String
  /// Earliest useful retry; `nil` where none is known.
  public var retryAfter: Duration?

  public init(code: Code, detail: String, retryAfter: Duration? = nil) {
    self.code = code
    self.detail = detail
    self.retryAfter = retryAfter
  }

  /// Whether another try may succeed.
  public var isPassing: Bool { [.rateLimited, .unreachable, .cancelled].contains(code) }
}
