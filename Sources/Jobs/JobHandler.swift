public import Logging

/// What a handler is given.
public struct JobContext: Sendable {
  public var job: Job
  /// Carries the job's id, kind and attempt, and its run.
  public var logger: Logger
  private let report: @Sendable (String) -> Void

  /// - Parameter report: takes lines of progress.
  public init(job: Job, logger: Logger, report: @escaping @Sendable (String) -> Void = { _ in }) {
    self.job = job
    self.logger = logger
    self.report = report
  }

  /// A handler that fails now is not asked again: the moment to say so where it matters.
  public var isLastAttempt: Bool { job.attempt >= job.maxAttempts }

  /// Tells whoever watches the job or its run; nothing is kept.
  public func progress(_ line: String) { report(line) }
}

/// Runs the jobs of one kind.
///
/// Its task is cancelled when the job shall stop: the lease is lost, somebody asked, the process
/// ends, or it took longer than `limit`. It may run twice for one job, never knowingly at once.
public struct JobHandler: Sendable {
  public var kind: String
  /// At most so many at the same time in one worker; `nil`: as many as the worker runs.
  public var concurrency: Int?
  public var limit: Duration
  public var run: @Sendable (JobContext) async throws -> JobOutcome
  /// Told of a job of this kind that will not be done: discarded, or cancelled while it ran, with
  /// the reason in a sentence. The moment to say so where somebody waits for it.
  ///
  /// At most once for one ending, and not at all where the process ends just then, or where the job
  /// was cancelled while it waited. It gets `WorkerSettings.farewell`, then its task is cancelled.
  public var onGivenUp: (@Sendable (Job, _ reason: String) async -> Void)?

  public init(
    _ kind: String, concurrency: Int? = nil, limit: Duration = .seconds(1800),
    run: @escaping @Sendable (JobContext) async throws -> JobOutcome,
    onGivenUp: (@Sendable (Job, _ reason: String) async -> Void)? = nil
  ) {
    self.kind = kind
    self.concurrency = concurrency
    self.limit = limit
    self.run = run
    self.onGivenUp = onGivenUp
  }
}
