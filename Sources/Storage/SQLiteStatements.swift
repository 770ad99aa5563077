import Domain
import Foundation
import GRDB

/// Statements and rows in the words of the library beneath.
struct SQLiteStatements: SQLTransaction {
  let database: Database
  let path: String

  func query(_ statement: SQLStatement) throws(StoreError) -> [SQLRow] {
    do {
      let prepared = try database.cachedStatement(sql: statement.text)
      let rows = try Row.fetchCursor(prepared, arguments: Self.arguments(statement.values))
      var found: [SQLRow] = []
      while let row = try rows.next() { found.append(Self.row(row)) }
      return found
    } catch { throw SQLiteFile.storeError(error, path: path) }
  }

  @discardableResult
  func change(_ statement: SQLStatement) throws(StoreError) -> Int {
    do {
      let prepared = try database.cachedStatement(sql: statement.text)
      try prepared.execute(arguments: Self.arguments(statement.values))
      return database.changesCount
    } catch { throw SQLiteFile.storeError(error, path: path) }
  }

  private static func arguments(_ values: [SQLValue]) -> StatementArguments {
    StatementArguments(
      values.map { value -> (any DatabaseValueConvertible)? in
        switch value {
        case .null: nil
        case .integer(let number): number
        case .real(let number): number
        case .text(let text): text
        case .bytes(let bytes): Data(bytes)
        }
      })
  }

  private static func row(_ row: Row) -> SQLRow {
    SQLRow(
      row.databaseValues.map { value in
        switch value.storage {
        case .null: .null
        case .int64(let number): .integer(number)
        case .double(let number): .real(number)
        case .string(let text): .text(text)
        case .blob(let data): .bytes([UInt8](data))
        }
      })
  }
}
