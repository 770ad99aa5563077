/// Where a running job goes when its try ends: the same rule for every store.
/// `docs/job-states.md` draws it.
public struct JobTransition: Sendable, Hashable {
  public var state: JobState
  /// False: the try is taken back.
  public var isCounted: Bool
  /// From now until it may run again.
  public var delay: Duration
  /// Added to the job's errors.
  public var note: String?
  /// Kept as the job's note while it waits: no error.
  public var because: String?

  public init(
    _ state: JobState, isCounted: Bool, delay: Duration = .zero, note: String? = nil,
    because: String? = nil
  ) {
    self.state = state
    self.isCounted = isCounted
    self.delay = delay
    self.note = note
    self.because = because
  }

  /// Process stops that one job may live through before it is taken for their cause.
  public static let mostInterruptions = 25

  /// - Parameters:
  ///   - attempt: tries begun, this one included.
  ///   - cancelReason: set where somebody asked the job to stop.
  public static func finished(
    _ result: JobResult, attempt: Int, maxAttempts: Int, cancelReason: String?
  ) -> JobTransition {
    // What is done is done, even if somebody would have stopped it.
    if result == .completed { return JobTransition(.completed, isCounted: true) }
    if let cancelReason {
      return JobTransition(.cancelled, isCounted: true, note: cancelReason)
    }
    return switch result {
    case .completed: JobTransition(.completed, isCounted: true)
    case .snoozed(let delay, let why):
      JobTransition(.scheduled, isCounted: false, delay: delay, because: why)
    case .cancelled(let reason): JobTransition(.cancelled, isCounted: true, note: reason)
    case .failed(let message, let delay):
      attempt < maxAttempts
        ? JobTransition(.retryable, isCounted: true, delay: delay, note: message)
        : JobTransition(.discarded, isCounted: true, note: message)
    case .discarded(let message): JobTransition(.discarded, isCounted: true, note: message)
    case .handedBack: JobTransition(.available, isCounted: false)
    }
  }

  /// Its lease ran out: the try is counted, for the job may be what kills its workers.
  public static func lost(
    worker: String, attempt: Int, maxAttempts: Int, cancelReason: String?
  ) -> JobTransition {
    if let cancelReason {
      return JobTransition(.cancelled, isCounted: true, note: cancelReason)
    }
    return JobTransition(
      attempt < maxAttempts ? .available : .discarded, isCounted: true,
      note: "the worker \(worker) was lost while it ran this.")
  }

  /// The only process that ran jobs has ended. - Parameter interruptions: how often before.
  public static func interrupted(interruptions: Int, cancelReason: String?) -> JobTransition {
    if let cancelReason {
      return JobTransition(.cancelled, isCounted: true, note: cancelReason)
    }
    guard interruptions < mostInterruptions else {
      return JobTransition(
        .discarded, isCounted: true,
        note: "the program ended \(interruptions + 1) times while it ran this.")
    }
    return JobTransition(.available, isCounted: false)
  }
}
