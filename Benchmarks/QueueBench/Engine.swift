import Domain
import Jobs
import Storage

/// The database that the URL chooses, with what belongs to it.
struct Engine {
  static let kind = "noop"

  let database: any SQLDatabase
  let store: SQLJobStore
  let signal = JobSignal()
  /// As `stet serve` and `stet worker` have it: other processes hear of what is added here.
  private let signals: PostgresSignals?

  init(_ options: Options) throws {
    let url = try options.text("database")
    let isPostgres = url.hasPrefix("postgres://") || url.hasPrefix("postgresql://")
    if isPostgres {
      let address = try PostgresAddress(parsing: url)
      database = PostgresDatabase(address: address)
      signals = PostgresSignals(address: address, signal: signal)
    } else {
      database = SQLiteDatabase(path: url)
      signals = nil
    }
    store = SQLJobStore(database, signal: signal)
  }

  /// Runs `body` while rings go to other processes and come from them.
  func signalling(_ body: @Sendable () async throws -> Line) async throws -> Line {
    let task = Task { [signals] in await signals?.run() }
    do {
      let line = try await body()
      task.cancel()
      await task.value
      return line
    } catch {
      task.cancel()
      throw error
    }
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
