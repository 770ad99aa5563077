public import Domain

/// A value of a row or of a statement, as both SQLite and PostgreSQL know it.
public enum SQLValue: Sendable, Equatable {
  case null
  case integer(Int64)
  case real(Double)
  case text(String)
  case bytes([UInt8])

  public static func optional(_ text: String?) -> SQLValue { text.map { .text($0) } ?? .null }
}

/// One statement in the words that both databases understand: placeholders are `$1`, `$2`, … in
/// the order of `values`, each first met in that order.
public struct SQLStatement: Sendable, Equatable {
  public var text: String
  public var values: [SQLValue]

  public init(_ text: String, _ values: [SQLValue] = []) {
    self.text = text
    self.values = values
  }
}

/// The columns of one row in the order of the statement.
public struct SQLRow: Sendable, Equatable {
  public var values: [SQLValue]

  public init(_ values: [SQLValue]) { self.values = values }

  public func text(_ column: Int) -> String? {
    if case .text(let text) = values[column] { text } else { nil }
  }

  public func integer(_ column: Int) -> Int64? {
    if case .integer(let number) = values[column] { number } else { nil }
  }

  /// Whole numbers are numbers too: SQLite gives them back as integers.
  public func real(_ column: Int) -> Double? {
    switch values[column] {
    case .real(let number): number
    case .integer(let number): Double(number)
    case .null, .text, .bytes: nil
    }
  }

  public func bytes(_ column: Int) -> [UInt8]? {
    if case .bytes(let bytes) = values[column] { bytes } else { nil }
  }
}

/// A transaction that is open. It must not outlive the closure that it is handed to.
public protocol SQLTransaction {
  /// Sees what this transaction has changed. Statements that end in `RETURNING` belong here too.
  func query(_ statement: SQLStatement) throws(StoreError) -> [SQLRow]
  /// - Returns: rows changed.
  @discardableResult
  func change(_ statement: SQLStatement) throws(StoreError) -> Int
}

/// What the stores need of a database. Nothing is opened before the first call.
public protocol SQLDatabase: Sendable {
  var dialect: SQLDialect { get }
  /// Where it is, for messages: a path, or an address without its password.
  var place: String { get }
  /// Opens it, brings its schema up to date where it is older, and says its number.
  func schemaVersion() async throws(StoreError) -> Int
  /// Ends the connections; a later call opens new ones.
  func close() async
  /// Reads what is committed; for statements that change nothing.
  func query(_ statement: SQLStatement) async throws(StoreError) -> [SQLRow]
  /// One statement that changes rows and gives some back: a transaction by itself, on disk when this
  /// returns.
  func changing(_ statement: SQLStatement) async throws(StoreError) -> [SQLRow]
  /// Runs all of them or none. - Returns: rows changed, for each statement.
  @discardableResult
  func change(_ statements: [SQLStatement]) async throws(StoreError) -> [Int]
  /// Runs `body` in a transaction that is on disk when this returns; where it throws, nothing of
  /// it is kept. It blocks a connection, so it does nothing but run statements, and it hands on
  /// what a statement throws. It may be run again from the start, after nothing of it was kept.
  func transaction<T: Sendable>(
    _ body: @escaping @Sendable (any SQLTransaction) throws(StoreError) -> T
  ) async throws(StoreError) -> T
  /// After rows were deleted of which nothing may be left: takes them out of the files beside the
  /// database's own too, where the database lets it be asked for.
  func eraseFreed() async throws(StoreError)
}

extension SQLDatabase {
  public func eraseFreed() async throws(StoreError) {}

  public func changing(_ statement: SQLStatement) async throws(StoreError) -> [SQLRow] {
    try await transaction { transaction throws(StoreError) in try transaction.query(statement) }
  }

  @discardableResult
  public func change(_ statements: [SQLStatement]) async throws(StoreError) -> [Int] {
    try await transaction { transaction throws(StoreError) in
      var changed: [Int] = []
      for statement in statements { changed.append(try transaction.change(statement)) }
      return changed
    }
  }
}
