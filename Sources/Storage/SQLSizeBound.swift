import Domain

/// Keeps a table of things that can be had again within a size: what was not used for longest goes
/// first. The table has the columns `key`, `last_used_at` and `bytes`, and an index over the last
/// two.
actor SQLSizeBound {
  private let database: any SQLDatabase
  private let limit: ByteCount
  private let total: String
  private let oldest: String
  private let forget: String
  /// Bytes of all rows as far as this process knows; `nil` until it has asked. Other processes
  /// add too, but the next one to start counts anew, so the bound holds in the long run.
  private var size: Int?

  /// - Parameters:
  ///   - table: a name of ours, never a text from outside.
  ///   - limit: of the bytes that the rows state; the file is somewhat larger.
  init(_ database: any SQLDatabase, table: String, limit: ByteCount) {
    self.database = database
    self.limit = limit
    total = "SELECT coalesce(sum(bytes), 0) FROM \(table)"
    oldest = "SELECT key, bytes FROM \(table) ORDER BY last_used_at, key LIMIT 64"
    forget = "DELETE FROM \(table) WHERE key = $1"
  }

  nonisolated func fits(_ bytes: Int) -> Bool { bytes <= limit.value }

  /// To be called when a row of so many bytes was written: throws away what is too much now.
  func wrote(_ bytes: Int) async throws(StoreError) {
    if let known = size { size = known + bytes } else { size = try await count() }
    try await evict()
  }

  private func count() async throws(StoreError) -> Int {
    let rows = try await database.query(SQLStatement(total))
    return Int(rows.first?.integer(0) ?? Int64(rows.first?.real(0) ?? 0))
  }

  /// In small batches, so that no writer waits long for us.
  private func evict() async throws(StoreError) {
    while (size ?? 0) > limit.value {
      // Replaced rows were counted twice, so ask before throwing away.
      var left = try await count()
      var gone: [SQLStatement] = []
      let candidates = left > limit.value ? try await database.query(SQLStatement(oldest)) : []
      for row in candidates where left > limit.value {
        guard let key = row.text(0) else { continue }
        gone.append(SQLStatement(forget, [.text(key)]))
        left -= Int(row.integer(1) ?? 0)
      }
      if !gone.isEmpty { try await database.change(gone) }
      size = left
      if gone.isEmpty { return }
    }
  }
}
