import Domain
import Jobs

/// Every statement about jobs, built once from the dialect.
struct JobStatements: Sendable {
  /// As the partial indexes of the migration have them: the planner compares the text.
  private static let waiting = "state IN ('available', 'scheduled', 'retryable')"
  static let unfinished = "state IN ('available', 'scheduled', 'running', 'retryable')"

  static let columns = """
    id, kind, arguments, state, unique_key, supersede_key, priority, attempt, max_attempts,
    created_at, scheduled_at, attempted_at, finished_at, errors, cancel_requested, run
    """
  /// Of what `running` and its like give: what a transition needs.
  static let claimColumns =
    "id, kind, attempt, max_attempts, cancel_requested, cancel_reason, "
    + "errors, worker, interruptions"

  let clock: String
  /// What is available is so whatever the time: a clock that was set back must not stop it.
  private let due: String
  let insert: String
  let present: String
  let superseded: String
  let extend: String
  let complete: String
  let held: String
  let settle: String
  let expired: String
  let running: String
  let locked: String
  let requestCancel: String
  let revive: String
  let one: String
  let counts: String
  let oldest: String
  let steps = "SELECT name, value FROM job_steps WHERE job = $1"
  let remember: String
  private let dialect: SQLDialect

  init(_ dialect: SQLDialect) {
    self.dialect = dialect
    let now = dialect.now
    let byLease = "id = $1 AND lease_token = $2 AND state = 'running'"
    clock = "SELECT \(now)"
    due = "\(Self.waiting) AND (state = 'available' OR scheduled_at <= \(now))"
    insert = """
      INSERT INTO jobs (id, kind, arguments, state, unique_key, supersede_key, priority, attempt,
        max_attempts, created_at, scheduled_at, lease_token, interruptions, cancel_requested,
        errors, run)
      VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, 0, 0, 0, '[]', $11)
      ON CONFLICT (kind, unique_key)
        WHERE unique_key IS NOT NULL AND cancel_requested = 0 AND \(Self.unfinished)
        DO NOTHING
      """
    present = """
      SELECT id FROM jobs
      WHERE kind = $1 AND unique_key = $2 AND unique_key IS NOT NULL AND cancel_requested = 0
        AND \(Self.unfinished)
      """
    superseded = """
      SELECT id, state, \(Self.claimColumns.dropFirst("id, ".count)) FROM jobs
      WHERE kind = $1 AND supersede_key = $2 AND supersede_key IS NOT NULL AND \(Self.unfinished)
        AND id <> $3\(dialect.lockingRows)
      """
    extend = """
      UPDATE jobs SET leased_until = \(now) + $1
      WHERE id = $2 AND lease_token = $3 AND state = 'running'
      RETURNING cancel_requested
      """
    complete = """
      UPDATE jobs SET state = 'completed', finished_at = \(now), leased_until = NULL, worker = NULL
      WHERE \(byLease)
      """
    held = "SELECT \(Self.claimColumns) FROM jobs WHERE \(byLease)\(dialect.lockingRows)"
    settle = """
      UPDATE jobs SET state = $1, attempt = $2, scheduled_at = coalesce($3, scheduled_at),
        finished_at = $4, errors = $5, interruptions = $6, leased_until = NULL, worker = NULL
      WHERE id = $7
      """
    expired = """
      SELECT \(Self.claimColumns) FROM jobs
      WHERE state = 'running' AND leased_until < \(now)
      ORDER BY leased_until LIMIT $1\(dialect.lockingFreeRows)
      """
    running = """
      SELECT \(Self.claimColumns) FROM jobs WHERE state = 'running' ORDER BY leased_until\(dialect.lockingRows)
      """
    locked = """
      SELECT \(Self.claimColumns), state FROM jobs WHERE id = $1\(dialect.lockingRows)
      """
    requestCancel = "UPDATE jobs SET cancel_requested = 1, cancel_reason = $1 WHERE id = $2"
    revive = """
      UPDATE jobs SET state = 'available', attempt = 0, interruptions = 0, scheduled_at = \(now),
        finished_at = NULL, cancel_requested = 0, cancel_reason = NULL
      WHERE id = $1
      """
    one = "SELECT \(Self.columns) FROM jobs WHERE id = $1"
    counts = "SELECT state, count(*) FROM jobs GROUP BY state"
    remember = """
      INSERT INTO job_steps (job, name, at, value)
      SELECT $1, $2, \(now), $3 FROM jobs
      WHERE id = $1 AND lease_token = $4 AND state = 'running'
      ON CONFLICT (job, name) DO UPDATE SET value = excluded.value, at = excluded.at
      """
    oldest = """
      SELECT \(now) - scheduled_at FROM jobs
      WHERE \(due)
      ORDER BY scheduled_at LIMIT 1
      """
  }

  private static func placeholders(_ count: Int, from first: Int) -> String {
    (first..<first + count).map { "$\($0)" }.joined(separator: ", ")
  }

  /// Takes what is due in one statement. Values: lease in seconds, worker, the kinds, the limit.
  func claim(kinds: Int) -> String {
    """
    UPDATE jobs SET state = 'running', attempt = attempt + 1, attempted_at = \(dialect.now),
      leased_until = \(dialect.now) + $1, lease_token = lease_token + 1, worker = $2
    WHERE id IN (
      SELECT id FROM jobs
      WHERE \(due)
        AND kind IN (\(Self.placeholders(kinds, from: 3)))
      ORDER BY priority, scheduled_at, id LIMIT $\(kinds + 3)\(dialect.lockingFreeRows)
    )
    RETURNING \(Self.columns), lease_token
    """
  }

  func untilNext(kinds: Int) -> String {
    let asked = "\(Self.waiting) AND kind IN (\(Self.placeholders(kinds, from: 1)))"
    return """
      SELECT CASE
        WHEN EXISTS (SELECT 1 FROM jobs WHERE \(asked) AND state = 'available') THEN 0
        ELSE (SELECT scheduled_at - \(dialect.now) FROM jobs WHERE \(asked)
          ORDER BY scheduled_at LIMIT 1)
      END
      """
  }

  func list(_ filter: JobFilter) -> SQLStatement {
    var conditions: [String] = []
    var values: [SQLValue] = []
    if !filter.states.isEmpty {
      conditions.append("state IN (\(Self.placeholders(filter.states.count, from: 1)))")
      values += filter.states.map { .text($0.rawValue) }
    }
    if let kind = filter.kind {
      values.append(.text(kind))
      conditions.append("kind = $\(values.count)")
    }
    if let run = filter.run {
      values.append(.text(run))
      conditions.append("run = $\(values.count)")
    }
    if let before = filter.before {
      values.append(.text(before))
      conditions.append("id < $\(values.count)")
    }
    values.append(.integer(Int64(max(0, min(filter.limit, 1000)))))
    let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
    return SQLStatement(
      "SELECT \(Self.columns) FROM jobs\(condition) ORDER BY id DESC LIMIT $\(values.count)", values
    )
  }
}
