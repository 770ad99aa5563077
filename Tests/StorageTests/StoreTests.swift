import Domain
import Foundation
import TestKit
import Testing

@testable import Storage

@Suite struct StoreTests {
  @Test func runsInMemory() async throws {
    try await runStoreContract(InMemoryRunStore())
  }

  @Test func answersInMemory() async throws {
    try await responseCacheContract(InMemoryResponseCache())
  }

  @Test func whatWasStoredIsThereForTheNextProcess() async throws {
    try await withFolder { folder in
      let first = SQLiteDatabase(path: folder + "/a.db")
      try await SQLRunStore(first).save(Samples.run(1))
      try await SQLResponseCache(first).store(Samples.reply("kept"), for: "k")
      await first.close()
      let second = SQLiteDatabase(path: folder + "/a.db")
      #expect(try await SQLRunStore(second).run(id: Samples.runID(1))?.subject == "HEAD~1..")
      #expect(try await SQLResponseCache(second).reply(for: "k")?.text == "kept")
      // A closed database opens again.
      #expect(try await SQLRunStore(first).runs(limit: 5, before: nil).count == 1)
    }
  }

  @Test func theColumnsSayWhatTheBodySays() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await SQLRunStore(database).save(Samples.run(2))
      let rows = try await database.query(
        SQLStatement(
          "SELECT kind, started_at, outcome, asked_by, verdict, findings, model_calls FROM runs"))
      #expect(
        rows.map(\.values) == [
          [
            .text("review"), .real(1_700_000_002.25), .text("completed"), .text("cli"),
            .text("comment"), .integer(1), .integer(1),
          ]
        ])
    }
  }

  @Test func anUnreadableRunIsNamedAndAnUnreadableAnswerIsForgotten() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let runs = SQLRunStore(database)
      let cache = SQLResponseCache(database)
      try await runs.save(Samples.run(1))
      try await cache.store(Samples.reply("x"), for: "k")
      try await database.change([
        SQLStatement("UPDATE runs SET body = '{}'"), SQLStatement("UPDATE responses SET body = ''"),
      ])
      let error = await #expect(throws: StoreError.self) {
        try await runs.run(id: Samples.runID(1))
      }
      #expect(error?.code == .corrupt)
      #expect(error?.detail.contains(Samples.runID(1)) == true)
      #expect(try await cache.reply(for: "k") == nil)
      let left = try await database.query(SQLStatement("SELECT count(*) FROM responses"))
      #expect(left.first?.integer(0) == 0)
    }
  }
}

@Suite struct ResponseCacheBoundTests {
  @Test func theLongestUnusedGoFirst() async throws {
    try await withFolder { folder in
      let clock = TestClock()
      let database = SQLiteDatabase(path: folder + "/a.db")
      let reply = Samples.reply(String(repeating: "x", count: 1000))
      let one = try StoredJSON.text(reply, named: "it").utf8.count
      let cache = SQLResponseCache(database, limit: ByteCount(one * 10)) { clock.now }
      for number in 0..<10 {
        try await cache.store(reply, for: "k\(number)")
        clock.advance(1)
      }
      // A day later the oldest is used again, so the second oldest has to go.
      clock.advance(2 * 86_400)
      #expect(try await cache.reply(for: "k0") != nil)
      try await cache.store(reply, for: "new")
      #expect(try await cache.reply(for: "k0") != nil)
      #expect(try await cache.reply(for: "k1") == nil)
      for number in 2..<10 { #expect(try await cache.reply(for: "k\(number)") != nil) }
    }
  }

  @Test func theBoundHoldsOverManyAnswersAndProcesses() async throws {
    try await withFolder { folder in
      let reply = Samples.reply(String(repeating: "y", count: 500))
      let limit = 50_000
      for process in 0..<3 {
        let database = SQLiteDatabase(path: folder + "/a.db")
        let cache = SQLResponseCache(database, limit: ByteCount(limit))
        for number in 0..<100 { try await cache.store(reply, for: "p\(process)-\(number)") }
        let rows = try await database.query(SQLStatement("SELECT sum(bytes) FROM responses"))
        #expect(try #require(rows.first?.integer(0)) <= limit)
        #expect(try await cache.reply(for: "p\(process)-99") == reply)
        await database.close()
      }
    }
  }

  @Test func anAnswerReplacedOftenThrowsNothingAway() async throws {
    try await withFolder { folder in
      let cache = SQLResponseCache(
        SQLiteDatabase(path: folder + "/a.db"), limit: ByteCount(20_000))
      try await cache.store(Samples.reply("other"), for: "other")
      let reply = Samples.reply(String(repeating: "z", count: 2000))
      for _ in 0..<40 { try await cache.store(reply, for: "same") }
      #expect(try await cache.reply(for: "other") != nil)
    }
  }

  @Test func anAnswerLargerThanTheBoundIsNotKept() async throws {
    try await withFolder { folder in
      let cache = SQLResponseCache(SQLiteDatabase(path: folder + "/a.db"), limit: ByteCount(500))
      try await cache.store(Samples.reply(String(repeating: "z", count: 2000)), for: "k")
      #expect(try await cache.reply(for: "k") == nil)
    }
  }
}
