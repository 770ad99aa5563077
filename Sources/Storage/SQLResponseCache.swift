public import Domain
public import Foundation

/// Model answers in a database, bounded in size: what was not used for longest goes first.
public struct SQLResponseCache: ResponseCache {
  private let database: any SQLDatabase
  private let bound: SQLSizeBound
  private let now: @Sendable () -> Date

  /// - Parameter limit: of the answers' own bytes; the file is somewhat larger.
  public init(
    _ database: any SQLDatabase, limit: ByteCount = .mebibytes(256),
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.database = database
    self.now = now
    bound = SQLSizeBound(database, table: "responses", limit: limit)
  }

  private static let one = "SELECT body, last_used_at FROM responses WHERE key = $1"
  private static let touch = "UPDATE responses SET last_used_at = $1 WHERE key = $2"
  private static let forget = "DELETE FROM responses WHERE key = $1"
  private static let upsert = """
    INSERT INTO responses (key, created_at, last_used_at, bytes, body)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (key) DO UPDATE SET
      created_at = excluded.created_at, last_used_at = excluded.last_used_at,
      bytes = excluded.bytes, body = excluded.body
    """

  /// A use is written down at most once a day, since each note is a commit to disk.
  private static let noteEvery: TimeInterval = 86_400

  public func reply(for key: String) async throws(StoreError) -> ModelReply? {
    guard let row = try await database.query(SQLStatement(Self.one, [.text(key)])).first else {
      return nil
    }
    let found: ModelReply
    do { found = try StoredJSON.value(row.text(0) ?? "", named: "an answer") } catch {
      // Unreadable, perhaps from another version: it is asked for again and replaced.
      try await database.change([SQLStatement(Self.forget, [.text(key)])])
      return nil
    }
    let present = now()
    if present.timeIntervalSince1970 - (row.real(1) ?? 0) > Self.noteEvery {
      try await database.change([SQLStatement(Self.touch, [.time(present), .text(key)])])
    }
    return found
  }

  public func store(_ reply: ModelReply, for key: String) async throws(StoreError) {
    let body = try StoredJSON.text(reply, named: "an answer")
    let bytes = body.utf8.count
    guard bound.fits(bytes) else { return }
    let present = SQLValue.time(now())
    try await database.change([
      SQLStatement(Self.upsert, [.text(key), present, present, .number(bytes), .text(body)])
    ])
    try await bound.wrote(bytes)
  }
}
