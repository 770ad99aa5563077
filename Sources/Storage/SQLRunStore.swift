public import Domain
public import Foundation

/// Run records in a database: the whole as JSON, and what reports count by in rows of its own.
public struct SQLRunStore: RunStore {
  private let database: any SQLDatabase

  public init(_ database: any SQLDatabase) { self.database = database }

  private static let upsert = """
    INSERT INTO runs (id, kind, started_at, seconds, outcome, asked_by, subject, verdict, findings,
      model_calls, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (id) DO UPDATE SET
      kind = excluded.kind, started_at = excluded.started_at, seconds = excluded.seconds,
      outcome = excluded.outcome, asked_by = excluded.asked_by, subject = excluded.subject,
      verdict = excluded.verdict, findings = excluded.findings,
      model_calls = excluded.model_calls, body = excluded.body
    """
  private static let one = "SELECT id, body FROM runs WHERE id = $1"
  private static let newest = "SELECT id, body FROM runs ORDER BY id DESC LIMIT $1"
  private static let older = "SELECT id, body FROM runs WHERE id < $1 ORDER BY id DESC LIMIT $2"
  /// The rows that depend on a run go with it, by their foreign keys.
  private static let prune = """
    DELETE FROM runs WHERE id IN (
      SELECT id FROM runs WHERE started_at < $1 ORDER BY started_at, id LIMIT $2)
    """

  public func save(_ run: Run) async throws(StoreError) {
    let statement = SQLStatement(
      Self.upsert,
      [
        .text(run.id), .text(run.kind.rawValue), .time(run.startedAt),
        .real(run.seconds), .text(run.outcome.rawValue), .plain(run.askedBy), .plain(run.subject),
        .optional(run.review?.verdict.rawValue), .number(run.review?.findings.count ?? 0),
        .number(run.modelCalls.count), .text(try StoredJSON.text(run, named: run.id)),
      ])
    try await database.change([statement] + RunRows(run).replacing)
  }

  public func run(id: String) async throws(StoreError) -> Run? {
    let rows = try await database.query(SQLStatement(Self.one, [.text(id)]))
    guard let row = rows.first else { return nil }
    return try Self.decode(row)
  }

  public func runs(limit: Int, before: String?) async throws(StoreError) -> [Run] {
    let limit = SQLValue.number(max(0, limit))
    let statement =
      before.map { SQLStatement(Self.older, [.text($0), limit]) }
      ?? SQLStatement(Self.newest, [limit])
    var runs: [Run] = []
    for row in try await database.query(statement) { runs.append(try Self.decode(row)) }
    return runs
  }

  /// Throws the oldest runs away, with the rows of their reviews, findings and model calls. One
  /// short transaction: call it again while it returns `limit`.
  /// - Parameter date: runs that began at it or later stay.
  /// - Returns: how many runs went.
  @discardableResult
  public func prune(olderThan date: Date, limit: Int = 100) async throws(StoreError) -> Int {
    let gone = try await database.change([
      SQLStatement(Self.prune, [.time(date), .number(max(0, limit))])
    ])
    return gone.first ?? 0
  }

  private static func decode(_ row: SQLRow) throws(StoreError) -> Run {
    try StoredJSON.value(row.text(1) ?? "", named: "the run \(row.text(0) ?? "?")")
  }
}
