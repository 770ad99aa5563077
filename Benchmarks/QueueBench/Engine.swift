import Domain
import Jobs
import Storage

/// The database that the URL chooses, with what belongs to it.
struct Engine {
  static let kind = "noop"

  let database: any SQLDatabase
  let store: SQLJobStore
  let signal = JobSignal()

  init(_ options: Options) throws {
    let url = try options.text("database")
    let isPostgres = url.hasPrefix("postgres://") || url.hasPrefix("postgresql://")
    database =
      isPostgres
      ? PostgresDatabase(address: try PostgresAddress(parsing: url)) : SQLiteDatabase(path: url)
    store = SQLJobStore(database, signal: signal)
  }

  var isPostgres: Bool { database.dialect == .postgreSQL }

  /// - Parameter times: when each was enqueued, by `monotonicNanoseconds`.
  func enqueue(_ times: [Int64]) async throws {
    let added = try await store.enqueue(
      times.map { NewJob(kind: Self.kind, arguments: "{\"at\": \($0)}") })
    guard added.count == times.count, added.allSatisfy(\.isNew) else {
      throw Misuse("\(times.count) jobs were to be added, and \(added.count) were.")
    }
  }
}
