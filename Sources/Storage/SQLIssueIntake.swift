public import Domain
public import Jobs

/// Stores new issues of the tracker, each with the job that will enrich it.
public struct SQLIssueIntake: Sendable {
  private let database: any SQLDatabase
  private let statements: JobStatements
  private let clock = DatabaseClock()
  private let signal: JobSignal?

  /// - Parameter signal: rung when issues were stored.
  public init(_ database: any SQLDatabase, signal: JobSignal? = nil) {
    self.database = database
    self.signal = signal
    statements = JobStatements(database.dialect)
  }

  /// Stores all issues and all jobs in one transaction that is on disk when this returns, or nothing.
  /// - Returns: the issues in their order, each with the id of its job.
  /// - Throws: `.tooLarge` or `.failed` for a job that cannot be stored.
  public func store(
    _ new: [(issue: TrackedIssue, job: NewJob)]
  ) async throws(StoreError) -> [TrackedIssue] {
    guard !new.isEmpty else { return [] }
    let jobs = try AdmittedJob.all(new.map(\.job), at: try await clock.now(database))
    let issues = new.map(\.issue)
    let statements = statements
    let stored = try await database.transaction { transaction throws(StoreError) in
      let added = try JobChanges(statements, transaction).add(jobs)
      var stored: [TrackedIssue] = []
      for (issue, job) in zip(issues, added) {
        var issue = issue
        issue.job = job.id
        try transaction.change(try SQLIssueStore.saving(issue))
        stored.append(issue)
      }
      return stored
    }
    signal?.ring()
    return stored
  }
}
