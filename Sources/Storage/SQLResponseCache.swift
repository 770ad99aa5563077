public import Domain
public import Foundation

/// Model answers in a database, bounded in size: what was not used for longest goes first.
public actor SQLResponseCache: ResponseCache {
  private let database: any SQLDatabase
  private let limit: ByteCount
  private let now: @Sendable () -> Date
  /// Bytes of all answers as far as this process knows; `nil` until it has asked. Other processes
  /// add too, but the next one to start counts anew, so the bound holds in the long run.
  private var size: Int?

  /// - Parameter limit: of the answers' own bytes; the file is somewhat larger.
  public init(
    _ database: any SQLDatabase, limit: ByteCount = .mebibytes(256),
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.database = database
    self.limit = limit
    self.now = now
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
  private static let total = "SELECT coalesce(sum(bytes), 0) FROM responses"
  private static let oldest =
    "SELECT key, bytes FROM responses ORDER BY last_used_at, key LIMIT 64"

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
    let present = now().timeIntervalSince1970
    if present - (row.real(1) ?? 0) > Self.noteEvery {
      try await database.change([SQLStatement(Self.touch, [.real(present), .text(key)])])
    }
    return found
  }

  public func store(_ reply: ModelReply, for key: String) async throws(StoreError) {
    let body = try StoredJSON.text(reply, named: "an answer")
    let bytes = body.utf8.count
    guard bytes <= limit.value else { return }
    let present = SQLValue.real(now().timeIntervalSince1970)
    try await database.change([
      SQLStatement(
        Self.upsert, [.text(key), present, present, .integer(Int64(bytes)), .text(body)])
    ])
    if let known = size { size = known + bytes } else { size = try await count() }
    try await evict()
  }

  private func count() async throws(StoreError) -> Int {
    let rows = try await database.query(SQLStatement(Self.total))
    return Int(rows.first?.integer(0) ?? Int64(rows.first?.real(0) ?? 0))
  }

  /// In small batches, so that no writer waits long for us.
  private func evict() async throws(StoreError) {
    while (size ?? 0) > limit.value {
      // Replaced answers were counted twice, so ask before throwing away.
      var left = try await count()
      var gone: [SQLStatement] = []
      let candidates = left > limit.value ? try await database.query(SQLStatement(Self.oldest)) : []
      for row in candidates where left > limit.value {
        guard let key = row.text(0) else { continue }
        gone.append(SQLStatement(Self.forget, [.text(key)]))
        left -= Int(row.integer(1) ?? 0)
      }
      if !gone.isEmpty { try await database.change(gone) }
      size = left
      if gone.isEmpty { return }
    }
  }
}
