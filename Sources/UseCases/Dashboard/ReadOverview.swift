public import Domain
public import Jobs

/// What somebody who looks after Stet sees first.
public struct Overview: Sendable {
  public var jobs: [JobState: Int]
  /// How long the oldest job that is due has waited; `nil` where none is.
  public var oldestDue: Duration?
  /// Newest first.
  public var runs: [Run]
  /// Given up, or to be tried again; newest first.
  public var failedJobs: [Job]
  /// Runs that failed, among the latest.
  public var failedRuns: [Run]
  public var queues: [MergeQueueState]
  /// What the models of each repository took today; `nil` where there is no limit.
  public var budget: Budget?

  public struct Budget: Sendable {
    /// Tokens that one repository may take in a day.
    public var perDay: Int
    public var uses: [TokenUse]
  }
}

/// What one repository may spend in a day, and what was spent.
public struct BudgetReading: Sendable {
  public var perDay: Int
  /// Those who spent most today, at most so many.
  public var uses: @Sendable (_ limit: Int) async throws(StoreError) -> [TokenUse]

  public init(
    perDay: Int, uses: @escaping @Sendable (_ limit: Int) async throws(StoreError) -> [TokenUse]
  ) {
    self.perDay = perDay
    self.uses = uses
  }
}

/// Puts the overview together, each part bounded however much there is.
public struct ReadOverview: Sendable {
  private let jobs: any JobStore
  private let runs: any RunStore
  private let notes: (any PolicyNotes)?
  private let budget: BudgetReading?

  public init(
    jobs: any JobStore, runs: any RunStore, notes: (any PolicyNotes)?, budget: BudgetReading?
  ) {
    self.jobs = jobs
    self.runs = runs
    self.notes = notes
    self.budget = budget
  }

  public func overview() async throws -> Overview {
    let latest = try await runs.runs(limit: 30, before: nil)
    var queues: [MergeQueueState] = []
    if let notes {
      queues = try await ReadMergeQueues(jobs: jobs, notes: notes).queues(limit: 20, entries: 20)
    }
    var spent: Overview.Budget?
    if let budget {
      spent = Overview.Budget(perDay: budget.perDay, uses: try await budget.uses(10))
    }
    return Overview(
      jobs: try await jobs.counts(), oldestDue: try await jobs.oldestDue(),
      runs: Array(latest.prefix(8)),
      failedJobs: try await jobs.jobs(
        JobFilter(states: [.discarded, .retryable], limit: 8)),
      failedRuns: Array(latest.filter { $0.outcome == .failed }.prefix(5)), queues: queues,
      budget: spent)
  }
}
