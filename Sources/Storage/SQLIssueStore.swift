public import Domain

/// The issues of Stet's own tracker, in a database.
public struct SQLIssueStore: IssueStore {
  private let database: any SQLDatabase

  public init(_ database: any SQLDatabase) { self.database = database }

  private static let upsert = """
    INSERT INTO issues (id, status, priority, created_at, updated_at, body, state, tags)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (id) DO UPDATE SET
      status = excluded.status, priority = excluded.priority, created_at = excluded.created_at,
      updated_at = excluded.updated_at, body = excluded.body, state = excluded.state,
      tags = excluded.tags
    """
  private static let one = "SELECT id, body FROM issues WHERE id = $1"
  /// Rows that are read at once where a filter has to look into them.
  private static let piece = 200

  public func save(_ issue: TrackedIssue) async throws(StoreError) {
    try await database.change([try Self.saving(issue)])
  }

  public func replace(
    _ old: TrackedIssue, with new: TrackedIssue
  ) async throws(StoreError) -> Bool {
    let saving = try Self.saving(new)
    let reading = SQLStatement(Self.one + database.dialect.lockingRows, [.plain(old.id)])
    return try await database.transaction { transaction throws(StoreError) in
      guard let row = try transaction.query(reading).first, try Self.decode(row) == old else {
        return false
      }
      try transaction.change(saving)
      return true
    }
  }

  public func issue(id: String) async throws(StoreError) -> TrackedIssue? {
    let rows = try await database.query(SQLStatement(Self.one, [.plain(id)]))
    guard let row = rows.first else { return nil }
    return try Self.decode(row)
  }

  public func issues(_ filter: IssueFilter) async throws(StoreError) -> [TrackedIssue] {
    var issues: [TrackedIssue] = []
    var before = filter.before
    let wanted = max(0, filter.limit)
    // Rows of older versions may turn out not to be meant, so there may be another round.
    while issues.count < wanted {
      let limit = filter.tags.isEmpty ? wanted - issues.count : max(Self.piece, wanted)
      let rows = try await database.query(Self.listing(filter, before: before, limit: limit))
      for row in rows {
        let issue = try Self.decode(row)
        if filter.takes(issue) { issues.append(issue) }
        if issues.count == wanted { return issues }
      }
      guard rows.count == limit, let last = rows.last?.text(0) else { return issues }
      before = last
    }
    return issues
  }

  private static func listing(
    _ filter: IssueFilter, before: String?, limit: Int
  ) -> SQLStatement {
    var conditions: [String] = []
    var values: [SQLValue] = []
    func add(_ condition: String, _ value: SQLValue) {
      values.append(value)
      conditions.append(condition + "$\(values.count)")
    }
    if let before { add("id < ", .plain(before)) }
    if let state = filter.state { add("state = ", .text(state.rawValue)) }
    if let status = filter.status { add("status = ", .text(status.rawValue)) }
    if let priority = filter.priority { add("priority = ", .text(priority.rawValue)) }
    for tag in filter.tags {
      values.append(.plain("%\n\(escaped(tag.lowercased()))\n%"))
      conditions.append("(tags IS NULL OR tags LIKE $\(values.count) ESCAPE '!')")
    }
    values.append(.number(limit))
    let place = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
    return SQLStatement(
      "SELECT id, body FROM issues\(place) ORDER BY id DESC LIMIT $\(values.count)", values)
  }

  /// Without the signs that `LIKE` takes for others.
  private static func escaped(_ tag: String) -> String {
    var text = ""
    for character in tag {
      if "!%_".contains(character) { text.append("!") }
      text.append(character)
    }
    return text
  }

  static func saving(_ issue: TrackedIssue) throws(StoreError) -> SQLStatement {
    let tags = issue.tags.map { "\n\($0.lowercased())" }.joined()
    return SQLStatement(
      upsert,
      [
        .text(issue.id), .text(issue.status.rawValue), .optional(issue.priority?.rawValue),
        .time(issue.createdAt), .time(issue.updatedAt),
        .text(try StoredJSON.text(issue, named: "the issue \(issue.id)")),
        .text(issue.state.rawValue), .plain(tags.isEmpty ? "" : tags + "\n"),
      ])
  }

  private static func decode(_ row: SQLRow) throws(StoreError) -> TrackedIssue {
    try StoredJSON.value(row.text(1) ?? "", named: "the issue \(row.text(0) ?? "?")")
  }
}
