import Domain
import Foundation
import Jobs
import Testing

@testable import Storage

@Suite struct BackupTests {
  private func mode(_ path: String) throws -> Int {
    try #require(
      FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  /// While others write to two tables in one transaction: both are in it or none, and that is what is
  /// restored. A copy that read its tables at different moments would show here.
  @Test func aBackupBesideAWriterIsOneState() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await CopyingTests.fill(database)
      let other = SQLiteDatabase(path: folder + "/a.db", patience: .seconds(60))
      func pairs(_ database: any SQLDatabase) async throws -> [Int64] {
        let counts = try await database.query(
          SQLStatement(
            "SELECT (SELECT count(*) FROM responses WHERE bytes = 7), "
              + "(SELECT count(*) FROM token_uses WHERE day = 7)"))
        return [counts.first?.integer(0) ?? -1, counts.first?.integer(1) ?? -2]
      }
      let writing = Task {
        var number = 0
        while !Task.isCancelled {
          number += 1
          try await other.change([
            SQLStatement(
              "INSERT INTO responses (key, created_at, last_used_at, bytes, body) "
                + "VALUES ($1, 1, 1, 7, '')", [.text("pair-\(number)")]),
            SQLStatement(
              "INSERT INTO token_uses (key, day, tokens) VALUES ($1, 7, 1)",
              [.text("pair-\(number)")]),
          ])
        }
      }
      while try await pairs(database)[0] == 0 { try await Task.sleep(for: .milliseconds(5)) }
      let place = folder + "/backup"
      let reports = try await BackupFile(path: place).write(database)
      writing.cancel()
      _ = await writing.result
      #expect(reports.allSatisfy { $0.isEqual } && reports.count >= 20)
      #expect(try mode(place) == 0o600)
      // Nothing unfinished is left beside it.
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left.filter { $0.contains("unfinished") }.isEmpty)

      let fresh = SQLiteDatabase(path: folder + "/b.db")
      _ = try await DatabaseRestore(file: place).run(into: fresh)
      let restored = try await pairs(fresh)
      #expect(restored[0] == restored[1] && restored[0] > 0)
      // The writer did not stand still meanwhile.
      #expect(try await pairs(database)[0] > restored[0])
      await fresh.close()
      await other.close()
    }
  }

  /// Each of these would destroy the database that is backed up, or that another server uses.
  @Test(arguments: [
    "a.db", "link", "hard", "a.db-wal", "a.db-shm", "a.db.lock", "b.db", "key", "way/../a.db",
  ])
  func theDatabaseItselfIsNoPlace(_ name: String) async throws {
    try await withFolder { folder in
      let files = FileManager.default
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await CopyingTests.fill(database, large: false)
      let another = SQLiteDatabase(path: folder + "/b.db")
      try await CopyingTests.fill(another, large: false)
      try files.createSymbolicLink(
        atPath: folder + "/link", withDestinationPath: folder + "/a.db")
      try files.linkItem(atPath: folder + "/a.db", toPath: folder + "/hard")
      try files.createDirectory(atPath: folder + "/way", withIntermediateDirectories: false)
      for name in ["a.db.lock", "key"] {
        try Data("mine".utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
      }
      let before = try await CopyingTests.digests(database, like: database)
      for replacing in [true, false] {
        let failure = await #expect(throws: StoreError.self) {
          try await BackupFile(path: folder + "/" + name)
            .write(database, replacing: replacing, sparing: [folder + "/key"])
        }
        #expect(failure?.code == .refused, "\(failure?.detail ?? "")")
      }
      await database.close()
      #expect(try await CopyingTests.digests(database, like: database) == before)
    }
  }

  /// However often it is restored over, what was there is kept.
  @Test func everyRestoreKeepsWhatWasThere() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let restore = DatabaseRestore(file: folder + "/backup")
      try await CopyingTests.fill(database, large: false)
      _ = try await BackupFile(path: folder + "/backup").write(database)
      let kept = Kept()
      for number in 1...3 {
        _ = try await SQLJobStore(database).enqueue([
          NewJob(kind: "later-\(number)", arguments: "{}")
        ])
        _ = try await restore.run(into: database, replacing: true) { kept.add($0) }
      }
      await database.close()
      let first = folder + "/a.db.before-restore"
      #expect(kept.paths == [first, first + "-2", first + "-3"])
      for (number, path) in kept.paths.enumerated() {
        let old = SQLiteDatabase(path: path)
        let later = try await SQLJobStore(old).jobs(JobFilter(kind: "later-\(number + 1)"))
        #expect(later.count == 1)
        await old.close()
      }
    }
  }

  /// A copy of a backup holds what the backup does: none may be left behind.
  @Test(arguments: ["damaged", "whole"])
  func noCopyOfTheBackupIsLeft(_ what: String) async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await CopyingTests.fill(database, large: false)
      let file = folder + "/backup"
      _ = try await BackupFile(path: file).write(database)
      if what == "damaged" {
        try damage(file, at: 8_192, [UInt8](repeating: 0xEE, count: 40_000))
      }
      // Left by processes that were killed; no process has such a number.
      for name in [
        "restoring-99999999.db", "restoring-99999999.db-wal", "backup.unfinished-99999999",
      ] {
        try Data("x".utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
      }
      try Data("x".utf8).write(to: URL(fileURLWithPath: folder + "/restoring-mine.db"))
      let target: any SQLDatabase = SQLiteDatabase(path: folder + "/b.db")
      do {
        _ = try await DatabaseRestore(file: file).run(into: target, folder: folder)
        #expect(what == "whole")
      } catch {
        #expect(what == "damaged", "\(error)")
      }
      _ = try? await BackupFile(path: file).write(database, replacing: true)
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(
        left.filter { $0.contains("restoring-") || $0.contains("unfinished") }
          == ["restoring-mine.db"])
    }
  }

  @Test func nothingIsWrittenOver() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await CopyingTests.fill(database, large: false)
      let file = BackupFile(path: folder + "/backup")
      try Data("mine".utf8).write(to: URL(fileURLWithPath: file.path))
      await #expect(throws: StoreError.self) { try await file.write(database) }
      #expect(try String(contentsOfFile: file.path, encoding: .utf8) == "mine")
      _ = try await file.write(database, replacing: true)
      #expect(try DatabaseFiles.schema(of: file.path) == Migration.latest)
    }
  }

  @Test func whatWasBackedUpIsRestored() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await CopyingTests.fill(database, large: false)
      let before = try await CopyingTests.digests(database, like: database)
      _ = try await BackupFile(path: folder + "/backup").write(database)
      _ = try await SQLJobStore(database).enqueue([NewJob(kind: "later", arguments: "{}")])
      let restore = DatabaseRestore(file: folder + "/backup")

      let refused = await #expect(throws: StoreError.self) { try await restore.run(into: database) }
      #expect(refused?.detail.contains("--force") == true)
      let reports = try await restore.run(into: database, replacing: true)
      #expect(reports.allSatisfy { $0.isEqual })
      #expect(try await CopyingTests.digests(database, like: database) == before)
      await database.close()
      // What gave way can be looked at still.
      let old = SQLiteDatabase(path: folder + "/a.db.before-restore")
      let later = try await SQLJobStore(old).jobs(JobFilter(kind: "later"))
      #expect(later.count == 1)
      await old.close()

      let fresh = SQLiteDatabase(path: folder + "/fresh/b.db")
      _ = try await fresh.schemaVersion()
      _ = try await restore.run(into: fresh)
      #expect(try await CopyingTests.digests(fresh, like: fresh) == before)
    }
  }

  private func damage(_ path: String, at place: Int, _ bytes: [UInt8]) throws {
    let file = try #require(FileHandle(forUpdatingAtPath: path))
    try file.seek(toOffset: UInt64(place))
    try file.write(contentsOf: Data(bytes))
    try file.close()
  }

  @Test(arguments: ["newer", "other", "short", "damaged", "missing"])
  func whatIsNoBackupIsRefusedAndNothingChanges(_ what: String) async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await CopyingTests.fill(database, large: false)
      let before = try await CopyingTests.digests(database, like: database)
      let file = folder + "/backup"
      _ = try await BackupFile(path: file).write(database)
      switch what {
      case "newer": try damage(file, at: 60, [0, 0, 1, 0])
      case "other": try damage(file, at: 68, [1, 2, 3, 4])
      case "short": try Data("SQLite".utf8).write(to: URL(fileURLWithPath: file))
      case "missing": try FileManager.default.removeItem(atPath: file)
      default: try damage(file, at: 8_192, [UInt8](repeating: 0xEE, count: 40_000))
      }
      let failure = await #expect(throws: StoreError.self) {
        try await DatabaseRestore(file: file).run(into: database, replacing: true)
      }
      #expect(failure?.detail.contains(file) == true, "\(failure?.detail ?? "")")
      #expect(
        failure?.code
          == (what == "newer" ? .newerSchema : what == "missing" ? .unwritable : .corrupt))
      #expect(try await CopyingTests.digests(database, like: database) == before)
    }
  }
}

private final class Kept: @unchecked Sendable {
  private let lock = NSLock()
  private var all: [String] = []
  var paths: [String] { lock.withLock { all } }
  func add(_ path: String) { lock.withLock { all.append(path) } }
}
