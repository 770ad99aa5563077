public import Domain
import Foundation

/// How far a copy into a database has come, in that database: who is interrupted goes on after the
/// last piece whose transaction was kept. While the note is there no server starts on it.
struct CopyProgress: Sendable, Hashable {
  /// Where the copy is from, for people and to tell one copy from another.
  var source: String
  /// A hash of what tells whether the source is the same as when the copy was begun.
  var state: String

  private static let whole = ""

  /// - Returns: `nil` where no copy is under way.
  static func read(_ database: any SQLDatabase) async throws(StoreError) -> CopyProgress? {
    let rows = try await database.query(
      SQLStatement("SELECT source, state FROM copying WHERE name = $1", [.text(whole)]))
    return rows.first.map { CopyProgress(source: $0.text(0) ?? "", state: $0.text(1) ?? "") }
  }

  func begin(in database: any SQLDatabase) async throws(StoreError) {
    try await database.change([
      SQLStatement("DELETE FROM copying"), statement(Self.whole, after: nil, copied: 0),
    ])
  }

  static func end(in database: any SQLDatabase) async throws(StoreError) {
    try await database.change([SQLStatement("DELETE FROM copying")])
  }

  /// To be run in the transaction that adds the rows.
  func note(
    _ table: CopiedTable, after key: [SQLValue]?, copied: Int,
    in transaction: any SQLTransaction
  ) throws(StoreError) {
    try transaction.change(
      statement(table.name, after: try key.map(Self.text), copied: copied))
  }

  func place(
    of table: CopiedTable, in database: any SQLDatabase
  ) async throws(StoreError) -> (after: [SQLValue]?, copied: Int) {
    let rows = try await database.query(
      SQLStatement("SELECT after_key, copied FROM copying WHERE name = $1", [.text(table.name)]))
    guard let row = rows.first else { return (nil, 0) }
    return (try row.text(0).map(Self.key), Int(row.integer(1) ?? 0))
  }

  private func statement(_ name: String, after: String?, copied: Int) -> SQLStatement {
    SQLStatement(
      """
      INSERT INTO copying (name, source, state, after_key, copied) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (name) DO UPDATE SET after_key = excluded.after_key, copied = excluded.copied
      """,
      [.text(name), .text(source), .text(state), .optional(after), .number(copied)])
  }

  /// Keys are texts and whole numbers.
  private enum KeyPart: Codable {
    case text(String)
    case integer(Int64)
  }

  private static func text(_ key: [SQLValue]) throws(StoreError) -> String {
    var parts: [KeyPart] = []
    for value in key {
      switch value {
      case .text(let text): parts.append(.text(text))
      case .integer(let number): parts.append(.integer(number))
      case .null, .real, .bytes:
        throw StoreError(code: .failed, detail: "a key of this form cannot be noted.")
      }
    }
    return try StoredJSON.text(parts, named: "the progress of a copy")
  }

  private static func key(_ text: String) throws(StoreError) -> [SQLValue] {
    let parts: [KeyPart] = try StoredJSON.value(text, named: "the progress of a copy")
    return parts.map { part in
      switch part {
      case .text(let text): .text(text)
      case .integer(let number): .integer(number)
      }
    }
  }
}

extension SQLDatabase {
  /// Where a copy into this database that is not finished comes from; `nil` where none is.
  public func unfinishedCopy() async throws(StoreError) -> String? {
    try await CopyProgress.read(self)?.source
  }
}
