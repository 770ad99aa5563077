/// Runs the jobs of one kind.
///
/// Its task is cancelled when the job shall stop: the lease is lost, somebody asked, the process
/// ends, or it took longer than `limit`. It may run twice for one job, never knowingly at once.
public struct JobHandler: Sendable {
  public var kind: String
  /// Of the form of the arguments: the newest that it knows. Jobs of a newer one are put off for
  /// another process, without counting the try.
  public var version: Int
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
  /// Told, after the handler ended, of a try whose lease was lost before its end could be written:
  /// another may have run the job meanwhile. The moment to look for what the last request of this
  /// try may have doubled.
  ///
  /// Where the handler did not end when it was asked to, it is told when the job goes on without it,
  /// and again should it end after all. It gets `WorkerSettings.farewell`, then its task is
  /// cancelled.
  public var onLeaseLost: (@Sendable (Job) async -> Void)?

  public init(
    _ kind: String, version: Int = 1, concurrency: Int? = nil, limit: Duration = .seconds(1800),
    run: @escaping @Sendable (JobContext) async throws -> JobOutcome,
    onGivenUp: (@Sendable (Job, _ reason: String) async -> Void)? = nil,
    onLeaseLost: (@Sendable (Job) async -> Void)? = nil
  ) {
    self.kind = kind
    self.version = version
    self.concurrency = concurrency
    self.limit = limit
    self.run = run
    self.onGivenUp = onGivenUp
    self.onLeaseLost = onLeaseLost
  }
}
