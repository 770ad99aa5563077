import Domain
import Foundation
import Jobs
import Testing

@testable import Storage

@Suite struct SQLJobStoreTests {
  @Test(arguments: JobStoreContract.parts)
  func contract(_ part: JobStoreContract) async throws {
    try await withFolder { folder in
      try await part.check(SQLJobStore(SQLiteDatabase(path: folder + "/a.db")))
    }
  }

  /// Three processes' worth of connections, each with several claimers.
  @Test func noJobIsClaimedTwiceByMany() async throws {
    try await withFolder { folder in
      let path = folder + "/a.db"
      let first = SQLJobStore(SQLiteDatabase(path: path, patience: .seconds(60)))
      _ = try await first.enqueue((0..<600).map { NewJob(kind: "k", arguments: "\($0)") })
      let seen = Gathered()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for process in 0..<3 {
          let store = SQLJobStore(SQLiteDatabase(path: path, patience: .seconds(60)))
          for claimer in 0..<3 {
            group.addTask {
              while true {
                let claimed = try await store.claim(
                  kinds: ["k"], limit: 7, worker: "\(process).\(claimer)", lease: .seconds(60))
                if claimed.isEmpty { return }
                seen.add(claimed.map(\.job.id))
                for job in claimed {
                  let finished = try await store.finish(job.lease, .completed)
                  #expect(finished)
                }
              }
            }
          }
        }
        try await group.waitForAll()
      }
      let ids = seen.all
      #expect(ids.count == 600)
      #expect(Set(ids).count == 600)
      #expect(try await first.counts() == [.completed: 600])
    }
  }

  /// Otherwise claims would grow slow with the number of finished jobs.
  @Test func frequentQuestionsAreAnsweredByAnIndex() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let statements = JobStatements(.sqlite)
      let (claiming, adding, fair) = (statements.claiming, statements.adding, statements.fair)
      let records = statements.records
      for (text, index, sorts) in [
        (claiming.claim(kinds: 1, limit: 5, marks: false), "jobs_ready", false),
        (claiming.claim(kinds: 1, limit: 5, marks: true), "jobs_ready", false),
        // So many rows of each kind as were asked for are merged.
        (claiming.claim(kinds: 3, limit: 5, marks: true), "jobs_ready", true),
        (claiming.comeDue, "jobs_waiting", false),
        (claiming.untilNext(kinds: 2), "jobs_waiting", false),
        (claiming.claimGiven(4), "sqlite_autoindex_jobs_1", true),
        (fair.heads, "jobs_ready_in_groups", false),
        (fair.following, "jobs_ready_in_groups", false),
        (fair.present(kinds: 2), "jobs_ready_in_groups", false),
        (fair.rates, "job_rates_by_end", true), (fair.forgetRates, "job_rates_by_end", false),
        (fair.groupsWithoutLimits, "jobs_ready_without_limits", false),
        (fair.followingWithoutLimits, "jobs_ready_without_limits", false),
        (fair.running, "jobs_by_lease", true),
        (records.oldest, "jobs_ready_in_groups", false),
        (records.counts, "jobs_finished", true),
        (statements.expired, "jobs_by_lease", false), (adding.present, "jobs_unique", false),
        (adding.superseded, "jobs_superseded", true),
        (statements.running, "jobs_by_lease", false),
        (statements.heldByLease, "sqlite_autoindex_jobs_1", false),
        (statements.complete(4), "sqlite_autoindex_jobs_1", true),
        (statements.extend(4), "sqlite_autoindex_jobs_1", true),
        (statements.needs.release, "job_dependencies_by_need", true),
        (SQLPruning(database).jobs, "jobs_finished", false),
        (SQLPruning(database).deliveries, "deliveries_by_time", false),
      ] {
        let steps = try await plan(of: text, database)
        #expect(steps.contains { $0.contains(index) }, "\(steps) of \(text)")
        if !sorts { #expect(!steps.contains { $0.contains("TEMP B-TREE") }, "\(steps)") }
        #expect(!steps.contains { $0 == "SCAN jobs" }, "\(steps) of \(text)")
      }
    }
  }

  private func plan(
    of text: String, _ database: SQLiteDatabase
  ) async throws -> [String] {
    let count = Set(text.matches(of: /\$\d+/).map { String($0.0) }).count
    let plan = try await database.transaction { transaction throws(StoreError) in
      try transaction.query(
        SQLStatement("EXPLAIN QUERY PLAN " + text, Array(repeating: .integer(1), count: count)))
    }
    return plan.compactMap { $0.text(3) }
  }

  /// As if the clock had been set back by a day since the jobs were stored.
  @Test func aClockThatIsSetBackStopsNothingThatIsAvailable() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let store = SQLJobStore(database)
      var ids: [String] = []
      for priority in [1, 0] {
        ids.append(
          try await JobStoreContract.add(
            store, NewJob(kind: "k", arguments: "{}", priority: priority)))
      }
      let scheduled = try await JobStoreContract.add(
        store, NewJob(kind: "k", arguments: "{}", delay: .seconds(9)))
      try await database.change([
        SQLStatement("UPDATE jobs SET scheduled_at = scheduled_at + 86400")
      ])
      // First what is due soonest by its time alone, so that the order hides nothing.
      try await database.change([
        SQLStatement(
          "UPDATE jobs SET scheduled_at = scheduled_at - 80000 WHERE id = $1", [.text(scheduled)])
      ])
      #expect(try await store.untilNext(kinds: ["k"]) == .zero)
      #expect(try await store.oldestDue() == .zero)
      let claimed = try await store.claim(
        kinds: ["k"], limit: 9, worker: "w", lease: .seconds(60))
      #expect(claimed.map(\.job.id) == [ids[1], ids[0]])
      #expect(try #require(try await store.untilNext(kinds: ["k"])) > .seconds(6_000))
      #expect(try await store.oldestDue() == nil)
    }
  }

  @Test func theClockIsTheDatabases() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let before = Date().timeIntervalSince1970
      let rows = try await database.query(SQLStatement("SELECT \(database.dialect.now)"))
      let now = try #require(rows.first?.real(0))
      #expect(now > before - 0.01 && now < Date().timeIntervalSince1970 + 0.01)
    }
  }

  @Test func theSignalRingsForWorkAndNotForNone() async throws {
    try await withFolder { folder in
      let signal = JobSignal()
      let rings = Gathered()
      let listener = signal.add { rings.add(["ring"]) }
      defer { signal.remove(listener) }
      let store = SQLJobStore(SQLiteDatabase(path: folder + "/a.db"), signal: signal)
      let new = NewJob(kind: "k", arguments: "{}", uniqueKey: "u")
      _ = try await store.enqueue([new])
      #expect(rings.all.count == 1)
      _ = try await store.enqueue([new])
      #expect(rings.all.count == 1)
    }
  }

  @Test func aJobInAStateOfTheFutureIsSaidToBe() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let store = SQLJobStore(database)
      let id = try await JobStoreContract.add(store)
      try await database.change([SQLStatement("UPDATE jobs SET state = 'dreaming'")])
      let error = await #expect(throws: StoreError.self) { try await store.job(id: id) }
      #expect(error?.code == .corrupt && error?.detail.contains(id) == true)
      #expect(try await store.counts() == [:])
      #expect(
        try await store.claim(kinds: ["k"], limit: 1, worker: "w", lease: .seconds(1)).isEmpty)
    }
  }
}
