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
    _ = memory.plan(["k"])
    memory.ended(short: false, ["k"])
    #expect(memory.plan(["k"]).usesMarks)
    #expect(!memory.plan(["k"]).makesDue)
    memory.ended(short: true, ["k"])
    #expect(!memory.plan(["k"]).usesMarks)
    #expect(memory.plan(["k"]).makesDue)
  }

  /// Whoever asks for two sets of kinds by turns begins with groups at every other claim of each.
  @Test func groupsGoFirstAtEveryOtherClaimOfTheSameKinds() {
    let memory = ClaimMemory()
    memory.sawGroups(true, ["k"])
    memory.sawGroups(true, ["l", "m"])
    for number in 1...4 {
      for kinds in [["k"], ["l", "m"]] {
        #expect(memory.plan(kinds).groupsFirst == number.isMultiple(of: 2))
      }
    }
  }

  // MARK: - What goes wrong costs no other

  @Test(arguments: Engine.available)
  func aJobThatCannotBeReadCostsNoOther(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let store = SQLJobStore(database)
      let ids = try await store.enqueue((0..<3).map { NewJob(kind: "k", arguments: "\($0)") })
        .map(\.id)
      try await database.change([
        SQLStatement("UPDATE jobs SET errors = '{' WHERE id = $1", [.text(ids[1])])
      ])
      let claimed = try await store.claim(
        kinds: ["k"], limit: 9, worker: "w", lease: .seconds(60))
      #expect(claimed.map(\.job.id) == [ids[0], ids[2]])
      func left() async throws -> SQLRow? {
        try await database.query(
          SQLStatement(
            "SELECT state, attempt, note, errors FROM jobs WHERE id = $1", [.text(ids[1])])
        ).first
      }
      let waits = try #require(try await left())
      #expect(waits.text(0) == "scheduled" && waits.integer(1) == 0 && waits.text(3) == "{")
      #expect(waits.text(2)?.contains("errors of the job") == true)
      // One whose worker is lost too is rescued, with the others.
      try await database.change([
        SQLStatement("UPDATE jobs SET state = 'running', leased_until = 1, worker = 'gone'")
      ])
      #expect(try await store.rescueLost().count == 3)
      #expect(try await store.job(id: ids[1])?.errors.count == 1)
    }
  }

  /// All or none also where one of them is there already and another cannot be added.
  @Test(arguments: Engine.available)
  func severalOfWhichOneIsThereAreAddedInOneTransaction(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let counted = CountedDatabase(database)
      let store = SQLJobStore(counted)
      let jobs = (0..<3).map { NewJob(kind: "k", arguments: "\($0)", uniqueKey: "u\($0)") }
      _ = try await store.enqueue([jobs[1]])
      let before = counted.writes
      #expect(try await store.enqueue(jobs).map(\.isNew) == [true, false, true])
      #expect(counted.writes == before + 1)
    }
  }

  @Test(arguments: Engine.available)
  func theFirstStageOfAClaimIsKeptWhereTheNextFails(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let store = SQLJobStore(database)
      _ = try await store.enqueue([
        NewJob(kind: "k", arguments: "1"), NewJob(kind: "k", arguments: "2", group: "g"),
      ])
      // The first claim begins with what has no group.
      try await database.change([SQLStatement("DROP TABLE job_turns")])
      let claimed = try await store.claim(
        kinds: ["k"], limit: 9, worker: "w", lease: .seconds(60))
      #expect(claimed.map(\.job.arguments) == ["1"])
      await #expect(throws: StoreError.self) {
        try await store.claim(kinds: ["k"], limit: 9, worker: "w", lease: .seconds(60))
      }
    }
  }

  @Test(arguments: Engine.available)
  func aCompletionRingsOnlyForWhatItFrees(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let (signal, rings) = (JobSignal(), Gathered())
      let listener = signal.add { rings.add(["ring"]) }
      defer { signal.remove(listener) }
      let (store, adder) = (SQLJobStore(database, signal: signal), SQLJobStore(database))
      func end(_ kind: String, _ result: JobResult = .completed) async throws -> Int {
        let before = rings.all.count
        let claimed = try await store.claim(
          kinds: [kind], limit: 9, worker: "w", lease: .seconds(60))
        #expect(claimed.count == 1)
        for one in claimed { #expect(try await store.finish(one.lease, result)) }
        return rings.all.count - before
      }
      let needed = try await adder.enqueue([
        NewJob(kind: "plain", arguments: "1"), NewJob(kind: "needed", arguments: "1"),
        NewJob(kind: "group", arguments: "1", group: "g"),
        NewJob(kind: "limit", arguments: "1", limits: [JobLimit("l", concurrency: 1)]),
        NewJob(kind: "back", arguments: "1"),
      ])[1]
      _ = try await adder.enqueue([NewJob(kind: "d", arguments: "1", needs: [needed.id])])
      #expect(try await end("plain") == 0)
      #expect(try await end("needed") == 1)
      #expect(try await end("group") == 1)
      #expect(try await end("limit", .snoozed(.seconds(9))) == 1)
      #expect(try await end("back", .handedBack) == 1)
    }
  }

  /// Another transaction that hangs with a job's row in its hands holds up no other heartbeat.
  @Test(arguments: Engine.available.filter { $0 == .postgres })
  func aLeaseWhoseRowIsLockedHoldsUpNoOther(_ engine: Engine) async throws {
    try await engine.withDatabases { open in
      let (database, other) = (open(), open())
      let store = SQLJobStore(database)
      _ = try await store.enqueue((0..<3).map { NewJob(kind: "k", arguments: "\($0)") })
      let leases = try await store.claim(
        kinds: ["k"], limit: 3, worker: "w", lease: .seconds(60)
      ).map(\.lease)
      #expect(try await store.finish(leases[2], .completed))
      let (held, hold) = AsyncStream<Void>.makeStream()
      let holder = Task {
        try await other.transaction { transaction throws(StoreError) in
          _ = try transaction.query(
            SQLStatement("SELECT id FROM jobs WHERE id = $1 FOR UPDATE", [.text(leases[0].job)]))
          hold.yield()
          _ = try transaction.query(SQLStatement("SELECT pg_sleep(2)"))
        }
      }
      for await _ in held { break }
      let began = ContinuousClock.now
      #expect(try await store.extend(leases, by: .seconds(60)) == [.notExtended, .held, .lost])
      #expect(.now - began < .seconds(1))
      try await holder.value
      #expect(try await store.extend(leases, by: .seconds(60)) == [.held, .held, .lost])
    }
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
    try await one.spend(200, for: "a/d")
    #expect(
      try await two.uses(limit: 5) == [
        TokenUse(repository: "a/d", tokens: 200), TokenUse(repository: "a/b", tokens: 170),
      ])
    #expect(try await two.uses(limit: 1).count == 1)
    let today = Int64(Date().timeIntervalSince1970) / 86_400
    let days = try await database.query(SQLStatement("SELECT day FROM token_uses"))
    #expect(abs((days.first?.integer(0) ?? 0) - today) <= 1)
    // A new day begins anew.
    try await database.change([SQLStatement("UPDATE token_uses SET day = day - 1")])
    #expect(try await one.left(for: "a/b") == 100)
    #expect(try await two.spend(1, for: "a/b") == 1)
  }
}
