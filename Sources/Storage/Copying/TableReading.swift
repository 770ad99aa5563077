import Domain

/// Reads a table piece by piece, from a database or within a transaction.
struct TableReading {
  let table: CopiedTable
  /// The key of the last row that was read.
  private(set) var after: [SQLValue]?

  init(_ table: CopiedTable, after: [SQLValue]? = nil) {
    self.table = table
    self.after = after
  }

  /// - Returns: the next rows in canonical form; `nil` where none is left.
  mutating func next(in transaction: any SQLTransaction) throws(StoreError) -> [SQLRow]? {
    guard let last = table.last(try transaction.query(table.keysStatement(after: after))) else {
      return nil
    }
    return try take(
      try transaction.query(table.rowsStatement(after: after, through: last)), last)
  }

  mutating func next(in database: any SQLDatabase) async throws(StoreError) -> [SQLRow]? {
    guard let last = table.last(try await database.query(table.keysStatement(after: after)))
    else { return nil }
    return try take(
      try await database.query(table.rowsStatement(after: after, through: last)), last)
  }

  private mutating func take(
    _ rows: [SQLRow], _ last: [SQLValue]
  ) throws(StoreError) -> [SQLRow] {
    after = last
    var canonical: [SQLRow] = []
    for row in rows { canonical.append(try table.canonical(row)) }
    return canonical
  }
}

extension CopiedTable {
  func digest(in database: any SQLDatabase) async throws(StoreError) -> TableDigest {
    var reading = TableReading(self)
    var digest = TableDigest()
    while let rows = try await reading.next(in: database) {
      for row in rows { digest.add(row) }
    }
    return digest
  }

  func isEmpty(in database: any SQLDatabase) async throws(StoreError) -> Bool {
    try await database.query(SQLStatement("SELECT 1 FROM \(name) LIMIT 1")).isEmpty
  }

  /// Takes away every row, in batches.
  func clear(in database: any SQLDatabase) async throws(StoreError) {
    let names = key.map { columns[$0].name }.joined(separator: ", ")
    let which = key.count == 1 ? names : "(\(names))"
    let statement = SQLStatement(
      "DELETE FROM \(name) WHERE \(which) IN (SELECT \(names) FROM \(name) LIMIT 1000)")
    while try await database.change([statement]).first ?? 0 > 0 {}
  }
}

/// What a copy of one table came to.
public struct CopiedTableReport: Sendable, Hashable {
  public var table: String
  public var source: TableDigest
  public var target: TableDigest

  public var isEqual: Bool { source == target }
}
