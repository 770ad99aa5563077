import Domain
import Foundation
import Testing

@testable import Storage

@Suite struct DataFolderLockTests {
  @Test func oneHoldsItAndTheNextIsTold() async throws {
    try await withFolder { folder in
      let data = folder + "/deep/data"
      let lock = try DataFolderLock(folder: data)
      let error = #expect(throws: StoreError.self) { try DataFolderLock(folder: data) }
      #expect(error?.code == .locked)
      #expect(error?.detail.contains(data) == true)
      #expect(
        error?.detail.contains("process \(ProcessInfo.processInfo.processIdentifier)") == true)
      lock.release()
      let next = try DataFolderLock(folder: data)
      next.release()
    }
  }

  /// Two servers with a data folder each, and one database.
  @Test func aDatabaseHasOneServerWhateverLeadsToIt() async throws {
    try await withFolder { folder in
      let path = folder + "/shared/stet.db"
      let first = try DataFolderLock(folder: folder + "/one")
      let second = try DataFolderLock(folder: folder + "/two")
      defer {
        first.release()
        second.release()
      }
      let lock = try DataFolderLock(database: path)
      #expect(FileManager.default.fileExists(atPath: path + ".lock"))
      #expect(!FileManager.default.fileExists(atPath: path))
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/link", withDestinationPath: folder + "/shared")
      try Data().write(to: URL(fileURLWithPath: path))
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/one/other.db", withDestinationPath: path)
      for given in [path, folder + "/link/stet.db", folder + "/one/other.db"] {
        let error = #expect(throws: StoreError.self) { try DataFolderLock(database: given) }
        #expect(error?.code == .locked)
        #expect(error?.detail.contains("the database \(given)") == true)
        #expect(error?.detail.contains("DATABASE_URL") == true)
        #expect(
          error?.detail.contains("process \(ProcessInfo.processInfo.processIdentifier)") == true)
      }
      // Another in the same folder is another.
      try DataFolderLock(database: folder + "/shared/other.db").release()
      lock.release()
      try DataFolderLock(database: folder + "/link/stet.db").release()
    }
  }

  @Test func itGoesWithItsOwner() async throws {
    try await withFolder { folder in
      do { _ = try DataFolderLock(folder: folder) }
      _ = try DataFolderLock(folder: folder)
    }
  }

  @Test func aFolderThatCannotBeIsUnwritable() async throws {
    try await withFolder { folder in
      try Data().write(to: URL(fileURLWithPath: folder + "/file"))
      for path in [folder + "/file/x", "/proc/stet"] {
        let error = #expect(throws: StoreError.self) { try DataFolderLock(folder: path) }
        #expect(error?.code == .unwritable)
      }
    }
  }

  /// Another process has it, is killed, and leaves nothing that has to be cleaned up.
  @Test(
    .enabled(
      if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3"),
      "the other process is a Python one"))
  func aKilledHolderLeavesItFree() async throws {
    try await withFolder { folder in
      let holder = Process()
      let answers = Pipe()
      holder.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
      holder.arguments = [
        "-c",
        """
        import fcntl, os, sys, time
        held = open(sys.argv[1] + "/stet.lock", "w")
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write(str(os.getpid()))
        held.flush()
        print("held", flush=True)
        time.sleep(60)
        """, folder,
      ]
      holder.standardOutput = answers
      try holder.run()
      #expect(!answers.fileHandleForReading.availableData.isEmpty)
      let error = #expect(throws: StoreError.self) { try DataFolderLock(folder: folder) }
      #expect(error?.detail.contains("process \(holder.processIdentifier)") == true)
      kill(holder.processIdentifier, SIGKILL)
      holder.waitUntilExit()
      _ = try DataFolderLock(folder: folder)
    }
  }
}
