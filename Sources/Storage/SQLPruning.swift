public import Domain
import Foundation

/// Throws away what has been of no use for long: finished jobs with their steps, deliveries, runs,
/// cached answers and counts. Jobs that were discarded stay, since somebody may still ask for them.
public struct SQLPruning: Sendable {
  private let database: any SQLDatabase
  /// Each takes an age in seconds and the most rows.
  let statements: [String]
  var deliveries: String { statements[0] }
  var jobs: String { statements[1] }

  public init(_ database: any SQLDatabase) {
    self.database = database
    let dialect = database.dialect
    let age = "\(dialect.now) - $1"
    let batch = "LIMIT $2\(dialect.lockingFreeRows)"
    // A delivery goes before its job: without the job it would look unfinished to nobody.
    let deliveries = """
      DELETE FROM deliveries WHERE id IN (
        SELECT id FROM deliveries
        WHERE received_at < \(age) AND NOT EXISTS (
          SELECT 1 FROM jobs WHERE jobs.id = deliveries.job AND \(JobStatements.unfinished))
        ORDER BY received_at \(batch)
      )
      """
    statements =
      [deliveries]
      + ["completed", "cancelled"].map { Self.removal(of: $0, age: age, batch: batch) }
      + ["responses", "validators", "wordings", "vectors"].map { table in
        """
        DELETE FROM \(table) WHERE key IN (
          SELECT key FROM \(table) WHERE last_used_at < \(age) ORDER BY last_used_at \(batch)
        )
        """
      } + [
        """
        DELETE FROM token_uses WHERE (key, day) IN (
          SELECT key, day FROM token_uses WHERE day < CAST(\(age) AS BIGINT) / 86400 \(batch)
        )
        """
      ]
  }

  /// One state for each statement: the index gives them by it and then by age. The states as the
  /// index has them stand beside it, because the planner compares the text.
  private static func removal(of state: String, age: String, batch: String) -> String {
    """
    DELETE FROM jobs WHERE id IN (
      SELECT id FROM jobs
      WHERE state IN ('completed', 'cancelled', 'discarded') AND state = '\(state)'
        AND finished_at < \(age)
      ORDER BY finished_at \(batch)
    )
    """
  }

  /// What was for a time only, and whose time is over: for these the age does not matter. Each takes
  /// the most rows.
  private var over: [String] {
    let now = database.dialect.now
    let batch = "LIMIT $1\(database.dialect.lockingFreeRows)"
    return [
      """
      DELETE FROM job_periods WHERE (kind, key) IN (
        SELECT kind, key FROM job_periods WHERE until_at < \(now) ORDER BY until_at \(batch)
      )
      """,
      // Each claim under a rate does this too: these are what the last one has left.
      """
      DELETE FROM job_rates WHERE (key, at) IN (
        SELECT key, at FROM job_rates WHERE until_at < \(now) \(batch)
      )
      """,
      // A group that waits for nothing has its turn first, as a new one does.
      """
      DELETE FROM job_turns WHERE key IN (
        SELECT key FROM job_turns WHERE key <> '' AND at < \(now) - 86400 \(batch)
      )
      """,
      // Until then somebody who comes late is told so.
      """
      DELETE FROM sign_ins WHERE state IN (
        SELECT state FROM sign_ins WHERE expires_at < \(now) - 86400 ORDER BY expires_at \(batch)
      )
      """,
    ]
  }

  /// Throws away, oldest first, the jobs that were completed or cancelled before, the deliveries
  /// that came before and whose job is no longer to be done, cached answers that were not used since,
  /// and the runs that began before, with their rows. Each batch is a short transaction, and other
  /// writers get their turn between two; what is not done when the task is cancelled is left for the
  /// next time.
  /// - Parameters:
  ///   - age: by the database's clock; for runs by this process's.
  ///   - batch: the most rows of one transaction; less than 1 throws nothing away.
  ///   - pause: after a full batch, so that others write meanwhile.
  /// - Returns: rows that went, together; those that go with another are not counted.
  @discardableResult
  public func prune(
    olderThan age: Duration, batch: Int = 100, pause: Duration = .zero
  ) async throws(StoreError) -> Int {
    guard batch > 0 else { return 0 }
    var gone = 0
    let date = Date(timeIntervalSinceNow: -age.inSeconds)
    let steps =
      statements.map { SQLStatement($0, [.real(age.inSeconds), .number(batch)]) }
      + over.map { SQLStatement($0, [.number(batch)]) }
    for statement in steps {
      gone += try await repeated(batch, pause) { () throws(StoreError) in
        try await database.change([statement]).first ?? 0
      }
    }
    let runs = SQLRunStore(database)
    gone += try await repeated(batch, pause) { () throws(StoreError) in
      try await runs.prune(olderThan: date, limit: batch)
    }
    return gone
  }

  /// Calls it until it has thrown away less than it might have. - Returns: the sum.
  private func repeated(
    _ batch: Int, _ pause: Duration, _ step: () async throws(StoreError) -> Int
  ) async throws(StoreError) -> Int {
    var gone = 0
    while !Task.isCancelled {
      let count = try await step()
      gone += count
      if count < batch { break }
      if pause > .zero { try? await Task.sleep(for: pause) }
    }
    return gone
  }
}
