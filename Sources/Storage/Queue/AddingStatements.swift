/// What adds jobs.
struct AddingStatements: Sendable {
  /// Of `given` in `insert`, in this order.
  private static let types = [
    "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "DOUBLE PRECISION",
    "DOUBLE PRECISION", "TEXT", "BIGINT", "TEXT", "TEXT", "BIGINT",
  ]

  private let now: String
  private let inserts = KeptTexts()
  let present: String
  let superseded: String
  let takePeriod: String
  let period = "SELECT job FROM job_periods WHERE kind = $1 AND key = $2"
  let givePeriodBack = "DELETE FROM job_periods WHERE kind = $1 AND key = $2 AND job = $3"

  init(_ dialect: SQLDialect) {
    now = dialect.now
    present = """
      SELECT id FROM jobs
      WHERE kind = $1 AND unique_key = $2 AND unique_key IS NOT NULL AND cancel_requested = 0
        AND \(JobStatements.unfinished)
      """
    superseded = """
      SELECT \(JobStatements.standing) FROM jobs
      WHERE kind = $1 AND supersede_key = $2 AND supersede_key IS NOT NULL
        AND \(JobStatements.unfinished) AND id <> $3
      ORDER BY id\(dialect.lockingRows)
      """
    // Gives a row where the period of who was first is over.
    takePeriod = """
      INSERT INTO job_periods (kind, key, job, until_at) VALUES ($1, $2, $3, \(now) + $4)
      ON CONFLICT (kind, key) DO UPDATE SET job = excluded.job, until_at = excluded.until_at
        WHERE job_periods.until_at <= \(now)
      RETURNING job
      """
  }

  /// Gives the ids of those that were added: not of those whose unique key another has.
  /// Values of each row: see `AdmittedJob.row`.
  func insert(_ rows: Int) -> String {
    inserts.text(rows) { insert(rows, where: "") }
  }

  /// - Parameter condition: on further values, without which nothing is added.
  func insert(_ rows: Int, where condition: String) -> String {
    """
    WITH clock AS MATERIALIZED (SELECT \(now) AS at),
    given (id, kind, arguments, state, unique_key, supersede_key, priority, max_attempts, earlier,
      delay, run, version, group_key, limits, blockers) AS (
      VALUES \(SQLText.rows(rows, Self.types))
    )
    INSERT INTO jobs (id, kind, arguments, state, unique_key, supersede_key, priority, attempt,
      max_attempts, created_at, scheduled_at, lease_token, interruptions, cancel_requested, errors,
      run, version, group_key, limits, blockers)
    SELECT given.id, given.kind, given.arguments, given.state, given.unique_key,
      given.supersede_key, given.priority, 0, given.max_attempts, clock.at - given.earlier,
      clock.at - given.earlier + given.delay, 0, 0, 0, '[]', given.run, given.version,
      given.group_key, given.limits, given.blockers
    FROM given CROSS JOIN clock WHERE given.id IS NOT NULL\(condition)
    ON CONFLICT (kind, unique_key)
      WHERE unique_key IS NOT NULL AND cancel_requested = 0 AND \(JobStatements.unfinished)
      DO NOTHING
    RETURNING id
    """
  }

  /// Values of one row of `insert`.
  static let width = types.count
}

/// What jobs that need others ask.
struct NeedStatements: Sendable {
  private let locking: String
  let add = "INSERT INTO job_dependencies (job, needs) VALUES ($1, $2) ON CONFLICT DO NOTHING"
  let release: String
  let forget = "DELETE FROM job_dependencies WHERE needs = $1"
  let waiting: String
  let of = "SELECT needs FROM job_dependencies WHERE job = $1 ORDER BY needs"

  init(_ dialect: SQLDialect) {
    locking = dialect.lockingRows
    // Locked in order first, as everywhere.
    release = """
      WITH freed AS MATERIALIZED (
        SELECT id FROM jobs
        WHERE id IN (SELECT job FROM job_dependencies WHERE needs = $1)
          AND state = 'scheduled' AND blockers > 0
        ORDER BY id\(dialect.lockingRows)
      )
      UPDATE jobs SET blockers = blockers - 1,
        state = CASE WHEN blockers = 1 AND scheduled_at <= \(dialect.now) THEN 'available'
          ELSE state END
      WHERE id IN (SELECT id FROM freed)
      RETURNING id
      """
    waiting = """
      SELECT \(JobStatements.standing) FROM jobs
      WHERE id IN (SELECT job FROM job_dependencies WHERE needs = $1)
        AND state = 'scheduled' AND blockers > 0
      ORDER BY id\(dialect.lockingRows)
      """
  }

  func states(_ count: Int) -> String {
    """
    SELECT id, state FROM jobs WHERE id IN (\(SQLText.placeholders(count)))
    ORDER BY id\(locking)
    """
  }

  func mark(_ count: Int) -> String {
    "UPDATE jobs SET dependents = 1 WHERE id IN (\(SQLText.placeholders(count)))"
  }
}
