import Domain

/// One table as it is copied from a database to another: its columns, and the key by which it is
/// read in pieces.
struct CopiedTable: Sendable, Hashable {
  /// What a column holds, by the word of its declaration, in either database.
  enum Form: String, Sendable {
    case text = "TEXT"
    case integer = "BIGINT"
    case real = "DOUBLE PRECISION"
    case bytes = "BYTEA"
  }

  struct Column: Sendable, Hashable {
    var name: String
    var form: Form
  }

  var name: String
  var columns: [Column]
  /// Places in `columns`, in the order of the primary key.
  var key: [Int]

  /// Rows of one piece, and about how many bytes of it: a job's arguments may take 32 MiB.
  static let mostRows = 500
  static let mostBytes = 4 << 20

  /// Every table of an SQLite database of this schema but the notes of copies, in an order that
  /// references allow: a table refers to earlier ones only. Read from there, so that no second list
  /// of tables has to be kept.
  static let all = SQLStatement(
    """
    SELECT t.name, c.name, c.type, c.pk
    FROM sqlite_master AS t, pragma_table_info(t.name) AS c
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'copying'
    ORDER BY t.rowid, c.cid
    """)

  /// - Parameter rows: what `all` gives.
  static func tables(_ rows: [SQLRow]) throws(StoreError) -> [CopiedTable] {
    var tables: [CopiedTable] = []
    var keys: [[(place: Int, order: Int64)]] = []
    for row in rows {
      let (table, column) = (row.text(0) ?? "", row.text(1) ?? "")
      guard let form = Form(rawValue: row.text(2) ?? "") else {
        throw StoreError(
          code: .failed, detail: "the column \(column) of \(table) has no form that is copied.")
      }
      if tables.last?.name != table {
        tables.append(CopiedTable(name: table, columns: [], key: []))
        keys.append([])
      }
      let order = row.integer(3) ?? 0
      if order > 0 { keys[keys.count - 1].append((tables[tables.count - 1].columns.count, order)) }
      tables[tables.count - 1].columns.append(Column(name: column, form: form))
    }
    for index in tables.indices {
      tables[index].key = keys[index].sorted { $0.order < $1.order }.map(\.place)
    }
    return tables
  }

  // MARK: - Reading in pieces

  private var keyNames: String { key.map { columns[$0].name }.joined(separator: ", ") }

  /// The keys of the next piece with about how many bytes each row takes.
  func keysStatement(after: [SQLValue]?) -> SQLStatement {
    let lengths = columns.filter { $0.form == .text || $0.form == .bytes }
      .map { "coalesce(length(\($0.name)), 0)" }
    var text = "SELECT \(keyNames), \((["64"] + lengths).joined(separator: " + ")) FROM \(name)"
    if after != nil { text += " WHERE \(comparison(">", from: 1))" }
    return SQLStatement(
      text + " ORDER BY \(keyNames) LIMIT \(Self.mostRows)", after ?? [])
  }

  /// - Parameter rows: what `keysStatement` gives.
  /// - Returns: the key of the last row of the piece; `nil` where no row is left.
  func last(_ rows: [SQLRow]) -> [SQLValue]? {
    var bytes: Int64 = 0
    var last: [SQLValue]?
    for row in rows {
      bytes += row.integer(key.count) ?? 0
      // One row at least, however large it is.
      if last != nil, bytes > Int64(Self.mostBytes) { break }
      last = Array(row.values.prefix(key.count))
    }
    return last
  }

  func rowsStatement(after: [SQLValue]?, through last: [SQLValue]) -> SQLStatement {
    var text = "SELECT \(columns.map(\.name).joined(separator: ", ")) FROM \(name) WHERE "
    if after != nil { text += comparison(">", from: 1) + " AND " }
    text += comparison("<=", from: 1 + (after?.count ?? 0))
    return SQLStatement(text + " ORDER BY \(keyNames)", (after ?? []) + last)
  }

  private func comparison(_ sign: String, from first: Int) -> String {
    let places = key.indices.map { "$\(first + $0)" }.joined(separator: ", ")
    return key.count == 1 ? "\(keyNames) \(sign) \(places)" : "(\(keyNames)) \(sign) (\(places))"
  }

  // MARK: - Writing

  /// Adds what is not there yet.
  func insert(_ rows: [SQLRow]) -> SQLStatement {
    let width = columns.count
    let places = rows.indices.map { row in
      "(" + (1...width).map { "$\(row * width + $0)" }.joined(separator: ", ") + ")"
    }
    return SQLStatement(
      "INSERT INTO \(name) (\(columns.map(\.name).joined(separator: ", "))) VALUES "
        + places.joined(separator: ", ") + " ON CONFLICT (\(keyNames)) DO NOTHING",
      rows.flatMap(\.values))
  }

  /// The row as both databases keep it: SQLite gives whole numbers of a real column as integers.
  /// - Throws: where a value does not belong into its column, or PostgreSQL could not hold it.
  func canonical(_ row: SQLRow) throws(StoreError) -> SQLRow {
    var row = row
    for (place, column) in columns.enumerated() {
      switch (column.form, row.values[place]) {
      case (_, .null), (.integer, .integer), (.bytes, .bytes): break
      case (.text, .text(let text)):
        if text.utf8.contains(0) { throw odd(column, "a text with a zero byte in it") }
      case (.real, .real(let number)):
        // SQLite keeps no sign of zero.
        if number == 0 { row.values[place] = .real(0) }
      case (.real, .integer(let number)): row.values[place] = .real(Double(number))
      default: throw odd(column, "a value of another form")
      }
    }
    return row
  }

  private func odd(_ column: Column, _ what: String) -> StoreError {
    StoreError(
      code: .corrupt,
      detail: "the column \(column.name) of the table \(name) holds \(what), which cannot be "
        + "copied; nothing of the source was changed.")
  }
}
