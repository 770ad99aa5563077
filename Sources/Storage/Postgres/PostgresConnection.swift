import CPostgres
import Domain

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What one statement gave.
struct PostgresAnswer {
  var rows: [SQLRow]
  var changed: Int
  /// `UPDATE 1`, `COMMIT`.
  var tag: String
}

/// One connection. It belongs to the queue that made it, and blocks that for as long as a deadline
/// lets it.
///
/// Statements are sent in pipelines: several and the end of their transaction travel together, and
/// the server makes those between two synchronisations one transaction, unless `BEGIN` is among
/// them.
final class PostgresConnection {
  private let handle: OpaquePointer
  let canceller: PostgresCanceller
  private var prepared = PreparedStatements()
  /// It broke, or was given up.
  private(set) var isOver = false

  /// - Parameter deadline: for all until the server is ready for statements.
  init(
    _ address: PostgresAddress, parameters: [(String, String)],
    until deadline: ContinuousClock.Instant
  ) throws(StoreError) {
    let errors = PostgresErrors(address: address)
    // What comes first may be overruled by the address, what comes after it may not.
    let all =
      [
        ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
        ("fallback_application_name", "stet"),
      ] + parameters + [("dbname", address.url), ("client_encoding", "UTF8")]
      + (address.applicationName.map { [("application_name", $0)] } ?? [])
    let started = Self.start(all)
    guard let started else {
      throw StoreError(code: .failed, detail: "there is no memory for a connection.")
    }
    // The server's code is wanted as well as its words.
    PQsetErrorVerbosity(started, PQERRORS_VERBOSE)
    PQsetNoticeProcessor(started, { _, _ in }, nil)
    do throws(StoreError) {
      try Self.connect(started, errors, until: deadline)
    } catch {
      PQfinish(started)
      throw error
    }
    PQsetErrorVerbosity(started, PQERRORS_DEFAULT)
    handle = started
    canceller = PostgresCanceller(started)
  }

  deinit { PQfinish(handle) }

  private static func start(_ parameters: [(String, String)]) -> OpaquePointer? {
    var names = parameters.map { UnsafePointer<CChar>(strdup($0.0)) }
    var values = parameters.map { UnsafePointer<CChar>(strdup($0.1)) }
    defer { for text in names + values { free(UnsafeMutablePointer(mutating: text)) } }
    names.append(nil)
    values.append(nil)
    return PQconnectStartParams(names, values, 1)
  }

  private static func connect(
    _ handle: OpaquePointer, _ errors: PostgresErrors, until deadline: ContinuousClock.Instant
  ) throws(StoreError) {
    func words() -> String { String(cString: PQerrorMessage(handle)) }
    guard PQstatus(handle) != CONNECTION_BAD else { throw errors.connecting(words()) }
    var events = Int16(POLLOUT)
    while true {
      guard wait(handle, for: events, until: deadline) else {
        throw StoreError(
          code: .unreachable,
          detail: "the database \(errors.place) did not answer in time while connecting.")
      }
      switch PQconnectPoll(handle) {
      case PGRES_POLLING_OK:
        guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else {
          throw errors.connecting(words())
        }
        guard PQserverVersion(handle) >= 130_000 else {
          throw StoreError(
            code: .refused,
            detail: "the database \(errors.place) is PostgreSQL "
              + "\(PQserverVersion(handle) / 10_000); Stet needs 13 or newer.")
        }
        return
      case PGRES_POLLING_READING: events = Int16(POLLIN)
      case PGRES_POLLING_WRITING: events = Int16(POLLOUT)
      default: throw errors.connecting(words())
      }
    }
  }

  /// - Returns: false when the deadline has passed.
  private static func wait(
    _ handle: OpaquePointer, for events: Int16, until deadline: ContinuousClock.Instant
  ) -> Bool {
    while true {
      let left = deadline - .now
      guard left > .zero else { return false }
      var descriptor = pollfd(fd: PQsocket(handle), events: events, revents: 0)
      let ready = poll(&descriptor, 1, CInt(min(1_000, left.inSeconds * 1_000 + 1)))
      if ready > 0 || (ready < 0 && errno != EINTR) { return true }
    }
  }

  var socket: CInt { PQsocket(handle) }
  var processID: CInt { PQbackendPID(handle) }
  /// No transaction is open, and nothing is under way.
  var isIdle: Bool { !isOver && PQtransactionStatus(handle) == PQTRANS_IDLE }

  /// Looks, without asking the server, whether it has ended the connection meanwhile.
  func isAlive() -> Bool {
    guard !isOver else { return false }
    var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
    let ready = poll(&descriptor, 1, 0)
    if ready == 0 { return true }
    // Its last words, or a notice of its settings: rare enough to begin anew.
    isOver = true
    return false
  }

  /// Reads what came unasked. - Returns: the processes that notified since the last look.
  func notifications() throws(PostgresFailure) -> [CInt] {
    guard PQconsumeInput(handle) == 1 else { throw broken() }
    var processes: [CInt] = []
    while let notification = PQnotifies(handle) {
      processes.append(notification.pointee.be_pid)
      PQfreemem(notification)
    }
    return processes
  }

  // MARK: - Statements

  /// Runs all in one exchange, up to the first that fails.
  /// - Parameters:
  ///   - keeping: whether they are kept prepared for the next time.
  ///   - call: whoever asks; when it is cancelled, so is this.
  func run(
    _ statements: [SQLStatement], keeping: Bool = true, within limit: Duration,
    for call: PostgresCall? = nil
  ) throws(PostgresFailure) -> [PostgresAnswer] {
    guard !isOver else { throw .lost("it is over") }
    var parameters: [PostgresValues.Parameters] = []
    do throws(StoreError) {
      for statement in statements {
        parameters.append(try PostgresValues.Parameters(statement.values))
      }
    } catch { throw .ended(error) }
    var sent: [Sent] = []
    for (statement, parameters) in zip(statements, parameters) {
      sent += try send(statement, parameters, keeping: keeping)
    }
    guard PQpipelineSync(handle) == 1 else { throw broken() }
    let results = try results(count: sent.count, within: limit, for: call)
    defer { for result in results { PQclear(result) } }
    return try answers(sent, results)
  }

  private enum Sent {
    case preparation(name: String, text: String)
    case housekeeping
    case statement
  }

  private func send(
    _ statement: SQLStatement, _ parameters: PostgresValues.Parameters, keeping: Bool
  ) throws(PostgresFailure) -> [Sent] {
    let count = CInt(statement.values.count)
    guard keeping else {
      let isSent = parameters.withPointers {
        PQsendQueryParams(
          handle, statement.text, count, nil, $0, parameters.lengths, parameters.formats, 1)
      }
      guard isSent == 1 else { throw broken() }
      return [.statement]
    }
    var sent: [Sent] = []
    var name = prepared.name(of: statement.text)
    if name == nil {
      if let old = prepared.leastUsed() {
        guard PQsendQueryParams(handle, "DEALLOCATE \(old)", 0, nil, nil, nil, nil, 1) == 1 else {
          throw broken()
        }
        sent.append(.housekeeping)
      }
      let new = prepared.newName()
      guard PQsendPrepare(handle, new, statement.text, 0, nil) == 1 else { throw broken() }
      // Known from here on, for the same text later in this pipeline.
      prepared.add(statement.text, new)
      sent.append(.preparation(name: new, text: statement.text))
      name = new
    }
    let isSent = parameters.withPointers {
      PQsendQueryPrepared(
        handle, name, count, $0, parameters.lengths, parameters.formats, 1)
    }
    guard isSent == 1 else { throw broken() }
    return sent + [.statement]
  }

  /// The results of a pipeline up to its synchronisation.
  private func results(
    count: Int, within limit: Duration, for call: PostgresCall?
  ) throws(PostgresFailure) -> [OpaquePointer] {
    let deadline = ContinuousClock.now + limit
    var results: [OpaquePointer] = []
    var nothings = 0
    do throws(PostgresFailure) {
      while true {
        try exchange(until: deadline, limit, call)
        guard let result = PQgetResult(handle) else {
          nothings += 1
          if nothings > 4 || PQstatus(handle) == CONNECTION_BAD { throw broken() }
          continue
        }
        nothings = 0
        if PQresultStatus(result) == PGRES_PIPELINE_SYNC {
          PQclear(result)
          return results
        }
        results.append(result)
        if PQstatus(handle) == CONNECTION_BAD { throw broken(result) }
      }
    } catch {
      for result in results { PQclear(result) }
      throw error
    }
  }

  /// Sends what is left to send and reads until a result is complete.
  private func exchange(
    until deadline: ContinuousClock.Instant, _ limit: Duration, _ call: PostgresCall?
  ) throws(PostgresFailure) {
    while true {
      let unsent = PQflush(handle)
      guard unsent >= 0 else { throw broken() }
      if unsent == 0, PQisBusy(handle) == 0 { return }
      var end = deadline
      // Who was cancelled waits a moment for the server to say so.
      if let cancelled = call?.cancelledAt { end = min(end, cancelled + .seconds(2)) }
      let left = end - .now
      guard left > .zero else {
        isOver = true
        throw .late(limit)
      }
      let events = Int16(unsent == 0 ? POLLIN : POLLIN | POLLOUT)
      var descriptor = pollfd(fd: PQsocket(handle), events: events, revents: 0)
      // In slices, to see that the call was cancelled.
      _ = poll(&descriptor, 1, CInt(min(250, left.inSeconds * 1_000 + 1)))
      // Whatever the socket said: with TLS, more may have come than was asked for, and wait inside.
      if PQconsumeInput(handle) != 1 {
        // The last words of the server may be among what was read before.
        if PQisBusy(handle) == 0 { return }
        throw broken()
      }
    }
  }

  private func answers(
    _ sent: [Sent], _ results: [OpaquePointer]
  ) throws(PostgresFailure) -> [PostgresAnswer] {
    var answers: [PostgresAnswer] = []
    var failure: PostgresFailure?
    for (number, sent) in sent.enumerated() {
      let result = number < results.count ? results[number] : nil
      let status = result.map { PQresultStatus($0) }
      let isDone = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
      if case .preparation(_, let text) = sent, !isDone { prepared.remove(text) }
      if failure != nil { continue }
      guard isDone, let result else {
        failure = result.map { said($0) } ?? .lost("an answer is missing")
        continue
      }
      guard case .statement = sent else { continue }
      do throws(StoreError) {
        answers.append(
          PostgresAnswer(
            rows: try PostgresValues.rows(result),
            changed: Int(String(cString: PQcmdTuples(result))) ?? 0,
            tag: String(cString: PQcmdStatus(result))))
      } catch { failure = .ended(error) }
    }
    if let failure { throw failure }
    return answers
  }

  private func said(_ result: OpaquePointer) -> PostgresFailure {
    guard let state = PQresultErrorField(result, CInt(UInt8(ascii: "C"))) else {
      isOver = true
      return .lost(String(cString: PQresultErrorMessage(result)))
    }
    let message = PQresultErrorField(result, CInt(UInt8(ascii: "M"))).map { String(cString: $0) }
    return .answered(state: String(cString: state), message: message ?? "")
  }

  private func broken(_ result: OpaquePointer? = nil) -> PostgresFailure {
    isOver = true
    let words = result.map { String(cString: PQresultErrorMessage($0)) } ?? ""
    return .lost(words.isEmpty ? String(cString: PQerrorMessage(handle)) : words)
  }
}

/// The statements that the server knows by name on one connection, the most recently used of them.
struct PreparedStatements {
  private static let most = 256
  private var names: [String: (name: String, used: Int)] = [:]
  private var count = 0
  private var uses = 0

  mutating func name(of text: String) -> String? {
    uses += 1
    names[text]?.used = uses
    return names[text]?.name
  }

  mutating func newName() -> String {
    count += 1
    return "stet_\(count)"
  }

  mutating func add(_ text: String, _ name: String) {
    uses += 1
    names[text] = (name, uses)
  }

  mutating func remove(_ text: String) { names[text] = nil }

  /// Takes out the one that was not used for longest, where there are too many; it has to be
  /// forgotten by the server too.
  mutating func leastUsed() -> String? {
    guard names.count >= Self.most, let oldest = names.min(by: { $0.value.used < $1.value.used })
    else { return nil }
    names[oldest.key] = nil
    return oldest.value.name
  }
}
