public import Domain

/// Tokens by repository and day in a database, so that the budget holds over every process. A day
/// is one of UTC by the database's clock.
public struct SQLTokenBudget: TokenBudget {
  private let database: any SQLDatabase
  private let perDay: Int?
  private let spent: String
  private let add: String
  private let most: String

  /// - Parameter perDay: of one repository; `nil`: any number. They are counted all the same.
  public init(_ database: any SQLDatabase, perDay: Int?) {
    self.database = database
    self.perDay = perDay.map { max(0, $0) }
    // Whole seconds first: both databases divide integers alike.
    let today = "CAST(\(database.dialect.now) AS BIGINT) / 86400"
    spent = "SELECT tokens FROM token_uses WHERE key = $1 AND day = \(today)"
    most = """
      SELECT key, tokens FROM token_uses WHERE day = \(today) ORDER BY tokens DESC, key LIMIT $1
      """
    add = """
      INSERT INTO token_uses (key, day, tokens) VALUES ($1, \(today), $2)
      ON CONFLICT (key, day) DO UPDATE SET tokens = token_uses.tokens + excluded.tokens
      RETURNING tokens
      """
  }

  public func left(for repository: String) async throws(StoreError) -> Int? {
    guard let perDay else { return nil }
    let rows = try await database.query(SQLStatement(spent, [.plain(repository)]))
    return max(0, perDay - Int(rows.first?.integer(0) ?? 0))
  }

  /// What was spent today, those who spent most first.
  public func uses(limit: Int) async throws(StoreError) -> [TokenUse] {
    try await database.query(SQLStatement(most, [.number(max(0, limit))])).map { row in
      TokenUse(repository: row.text(0) ?? "", tokens: Int(row.integer(1) ?? 0))
    }
  }

  @discardableResult
  public func spend(_ tokens: Int, for repository: String) async throws(StoreError) -> Int {
    let rows = try await database.changing(
      SQLStatement(add, [.plain(repository), .number(max(0, tokens))]))
    return Int(rows.first?.integer(0) ?? 0)
  }
}
