import Domain
import Foundation

/// Brings a database up to date, once, however many processes begin at the same time.
struct PostgresSchema {
  private let errors: PostgresErrors

  init(_ errors: PostgresErrors) { self.errors = errors }

  /// "Stet" in ASCII.
  private static let lock = 0x5374_6574
  /// For building an index over a large table.
  private static let longest = Duration.seconds(600)

  private static let present = "SELECT program, version FROM schema_version"

  /// - Returns: the schema's number.
  func prepare(
    _ connection: PostgresConnection, within limit: Duration
  ) throws(PostgresFailure) -> Int {
    do throws(PostgresFailure) {
      let rows = try connection.run([SQLStatement(Self.present)], keeping: false, within: limit)
      let present = try number(rows.last?.rows ?? [])
      if present == Migration.latest { return present }
    } catch {
      guard case .answered("42P01", _) = error else { throw foreign(error) }
    }
    do throws(PostgresFailure) {
      return try migrate(connection, within: limit)
    } catch {
      if !connection.isOver {
        _ = try? connection.run([SQLStatement("ROLLBACK")], keeping: false, within: limit)
      }
      throw error
    }
  }

  private func migrate(
    _ connection: PostgresConnection, within limit: Duration
  ) throws(PostgresFailure) -> Int {
    func run(_ text: String, within limit: Duration) throws(PostgresFailure) -> [SQLRow] {
      try connection.run([SQLStatement(text)], keeping: false, within: limit).last?.rows ?? []
    }
    // Another process may be at work: asking again and again, each time with a deadline, does not
    // hang on a connection that is dead.
    let end = ContinuousClock.now + Self.longest
    while true {
      _ = try run("BEGIN", within: limit)
      let isOurs = try run(
        "SELECT pg_try_advisory_xact_lock(\(Self.lock))", within: limit
      ).first?.integer(0)
      if isOurs == 1 { break }
      _ = try run("ROLLBACK", within: limit)
      guard .now < end else {
        throw .ended(
          StoreError(
            code: .locked,
            detail: "another process has been changing the schema of \(errors.place) for "
              + "\(Self.longest.inWords)."))
      }
      usleep(20_000)
    }
    // It may have done all while we waited.
    var present = 0
    let exists = try run("SELECT CAST(to_regclass('schema_version') AS text)", within: limit)
    if exists.first?.text(0) != nil {
      do throws(PostgresFailure) {
        present = try number(try run(Self.present, within: limit))
      } catch { throw foreign(error) }
    } else {
      try refuseForeignTables(try run(Self.tables, within: limit))
      _ = try run(
        "CREATE TABLE schema_version (program TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL)",
        within: limit)
      _ = try run("INSERT INTO schema_version VALUES ('stet', 0)", within: limit)
    }
    if present < Migration.latest {
      _ = try run("SET LOCAL statement_timeout = 0", within: limit)
      for migration in Migration.all where migration.number > present {
        for statement in migration.statements {
          _ = try run(SQLDialect.postgreSQL.schema(statement), within: Self.longest)
        }
      }
      for statement in SQLDialect.postgreSQL.storage {
        _ = try run(statement, within: Self.longest)
      }
      _ = try run("UPDATE schema_version SET version = \(Migration.latest)", within: limit)
    }
    _ = try run("COMMIT", within: limit)
    return Migration.latest
  }

  private func number(_ rows: [SQLRow]) throws(PostgresFailure) -> Int {
    guard rows.count == 1, rows[0].text(0) == "stet", let number = rows[0].integer(1) else {
      throw .ended(foreign("schema_version"))
    }
    guard number <= Migration.latest else {
      throw .ended(
        StoreError(
          code: .newerSchema,
          detail: "the database \(errors.place) was written by a newer Stet (schema \(number), "
            + "this one knows \(Migration.latest)); update Stet, or give it another database."))
    }
    return Int(number)
  }

  // MARK: - Tables of others

  private static let ours = Migration.all.flatMap(\.statements).compactMap { statement in
    statement.hasPrefix("CREATE TABLE ")
      ? statement.split(whereSeparator: \.isWhitespace)[2] : nil
  }

  private static let tables = """
    SELECT CAST(relname AS text), CAST(current_schema() AS text) FROM pg_class
    WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
      AND relname IN (\(ours.map { "'\($0)'" }.joined(separator: ", ")))
    ORDER BY relname
    """

  private func refuseForeignTables(_ rows: [SQLRow]) throws(PostgresFailure) {
    if let table = rows.first?.text(0) { throw .ended(foreign(table)) }
  }

  private func foreign(_ table: String) -> StoreError {
    StoreError(
      code: .corrupt,
      detail: "the database \(errors.place) holds a table \(table) of another program; give Stet "
        + "a database of its own, or a schema by options=-csearch_path%3Dstet in DATABASE_URL.")
  }

  /// Columns that are not there tell that the table is not ours.
  private func foreign(_ failure: PostgresFailure) -> PostgresFailure {
    if case .answered("42703", _) = failure { return .ended(foreign("schema_version")) }
    return failure
  }
}
