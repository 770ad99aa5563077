public import Domain
public import Foundation

/// Counts uses in a sliding window, in a database, so that limits outlive the process and hold
/// over several. A key is always used with the same period.
public actor SQLUsageLimiter: UsageLimiter {
  private let database: any SQLDatabase
  private let now: (@Sendable () -> Date)?
  /// Microseconds since 1970, as an expression to which those of `now` are added.
  private let clock: String
  /// Rows whose window is over are swept away now and then.
  private var sweptAt: Int64?

  /// - Parameter now: instead of the database's clock, for tests.
  public init(_ database: any SQLDatabase, now: (@Sendable () -> Date)? = nil) {
    self.database = database
    self.now = now
    clock = now == nil ? "CAST(\(database.dialect.now) * 1000000 AS BIGINT)" : "CAST(0 AS BIGINT)"
    turn = """
      INSERT INTO limits (key, expires_microseconds) VALUES ($1, \(clock) + $2)
      ON CONFLICT (key) DO UPDATE SET expires_microseconds = \(clock) + $2
      RETURNING expires_microseconds
      """
    sweep = [
      """
      DELETE FROM uses WHERE (key, name) IN (
        SELECT key, name FROM uses WHERE expires_microseconds <= \(clock) + $1
        ORDER BY expires_microseconds LIMIT \(Self.batch))
      """,
      """
      DELETE FROM limits WHERE key IN (
        SELECT key FROM limits WHERE expires_microseconds <= \(clock) + $1
        ORDER BY expires_microseconds LIMIT \(Self.batch))
      """,
    ]
  }

  /// Held until the end of the transaction, it makes writers of one key take turns also where a
  /// database lets several write at once. It tells the time after the wait for that.
  private let turn: String
  private let sweep: [String]
  /// After the clock was set back, what lies in the future counts as done now.
  private static let mendTimes = """
    UPDATE uses SET at_microseconds = $1, expires_microseconds = $2
    WHERE key = $3 AND at_microseconds > $1
    """
  private static let counted = """
    SELECT name, at_microseconds FROM uses WHERE key = $1 AND at_microseconds > $2
    ORDER BY at_microseconds DESC
    """
  private static let count = """
    INSERT INTO uses (key, name, at_microseconds, expires_microseconds)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (key, name) DO UPDATE SET
      at_microseconds = excluded.at_microseconds,
      expires_microseconds = excluded.expires_microseconds
    """
  private static let batch = 500
  private static let sweepEvery: Int64 = 60_000_000

  public func take(
    _ key: String, use: String, limit: Int, per period: Duration
  ) async throws(StoreError) -> Duration? {
    let length = period.inMicroseconds
    await clean()
    return try await database.transaction { [now, turn] transaction throws(StoreError) in
      let key = SQLValue.plain(key)
      let given = now.map { Self.microseconds($0()) } ?? 0
      let rows = try transaction.query(SQLStatement(turn, [key, .integer(given + length)]))
      guard let until = rows.first?.integer(0) else {
        throw StoreError(code: .failed, detail: "the database does not tell the time.")
      }
      let (present, end) = (until - length, SQLValue.integer(until))
      try transaction.change(SQLStatement(Self.mendTimes, [.integer(present), end, key]))
      let counted = try transaction.query(
        SQLStatement(Self.counted, [key, .integer(present - length)]))
      let name = SQLValue.plain(use)
      if counted.contains(where: { $0.values[0] == name }) { return nil }
      if counted.count < limit {
        try transaction.change(SQLStatement(Self.count, [key, name, .integer(present), end]))
        return nil
      }
      guard limit > 0 else { return period }
      // As many newer ones stay as the limit allows beside one more: this one has to end.
      let blocking = counted[limit - 1].integer(1) ?? present
      return .microseconds(blocking + length - present)
    }
  }

  /// In transactions of their own, in small batches, and never a reason to fail.
  private func clean() async {
    let given = now.map { Self.microseconds($0()) }
    let present = given ?? Self.microseconds(Date())
    guard sweptAt == nil || abs(present - (sweptAt ?? 0)) >= Self.sweepEvery else { return }
    sweptAt = present
    for statement in sweep {
      let gone = try? await database.change([SQLStatement(statement, [.integer(given ?? 0)])])
      // More is left: the next call goes on.
      if (gone?.first ?? 0) >= Self.batch { sweptAt = nil }
    }
  }

  private static func microseconds(_ date: Date) -> Int64 {
    Int64((date.timeIntervalSince1970 * 1_000_000).rounded())
  }
}

extension Duration {
  var inMicroseconds: Int64 {
    components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
  }
}
