public import Domain
import Foundation

/// Throws away what has been of no use for long: finished jobs, deliveries and runs. Jobs that were
/// discarded stay, since somebody may still ask for them.
public struct SQLPruning: Sendable {
  private let database: any SQLDatabase
  /// Values of both: an age in seconds, and the most rows.
  let jobs: String
  let deliveries: String

  public init(_ database: any SQLDatabase) {
    self.database = database
    let dialect = database.dialect
    // The states as the index has them: the planner compares the text.
    jobs = """
      DELETE FROM jobs WHERE id IN (
        SELECT id FROM jobs
        WHERE state IN ('completed', 'cancelled') AND finished_at < \(dialect.now) - $1
        ORDER BY finished_at LIMIT $2\(dialect.lockingFreeRows)
      )
      """
    deliveries = """
      DELETE FROM deliveries WHERE id IN (
        SELECT id FROM deliveries
        WHERE received_at < \(dialect.now) - $1 AND NOT EXISTS (
          SELECT 1 FROM jobs WHERE jobs.id = deliveries.job AND \(JobStatements.unfinished))
        ORDER BY received_at LIMIT $2\(dialect.lockingFreeRows)
      )
      """
  }

  /// Throws away, oldest first, the jobs that were completed or cancelled before, the deliveries
  /// that came before and whose job is no longer to be done, and the runs that began before, with
  /// their rows. Each batch is a short transaction, and other writers get their turn between two;
  /// what is not done when the task is cancelled is left for the next time.
  /// - Parameters:
  ///   - age: by the database's clock for jobs and deliveries, by this process's for runs.
  ///   - batch: the most rows of one transaction; less than 1 throws nothing away.
  /// - Returns: jobs, deliveries and runs that went, together.
  @discardableResult
  public func prune(
    olderThan age: Duration, batch: Int = 100
  ) async throws(StoreError) -> Int {
    guard batch > 0 else { return 0 }
    var gone = 0
    for text in [deliveries, jobs] {
      let statement = SQLStatement(text, [.real(age.inSeconds), .number(batch)])
      gone += try await repeated(batch) { () throws(StoreError) in
        try await database.change([statement]).first ?? 0
      }
    }
    let runs = SQLRunStore(database)
    let date = Date(timeIntervalSinceNow: -age.inSeconds)
    gone += try await repeated(batch) { () throws(StoreError) in
      try await runs.prune(olderThan: date, limit: batch)
    }
    return gone
  }

  /// Calls it until it has thrown away less than it might have. - Returns: the sum.
  private func repeated(
    _ batch: Int, _ step: () async throws(StoreError) -> Int
  ) async throws(StoreError) -> Int {
    var gone = 0
    while !Task.isCancelled {
      let count = try await step()
      gone += count
      if count < batch { break }
    }
    return gone
  }
}
