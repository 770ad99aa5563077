/// What differs between the databases, as pieces of text that statements are built from once.
/// Everything else of a statement is the same for both.
public struct SQLDialect: Sendable, Hashable {
  /// Seconds since 1970 by the database's clock: an expression that is evaluated once in a
  /// statement and that an index may be searched with.
  public var now: String
  /// Ends a `SELECT` of rows that the same transaction changes next; others wait for them.
  public var lockingRows: String
  /// The same, where rows that another holds are passed over.
  public var lockingFreeRows: String
  /// A query that waits for its turn at the key `$1` and holds it until the transaction ends; `nil`
  /// where there is one writer anyway.
  public var takingTurn: String?
  /// True where what was changed stays in the indexes until no transaction may see it any more, so
  /// that the front of a queue fills with what is no longer there.
  public var keepsOldRows: Bool

  /// Said in a transaction before rows are deleted of which nothing may be left in the file.
  var erasing: [String] = []
  /// The type of a text that is compared byte by byte, as SQLite compares all.
  var text = "TEXT"
  /// How tables are stored, said after the migrations; each may be said again.
  var storage: [String] = []

  public init(
    now: String, lockingRows: String, lockingFreeRows: String, takingTurn: String? = nil,
    keepsOldRows: Bool = false
  ) {
    self.now = now
    self.lockingRows = lockingRows
    self.lockingFreeRows = lockingFreeRows
    self.takingTurn = takingTurn
    self.keepsOldRows = keepsOldRows
  }

  /// A statement of a migration in the words of this database.
  func schema(_ statement: String) -> String {
    statement.split(separator: " TEXT", omittingEmptySubsequences: false)
      .joined(separator: " " + text)
  }

  /// The one writer needs no locks on rows. The clock is exact to a millisecond, and
  /// `unixepoch('subsec')` would need SQLite 3.42.
  public static let sqlite: SQLDialect = {
    var dialect = SQLDialect(
      now: "((julianday('now') - 2440587.5) * 86400.0)", lockingRows: "", lockingFreeRows: "")
    // Overwrites with zeros what is freed, where the library was not built to do so always.
    dialect.erasing = ["PRAGMA secure_delete = 1"]
    return dialect
  }()

  /// A subquery, because a volatile function itself is evaluated for every row.
  public static let postgreSQL: SQLDialect = {
    var dialect = SQLDialect(
      now: "(SELECT extract(epoch FROM clock_timestamp())::double precision)",
      lockingRows: " FOR UPDATE", lockingFreeRows: " FOR UPDATE SKIP LOCKED",
      takingTurn: """
        SELECT CASE WHEN pg_advisory_xact_lock(hashtextextended($1, 0)) IS NULL THEN 1 ELSE 0 END
        """,
      keepsOldRows: true)
    // A database of another language would sort identifiers as words.
    dialect.text = "TEXT COLLATE \"C\""
    dialect.storage = [
      // A queue's rows change several times each: what is dead is cleared away soon, however many
      // finished jobs are kept.
      """
      ALTER TABLE jobs SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000)
      """,
      """
      ALTER TABLE job_turns SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0)
      """,
      // Compressed by us already.
      "ALTER TABLE deliveries ALTER COLUMN body SET STORAGE EXTERNAL",
      "ALTER TABLE validators ALTER COLUMN body SET STORAGE EXTERNAL",
    ]
    return dialect
  }()
}
