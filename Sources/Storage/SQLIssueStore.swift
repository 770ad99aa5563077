public import Domain

/// The issues of Stet's own tracker, in a database.
public struct SQLIssueStore: IssueStore {
  private let database: any SQLDatabase

  public init(_ database: any SQLDatabase) { self.database = database }

  private static let upsert = """
    INSERT INTO issues (id, status, priority, created_at, updated_at, body)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE SET
      status = excluded.status, priority = excluded.priority, created_at = excluded.created_at,
      updated_at = excluded.updated_at, body = excluded.body
    """
  private static let one = "SELECT id, body FROM issues WHERE id = $1"
  private static let newest = "SELECT id, body FROM issues ORDER BY id DESC LIMIT $1"
  private static let older = "SELECT id, body FROM issues WHERE id < $1 ORDER BY id DESC LIMIT $2"

  public func save(_ issue: TrackedIssue) async throws(StoreError) {
    try await database.change([
      SQLStatement(
        Self.upsert,
        [
          .text(issue.id), .text(issue.status.rawValue), .optional(issue.priority?.rawValue),
          .time(issue.createdAt), .time(issue.updatedAt),
          .text(try StoredJSON.text(issue, named: "the issue \(issue.id)")),
        ])
    ])
  }

  public func issue(id: String) async throws(StoreError) -> TrackedIssue? {
    let rows = try await database.query(SQLStatement(Self.one, [.plain(id)]))
    guard let row = rows.first else { return nil }
    return try Self.decode(row)
  }

  public func issues(limit: Int, before: String?) async throws(StoreError) -> [TrackedIssue] {
    let limit = SQLValue.number(max(0, limit))
    let statement =
      before.map { SQLStatement(Self.older, [.plain($0), limit]) }
      ?? SQLStatement(Self.newest, [limit])
    var issues: [TrackedIssue] = []
    for row in try await database.query(statement) { issues.append(try Self.decode(row)) }
    return issues
  }

  private static func decode(_ row: SQLRow) throws(StoreError) -> TrackedIssue {
    try StoredJSON.value(row.text(1) ?? "", named: "the issue \(row.text(0) ?? "?")")
  }
}
