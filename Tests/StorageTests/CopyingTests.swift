import Domain
import Foundation
import Jobs
import Testing

@testable import Storage

/// Copies between two SQLite databases; those to PostgreSQL stand in CopyToPostgresTests.
@Suite struct CopyingTests {
  /// Something in every table that can be filled by a store, large rows and odd texts too.
  static func fill(
    _ database: any SQLDatabase, jobs: Int = 3, large isLarge: Bool = true
  ) async throws {
    let inbox = SQLInbox(database)
    for number in 0..<jobs {
      let id = "github:\(number)"
      _ = try await inbox.accept(
        Delivery(id: id, event: "e", meaning: id, body: Array("{\"n\":\(number)}".utf8)),
        enqueuing: NewJob(kind: "k", arguments: "{\"é\":\"\(number) 😀\"}"))
    }
    let runs = SQLRunStore(database)
    for number in 1...3 { try await runs.save(Samples.run(number)) }
    let large = "\"" + String(repeating: "ä", count: isLarge ? (2 << 20) + 1 : 3) + "\""
    _ = try await SQLJobStore(database).enqueue(
      [NewJob(kind: "large", arguments: large), NewJob(kind: "large", arguments: large)])
    try await database.change([
      SQLStatement(
        "INSERT INTO responses (key, created_at, last_used_at, bytes, body) VALUES ($1, $2, $3, $4, $5)",
        [.text("B"), .real(0.1 + 0.2), .real(1e300), .integer(.max), .text("")]),
      SQLStatement(
        "INSERT INTO responses (key, created_at, last_used_at, bytes, body) VALUES ($1, $2, $3, $4, $5)",
        [.text("a_"), .real(5), .real(-0.0), .integer(.min), .text("\u{7F}\r\n")]),
      SQLStatement(
        """
        INSERT INTO validators (key, last_used_at, bytes, etag, headers, body_bytes, body)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        [
          .text("v"), .real(1), .integer(1), .text("e"), .text("{}"), .integer(256),
          .bytes(Array(0...255)),
        ]),
      SQLStatement(
        "INSERT INTO token_uses (key, day, tokens) VALUES ($1, $2, $3)",
        [.text("github:a/b"), .integer(20_454), .integer(7)]),
      SQLStatement(
        "INSERT INTO job_steps (job, name, at, value) SELECT id, 'step', 1, '{}' FROM jobs"),
    ])
  }

  static func digests(_ database: any SQLDatabase, like file: SQLiteDatabase) async throws
    -> [String: TableDigest]
  {
    var digests: [String: TableDigest] = [:]
    for table in try CopiedTable.tables(try await file.query(CopiedTable.all)) {
      digests[table.name] = try await table.digest(in: database)
    }
    return digests
  }

  @Test func everyTableIsCopiedAndInOrder() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let tables = try CopiedTable.tables(try await database.query(CopiedTable.all))
      let names = tables.map(\.name)
      #expect(names.count >= 20 && !names.contains("copying"))
      for (first, then) in [("runs", "findings"), ("jobs", "job_steps")] {
        #expect(
          try #require(names.firstIndex(of: first)) < #require(names.firstIndex(of: then)))
      }
      #expect(tables.allSatisfy { !$0.key.isEmpty })
    }
  }

  @Test func theCopyHoldsTheSame() async throws {
    try await withFolder { folder in
      let source = SQLiteDatabase(path: folder + "/a.db")
      let target = SQLiteDatabase(path: folder + "/b.db")
      try await Self.fill(source, jobs: 1_100)
      let reports = try await DatabaseCopy(from: source, to: target).run()
      #expect(reports.allSatisfy { $0.isEqual })
      #expect(reports.first { $0.table == "jobs" }?.target.rows == 1_102)
      #expect(try await target.unfinishedCopy() == nil)
      // Now it holds data, and a second copy is refused without a change.
      let failure = await #expect(throws: StoreError.self) {
        try await DatabaseCopy(from: source, to: target).run()
      }
      #expect(failure?.code == .conflict)
      #expect(try await target.unfinishedCopy() == nil)
      let again = try await DatabaseCopy(from: source, to: target).run(replacing: true)
      #expect(again.allSatisfy { $0.isEqual })
    }
  }

  /// Each piece that was kept is not written again, and the end is the same.
  @Test(arguments: [1, 2, 4])
  func anInterruptedCopyGoesOn(_ pieces: Int) async throws {
    try await withFolder { folder in
      let source = SQLiteDatabase(path: folder + "/a.db")
      let target = SQLiteDatabase(path: folder + "/b.db")
      try await Self.fill(source, jobs: 1_600, large: false)
      let seen = Pieces(pieces)
      let first = Task {
        try await DatabaseCopy(from: source, to: target) { table, _ in
          if table == "jobs", seen.took() { withUnsafeCurrentTask { $0?.cancel() } }
        }.run()
      }
      await #expect(throws: StoreError.self) { try await first.value }
      #expect(try await target.unfinishedCopy() == source.path)
      let there = try await target.query(SQLStatement("SELECT count(*) FROM jobs"))
      #expect(there.first?.integer(0) == Int64(500 * min(pieces, 4)) || pieces == 4)

      let other = SQLiteDatabase(path: folder + "/c.db")
      let refused = await #expect(throws: StoreError.self) {
        try await DatabaseCopy(from: other, to: target).run()
      }
      #expect(refused?.detail.contains(source.path) == true)

      let reports = try await DatabaseCopy(from: source, to: target).run()
      #expect(reports.allSatisfy { $0.isEqual })
      #expect(try await target.unfinishedCopy() == nil)
    }
  }

  /// The source has gone on since: what was begun is thrown away.
  @Test func aSourceThatChangedIsCopiedAnew() async throws {
    try await withFolder { folder in
      let source = SQLiteDatabase(path: folder + "/a.db")
      let target = SQLiteDatabase(path: folder + "/b.db")
      try await Self.fill(source)
      let first = Task {
        try await DatabaseCopy(from: source, to: target) { table, _ in
          if table == "jobs" { withUnsafeCurrentTask { $0?.cancel() } }
        }.run()
      }
      await #expect(throws: StoreError.self) { try await first.value }
      try await source.change([SQLStatement("DELETE FROM jobs WHERE kind = 'large'")])
      let reports = try await DatabaseCopy(from: source, to: target).run()
      #expect(reports.allSatisfy { $0.isEqual })
      #expect(reports.first { $0.table == "jobs" }?.target.rows == 3)
    }
  }

  /// `stet review` and the like lock nothing. What they write behind the copy is found, no server
  /// starts on the target, and the next run begins anew.
  @Test(arguments: [
    "INSERT INTO token_uses (key, day, tokens) VALUES ('added', 1, 1)",
    "UPDATE jobs SET note = 'x' WHERE kind = 'large'",
  ])
  func whatIsWrittenMeanwhileIsSaid(_ statement: String) async throws {
    try await withFolder { folder in
      let file = SQLiteDatabase(path: folder + "/a.db")
      let other = SQLiteDatabase(path: folder + "/a.db")
      let target = SQLiteDatabase(path: folder + "/b.db")
      try await Self.fill(file)
      let source = InterruptedSource(file: file, at: 1) { () async throws(StoreError) in
        try await other.change([SQLStatement(statement)])
      }
      let reports = try await DatabaseCopy(from: source, to: target).run()
      #expect(reports.filter { !$0.isEqual }.count == 1)
      #expect(try await target.unfinishedCopy() == file.path)
      let again = try await DatabaseCopy(from: source, to: target).run()
      #expect(again.allSatisfy { $0.isEqual })
      #expect(try await target.unfinishedCopy() == nil)
      #expect(try await Self.digests(target, like: file) == Self.digests(file, like: file))
    }
  }

  /// Its tables are compared one after the other: what is written between them could be missed.
  @Test func whatIsWrittenWhileComparingIsSaid() async throws {
    try await withFolder { folder in
      let file = SQLiteDatabase(path: folder + "/a.db")
      let other = SQLiteDatabase(path: folder + "/a.db")
      let target = SQLiteDatabase(path: folder + "/b.db")
      try await Self.fill(file)
      let source = InterruptedSource(file: file, at: 2) { () async throws(StoreError) in
        try await other.change([
          SQLStatement("INSERT INTO token_uses (key, day, tokens) VALUES ('added', 1, 1)")
        ])
      }
      let failure = await #expect(throws: StoreError.self) {
        try await DatabaseCopy(from: source, to: target).run()
      }
      #expect(failure?.detail.contains("run this again") == true)
      #expect(try await target.unfinishedCopy() == file.path)
      let again = try await DatabaseCopy(from: source, to: target).run()
      #expect(again.allSatisfy { $0.isEqual })
      #expect(try await Self.digests(target, like: file) == Self.digests(file, like: file))
    }
  }

  /// A server that came meanwhile is no reason to leave a note behind that keeps all from starting.
  @Test func whoIsNotAloneChangesNothing() async throws {
    try await withFolder { folder in
      let source = SQLiteDatabase(path: folder + "/a.db")
      let target = SQLiteDatabase(path: folder + "/b.db")
      try await Self.fill(source)
      try await Self.fill(target, jobs: 1)
      let before = try await Self.digests(target, like: target)
      await #expect(throws: StoreError.self) {
        try await DatabaseCopy(from: source, to: target)
          .run(replacing: true) { () async throws(StoreError) in
            throw StoreError(code: .locked, detail: "a server")
          }
      }
      #expect(try await Self.digests(target, like: target) == before)
      #expect(try await target.unfinishedCopy() == nil)
    }
  }

  @Test func aDifferenceIsSeen() async throws {
    var digest = TableDigest()
    var other = TableDigest()
    let rows = [
      SQLRow([.text("a"), .null]), SQLRow([.text(""), .text("a")]),
      SQLRow([.bytes([0x61]), .null]),
      SQLRow([.integer(1), .null]), SQLRow([.real(1), .null]),
    ]
    for row in rows { digest.add(row) }
    for row in rows.reversed() { other.add(row) }
    #expect(digest == other)
    #expect(digest.hash.count == 64)
    for left in rows.indices {
      var without = TableDigest()
      for place in rows.indices {
        without.add(rows[place == left ? (left + 1) % rows.count : place])
      }
      #expect(without.hash != digest.hash)
    }
  }
}

/// A source to which somebody writes once while it is copied, when nearly all of it was.
private struct InterruptedSource: SQLDatabase {
  let file: SQLiteDatabase
  let write: @Sendable () async throws(StoreError) -> Void
  private let once: Pieces

  /// - Parameter times: how often the last table is read until it happens: it is read once to be
  ///   copied, where it is empty, and once to be compared.
  init(
    file: SQLiteDatabase, at times: Int,
    write: @escaping @Sendable () async throws(StoreError) -> Void
  ) {
    self.file = file
    self.write = write
    once = Pieces(times)
  }

  var dialect: SQLDialect { file.dialect }
  var place: String { file.place }

  func query(_ statement: SQLStatement) async throws(StoreError) -> [SQLRow] {
    if statement.text.contains("FROM keys ORDER BY"), once.tookOnce() { try await write() }
    return try await file.query(statement)
  }
  func changing(_ statement: SQLStatement) async throws(StoreError) -> [SQLRow] {
    try await file.changing(statement)
  }
  @discardableResult
  func change(_ statements: [SQLStatement]) async throws(StoreError) -> [Int] {
    try await file.change(statements)
  }
  func transaction<T: Sendable>(
    _ body: @escaping @Sendable (any SQLTransaction) throws(StoreError) -> T
  ) async throws(StoreError) -> T { try await file.transaction(body) }
  func schemaVersion() async throws(StoreError) -> Int { try await file.schemaVersion() }
  func close() async { await file.close() }
}

private final class Pieces: @unchecked Sendable {
  private let lock = NSLock()
  private var left: Int
  init(_ left: Int) { self.left = left }
  func took() -> Bool {
    lock.withLock {
      left -= 1
      return left <= 0
    }
  }
  func tookOnce() -> Bool {
    lock.withLock {
      left -= 1
      return left == 0
    }
  }
}
