/// What takes jobs that have neither group nor limits, and what makes those available whose time
/// has come.
struct ClaimStatements: Sendable {
  private let dialect: SQLDialect
  let comeDue: String
  /// Values: lease in seconds, worker.
  private let begin: String

  init(_ dialect: SQLDialect) {
    self.dialect = dialect
    // They keep their time as their place in line.
    comeDue = """
      WITH due AS MATERIALIZED (
        SELECT id FROM jobs
        WHERE \(JobStatements.waiting) AND scheduled_at <= \(dialect.now)
        ORDER BY scheduled_at LIMIT \(Self.dueBatch)\(dialect.lockingFreeRows)
      )
      UPDATE jobs SET state = 'available', note = NULL WHERE id IN (SELECT id FROM due)
      RETURNING id
      """
    begin = """
      state = 'running', attempt = attempt + 1, attempted_at = \(dialect.now),
      lease_token = lease_token + 1, note = NULL, leased_until = \(dialect.now) +
      """
  }

  static let dueBatch = 500

  private func taking(_ condition: String, from first: Int) -> String {
    """
    UPDATE jobs SET \(begin) $\(first), worker = $\(first + 1) WHERE \(condition)
    RETURNING \(JobStatements.columns), lease_token
    """
  }

  /// The number is part of the text, because a planner that does not know it takes it for a tenth
  /// of the table, and the rows are picked by an expression that is evaluated once, because a
  /// subquery of the update might be evaluated again and lock other rows.
  private func first(_ limit: Int, of kind: Int, after mark: Int?) -> String {
    let from = mark.map {
      "\n    AND (priority, scheduled_at, id) > ($\($0), $\($0 + 1), $\($0 + 2))"
    }
    return """
      SELECT id FROM jobs
        WHERE kind = $\(kind) AND \(JobStatements.ready)\(from ?? "")
        ORDER BY priority, scheduled_at, id LIMIT \(limit)\(dialect.lockingFreeRows)
      """
  }

  /// Values: for each kind its name and, where marks are asked for, priority, time and id after
  /// which to look; then the lease in seconds and the worker.
  func claim(kinds: Int, limit: Int, marks: Bool) -> String {
    let width = marks ? 4 : 1
    func start(_ kind: Int) -> Int { kind * width + 1 }
    if kinds == 1 {
      return """
        WITH picked AS MATERIALIZED (
          \(first(limit, of: 1, after: marks ? 2 : nil))
        )
        \(taking("id IN (SELECT id FROM picked)", from: width + 1))
        """
    }
    // First how many of each kind stand in front; then so many of each that nobody holds.
    let heads = (0..<kinds).map { kind in
      let from = marks ? start(kind) + 1 : nil
      let after = from.map {
        " AND (priority, scheduled_at, id) > ($\($0), $\($0 + 1), $\($0 + 2))"
      }
      return """
        SELECT * FROM (
            SELECT kind, priority, scheduled_at, id FROM jobs
            WHERE kind = $\(start(kind)) AND \(JobStatements.ready)\(after ?? "")
            ORDER BY priority, scheduled_at, id LIMIT \(limit)) AS of\(kind)
        """
    }
    let picked = (0..<kinds).map { kind in
      """
      picked\(kind) AS MATERIALIZED (
        SELECT id FROM (
          \(first(limit, of: start(kind), after: marks ? start(kind) + 1 : nil))
        ) AS free
        LIMIT (SELECT coalesce(max(number), 0) FROM heads WHERE kind = $\(start(kind)))
      )
      """
    }
    let all = (0..<kinds).map { "SELECT id FROM picked\($0)" }.joined(separator: " UNION ALL ")
    return """
      WITH heads AS MATERIALIZED (
        SELECT kind, count(*) AS number FROM (
          \(heads.joined(separator: "\n    UNION ALL "))
          ORDER BY priority, scheduled_at, id LIMIT \(limit)
        ) AS first GROUP BY kind
      ),
      \(picked.joined(separator: ",\n"))
      \(taking("id IN (\(all))", from: kinds * width + 1))
      """
  }

  /// Those of a list that are still there to be taken. Values: the ids, lease, worker.
  func claimGiven(_ rows: Int) -> String {
    """
    WITH picked AS MATERIALIZED (
      SELECT id FROM jobs
      WHERE id IN (\(SQLText.placeholders(rows))) AND state = 'available'
      ORDER BY id\(dialect.lockingFreeRows)
    )
    \(taking("id IN (SELECT id FROM picked)", from: rows + 1))
    """
  }

  /// Whether one is ready, whether one in a group is, and the seconds until the next of those that
  /// wait. Values: the kinds.
  /// - Parameter asksReady: or the first is 0.
  func untilNext(kinds: Int, asksReady: Bool = true) -> String {
    let asked = "kind IN (\(SQLText.placeholders(kinds)))"
    let isReady = """
      CASE WHEN EXISTS (SELECT 1 FROM jobs WHERE \(asked) AND \(JobStatements.ready))
          THEN 1 ELSE 0 END
      """
    return """
      SELECT \(asksReady ? isReady : "0"),
        CASE WHEN EXISTS (SELECT 1 FROM jobs WHERE \(asked) AND \(JobStatements.readyInGroups))
          THEN 1 ELSE 0 END,
        (SELECT scheduled_at - \(dialect.now) FROM jobs WHERE \(JobStatements.waiting) AND \(asked)
          ORDER BY scheduled_at LIMIT 1)
      """
  }
}

/// What the jobs with groups and limits are claimed by: see `FairClaim`.
struct FairStatements: Sendable {
  /// Jobs of one group that are looked at in one go.
  static let page = 8
  private static let columns = "id, kind, group_key, priority, scheduled_at, limits"

  let takeTurn: String
  let firstTurn = "INSERT INTO job_turns (key, turn, at) VALUES ('', 0, 0) ON CONFLICT DO NOTHING"
  let running: String
  let heads: String
  let following: String
  /// Groups of a kind in which a job without limits is ready. Values: the kind.
  let groupsWithoutLimits: String
  /// As `following`, of jobs without limits only.
  let followingWithoutLimits: String
  /// Values: the time.
  let rates: String
  /// Values: the time.
  let forgetRates = "DELETE FROM job_rates WHERE until_at <= $1"
  private let now: String

  init(_ dialect: SQLDialect) {
    now = dialect.now
    takeTurn = "SELECT turn, \(now) FROM job_turns WHERE key = ''\(dialect.lockingRows)"
    running = """
      SELECT group_key, limits, count(*) FROM jobs
      WHERE state = 'running' AND group_key IS NOT NULL GROUP BY group_key, limits
      """
    // From group to group by the index, whatever stands in each; then the first of each.
    let next = "FROM jobs WHERE kind = $1 AND \(JobStatements.readyInGroups)"
    heads = """
      WITH RECURSIVE groups (name) AS (
        SELECT (SELECT group_key \(next) ORDER BY group_key LIMIT 1)
        UNION ALL
        SELECT (SELECT group_key \(next) AND group_key > groups.name ORDER BY group_key LIMIT 1)
        FROM groups WHERE groups.name IS NOT NULL
      )
      SELECT job.id, job.kind, job.group_key, job.priority, job.scheduled_at, job.limits,
        coalesce(turns.turn, 0)
      FROM groups
      JOIN jobs AS job ON job.id = (
        SELECT id \(next) AND group_key = groups.name
        ORDER BY priority, scheduled_at, id LIMIT 1)
      LEFT JOIN job_turns AS turns ON turns.key = groups.name
      WHERE groups.name IS NOT NULL
      """
    func following(_ condition: String) -> String {
      """
      SELECT \(Self.columns) \(next)\(condition) AND group_key = $2
        AND (priority, scheduled_at, id) > ($3, $4, $5)
      ORDER BY priority, scheduled_at, id LIMIT \(Self.page)
      """
    }
    self.following = following("")
    followingWithoutLimits = following(" AND limits IS NULL")
    let free = "\(next) AND limits IS NULL"
    groupsWithoutLimits = """
      WITH RECURSIVE groups (name) AS (
        SELECT (SELECT group_key \(free) ORDER BY group_key LIMIT 1)
        UNION ALL
        SELECT (SELECT group_key \(free) AND group_key > groups.name ORDER BY group_key LIMIT 1)
        FROM groups WHERE groups.name IS NOT NULL
      )
      SELECT name FROM groups WHERE name IS NOT NULL
      """
    rates = "SELECT key, at, starts FROM job_rates WHERE until_at > $1 ORDER BY at"
  }

  /// Values: the kinds.
  func present(kinds: Int) -> String {
    """
    SELECT 1 FROM jobs
    WHERE kind IN (\(SQLText.placeholders(kinds))) AND \(JobStatements.readyInGroups) LIMIT 1
    """
  }

  /// Values of each row: group and turn.
  func served(_ rows: Int) -> String {
    """
    WITH given (key, turn) AS (VALUES \(SQLText.rows(rows, ["TEXT", "BIGINT"])))
    INSERT INTO job_turns (key, turn, at)
    SELECT key, turn, \(now) FROM given WHERE key IS NOT NULL
    ON CONFLICT (key) DO UPDATE SET turn = excluded.turn, at = excluded.at
    """
  }

  /// By the time at which it is written, which is no earlier than that of the claim. Values of each
  /// row: key, how many began, and for how many seconds that counts.
  func counted(_ rows: Int) -> String {
    let given = SQLText.rows(rows, ["TEXT", "BIGINT", "DOUBLE PRECISION"])
    return """
      WITH given (key, starts, seconds) AS (VALUES \(given)),
      clock (now) AS MATERIALIZED (SELECT \(now))
      INSERT INTO job_rates (key, at, starts, until_at)
      SELECT key, clock.now, starts, clock.now + seconds FROM given CROSS JOIN clock
      WHERE key IS NOT NULL
      ON CONFLICT (key, at) DO UPDATE SET starts = job_rates.starts + excluded.starts,
        until_at = CASE WHEN excluded.until_at > job_rates.until_at
          THEN excluded.until_at ELSE job_rates.until_at END
      """
  }
}
