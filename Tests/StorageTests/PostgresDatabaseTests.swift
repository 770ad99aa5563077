import Domain
import Foundation
import Jobs
import Synchronization
import TestKit
import Testing

@testable import Storage

@Suite(
  .enabled(if: PostgresServer.isAvailable, Comment(rawValue: PostgresServer.absence ?? "")))
struct PostgresDatabaseTests {
  private func withDatabase(
    _ settings: PostgresSettings = PostgresSettings(),
    _ body: (PostgresDatabase, PostgresServer, String) async throws -> Void
  ) async throws {
    let server = try PostgresServer.shared()
    let url = try server.newDatabase()
    let database = PostgresDatabase(address: try PostgresAddress(parsing: url), settings: settings)
    try await body(database, server, url)
    await database.close()
    try server.dropDatabase(url)
  }

  private func failure(_ body: () async throws -> Void) async -> StoreError? {
    await #expect(throws: StoreError.self) { try await body() }
  }

  private static let table = SQLStatement("CREATE TABLE t (id TEXT PRIMARY KEY, n BIGINT)")

  // MARK: - Values

  @Test func valuesComeBackAsTheyWere() async throws {
    try await withDatabase { database, _, _ in
      try await database.change([
        SQLStatement("CREATE TABLE v (i BIGINT, d DOUBLE PRECISION, t TEXT, b BYTEA)")
      ])
      let large = String(repeating: "ü", count: 3_000_000)
      for values: [SQLValue] in [
        [.integer(.min), .real(0.1), .text("a\u{0}b\u{1}\u{1}0"), .bytes([0, 1, 255])],
        [.integer(.max), .real(-Double.leastNonzeroMagnitude), .text(""), .bytes([])],
        [.integer(0), .real(1.7976931348623157e308), .text("\r\n🙂'\\"), .bytes([92, 120])],
        [.integer(-1), .real(3), .text(large), .bytes(Array(repeating: 0, count: 5_000_000))],
        [.null, .real(.infinity), .null, .null],
      ] {
        let rows = try await database.changing(
          SQLStatement("INSERT INTO v VALUES ($1, $2, $3, $4) RETURNING i, d, t, b", values))
        #expect(rows.map(\.values) == [values])
      }
      let found = try await database.query(
        SQLStatement("SELECT i FROM v WHERE t = $1", [.text("a\u{0}b\u{1}\u{1}0")]))
      #expect(found.first?.integer(0) == .min)
    }
  }

  @Test(arguments: [
    ("1::smallint", SQLValue.integer(1)), ("-2::int", .integer(-2)), ("true", .integer(1)),
    ("sum(x) FROM (VALUES (1::bigint), (12345678901234)) AS v (x)", .integer(12_345_678_901_235)),
    ("-10000::numeric", .integer(-10_000)), ("0.00012::numeric", .real(0.00012)),
    ("12345.678::numeric", .real(12345.678)), ("0::numeric", .integer(0)),
    ("'NaN'::numeric = 'NaN'::numeric", .integer(1)), ("1.5::real", .real(1.5)),
    ("0.000000001::numeric", .real(1e-9)), ("NULL::text", .null),
  ])
  func typesAreRead(_ expression: String, _ value: SQLValue) async throws {
    try await Engine.postgres.withDatabase { database in
      let rows = try await database.query(SQLStatement("SELECT \(expression)"))
      #expect(rows.map(\.values) == [[value]])
    }
  }

  // MARK: - Transactions

  @Test func allOrNothing() async throws {
    try await withDatabase { database, _, _ in
      try await database.change([Self.table])
      let insert = SQLStatement("INSERT INTO t VALUES ($1, $2)", [.text("a"), .integer(1)])
      let conflict = await failure { try await database.change([insert, insert]) }
      #expect(conflict?.code == .conflict)
      #expect(try await database.query(SQLStatement("SELECT * FROM t")).isEmpty)
      let own = await failure {
        try await database.transaction { transaction throws(StoreError) in
          try transaction.change(insert)
          throw StoreError(code: .failed, detail: "own")
        }
      }
      #expect(own?.detail == "own")
      #expect(try await database.query(SQLStatement("SELECT * FROM t")).isEmpty)
      #expect(try await database.change([insert]) == [1])
      // A failure that the body swallows does not look like success.
      let swallowed = await failure {
        try await database.transaction { transaction throws(StoreError) in
          try transaction.change(SQLStatement("UPDATE t SET n = 2"))
          do throws(StoreError) { try transaction.change(insert) } catch {}
        }
      }
      #expect(swallowed?.code == .conflict)
      let rows = try await database.query(SQLStatement("SELECT n FROM t"))
      #expect(rows.first?.integer(0) == 1)
    }
  }

  @Test func deadlocksAreRunAgain() async throws {
    try await withDatabase { database, _, _ in
      try await database.change([
        Self.table, SQLStatement("INSERT INTO t VALUES ('a', 0), ('b', 0)"),
      ])
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<2 {
          group.addTask {
            let order = number == 0 ? ["a", "b"] : ["b", "a"]
            try await database.transaction { transaction throws(StoreError) in
              for id in order {
                try transaction.change(
                  SQLStatement("UPDATE t SET n = n + 1 WHERE id = $1", [.text(id)]))
                _ = try transaction.query(SQLStatement("SELECT pg_sleep(0.2)"))
              }
            }
          }
        }
        try await group.waitForAll()
      }
      let rows = try await database.query(SQLStatement("SELECT n FROM t"))
      #expect(rows.map(\.values) == [[.integer(2)], [.integer(2)]])
    }
  }

  // MARK: - Addresses and rights

  @Test func whoIsNotLetInIsTold() async throws {
    let server = try PostgresServer.shared()
    let wrong = server.url("postgres").replacingOccurrences(of: server.password, with: "wr0ng-one")
    for (url, words) in [
      (wrong, "password"), (server.url("nowhere"), "nowhere"),
      (server.url("postgres").replacingOccurrences(of: "stet:", with: "nobody:"), "nobody"),
      (server.url("postgres") + "?sslmode=require", "SSL"),
    ] {
      let database = PostgresDatabase(address: try PostgresAddress(parsing: url))
      let error = await failure { _ = try await database.query(SQLStatement("SELECT 1")) }
      #expect(error?.code == .refused, "\(error?.detail ?? "")")
      #expect(error?.detail.contains(words) == true, "\(error?.detail ?? "")")
      #expect(error?.detail.contains(server.password) == false)
      #expect(error?.detail.contains("wr0ng-one") == false)
    }
  }

  /// A process that is halted within a transaction holds its rows for less than a lease.
  @Test func anIdleTransactionIsEndedBeforeALeaseRunsOut() async throws {
    try await withDatabase { database, _, _ in
      let rows = try await database.query(
        SQLStatement("SELECT current_setting('idle_in_transaction_session_timeout')"))
      #expect(rows.first?.text(0) == "4s")
    }
  }

  @Test func nobodyAtTheDoorIsUnreachable() async throws {
    let port = ClosedPort()
    let database = PostgresDatabase(
      address: try PostgresAddress(parsing: "postgres://u@127.0.0.1:\(port.port)/d"),
      settings: PostgresSettings(connect: .milliseconds(300)))
    let error = await failure { _ = try await database.query(SQLStatement("SELECT 1")) }
    #expect(error?.code == .unreachable, "\(error?.detail ?? "")")
  }

  // MARK: - Deadlines

  @Test func aStatementThatTakesTooLongIsStopped() async throws {
    // Long enough for the second statement on a busy machine, which connects anew.
    try await withDatabase(PostgresSettings(statement: .seconds(2))) { database, _, _ in
      let error = await failure {
        _ = try await database.query(SQLStatement("SELECT pg_sleep(20)"))
      }
      #expect(error?.code == .unreachable)
      let rows = try await database.query(SQLStatement("SELECT 1"))
      #expect(rows.count == 1)
    }
  }

  @Test func aRowThatAnotherHoldsIsWaitedForAndTold() async throws {
    try await withDatabase(PostgresSettings(lock: .milliseconds(200))) { database, _, _ in
      try await database.change([Self.table, SQLStatement("INSERT INTO t VALUES ('a', 0)")])
      let update = SQLStatement("UPDATE t SET n = n + 1")
      let (held, hold) = AsyncStream<Void>.makeStream()
      async let holder: Void = database.transaction { transaction throws(StoreError) in
        try transaction.change(update)
        hold.yield()
        _ = try transaction.query(SQLStatement("SELECT pg_sleep(4)"))
      }
      for await _ in held { break }
      let error = await failure { try await database.change([update]) }
      #expect(error?.code == .locked)
      try await holder
      #expect(try await database.change([update]) == [1])
    }
  }

  @Test func aPoolThatIsBusyIsTold() async throws {
    try await withDatabase(
      PostgresSettings(connections: 1, turn: .milliseconds(200))
    ) { database, _, _ in
      _ = try await database.schemaVersion()
      async let busy = database.query(SQLStatement("SELECT CAST(pg_sleep(1) AS TEXT)"))
      // The other may not have begun yet.
      let end = ContinuousClock.now + .seconds(5)
      var told: StoreError?
      while told == nil, .now < end {
        do throws(StoreError) { _ = try await database.query(SQLStatement("SELECT 1")) } catch {
          told = error
        }
      }
      #expect(told?.code == .unreachable)
      #expect(told?.detail.contains("busy") == true)
      _ = try await busy
      let rows = try await database.query(SQLStatement("SELECT 1"))
      #expect(rows.count == 1)
    }
  }

  @Test func cancellationStopsAStatementAndAWait() async throws {
    try await withDatabase(PostgresSettings(connections: 1)) { database, server, _ in
      try await database.change([Self.table])
      let slow = Task {
        try await database.transaction { transaction throws(StoreError) in
          try transaction.change(SQLStatement("INSERT INTO t VALUES ('a', 1)"))
          _ = try transaction.query(SQLStatement("SELECT pg_sleep(8)"))
        }
      }
      let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(8)%'"
      let end = ContinuousClock.now + .seconds(5)
      while try server.run(sleeping + " AND state = 'active' AND pid <> pg_backend_pid()") == "0",
        .now < end
      { try await Task.sleep(for: .milliseconds(20)) }
      let waiting = Task { try await database.query(SQLStatement("SELECT 1")) }
      try await Task.sleep(for: .milliseconds(50))
      let began = ContinuousClock.now
      waiting.cancel()
      let waited = await failure { _ = try await waiting.value }
      #expect(waited?.code == .cancelled)
      slow.cancel()
      let stopped = await failure { try await slow.value }
      #expect(stopped?.code == .cancelled)
      #expect(.now - began < .seconds(4))
      #expect(try await database.query(SQLStatement("SELECT * FROM t")).isEmpty)
    }
  }

  // MARK: - Servers that go

  @Test func aBackendKilledInATransactionCostsNothing() async throws {
    try await withDatabase { database, server, _ in
      try await database.change([Self.table])
      let runs = Mutex(0)
      try await database.transaction { transaction throws(StoreError) in
        try transaction.change(SQLStatement("INSERT INTO t VALUES ('a', 1)"))
        let process = try transaction.query(SQLStatement("SELECT pg_backend_pid()"))
        if runs.withLock({ runs in
          runs += 1; return runs == 1
        }) {
          _ = try? server.run("SELECT pg_terminate_backend(\(process[0].integer(0) ?? 0), 5000)")
        }
        try transaction.change(SQLStatement("UPDATE t SET n = 2"))
      }
      #expect(runs.withLock { $0 } == 2)
      let rows = try await database.query(SQLStatement("SELECT n FROM t"))
      #expect(rows.map(\.values) == [[.integer(2)]])
      // Idle connections that were ended are made anew.
      let name = try await database.query(SQLStatement("SELECT CAST(current_database() AS TEXT)"))
      try server.terminateConnections(to: name[0].text(0) ?? "")
      #expect(try await database.change([SQLStatement("UPDATE t SET n = 3")]) == [1])
    }
  }

  @Test func aServerThatIsStoppedAndStartedIsWaitedForAndFound() async throws {
    let server = try PostgresServer()
    defer { server.remove() }
    let url = try server.newDatabase()
    let database = PostgresDatabase(
      address: try PostgresAddress(parsing: url),
      settings: PostgresSettings(connect: .seconds(2)))
    let signal = JobSignal()
    let rings = Mutex(0)
    _ = signal.add { rings.withLock { $0 += 1 } }
    let signals = PostgresSignals(address: database.address, signal: signal)
    let listening = Task { await signals.run() }
    try await database.change([Self.table])
    try await until { signals.isListening }
    try server.restart(.immediate)
    #expect(try await database.query(SQLStatement("SELECT * FROM t")).isEmpty)
    // Once by itself, since something may have been missed.
    try await until { rings.withLock { $0 } >= 1 }
    try server.stop()
    let error = await failure { _ = try await database.query(SQLStatement("SELECT 1")) }
    #expect(error?.code == .unreachable)
    let began = ContinuousClock.now
    let soon = await failure { _ = try await database.query(SQLStatement("SELECT 1")) }
    #expect(soon?.code == .unreachable)
    #expect(.now - began < .seconds(4))
    try server.start()
    try await until { (try? await database.query(SQLStatement("SELECT 1"))) != nil }
    try await until { signals.isListening }
    listening.cancel()
    await listening.value
    await database.close()
  }

  private func until(_ condition: () async -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(20)
    while await !condition() {
      try #require(.now < end)
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  @Test func ringsReachOtherProcessesAndNotThemselves() async throws {
    try await withDatabase { database, _, _ in
      let (here, there) = (JobSignal(), JobSignal())
      let rings = Mutex((here: 0, there: 0))
      _ = here.add { rings.withLock { $0.here += 1 } }
      _ = there.add { rings.withLock { $0.there += 1 } }
      let first = PostgresSignals(address: database.address, signal: here)
      let second = PostgresSignals(address: database.address, signal: there)
      let tasks = [Task { await first.run() }, Task { await second.run() }]
      try await until { first.isListening && second.isListening }
      for _ in 0..<50 { here.ring() }
      try await until { rings.withLock { $0.there } >= 1 }
      try await Task.sleep(for: .milliseconds(100))
      let heard = rings.withLock { $0 }
      #expect(heard.here == 50)
      #expect(heard.there >= 1 && heard.there < 25)
      for task in tasks {
        task.cancel()
        await task.value
      }
    }
  }

  /// A proxy that forwards until it is told to stop, and then neither forwards nor closes.
  @Test func aHalfOpenConnectionHangsNobody() async throws {
    let server = try PostgresServer.shared()
    let url = try server.newDatabase()
    let stopped = Mutex(false)
    let target = server.port
    let proxy = try await TCPProxy(to: target) { stopped.withLock { $0 } }
    let name = String(url.split(separator: "/").last ?? "")
    let database = PostgresDatabase(
      address: try PostgresAddress(parsing: server.url(name, port: proxy.port)),
      settings: PostgresSettings(
        connections: 1, statement: .seconds(2), connect: .seconds(2)))
    try await database.change([Self.table])
    stopped.withLock { $0 = true }
    let began = ContinuousClock.now
    let error = await failure {
      try await database.change([SQLStatement("INSERT INTO t VALUES ('a', 1)")])
    }
    #expect(error?.code == .unreachable)
    #expect(error?.detail.contains("may or may not") == true, "\(error?.detail ?? "")")
    #expect(.now - began < .seconds(12))
    stopped.withLock { $0 = false }
    try await until { (try? await database.query(SQLStatement("SELECT * FROM t"))) != nil }
    await database.close()
    await proxy.stop()
    try server.dropDatabase(url)
  }

  // MARK: - The schema

  @Test func processesThatBeginAtOnceMigrateOnce() async throws {
    let server = try PostgresServer.shared()
    let url = try server.newDatabase()
    let address = try PostgresAddress(parsing: url)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 1...6 {
        group.addTask {
          let database = PostgresDatabase(address: address)
          try await SQLRunStore(database).save(Samples.run(number))
          await database.close()
        }
      }
      try await group.waitForAll()
    }
    let database = PostgresDatabase(address: address)
    #expect(try await SQLRunStore(database).runs(limit: 20, before: nil).count == 6)
    #expect(try await database.schemaVersion() == Migration.latest)
    await database.close()
    try server.dropDatabase(url)
  }

  @Test(arguments: [
    ("UPDATE schema_version SET version = 999", StoreError.Code.newerSchema, "update Stet"),
    ("DROP TABLE schema_version", .corrupt, "another program"),
    (
      "DROP TABLE schema_version; CREATE TABLE schema_version (installed BIGINT)", .corrupt,
      "another program"
    ),
  ])
  func aDatabaseThatIsNotOursToUseIsRefused(
    _ change: String, _ code: StoreError.Code, _ words: String
  ) async throws {
    try await withDatabase { database, _, _ in
      for statement in change.split(separator: "; ") {
        try await database.change([SQLStatement(String(statement))])
      }
      await database.close()
      let error = await failure { _ = try await database.schemaVersion() }
      #expect(error?.code == code, "\(error?.detail ?? "")")
      #expect(error?.detail.contains(words) == true, "\(error?.detail ?? "")")
    }
  }
}
