import Domain
import Foundation
import Testing

@testable import Storage

@Suite struct SQLiteDatabaseTests {
  private let ask = SQLStatement("SELECT count(*) FROM runs")

  private func permissions(_ path: String) throws -> Int? {
    let facts = try FileManager.default.attributesOfItem(atPath: path)
    return (facts[.posixPermissions] as? NSNumber)?.intValue
  }

  @Test func nothingIsMadeBeforeTheFirstCall() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/data/deep/stet.db")
      #expect(!FileManager.default.fileExists(atPath: folder + "/data"))
      #expect(try await database.query(ask).first?.integer(0) == 0)
      let mode = try permissions(folder + "/data/deep")
      #expect(mode == 0o700)
      for name in ["stet.db", "stet.db-wal", "stet.db-shm"] {
        let mode = try permissions(folder + "/data/deep/" + name)
        #expect(mode == 0o600, "\(name)")
      }
    }
  }

  @Test func aFolderThatWasThereKeepsItsPermissions() async throws {
    try await withFolder { folder in
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
      _ = try await SQLiteDatabase(path: folder + "/a.db").query(ask)
      let mode = try permissions(folder)
      #expect(mode == 0o755)
    }
  }

  @Test func commitsAreSafeOnDisk() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      for (pragma, value) in [
        ("synchronous", SQLValue.integer(2)), ("journal_mode", .text("wal")),
        ("foreign_keys", .integer(1)), ("application_id", .integer(0x5374_6574)),
        ("user_version", .integer(Int64(Migration.latest))),
      ] {
        let rows = try await database.query(SQLStatement("PRAGMA \(pragma)"))
        #expect(rows.first?.values == [value], "\(pragma)")
      }
    }
  }

  @Test func migrationsAreNumberedWithoutAGap() {
    #expect(Migration.all.map(\.number) == Array(1...Migration.all.count))
    #expect(Set(Migration.all.map(\.name)).count == Migration.all.count)
  }

  @Test func aDatabaseOfEveryOlderSchemaIsBroughtUpToDate() async throws {
    for older in 0..<Migration.latest {
      try await withFolder { folder in
        let path = folder + "/a.db"
        let database = SQLiteDatabase(path: path)
        _ = try await database.query(ask)
        // Builds anew what the first steps made, as if this were the file of an older Stet.
        let tables = try await database.query(
          SQLStatement("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid DESC"))
        try await database.change(
          tables.compactMap { $0.text(0) }.map { SQLStatement("DROP TABLE \($0)") }
            + Migration.all[..<older].flatMap(\.statements).map { SQLStatement($0) }
            + [SQLStatement("PRAGMA user_version = \(older)")])
        await database.close()
        try await runStoreContractOnOneRun(SQLRunStore(SQLiteDatabase(path: path)))
        let cache = SQLResponseCache(SQLiteDatabase(path: path))
        try await cache.store(Samples.reply("x"), for: "k")
        #expect(try await cache.reply(for: "k") != nil)
      }
    }
  }

  private func runStoreContractOnOneRun(_ store: SQLRunStore) async throws {
    try await store.save(Samples.run(1))
    #expect(try await store.run(id: Samples.runID(1)) != nil)
  }

  @Test func allOrNothing() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let insert = SQLStatement(
        "INSERT INTO responses VALUES ($1, 1.0, 1.0, 1, 'b')", [.text("k")])
      await #expect(throws: StoreError.self) { try await database.change([insert, insert]) }
      let rows = try await database.query(SQLStatement("SELECT count(*) FROM responses"))
      #expect(rows.first?.integer(0) == 0)
      #expect(try await database.change([insert]) == [1])
    }
  }

  /// Connections of one process lock each other out as those of several do. Many rounds: which
  /// step of one falls between which two of another is a matter of luck.
  @Test func processesThatBeginAtOnceAllSucceed() async throws {
    for _ in 0..<25 {
      try await withFolder { folder in
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 1...8 {
            group.addTask {
              let database = SQLiteDatabase(path: folder + "/a.db", patience: .seconds(120))
              try await SQLRunStore(database).save(Samples.run(number))
            }
          }
          try await group.waitForAll()
        }
        let store = SQLRunStore(SQLiteDatabase(path: folder + "/a.db"))
        #expect(try await store.runs(limit: 20, before: nil).count == 8)
      }
    }
  }

  // MARK: - What can be wrong with a file

  private func failure(_ path: String) async -> StoreError? {
    await #expect(throws: StoreError.self) {
      try await SQLRunStore(SQLiteDatabase(path: path, patience: .milliseconds(100)))
        .save(Samples.run(1))
    }
  }

  @Test func aNewerDatabaseIsRefusedAndLeftAlone() async throws {
    try await withFolder { folder in
      let path = folder + "/a.db"
      let database = SQLiteDatabase(path: path)
      try await database.change([SQLStatement("PRAGMA user_version = 999")])
      await database.close()
      let error = await failure(path)
      #expect(error?.code == .newerSchema)
      #expect(error?.detail.contains("update Stet") == true)
    }
  }

  @Test func aFileThatIsNoDatabaseIsSaidToBeDamaged() async throws {
    try await withFolder { folder in
      let path = folder + "/a.db"
      let text = Data(String(repeating: "not a database ", count: 500).utf8)
      try text.write(to: URL(fileURLWithPath: path))
      let error = await failure(path)
      #expect(error?.code == .corrupt)
      #expect(error?.detail.contains("move it away") == true)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == text)
    }
  }

  @Test func damageInTheMiddleIsTold() async throws {
    try await withFolder { folder in
      let path = folder + "/a.db"
      let database = SQLiteDatabase(path: path)
      for number in 1...9 { try await SQLRunStore(database).save(Samples.run(number)) }
      await database.close()
      let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
      let size = try file.seekToEnd()
      try file.seek(toOffset: 4096)
      try file.write(contentsOf: Data(repeating: 0xA5, count: Int(size) - 4096))
      try file.close()
      let error = await #expect(throws: StoreError.self) {
        try await SQLRunStore(SQLiteDatabase(path: path)).runs(limit: 20, before: nil)
      }
      #expect(error?.code == .corrupt)
    }
  }

  @Test func aDatabaseOfAnotherProgramIsNotTouched() async throws {
    try await withFolder { folder in
      let path = folder + "/a.db"
      let database = SQLiteDatabase(path: path)
      try await database.change([SQLStatement("PRAGMA application_id = 7")])
      await database.close()
      let before = try Data(contentsOf: URL(fileURLWithPath: path))
      let error = await failure(path)
      #expect(error?.code == .corrupt)
      #expect(error?.detail.contains("another program") == true)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }
  }

  @Test(
    .enabled(
      if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3"),
      "the other process that holds the lock is a Python one"))
  func aLockThatIsHeldIsTold() async throws {
    try await withFolder { folder in
      let path = folder + "/a.db"
      _ = try await SQLiteDatabase(path: path).query(ask)
      let holder = Process()
      let (orders, answers) = (Pipe(), Pipe())
      holder.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
      let program = """
        import sqlite3, sys
        held = sqlite3.connect(sys.argv[1], isolation_level=None)
        held.execute("BEGIN IMMEDIATE")
        print("held", flush=True)
        sys.stdin.readline()
        """
      holder.arguments = ["-c", program, path]
      holder.standardInput = orders
      holder.standardOutput = answers
      try holder.run()
      // What was written at once may arrive in pieces.
      var line = Data()
      while line.last != 0x0A {
        let piece = answers.fileHandleForReading.availableData
        if piece.isEmpty { break }
        line += piece
      }
      #expect(line == Data("held\n".utf8))

      let error = await failure(path)
      #expect(error?.code == .locked)
      // Reading goes on beside a writer.
      let rows = try await SQLiteDatabase(path: path).query(ask)
      #expect(rows.first?.integer(0) == 0)

      try orders.fileHandleForWriting.write(contentsOf: Data("\n".utf8))
      holder.waitUntilExit()
      try await SQLRunStore(SQLiteDatabase(path: path)).save(Samples.run(1))
    }
  }

  @Test func aFileThatMayNotGrowIsFullAndReadableStill() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      _ = try await database.query(ask)
      let pages = try await database.query(SQLStatement("PRAGMA page_count")).first?.integer(0)
      // Of the connection that writes, which is not the one that reads.
      try await database.change([
        SQLStatement("PRAGMA max_page_count = \(try #require(pages) + 1)")
      ])
      // What is kept is compressed, so it must be hard to.
      var generator = SystemRandomNumberGenerator()
      let long = (0..<20_000).map { _ in String(generator.next(), radix: 36) }.joined()
      let cache = SQLResponseCache(database)
      let error = await #expect(throws: StoreError.self) {
        try await cache.store(Samples.reply(long), for: "k")
      }
      #expect(error?.code == .full)
      #expect(error?.detail.contains("free some space") == true)
      #expect(try await database.query(ask).first?.integer(0) == 0)
    }
  }

  @Test(.enabled(if: getuid() == 0, "only root can mount a small disk"))
  func aRealFullDiskIsFull() async throws {
    try await withFolder { folder in
      guard try shell("mount -t tmpfs -o size=512k none '\(folder)'") else {
        // A container may forbid it even to root; the test above stands for it there.
        return
      }
      defer { _ = try? shell("umount -l '\(folder)'") }
      let database = SQLiteDatabase(path: folder + "/a.db")
      let cache = SQLResponseCache(database)
      let error = await #expect(throws: StoreError.self) {
        for number in 0..<200 {
          try await cache.store(
            Samples.reply(String(repeating: "x", count: 20_000)), for: "\(number)")
        }
      }
      #expect(error?.code == .full)
      #expect(try await cache.reply(for: "0") != nil)
      await database.close()
      _ = try shell("head -c 1m /dev/zero > '\(folder)/rest'")
      let fresh = await failure(folder + "/new.db")
      #expect(fresh?.code == .full)
    }
  }

  @Test(.enabled(if: getuid() != 0, "root may write everywhere"))
  func aReadOnlyFolderIsUnwritable() async throws {
    try await withFolder { folder in
      try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder)
      for path in [folder + "/a.db", folder + "/new/a.db"] {
        let error = await failure(path)
        #expect(error?.code == .unwritable)
        #expect(error?.detail.contains("STET_DATA_DIR") == true)
      }
    }
  }

  @Test func aPathThatCannotBeAFolderIsUnwritable() async throws {
    try await withFolder { folder in
      try Data().write(to: URL(fileURLWithPath: folder + "/file"))
      for path in [folder + "/file/a.db", "/proc/stet/a.db", folder] {
        let error = await failure(path)
        #expect(error?.code == .unwritable, "\(path)")
        #expect(error?.detail.contains("STET_DATA_DIR") == true)
      }
    }
  }

  @Test(.enabled(if: getuid() == 0, "only root can mount a disk read-only"))
  func aReadOnlyDiskIsUnwritable() async throws {
    try await withFolder { folder in
      guard try shell("mount -t tmpfs -o ro none '\(folder)'") else { return }
      defer { _ = try? shell("umount -l '\(folder)'") }
      #expect(await failure(folder + "/a.db")?.code == .unwritable)
    }
  }

  private func shell(_ script: String) throws -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}
