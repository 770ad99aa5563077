import Dispatch
public import Domain
import Foundation
import Synchronization

/// PostgreSQL by libpq: a few connections, each on a queue of its own, since the library blocks.
///
/// Nothing is opened before the first call. Every commit is on the server's disk when a call
/// returns. Every wait has a deadline, so a server that stops answering costs each caller a
/// bounded time. Several processes may use one database.
public final class PostgresDatabase: SQLDatabase {
  public let address: PostgresAddress
  public let settings: PostgresSettings
  public let dialect = SQLDialect.postgreSQL
  public var place: String { address.description }
  private let errors: PostgresErrors
  private let pool: PostgresPool
  private let outage = PostgresOutage()
  private let version = Mutex<Int?>(nil)

  public init(address: PostgresAddress, settings: PostgresSettings = PostgresSettings()) {
    self.address = address
    self.settings = settings
    errors = PostgresErrors(address: address)
    pool = PostgresPool(settings.connections) {
      StoreError(
        code: .unreachable,
        detail: "all \(settings.connections) connections to the database \(address) were busy for "
          + "\(settings.turn.inWords); nothing was changed.")
    }
  }

  // MARK: - Calls

  public func query(_ statement: SQLStatement) async throws(StoreError) -> [SQLRow] {
    let limit = settings.statement
    return try await perform { connection, call throws(PostgresFailure) in
      try connection.run([statement], within: limit + Self.grace, for: call).last?.rows ?? []
    }
  }

  public func changing(_ statement: SQLStatement) async throws(StoreError) -> [SQLRow] {
    try await atOnce([statement]).last?.rows ?? []
  }

  @discardableResult
  public func change(_ statements: [SQLStatement]) async throws(StoreError) -> [Int] {
    guard !statements.isEmpty else { return [] }
    return try await atOnce(statements).map(\.changed)
  }

  /// All in one exchange, which the server makes one transaction.
  private func atOnce(_ statements: [SQLStatement]) async throws(StoreError) -> [Answer] {
    let limit = settings.statement
    return try await perform { connection, call throws(PostgresFailure) in
      call.changesAtOnce()
      return try connection.run(statements, within: limit + Self.grace, for: call)
        .map { Answer(rows: $0.rows, changed: $0.changed) }
    }
  }

  private struct Answer: Sendable {
    var rows: [SQLRow]
    var changed: Int
  }

  public func transaction<T: Sendable>(
    _ body: @escaping @Sendable (any SQLTransaction) throws(StoreError) -> T
  ) async throws(StoreError) -> T {
    let (errors, limit) = (errors, settings.statement)
    return try await perform { connection, call throws(PostgresFailure) in
      let transaction = PostgresTransaction(
        connection, call, errors, limit: limit + Self.grace)
      do throws(PostgresFailure) {
        let value = try transaction.value(of: body)
        try transaction.commit()
        return value
      } catch {
        transaction.undo()
        throw error
      }
    }
  }

  /// How much longer than the server a caller waits for the server's own word.
  private static let grace = Duration.seconds(1)

  public func schemaVersion() async throws(StoreError) -> Int {
    // The connection that answers has looked.
    _ = try await query(SQLStatement("SELECT 1"))
    return version.withLock { $0 } ?? 0
  }

  public func close() async {
    for slot in pool.slots {
      await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
        slot.queue.async {
          slot.connection = nil
          done.resume()
        }
      }
    }
  }

  // MARK: - Running

  private typealias Work<T> =
    @Sendable (PostgresConnection, PostgresCall) throws(PostgresFailure) -> T

  private func perform<T: Sendable>(_ work: @escaping Work<T>) async throws(StoreError) -> T {
    let pool = pool
    let current = Mutex<PostgresCall?>(nil)
    let isServedAnyway = Task.isCancelled
    let answer: Result<T, StoreError> = await withTaskCancellationHandler {
      await withCheckedContinuation { reply in
        let call = PostgresCall(
          deadline: .now + settings.turn,
          serve: { call, slot in
            let answer = self.serve(call, slot, work)
            pool.isFree(slot)
            reply.resume(returning: answer)
          },
          refuse: { reply.resume(returning: .failure($0)) })
        current.withLock { $0 = call }
        if !isServedAnyway, Task.isCancelled { call.cancel() }
        pool.add(call)
      }
    } onCancel: {
      guard !isServedAnyway, let call = current.withLock({ $0 }) else { return }
      call.cancel()
      pool.cancelled(call)
    }
    return try answer.get()
  }

  /// How often a transaction is run again that others or a broken connection undid.
  private static let tries = (conflicts: 8, losses: 3)

  /// On the slot's queue only.
  private func serve<T>(
    _ call: PostgresCall, _ slot: PostgresSlot, _ work: Work<T>
  ) -> Result<T, StoreError> {
    let began = ContinuousClock.now
    var (conflicts, losses) = (0, 0)
    while true {
      do throws(PostgresFailure) {
        let connection = try ready(slot, call, since: began)
        try call.runs(on: connection.canceller)
        let value = try work(connection, call)
        finish(slot, call)
        return .success(value)
      } catch {
        finish(slot, call)
        let isUnknown = call.mayBeKept
        switch error {
        case .answered("40001", _) where conflicts < Self.tries.conflicts,
          .answered("40P01", _) where conflicts < Self.tries.conflicts:
          conflicts += 1
          usleep(UInt32.random(in: 0...(1_000 << min(UInt32(conflicts), 6))))
          continue
        case .answered("57014", _) where call.isCancelled: return failure(.cancelled)
        case .lost where !isUnknown && losses < Self.tries.losses && !call.isCancelled,
          .answered("57P01", _) where !isUnknown && losses < Self.tries.losses,
          .answered("0A000", _) where losses < 1, .answered("26000", _) where losses < 1:
          losses += 1
          slot.connection = nil
          continue
        case .late where call.isCancelled && !isUnknown: return failure(.cancelled)
        case .answered(let state, _) where !state.hasPrefix("57P"):
          // The server's word that nothing was kept.
          return failure(error)
        default: return failure(error, isUnknown: isUnknown)
        }
      }
    }
  }

  private func failure<T>(
    _ failure: PostgresFailure, isUnknown: Bool = false
  ) -> Result<T, StoreError> { .failure(errors.storeError(failure, isUnknown: isUnknown)) }

  /// Keeps the connection only where the next call can use it as it is.
  private func finish(_ slot: PostgresSlot, _ call: PostgresCall) {
    call.ended()
    guard let connection = slot.connection else { return }
    if connection.isOver { outage.lost() }
    // A request to stop that is still on its way would meet the next call.
    if connection.isOver || !connection.isIdle || call.isCancelled { slot.connection = nil }
  }

  // MARK: - Connecting

  private func ready(
    _ slot: PostgresSlot, _ call: PostgresCall, since began: ContinuousClock.Instant
  ) throws(PostgresFailure) -> PostgresConnection {
    if let connection = slot.connection {
      if isWell(connection, slot) { return connection }
      slot.connection = nil
    }
    let patience = address.connectTimeout.map { Duration.seconds($0) } ?? settings.connect
    while true {
      if call.isCancelled { throw .cancelled }
      if let (next, since, error) = outage.pause() {
        // Nobody stands in line for a server that has been away for long.
        let end = min(began, since) + patience
        guard next < end else { throw .ended(error) }
        usleep(UInt32(max(0, min((next - .now).inSeconds, 0.1)) * 1_000_000))
        continue
      }
      do throws(StoreError) {
        let losses = outage.losses
        let connection = try connect(within: patience)
        outage.connected()
        slot.connection = connection
        slot.losses = losses
        return connection
      } catch {
        // Only a server that does not answer is worth another attempt.
        guard error.code == .unreachable else { throw .ended(error) }
        outage.failed(error)
        if .now >= began + patience { throw .ended(error) }
      }
    }
  }

  private func isWell(_ connection: PostgresConnection, _ slot: PostgresSlot) -> Bool {
    guard connection.isAlive() else {
      outage.lost()
      return false
    }
    let losses = outage.losses
    if slot.losses == losses { return true }
    slot.losses = losses
    let isWell = (try? connection.run([SQLStatement("SELECT 1")], within: .seconds(2))) != nil
    return isWell
  }

  private func connect(within limit: Duration) throws(StoreError) -> PostgresConnection {
    let deadline = ContinuousClock.now + limit
    let wait = (settings.statement + Self.grace).inSeconds * 1_000
    let connection = try PostgresConnection(
      address, parameters: [("tcp_user_timeout", String(Int(wait)))], until: deadline)
    do throws(PostgresFailure) {
      try PostgresSession(settings, errors).begin(
        connection, within: max(.milliseconds(100), deadline - .now))
      let present = try PostgresSchema(errors).prepare(connection, within: settings.statement)
      version.withLock { $0 = present }
    } catch { throw errors.storeError(error, isUnknown: false) }
    return connection
  }
}
