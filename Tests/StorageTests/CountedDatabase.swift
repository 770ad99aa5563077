import Domain
import Storage
import Synchronization

/// Counts the transactions of a database that change something.
final class CountedDatabase: SQLDatabase {
  private let database: any SQLDatabase
  private let count = Mutex(0)

  init(_ database: any SQLDatabase) { self.database = database }

  var writes: Int { count.withLock { $0 } }
  var dialect: SQLDialect { database.dialect }
  var place: String { database.place }

  func schemaVersion() async throws(StoreError) -> Int { try await database.schemaVersion() }
  func close() async { await database.close() }

  func query(_ statement: SQLStatement) async throws(StoreError) -> [SQLRow] {
    try await database.query(statement)
  }

  func changing(_ statement: SQLStatement) async throws(StoreError) -> [SQLRow] {
    count.withLock { $0 += 1 }
    return try await database.changing(statement)
  }

  func change(_ statements: [SQLStatement]) async throws(StoreError) -> [Int] {
    count.withLock { $0 += 1 }
    return try await database.change(statements)
  }

  func transaction<T: Sendable>(
    _ body: @escaping @Sendable (any SQLTransaction) throws(StoreError) -> T
  ) async throws(StoreError) -> T {
    count.withLock { $0 += 1 }
    return try await database.transaction(body)
  }
}
