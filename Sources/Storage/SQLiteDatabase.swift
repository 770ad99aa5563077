import Dispatch
public import Domain
import GRDB
import Synchronization

/// The embedded database: one file, one connection that writes, and readers beside it.
///
/// It is opened by the first call, not before, so that a command which stores nothing pays nothing.
/// Every commit is on disk when a call returns (`synchronous=FULL`), and calls that wait at the same
/// time share one. Other processes may read and write the same file; a writer waits `patience` for
/// them.
public final class SQLiteDatabase: SQLDatabase {
  /// Where the file is, for messages.
  public let path: String
  public let dialect = SQLDialect.sqlite
  public var place: String { path }
  private let patience: Duration
  /// The library blocks, so it is called here and not on the cooperative pool.
  private let writing = DispatchQueue(label: "stet.sqlite.write")
  private let writer = Connection()
  private let readers = [Reader(), Reader()]
  private let state = Mutex(State())

  private struct State {
    var waiting: [any WaitingChange] = []
    /// The schema is up to date, so that readers may open the file.
    var isReady = false
    var commits = 0
    var changes = 0
    var readsUnderWay = [0, 0]
  }

  /// Touched on the queue it belongs to only.
  private final class Connection: @unchecked Sendable {
    var opened: DatabaseQueue?
  }

  private struct Reader {
    let queue = DispatchQueue(label: "stet.sqlite.read")
    let connection = Connection()
  }

  /// No caller waits longer for its turn than a transaction of so many others.
  private static let largestGroup = 256

  /// - Parameters:
  ///   - path: the file; it and its folder are made where they are missing, 0600 and 0700.
  ///   - patience: how long to wait for another process that writes.
  public init(path: String, patience: Duration = .seconds(5)) {
    self.path = path
    self.patience = patience
  }

  /// Transactions written to disk, and the calls that they served.
  public var commits: (transactions: Int, calls: Int) {
    state.withLock { ($0.commits, $0.changes) }
  }

  /// Calls whose transaction has not begun.
  var callsWaiting: Int { state.withLock(\.waiting.count) }

  public func query(_ statement: SQLStatement) async throws(StoreError) -> [SQLRow] {
    if !state.withLock(\.isReady) { try await prepare() }
    let chosen = state.withLock { state in
      let chosen = state.readsUnderWay[0] <= state.readsUnderWay[1] ? 0 : 1
      state.readsUnderWay[chosen] += 1
      return chosen
    }
    let answer: Result<[SQLRow], StoreError> = await withCheckedContinuation { reply in
      readers[chosen].queue.async {
        let answer = Self.result(self.path) { try self.read(statement, self.readers[chosen]) }
        self.state.withLock { $0.readsUnderWay[chosen] -= 1 }
        reply.resume(returning: answer)
      }
    }
    return try answer.get()
  }

  /// On the reader's queue only.
  private func read(_ statement: SQLStatement, _ reader: Reader) throws -> [SQLRow] {
    let file = SQLiteFile(path, patience: patience)
    let connection = try reader.connection.opened ?? file.openForReading()
    reader.connection.opened = connection
    return try connection.writeWithoutTransaction { database in
      try SQLiteStatements(database: database, path: path).query(statement)
    }
  }

  public func transaction<T: Sendable>(
    _ body: @escaping @Sendable (any SQLTransaction) throws(StoreError) -> T
  ) async throws(StoreError) -> T {
    let answer: Result<T, StoreError> = await withCheckedContinuation { reply in
      let change = Change(body, path: path, reply: reply)
      let isFirst = state.withLock { state in
        state.waiting.append(change)
        return state.waiting.count == 1
      }
      // The first of a group calls for it; whoever comes until it begins is part of it.
      if isFirst { writing.async { self.commitWaiting() } }
    }
    return try answer.get()
  }

  /// Opens the file, brings its schema up to date where it is older, and says its number.
  public func schemaVersion() async throws(StoreError) -> Int {
    let rows = try await query(SQLStatement("PRAGMA user_version"))
    return Int(rows.first?.integer(0) ?? 0)
  }

  /// Moves the log's pages into the file, in which what was deleted is overwritten, and empties it.
  public func eraseFreed() async throws(StoreError) {
    let answer: Result<Void, StoreError> = await withCheckedContinuation { reply in
      writing.async {
        reply.resume(
          returning: Self.result(self.path) {
            try self.open().inDatabase { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
          })
      }
    }
    try answer.get()
  }

  /// Ends the connections; a later call opens new ones.
  public func close() async {
    state.withLock { $0.isReady = false }
    for reader in readers { await Self.close(reader.connection, on: reader.queue) }
    await Self.close(writer, on: writing)
  }

  private static func close(_ connection: Connection, on queue: DispatchQueue) async {
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      queue.async {
        // What cannot be closed now is closed when the process ends.
        try? connection.opened?.close()
        connection.opened = nil
        done.resume()
      }
    }
  }

  /// Opens the file and brings its schema up to date.
  private func prepare() async throws(StoreError) {
    let answer: Result<Void, StoreError> = await withCheckedContinuation { reply in
      writing.async { reply.resume(returning: Self.result(self.path) { _ = try self.open() }) }
    }
    try answer.get()
  }

  /// On `writing` only.
  private func open() throws -> DatabaseQueue {
    if let opened = writer.opened { return opened }
    let connection = try SQLiteFile(path, patience: patience).open()
    writer.opened = connection
    state.withLock { $0.isReady = true }
    return connection
  }

  /// On `writing` only.
  private func commitWaiting() {
    let group = state.withLock { state in
      let group = Array(state.waiting.prefix(Self.largestGroup))
      state.waiting.removeFirst(group.count)
      if !state.waiting.isEmpty { writing.async { self.commitWaiting() } }
      return group
    }
    do {
      let connection = try open()
      connection.inDatabase { database in
        GroupCommit(
          path: path,
          committed: { calls in
            self.state.withLock { state in
              state.commits += 1
              state.changes += calls
            }
          }
        ).run(group, on: database)
      }
    } catch {
      let failure = SQLiteFile.storeError(error, path: path)
      for change in group { change.answer(failure) }
    }
  }

  private static func result<T>(
    _ path: String, _ body: () throws -> T
  ) -> Result<T, StoreError> {
    do { return .success(try body()) } catch {
      return .failure(SQLiteFile.storeError(error, path: path))
    }
  }

  /// One call of `transaction`. Touched on `writing` only, once it waits.
  private final class Change<T: Sendable>: WaitingChange, @unchecked Sendable {
    private let body: @Sendable (any SQLTransaction) throws(StoreError) -> T
    private let path: String
    private let reply: CheckedContinuation<Result<T, StoreError>, Never>
    private var result: Result<T, StoreError>?

    init(
      _ body: @escaping @Sendable (any SQLTransaction) throws(StoreError) -> T, path: String,
      reply: CheckedContinuation<Result<T, StoreError>, Never>
    ) {
      self.body = body
      self.path = path
      self.reply = reply
    }

    func run(_ database: Database) throws {
      result = nil
      do throws(StoreError) {
        result = .success(try body(SQLiteStatements(database: database, path: path)))
      } catch {
        result = .failure(error)
        throw error
      }
    }

    func answer(_ failure: StoreError?) {
      if let failure {
        reply.resume(returning: .failure(failure))
      } else {
        let unrun = StoreError(code: .failed, detail: "the database \(path) was not asked.")
        reply.resume(returning: result ?? .failure(unrun))
      }
    }
  }
}
