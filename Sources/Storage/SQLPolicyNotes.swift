public import Domain
public import Foundation

/// What policies remember, in a database.
public struct SQLPolicyNotes: PolicyNotes {
  private let database: any SQLDatabase
  private let now: @Sendable () -> Date

  public init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Date = { Date() }) {
    self.database = database
    self.now = now
  }

  private static let one = "SELECT version, body FROM policy_notes WHERE key = $1"
  private static let insert = """
    INSERT INTO policy_notes (key, version, updated_at, body) VALUES ($1, $2, $3, $4)
    ON CONFLICT (key) DO NOTHING
    """
  private static let update = """
    UPDATE policy_notes SET version = $1, updated_at = $2, body = $3
    WHERE key = $4 AND version = $5
    """

  public func note(_ key: String) async throws(StoreError) -> PolicyNote? {
    guard let row = try await database.query(SQLStatement(Self.one, [.text(key)])).first else {
      return nil
    }
    return PolicyNote(key: key, version: Int(row.integer(0) ?? 0), body: row.text(1) ?? "")
  }

  public func save(_ note: PolicyNote) async throws(StoreError) -> PolicyNote {
    var next = note
    next.version += 1
    let values: [SQLValue] = [.number(next.version), .time(now()), .text(note.body)]
    let statement =
      note.version == 0
      ? SQLStatement(Self.insert, [.text(note.key)] + values)
      : SQLStatement(Self.update, values + [.text(note.key), .number(note.version)])
    guard try await database.change([statement]).first == 1 else {
      throw StoreError(
        code: .conflict, detail: "'\(note.key)' was changed by another worker meanwhile.")
    }
    return next
  }
}
