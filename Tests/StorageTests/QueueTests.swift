import Domain
import Foundation
import Jobs
import Testing

@testable import Storage

@Suite struct QueueTests {
  @Test(
    arguments: Engine.available,
    QueueContract.parts + QueueContract.limitParts + QueueContract.needParts)
  func contract(_ engine: Engine, _ part: QueueContract) async throws {
    try await engine.withDatabase { database in try await part.check(database) }
  }

  /// As PostgreSQL asks for it: from a mark on.
  @Test func theMarkSkipsWhatWasClaimedAndNothingElse() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let store = SQLJobStore(database)
      let ids = try await store.enqueue(
        (0..<6).map { NewJob(kind: "k", arguments: "\($0)", priority: $0 / 3) }
      ).map(\.id)
      let third = try await database.query(
        SQLStatement("SELECT priority, scheduled_at, id FROM jobs WHERE id = $1", [.text(ids[2])]))
      for kinds in [1, 2] {
        let mark = try #require(third.first).values
        var values: [SQLValue] = [.text("k")] + mark
        if kinds == 2 { values += [.text("other")] + mark }
        let text = JobStatements(.sqlite).claiming.claim(kinds: kinds, limit: 1, marks: true)
        let rows = try await database.changing(
          SQLStatement(text, values + [.real(60), .text("w")]))
        #expect(rows.map { $0.text(0) } == [ids[2 + kinds]])
      }
    }
  }

  @Test func theMemoryForgetsWhatItMust() throws {
    let memory = ClaimMemory()
    let mark = ClaimMemory.Mark(priority: 2, scheduledAt: 7, id: "a")
    memory.claimed("k", mark)
    memory.claimed("k", ClaimMemory.Mark(priority: 1, scheduledAt: 9, id: "b"))
    #expect(memory.marks(of: ["k", "l"]) == [mark, .lowest])
    memory.added([NewJob(kind: "k", arguments: "{}", priority: 2)])
    #expect(memory.marks(of: ["k"]) == [mark])
    memory.added([NewJob(kind: "k", arguments: "{}", priority: 1)])
    #expect(memory.marks(of: ["k"]) == [.lowest])
    // A claim that came short is followed by a full look; one that did not is not.
    _ = memory.plan()
    memory.ended(short: false)
    #expect(memory.plan().usesMarks)
    #expect(!memory.plan().makesDue)
    memory.ended(short: true)
    #expect(!memory.plan().usesMarks)
    #expect(memory.plan().makesDue)
  }

  /// In a debug build. Prints what a machine does; fails only where something is badly wrong.
  @Test(arguments: Engine.available)
  func batchesAreFast(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let store = SQLJobStore(database)
      _ = try await store.counts()
      let batches = 30
      var began = ContinuousClock.now
      for _ in 0..<batches {
        _ = try await store.enqueue((0..<100).map { NewJob(kind: "k", arguments: "\($0)") })
      }
      let adding = began.duration(to: .now).inSeconds
      began = .now
      for _ in 0..<batches {
        let claimed = try await store.claim(
          kinds: ["k"], limit: 100, worker: "w", lease: .seconds(60))
        #expect(claimed.count == 100)
        let held = try await store.finish(claimed.map { EndedTry($0.lease, .completed) })
        #expect(held.allSatisfy { $0 })
      }
      let running = began.duration(to: .now).inSeconds
      let jobs = Double(batches * 100)
      print(
        "\(engine): added \(Int(jobs / adding)) jobs/s, claimed and completed "
          + "\(Int(jobs / running)) jobs/s")
      #expect(jobs / running > 100)
    }
  }

  @Test(arguments: Engine.available)
  func tokensAreCountedByRepositoryAndDay(_ engine: Engine) async throws {
    try await engine.withDatabase { database in try await TokenBudgetContract.check(database) }
  }
}

enum TokenBudgetContract {
  static func check(_ database: any SQLDatabase) async throws {
    let (one, two) = (
      SQLTokenBudget(database, perDay: 100), SQLTokenBudget(database, perDay: 100)
    )
    #expect(try await one.left(for: "a/b") == 100)
    #expect(try await one.spend(30, for: "a/b") == 30)
    #expect(try await two.spend(50, for: "a/b") == 80)
    #expect(try await two.spend(-5, for: "a/b") == 80)
    #expect(try await one.left(for: "a/b") == 20)
    #expect(try await one.left(for: "a/c") == 100)
    #expect(try await two.spend(90, for: "a/b") == 170)
    #expect(try await one.left(for: "a/b") == 0)
    #expect(try await SQLTokenBudget(database, perDay: nil).left(for: "a/b") == nil)
    let today = Int64(Date().timeIntervalSince1970) / 86_400
    let days = try await database.query(SQLStatement("SELECT day FROM token_uses"))
    #expect(abs((days.first?.integer(0) ?? 0) - today) <= 1)
    // A new day begins anew.
    try await database.change([SQLStatement("UPDATE token_uses SET day = day - 1")])
    #expect(try await one.left(for: "a/b") == 100)
    #expect(try await two.spend(1, for: "a/b") == 1)
  }
}
