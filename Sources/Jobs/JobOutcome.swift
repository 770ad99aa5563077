/// What a handler says of a try that went as it should. To throw means: try again later.
public enum JobOutcome: Sendable, Hashable {
  case completed
  /// Not now, and through no fault: the try is not counted.
  case snoozed(Duration, because: String? = nil)
  case cancelled(reason: String)
}

/// Thrown by a handler that knows when a retry is useful, or that none is.
public struct JobFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// One sentence, secrets masked.
  public var message: String
  /// `nil`: the retry policy decides.
  public var retryAfter: Duration?
  /// True where another try would fail alike: the job is discarded.
  public var isFinal: Bool

  public init(_ message: String, retryAfter: Duration? = nil, isFinal: Bool = false) {
    self.message = message
    self.retryAfter = retryAfter
    self.isFinal = isFinal
  }

  public var description: String { message }
}

/// What is to be written about a try that ended.
public enum JobResult: Sendable, Hashable {
  case completed
  /// - Parameter because: kept as the job's note, secrets masked.
  case snoozed(Duration, because: String? = nil)
  case cancelled(reason: String)
  /// Tried again after the time, or discarded where no attempt is left.
  case failed(message: String, retryAfter: Duration)
  case discarded(message: String)
  /// A soft stop: available at once, the try not counted.
  case handedBack
}
