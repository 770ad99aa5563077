public import Foundation

/// Where a job stands. River's names; `docs/job-states.md` draws the arrows.
public enum JobState: String, Sendable, Hashable, Codable, CaseIterable {
  /// Ready for a worker.
  case available
  /// Waits for its time, at first or after a snooze.
  case scheduled
  /// A worker holds its lease.
  case running
  /// Failed, and waits to be tried again.
  case retryable
  case completed
  case cancelled
  /// Failed as often as it may. Kept, listed, and retried when somebody asks.
  case discarded

  public var isFinal: Bool {
    switch self {
    case .completed, .cancelled, .discarded: true
    case .available, .scheduled, .running, .retryable: false
    }
  }
}

/// A job to be stored.
public struct NewJob: Sendable, Hashable {
  /// Which handler runs it, in kebab-case, such as `review-pull-request`.
  public var kind: String
  /// JSON for that handler, at most `largestArguments` bytes.
  public var arguments: String
  /// Of the form of the arguments. A worker whose handler knows only older ones leaves it to another.
  public var version: Int
  /// While an unfinished job of the same kind and key exists, this one is not added again.
  public var uniqueKey: String?
  /// The key is the content of the arguments, where none is given.
  public var isUniqueByArguments: Bool
  /// It is not added again for so long after it was first added either, finished or not.
  public var uniquePeriod: Duration?
  /// Unfinished jobs of the same kind and key that are older give way: those that wait are
  /// cancelled, one that runs is asked to stop.
  public var supersedeKey: String?
  /// Jobs of different groups take turns, such as those of different repositories.
  public var group: String?
  /// All of them hold, over every process.
  public var limits: [JobLimit]
  /// Jobs that have to be completed before it runs. Where one of them ends otherwise, or is not
  /// there, it is cancelled.
  public var needs: [String]
  /// Lower runs first.
  public var priority: Int
  /// How long it waits before it is available.
  public var delay: Duration
  public var maxAttempts: Int
  /// The run that it will execute, where one was promised to somebody.
  public var run: String?

  /// In bytes. A diff of a pull request is the largest thing that is handed to a job.
  public static let largestArguments = 32 << 20

  public init(
    kind: String, arguments: String, version: Int = 1, uniqueKey: String? = nil,
    isUniqueByArguments: Bool = false, uniquePeriod: Duration? = nil,
    supersedeKey: String? = nil, group: String? = nil, limits: [JobLimit] = [],
    needs: [String] = [], priority: Int = 0, delay: Duration = .zero, maxAttempts: Int = 8,
    run: String? = nil
  ) {
    self.kind = kind
    self.arguments = arguments
    self.version = version
    self.uniqueKey = uniqueKey
    self.isUniqueByArguments = isUniqueByArguments
    self.uniquePeriod = uniquePeriod
    self.supersedeKey = supersedeKey
    self.group = group
    self.limits = limits
    self.needs = needs
    self.priority = priority
    self.delay = delay
    self.maxAttempts = maxAttempts
    self.run = run
  }
}

/// How many jobs of one key may run at once, or begin within a time, over every process.
public struct JobLimit: Sendable, Hashable, Codable {
  /// Such as `repository:github:owner/name` or `model:openai`.
  public var key: String
  /// Most that run at the same time; `nil`: any number.
  public var concurrency: Int?
  /// At most so many begin in any `seconds` that pass, all of them at once or not; `nil`: any
  /// number.
  public var rate: Int?
  public var seconds: Double

  public init(_ key: String, concurrency: Int? = nil, rate: Int? = nil, per seconds: Double = 60) {
    self.key = key
    self.concurrency = concurrency
    self.rate = rate
    self.seconds = seconds
  }
}

/// A durable row: something to be done, tried until it is done or given up. Times are the
/// database's.
public struct Job: Sendable, Hashable, Codable, Identifiable {
  /// Time-ordered and unique (UUID version 7, lower case).
  public var id: String
  public var kind: String
  public var arguments: String
  public var state: JobState
  public var uniqueKey: String?
  public var supersedeKey: String?
  public var priority: Int
  /// Tries begun, the one that runs included.
  public var attempt: Int
  public var maxAttempts: Int
  public var createdAt: Date
  /// Not before then.
  public var scheduledAt: Date
  /// Start of the last try.
  public var attemptedAt: Date?
  public var finishedAt: Date?
  /// Oldest first; the last 20.
  public var errors: [Failure]
  public var cancelRequested: Bool
  public var run: String?
  /// Of the form of the arguments.
  public var version: Int
  public var group: String?
  public var limits: [JobLimit]
  /// Jobs that it still waits for.
  public var blockers: Int
  /// Why it waits, one sentence, where a handler said so.
  public var note: String?

  public struct Failure: Sendable, Hashable, Codable {
    public var attempt: Int
    public var at: Date
    /// One sentence, secrets masked.
    public var message: String

    public init(attempt: Int, at: Date, message: String) {
      self.attempt = attempt
      self.at = at
      self.message = message
    }
  }

  public init(
    id: String, kind: String, arguments: String, state: JobState, uniqueKey: String?,
    supersedeKey: String?, priority: Int, attempt: Int, maxAttempts: Int, createdAt: Date,
    scheduledAt: Date, attemptedAt: Date?, finishedAt: Date?, errors: [Failure],
    cancelRequested: Bool, run: String?, version: Int = 1, group: String? = nil,
    limits: [JobLimit] = [], blockers: Int = 0, note: String? = nil
  ) {
    self.id = id
    self.kind = kind
    self.arguments = arguments
    self.state = state
    self.uniqueKey = uniqueKey
    self.supersedeKey = supersedeKey
    self.priority = priority
    self.attempt = attempt
    self.maxAttempts = maxAttempts
    self.createdAt = createdAt
    self.scheduledAt = scheduledAt
    self.attemptedAt = attemptedAt
    self.finishedAt = finishedAt
    self.errors = errors
    self.cancelRequested = cancelRequested
    self.run = run
    self.version = version
    self.group = group
    self.limits = limits
    self.blockers = blockers
    self.note = note
  }
}
