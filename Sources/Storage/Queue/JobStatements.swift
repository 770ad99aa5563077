import Domain
import Jobs
import Synchronization

/// Every statement about jobs, built once from the dialect.
struct JobStatements: Sendable {
  // As the partial indexes of the migration have them: the planner compares the text.
  static let ready = "state = 'available' AND group_key IS NULL"
  static let readyInGroups = "state = 'available' AND group_key IS NOT NULL"
  static let waiting = "state IN ('scheduled', 'retryable') AND blockers = 0"
  static let unfinished = "state IN ('available', 'scheduled', 'running', 'retryable')"
  /// Of what runs, and of nothing else. A worker that knows which job it holds finds it by its id:
  /// `state = 'running'` would lead a planner that knows of few such to the index of leases, whose
  /// front may be full of rows that are gone.
  static let held = "leased_until IS NOT NULL"

  static let columns = """
    id, kind, arguments, state, unique_key, supersede_key, priority, attempt, max_attempts,
    created_at, scheduled_at, attempted_at, finished_at, errors, cancel_requested, run, version,
    group_key, limits, blockers, note
    """
  /// What a transition needs: see `StandingJob`.
  static let standing = """
    id, kind, attempt, max_attempts, cancel_requested, cancel_reason, errors, worker, interruptions,
    dependents, state, CASE WHEN group_key IS NULL THEN 0 ELSE 1 END
    """

  let dialect: SQLDialect
  private let completions = KeptTexts()
  private let extensions = KeptTexts()
  let adding: AddingStatements
  let claiming: ClaimStatements
  let fair: FairStatements
  let needs: NeedStatements
  let records: RecordStatements

  let clock: String
  let heldByLease: String
  let settle: String
  let expired: String
  let running: String
  let locked: String
  let requestCancel: String
  let steps = "SELECT name, value FROM job_steps WHERE job = $1"
  let remember: String

  init(_ dialect: SQLDialect) {
    self.dialect = dialect
    adding = AddingStatements(dialect)
    claiming = ClaimStatements(dialect)
    fair = FairStatements(dialect)
    needs = NeedStatements(dialect)
    records = RecordStatements(dialect)
    let now = dialect.now
    clock = "SELECT \(now)"
    heldByLease = """
      SELECT \(Self.standing) FROM jobs
      WHERE id = $1 AND lease_token = $2 AND \(Self.held)\(dialect.lockingRows)
      """
    settle = """
      UPDATE jobs SET state = $1, attempt = $2, scheduled_at = coalesce($3, scheduled_at),
        finished_at = $4, errors = $5, interruptions = $6, note = $7, leased_until = NULL,
        worker = NULL
      WHERE id = $8
      """
    expired = """
      SELECT \(Self.standing) FROM jobs
      WHERE state = 'running' AND leased_until < \(now)
      ORDER BY leased_until LIMIT $1\(dialect.lockingFreeRows)
      """
    running = """
      SELECT \(Self.standing) FROM jobs
      WHERE state = 'running' ORDER BY leased_until\(dialect.lockingRows)
      """
    locked = "SELECT \(Self.standing) FROM jobs WHERE id = $1\(dialect.lockingRows)"
    requestCancel = "UPDATE jobs SET cancel_requested = 1, cancel_reason = $1 WHERE id = $2"
    // The lock keeps a worker that lost its lease just then from writing over what the next wrote.
    remember = """
      INSERT INTO job_steps (job, name, at, value)
      SELECT id, $1, \(now), $2 FROM jobs
      WHERE id = $3 AND lease_token = $4 AND \(Self.held)\(dialect.lockingRows)
      ON CONFLICT (job, name) DO UPDATE SET value = excluded.value, at = excluded.at
      """
  }

  // MARK: - Batches

  /// Values: see `values(of:)`. Locks go in the order of ids, so that two processes never wait for
  /// each other. Nothing is joined: a plan that was made while the table was empty would read all of
  /// it for that when it has grown.
  private func leases(_ rows: Int, and condition: String, _ locking: String) -> String {
    """
    WITH held AS MATERIALIZED (
      SELECT id FROM jobs
      WHERE id IN (\(SQLText.placeholders(rows)))
        AND id || ' ' || CAST(lease_token AS TEXT)
          IN (\(SQLText.placeholders(rows, from: rows + 1)))
        AND \(Self.held)\(condition)
      ORDER BY id\(locking)
    )
    """
  }

  /// Of `complete`, `extend` and `stillHeld`: the ids, and ids with tokens.
  static func values(of leases: [(job: String, token: Int64)]) -> [SQLValue] {
    SQLText.values(leases.map { [.text($0.job)] })
      + SQLText.values(leases.map { [.text("\($0.job) \($0.token)")] })
  }

  /// Completes those of the leases whose jobs nobody waits for. Gives id, token and group.
  func complete(_ rows: Int) -> String {
    completions.text(rows) { makeCompletion(rows) }
  }

  private func makeCompletion(_ rows: Int) -> String {
    """
    \(leases(rows, and: " AND dependents = 0", dialect.lockingRows))
    UPDATE jobs SET state = 'completed', finished_at = \(dialect.now), leased_until = NULL,
      worker = NULL, note = NULL
    WHERE id IN (SELECT id FROM held)
    RETURNING id, lease_token, group_key
    """
  }

  /// Passes over rows that others hold: a heartbeat waits for nobody. The last value is the new
  /// length, in seconds. Gives id, token, and whether it is to stop.
  func extend(_ rows: Int) -> String {
    extensions.text(rows) { makeExtension(rows) }
  }

  private func makeExtension(_ rows: Int) -> String {
    """
    \(leases(rows, and: "", dialect.lockingFreeRows))
    UPDATE jobs SET leased_until = \(dialect.now) + $\(rows * 2 + 1)
    WHERE id IN (SELECT id FROM held)
    RETURNING id, lease_token, cancel_requested
    """
  }

  /// Those of the leases that are held, whoever holds their rows. Gives id and token.
  func stillHeld(_ rows: Int) -> String {
    """
    \(leases(rows, and: "", ""))
    SELECT id, lease_token FROM jobs WHERE id IN (SELECT id FROM held)
    """
  }
}

/// Texts of one statement for different numbers of rows, each made once: a long one takes longer to
/// make than to run.
final class KeptTexts: Sendable {
  private let texts = Mutex<[Int: String]>([:])

  func text(_ rows: Int, _ make: () -> String) -> String {
    if let text = texts.withLock({ $0[rows] }) { return text }
    let text = make()
    texts.withLock { $0[rows] = text }
    return text
  }
}

/// Lists of placeholders.
enum SQLText {
  /// Rows of one statement. Batches are filled up with empty rows to a power of two, so that few
  /// texts have to be prepared.
  static let largestBatch = 128

  static func batch(for count: Int) -> Int {
    var size = 1
    while size < count { size *= 2 }
    return size
  }

  static func placeholders(_ count: Int, from first: Int = 1) -> String {
    (first..<first + count).map { "$\($0)" }.joined(separator: ", ")
  }

  /// Such as `(CAST($1 AS TEXT), CAST($2 AS BIGINT)), ($3, $4)`: the first row tells the types.
  static func rows(_ count: Int, _ types: [String]) -> String {
    (0..<count).map { row in
      let cells = types.enumerated().map { column, type in
        let name = "$\(row * types.count + column + 1)"
        return row == 0 ? "CAST(\(name) AS \(type))" : name
      }
      return "(" + cells.joined(separator: ", ") + ")"
    }.joined(separator: ", ")
  }

  /// The values of such rows, with empty ones at the end.
  static func values(_ rows: [[SQLValue]]) -> [SQLValue] {
    let missing = batch(for: rows.count) - rows.count
    let empty = Array(repeating: SQLValue.null, count: missing * (rows.first?.count ?? 0))
    return rows.flatMap(\.self) + empty
  }
}

extension Array {
  /// Pieces of at most so many.
  func pieces(of size: Int) -> [[Element]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
  }
}
