public import Domain
public import Foundation

/// Counts uses in a sliding window, in a database, so that limits outlive the process and hold
/// over several. A key is always used with the same period.
public actor SQLUsageLimiter: UsageLimiter {
  private let database: any SQLDatabase
  private let now: @Sendable () -> Date
  /// Rows whose window is over are swept away now and then.
  private var sweptAt: Int64?

  public init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Date = { Date() }) {
    self.database = database
    self.now = now
  }

  /// Held until the end of the transaction, it makes writers of one key take turns also where a
  /// database lets several write at once.
  private static let turn = """
    INSERT INTO limits (key, expires_microseconds) VALUES ($1, $2)
    ON CONFLICT (key) DO UPDATE SET expires_microseconds = excluded.expires_microseconds
    """
  private static let count = """
    INSERT INTO uses (key, name, at_microseconds, expires_microseconds)
    SELECT $1, $2, CAST($3 AS BIGINT), CAST($4 AS BIGINT)
    WHERE (SELECT count(*) FROM uses WHERE key = $1 AND at_microseconds > CAST($5 AS BIGINT))
      < CAST($6 AS BIGINT)
    ON CONFLICT (key, name) DO UPDATE SET
      at_microseconds = excluded.at_microseconds,
      expires_microseconds = excluded.expires_microseconds
    WHERE uses.at_microseconds <= CAST($5 AS BIGINT)
    """
  private static let known =
    "SELECT 1 FROM uses WHERE key = $1 AND name = $2 AND at_microseconds > $3"
  /// The use whose end makes room: as many newer ones stay as the limit allows beside one more.
  private static let blocking = """
    SELECT at_microseconds FROM uses WHERE key = $1 AND at_microseconds > $2
    ORDER BY at_microseconds DESC LIMIT 1 OFFSET $3
    """
  private static let sweep = [
    """
    DELETE FROM uses WHERE (key, name) IN (
      SELECT key, name FROM uses WHERE expires_microseconds <= $1
      ORDER BY expires_microseconds LIMIT \(batch))
    """,
    """
    DELETE FROM limits WHERE key IN (
      SELECT key FROM limits WHERE expires_microseconds <= $1
      ORDER BY expires_microseconds LIMIT \(batch))
    """,
  ]
  private static let batch = 500
  private static let sweepEvery: Int64 = 60_000_000

  public func take(
    _ key: String, use: String, limit: Int, per period: Duration
  ) async throws(StoreError) -> Duration? {
    let length = period.inMicroseconds
    await sweep()
    for _ in 0..<3 {
      let present = Int64((now().timeIntervalSince1970 * 1_000_000).rounded())
      let (end, start) = (SQLValue.integer(present + length), SQLValue.integer(present - length))
      let changed = try await database.change([
        SQLStatement(Self.turn, [.plain(key), end]),
        SQLStatement(
          Self.count,
          [.plain(key), .plain(use), .integer(present), end, start, .number(limit)]),
      ])
      if changed.last == 1 { return nil }
      let known = SQLStatement(Self.known, [.plain(key), .plain(use), start])
      if try await !database.query(known).isEmpty { return nil }
      guard limit > 0 else { return period }
      let blocking = try await database.query(
        SQLStatement(Self.blocking, [.plain(key), start, .number(limit - 1)]))
      if let at = blocking.first?.integer(0) { return .microseconds(at + length - present) }
      // It ended, and another process swept it away, while we looked.
    }
    return .zero
  }

  /// In transactions of their own, in small batches, and never a reason to fail.
  private func sweep() async {
    let present = Int64((now().timeIntervalSince1970 * 1_000_000).rounded())
    guard sweptAt == nil || abs(present - (sweptAt ?? 0)) >= Self.sweepEvery else { return }
    sweptAt = present
    for statement in Self.sweep {
      let gone = try? await database.change([SQLStatement(statement, [.integer(present)])])
      // More is left: the next call goes on.
      if (gone?.first ?? 0) >= Self.batch { sweptAt = nil }
    }
  }
}

extension Duration {
  var inMicroseconds: Int64 {
    components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
  }
}
