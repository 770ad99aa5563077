public import Domain

/// Notices that wait for their digest, in a database.
public struct SQLNoticeStore: NoticeStore {
  private let database: any SQLDatabase

  public init(_ database: any SQLDatabase) { self.database = database }

  private static let upsert = """
    INSERT INTO notices (digest, id, at, body) VALUES ($1, $2, $3, $4)
    ON CONFLICT (digest, id) DO UPDATE SET at = excluded.at, body = excluded.body
    """
  private static let all = "SELECT id, body FROM notices WHERE digest = $1 ORDER BY at, id"
  private static let delete = "DELETE FROM notices WHERE digest = $1 AND id = $2"

  public func hold(_ notice: Notice, in digest: String) async throws(StoreError) {
    try await database.change([
      SQLStatement(
        Self.upsert,
        [
          .plain(digest), .plain(notice.id), .time(notice.at),
          .text(try StoredJSON.text(notice, named: "the notice \(notice.id)")),
        ])
    ])
  }

  public func held(in digest: String) async throws(StoreError) -> [Notice] {
    var notices: [Notice] = []
    for row in try await database.query(SQLStatement(Self.all, [.plain(digest)])) {
      notices.append(
        try StoredJSON.value(row.text(1) ?? "", named: "the notice \(row.text(0) ?? "?")"))
    }
    return notices
  }

  public func release(_ ids: [String], from digest: String) async throws(StoreError) {
    guard !ids.isEmpty else { return }
    try await database.change(
      ids.map { SQLStatement(Self.delete, [.plain(digest), .plain($0)]) })
  }
}
