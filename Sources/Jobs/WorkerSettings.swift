import Foundation

public struct WorkerSettings: Sendable {
  /// Distinguishes workers in the store and in logs.
  public var name: String
  /// Jobs at the same time.
  public var concurrency: Int
  /// How long a claim holds without a heartbeat, which comes every third of it.
  public var lease: Duration
  /// What running jobs get to finish when the process is asked to end.
  public var grace: Duration
  /// What a handler gets to end after its task was cancelled, before its job goes on without it.
  public var patience: Duration
  /// The longest time between two looks for due jobs, for those that another process added.
  public var poll: Duration
  /// What `JobHandler.onGivenUp` gets before its task is cancelled.
  public var farewell: Duration
  public var retry: JobRetryPolicy
  /// How long a job waits whose handler met an outage of what everything stands on, such as the
  /// database: the try is not counted. `nil` for every other error.
  public var outage: @Sendable (any Error, Job) -> Duration?
  /// Makes one sentence of what a handler threw.
  public var describe: @Sendable (any Error) -> String
  /// Takes the secrets out of a text before it is stored, logged or shown.
  public var mask: @Sendable (String) -> String

  /// - Parameter name: made of the process number and chance where none is given.
  public init(
    name: String? = nil,
    concurrency: Int = 4, lease: Duration = .seconds(20), grace: Duration = .seconds(20),
    patience: Duration = .seconds(5), poll: Duration = .seconds(2),
    farewell: Duration = .seconds(30),
    retry: JobRetryPolicy = JobRetryPolicy(),
    outage: @escaping @Sendable (any Error, Job) -> Duration? = { _, _ in nil },
    describe: @escaping @Sendable (any Error) -> String = { "\($0)" },
    mask: @escaping @Sendable (String) -> String
  ) {
    self.name =
      name ?? "\(ProcessInfo.processInfo.processIdentifier)-\(UInt16.random(in: 0...UInt16.max))"
    self.concurrency = concurrency
    self.lease = lease
    self.grace = grace
    self.patience = patience
    self.poll = poll
    self.farewell = farewell
    self.retry = retry
    self.outage = outage
    self.describe = describe
    self.mask = mask
  }
}
