import Domain
import Jobs

/// What people ask about jobs, and of them.
struct RecordStatements: Sendable {
  let revive: String
  let one = "SELECT \(JobStatements.columns) FROM jobs WHERE id = $1"
  let counts: String
  let oldest: String
  let stale: [String]
  private let locking: String

  init(_ dialect: SQLDialect) {
    let now = dialect.now
    locking = dialect.lockingRows
    revive = """
      UPDATE jobs SET state = $1, blockers = $2, attempt = 0, interruptions = 0,
        scheduled_at = \(now), finished_at = NULL, cancel_requested = 0, cancel_reason = NULL,
        note = NULL
      WHERE id = $3
      """
    // Each from the index of its own.
    counts = [
      "SELECT 'available', count(*) FROM jobs WHERE \(JobStatements.ready)",
      "SELECT 'available', count(*) FROM jobs WHERE \(JobStatements.readyInGroups)",
      "SELECT state, count(*) FROM jobs WHERE \(JobStatements.waiting) GROUP BY state",
      """
      SELECT state, count(*) FROM jobs
      WHERE state IN ('scheduled', 'retryable') AND blockers > 0 GROUP BY state
      """,
      "SELECT 'running', count(*) FROM jobs WHERE state = 'running'",
      "SELECT state, count(*) FROM jobs WHERE state IN ('completed', 'cancelled') GROUP BY state",
      "SELECT 'discarded', count(*) FROM jobs WHERE state = 'discarded'",
    ].joined(separator: "\nUNION ALL\n")
    oldest = Self.oldest(now)
    // Values: an age in seconds, and the most rows.
    stale = [
      """
      DELETE FROM job_turns WHERE key IN (
        SELECT key FROM job_turns WHERE at < \(now) - $1 AND key <> ''
        ORDER BY at LIMIT $2\(dialect.lockingFreeRows))
      """,
      """
      DELETE FROM job_rates WHERE key IN (
        SELECT key FROM job_rates WHERE whole_at < \(now) - $1
        ORDER BY whole_at LIMIT $2\(dialect.lockingFreeRows))
      """,
      """
      DELETE FROM job_periods WHERE (kind, key) IN (
        SELECT kind, key FROM job_periods WHERE until_at < \(now) - $1
        ORDER BY until_at LIMIT $2\(dialect.lockingFreeRows))
      """,
    ]
  }

  /// The least time of every kind (and group) and priority, found by stepping from one to the next
  /// in the index that the claims use, and of what is due and has not been made available yet.
  private static func oldest(_ now: String) -> String {
    func column(_ name: String, _ condition: String, _ order: String) -> String {
      "(SELECT \(name) FROM jobs WHERE \(condition) ORDER BY \(order) LIMIT 1)"
    }
    func turns(_ name: String, _ columns: [String], _ condition: String) -> String {
      let order = columns.joined(separator: ", ")
      let previous = columns.map { "\(name).\($0)" }.joined(separator: ", ")
      let later = "\(condition) AND (\(order)) > (\(previous))"
      return """
        \(name) (\(order)) AS (
          SELECT \(columns.map { column($0, condition, order) }.joined(separator: ",\n    "))
          UNION ALL
          SELECT \(columns.map { column($0, later, order) }.joined(separator: ",\n    "))
          FROM \(name) WHERE \(name).kind IS NOT NULL
        )
        """
    }
    func least(_ name: String, _ columns: [String], _ condition: String) -> String {
      let same = columns.map { "\($0) = \(name).\($0)" }.joined(separator: " AND ")
      return """
        SELECT \(column("scheduled_at", "\(condition) AND \(same)", "scheduled_at")) AS at
        FROM \(name) WHERE \(name).kind IS NOT NULL
        """
    }
    let (single, grouped) = (["kind", "priority"], ["kind", "group_key", "priority"])
    return """
      WITH RECURSIVE
      \(turns("singles", single, JobStatements.ready)),
      \(turns("members", grouped, JobStatements.readyInGroups))
      SELECT \(now) - min(at) FROM (
        \(least("singles", single, JobStatements.ready))
        UNION ALL
        \(least("members", grouped, JobStatements.readyInGroups))
        UNION ALL
        SELECT min(scheduled_at) AS at FROM jobs
        WHERE \(JobStatements.waiting) AND scheduled_at <= \(now)
      ) AS fronts
      """
  }

  func list(_ filter: JobFilter) -> SQLStatement {
    let (condition, values) = Self.condition(filter)
    let limit = max(0, min(filter.limit, 1000))
    return SQLStatement(
      "SELECT \(JobStatements.columns) FROM jobs\(condition) ORDER BY id DESC "
        + "LIMIT $\(values.count + 1)", values + [.number(limit)])
  }

  /// What may be retried of a filter, newest first. Gives ids.
  func page(_ filter: JobFilter, _ count: Int) -> SQLStatement {
    let (condition, values) = Self.condition(filter)
    return SQLStatement(
      "SELECT id FROM jobs\(condition) ORDER BY id DESC LIMIT $\(values.count + 1)",
      values + [.number(count)])
  }

  private static func condition(_ filter: JobFilter) -> (String, [SQLValue]) {
    var conditions: [String] = []
    var values: [SQLValue] = []
    func names(_ names: [String]) -> String {
      defer { values += names.map { .plain($0) } }
      return SQLText.placeholders(names.count, from: values.count + 1)
    }
    if !filter.states.isEmpty {
      // In the text, so that an index of some states may serve.
      let states = Set(filter.states).map { "'\($0.rawValue)'" }.sorted()
      conditions.append(
        states.count == 1
          ? "state = \(states[0])" : "state IN (\(states.joined(separator: ", ")))")
    }
    if let kind = filter.kind { conditions.append("kind = \(names([kind]))") }
    if !filter.kindsNotIn.isEmpty {
      conditions.append("kind NOT IN (\(names(filter.kindsNotIn)))")
    }
    if let run = filter.run { conditions.append("run = \(names([run]))") }
    if let before = filter.before { conditions.append("id < \(names([before]))") }
    let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
    return (condition, values)
  }
}
