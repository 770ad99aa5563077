import Dispatch
import Domain
import Foundation
import Jobs
import Testing

@testable import Storage

@Suite struct GroupCommitTests {
  private func insert(_ key: String, _ body: String = "b") -> SQLStatement {
    SQLStatement(
      "INSERT INTO responses VALUES ($1, 1.0, 1.0, 1, $2)", [.text(key), .text(body)])
  }

  private func keys(_ database: SQLiteDatabase) async throws -> Set<String> {
    Set(
      try await database.query(SQLStatement("SELECT key FROM responses")).compactMap { $0.text(0) })
  }

  /// Holds the writer until `count` further calls wait, so that they form one group.
  private func together<T: Sendable>(
    _ database: SQLiteDatabase, _ calls: [@Sendable () async throws -> T]
  ) async throws -> [Result<T, any Error>] {
    let (isHeld, mayGo) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    return try await withThrowingTaskGroup(of: (Int, Result<T, any Error>)?.self) { group in
      group.addTask {
        try await database.transaction { _ throws(StoreError) in
          isHeld.signal()
          _ = mayGo.wait(timeout: .now() + 30)
        }
        return nil
      }
      await offPool { isHeld.wait() }
      for (index, call) in calls.enumerated() {
        group.addTask {
          do { return (index, .success(try await call())) } catch {
            return (index, .failure(error))
          }
        }
      }
      _ = try await eventually { database.callsWaiting == calls.count ? true : nil }
      mayGo.signal()
      var results: [Int: Result<T, any Error>] = [:]
      for try await result in group { if let result { results[result.0] = result.1 } }
      return results.sorted { $0.key < $1.key }.map(\.value)
    }
  }

  private func offPool(_ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { done in
      DispatchQueue.global().async {
        body()
        done.resume()
      }
    }
  }

  @Test func callsThatWaitShareOneCommit() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let before = database.commits
      let results = try await together(
        database,
        (0..<40).map { number in { try await database.change([self.insert("k\(number)")]) } })
      #expect(results.allSatisfy { (try? $0.get()) == [1] })
      let after = database.commits
      // One for who held the writer, one for all others.
      #expect(after.transactions - before.transactions == 2)
      #expect(after.calls - before.calls == 41)
      #expect(try await keys(database).count == 40)
    }
  }

  @Test func aMemberThatFailsHarmsNoOther() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await database.change([insert("taken")])
      var calls: [@Sendable () async throws -> [Int]] = []
      for number in 0..<10 {
        calls.append {
          // Its first statement succeeds, and goes with the second.
          let second = number % 3 == 1 ? "taken" : "b\(number)"
          return try await database.change([self.insert("a\(number)"), self.insert(second)])
        }
      }
      calls.append {
        try await database.transaction { transaction throws(StoreError) in
          try transaction.change(self.insert("never"))
          throw StoreError(code: .conflict, detail: "mine")
        }
      }
      let before = database.commits.transactions
      let results = try await together(database, calls)
      #expect(database.commits.transactions - before == 2)
      for (number, result) in results.dropLast().enumerated() {
        if number % 3 == 1 {
          #expect(throws: StoreError.self) { try result.get() }
        } else {
          #expect(try result.get() == [1, 1])
        }
      }
      #expect(throws: StoreError(code: .conflict, detail: "mine")) { try results[10].get() }
      var expected: Set<String> = ["taken"]
      for number in [0, 2, 3, 5, 6, 8, 9] { expected.formUnion(["a\(number)", "b\(number)"]) }
      #expect(try await keys(database) == expected)
    }
  }

  /// A full disk ends the whole transaction, the parts of others with it: those are done again.
  @Test func aMemberThatFillsTheDiskTakesNoOtherWithIt() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let pages = try await database.query(SQLStatement("PRAGMA page_count")).first?.integer(0)
      try await database.change([
        SQLStatement("PRAGMA max_page_count = \(try #require(pages) + 8)")
      ])
      let results = try await together(
        database,
        (0..<6).map { number in
          let body = number == 3 ? String(repeating: "x", count: 500_000) : "small"
          return { try await database.change([self.insert("k\(number)", body)]) }
        })
      for (number, result) in results.enumerated() {
        if number == 3 {
          let error = #expect(throws: StoreError.self) { try result.get() }
          #expect(error?.code == .full)
        } else {
          #expect(try result.get() == [1])
        }
      }
      #expect(try await keys(database) == ["k0", "k1", "k2", "k4", "k5"])
      // And the next one finds nothing left open.
      try await database.change([insert("later")])
    }
  }

  @Test func aCallSeesWhatWasAnsweredBeforeItBegan() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<8 {
          group.addTask {
            for number in 0..<25 {
              let key = "\(writer).\(number)"
              try await database.change([self.insert(key)])
              let rows = try await database.query(
                SQLStatement("SELECT count(*) FROM responses WHERE key = $1", [.text(key)]))
              #expect(rows.first?.integer(0) == 1)
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(database.commits.transactions < database.commits.calls)
    }
  }

  @Test func readersDoNotWaitForTheWriterAndSeeOnlyWhatIsCommitted() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await database.change([insert("before")])
      let (isHeld, mayGo) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
      async let writing: Void = database.transaction { transaction throws(StoreError) in
        try transaction.change(self.insert("during"))
        isHeld.signal()
        _ = mayGo.wait(timeout: .now() + 30)
      }
      await offPool { isHeld.wait() }
      for _ in 0..<6 { #expect(try await keys(database) == ["before"]) }
      mayGo.signal()
      try await writing
      #expect(try await keys(database) == ["before", "during"])
      // What reads cannot write.
      await #expect(throws: StoreError.self) {
        try await database.query(SQLStatement("DELETE FROM responses"))
      }
    }
  }

  /// The files as they are while the program runs, as a crash would leave them: no close, no
  /// checkpoint.
  @Test func whatWasAnsweredOutlivesACrash() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let inbox = SQLInbox(database)
      let accepted = Gathered()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for sender in 0..<4 {
          group.addTask {
            for number in 0..<30 {
              let id = "github:\(sender)-\(number)"
              let result = try await inbox.accept(
                Delivery(id: id, event: "push", meaning: id, body: Array("body of \(id)".utf8)),
                enqueuing: NewJob(kind: "handle-delivery", arguments: "{}"))
              guard case .accepted = result else { continue }
              accepted.add([id])
            }
          }
        }
        try await group.waitForAll()
      }
      let copy = folder + "/copy"
      try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
      for name in ["a.db", "a.db-wal"] {
        try FileManager.default.copyItem(
          atPath: folder + "/" + name, toPath: copy + "/" + name)
      }
      let found = SQLInbox(SQLiteDatabase(path: copy + "/a.db"))
      let ids = accepted.all
      #expect(ids.count == 120)
      for id in ids {
        #expect(try await found.delivery(id: id)?.body == Array("body of \(id)".utf8))
      }
      #expect(
        try await SQLJobStore(SQLiteDatabase(path: copy + "/a.db")).counts()[.available] == 120)
    }
  }
}
