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

  /// While others write: what is in it is one state, and the jobs of one transaction are all in it or
  /// none.
  @Test func aBackupBesideAWriterIsOneState() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await CopyingTests.fill(database)
      let store = SQLJobStore(database)
      let writing = Task {
        while !Task.isCancelled {
          _ = try await store.enqueue([
            NewJob(kind: "pair", arguments: "{}"), NewJob(kind: "pair", arguments: "{}"),
          ])
        }
      }
      let place = folder + "/backup"
      let reports = try await BackupFile(path: place).write(database)
      writing.cancel()
      _ = await writing.result
      #expect(reports.allSatisfy { $0.isEqual })
      #expect(try mode(place) == 0o600)
      let copy = SQLiteDatabase(path: place)
      let pairs = try await copy.query(
        SQLStatement("SELECT count(*) FROM jobs WHERE kind = 'pair'"))
      #expect((pairs.first?.integer(0) ?? 1) % 2 == 0)
      await copy.close()
      // Nothing unfinished is left beside it.
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left.filter { $0.contains("unfinished") }.isEmpty)
    }
  }

  @Test func nothingIsWrittenOver() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await CopyingTests.fill(database)
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
      try await CopyingTests.fill(database)
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
      try await CopyingTests.fill(database)
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
