import Dispatch
public import Domain
import Foundation
import GRDB

/// The embedded database: one file that one connection reads and writes in turn.
///
/// It is opened by the first call, not before, so that a command which stores nothing pays nothing.
/// Every commit is on disk when a call returns (`synchronous=FULL`); other processes may read and
/// write the same file, and a writer waits `patience` for them.
public final class SQLiteDatabase: SQLDatabase {
  /// Where the file is, for messages.
  public let path: String
  private let patience: Duration
  /// Opening blocks, so it is done here and not on the cooperative pool. It also guards `opened`.
  private let queue = DispatchQueue(label: "stet.sqlite")
  private let opened = Opened()

  /// Touched on `queue` only.
  private final class Opened: @unchecked Sendable {
    var connection: DatabaseQueue?
  }

  /// - Parameters:
  ///   - path: the file; it and its folder are made where they are missing, 0600 and 0700.
  ///   - patience: how long to wait for another process that writes.
  public init(path: String, patience: Duration = .seconds(5)) {
    self.path = path
    self.patience = patience
  }

  public func query(_ statement: SQLStatement) async throws(StoreError) -> [SQLRow] {
    try await use { database in
      try Row.fetchAll(
        database, sql: statement.text, arguments: Self.arguments(statement.values)
      ).map(Self.row)
    }
  }

  @discardableResult
  public func change(_ statements: [SQLStatement]) async throws(StoreError) -> [Int] {
    try await use { database in
      var changed: [Int] = []
      try database.inTransaction(.immediate) {
        for statement in statements {
          try database.execute(
            sql: statement.text, arguments: Self.arguments(statement.values))
          changed.append(database.changesCount)
        }
        return .commit
      }
      return changed
    }
  }

  /// Ends the connection; a later call opens a new one.
  public func close() async {
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      queue.async { [opened] in
        // What cannot be closed now is closed when the process ends.
        try? opened.connection?.close()
        opened.connection = nil
        done.resume()
      }
    }
  }

  /// Runs `body` on the connection, outside a transaction. Anything thrown is told as `StoreError`.
  func use<T: Sendable>(
    _ body: @escaping @Sendable (Database) throws -> T
  ) async throws(StoreError) -> T {
    let answer: Result<T, StoreError> = await withCheckedContinuation { reply in
      queue.async { [opened, path, patience] in
        do {
          let connection = try opened.connection ?? SQLiteFile(path, patience: patience).open()
          opened.connection = connection
          reply.resume(returning: .success(try connection.writeWithoutTransaction(body)))
        } catch let error as StoreError {
          reply.resume(returning: .failure(error))
        } catch {
          reply.resume(returning: .failure(SQLiteFile.storeError(error, path: path)))
        }
      }
    }
    return try answer.get()
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
