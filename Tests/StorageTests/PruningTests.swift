import Domain
import Foundation
import Jobs
import Testing

@testable import Storage

@Suite struct PruningTests {
  private static let day = 86_400

  /// Jobs in all states, each with its delivery, all finished (where they are) so many days ago.
  private func fill(_ database: any SQLDatabase, days: Int) async throws {
    let inbox = SQLInbox(database)
    for state in JobState.allCases {
      let id = "\(state.rawValue) \(days)"
      let delivery = Delivery(id: id, event: "e", meaning: id, body: Array("{}".utf8))
      _ = try await inbox.accept(delivery, enqueuing: NewJob(kind: "k", arguments: "{}"))
      let job = "(SELECT job FROM deliveries WHERE id = $1)"
      try await database.change([
        SQLStatement(
          """
          UPDATE deliveries SET received_at = received_at - \(days * Self.day) WHERE id = $1
          """, [.text(id)]),
        SQLStatement(
          """
          UPDATE jobs SET kind = $1, state = '\(state.rawValue)',
            created_at = created_at - \(days * Self.day),
            finished_at = \(state.isFinal ? "created_at - \(days * Self.day)" : "NULL")
          WHERE id = \(job)
          """, [.text(id)]),
      ])
    }
  }

  private func ids(_ database: any SQLDatabase, _ text: String) async throws -> Set<String> {
    Set(try await database.query(SQLStatement(text)).compactMap { $0.text(0) })
  }

  /// A batch of two takes several rounds, and one of nine none but the first.
  @Test(arguments: Engine.available, [1, 2, 9])
  func whatIsOldAndDoneGoesAndAllElseStays(_ engine: Engine, batch: Int) async throws {
    try await engine.withDatabase { database in
      try await fill(database, days: 100)
      try await fill(database, days: 10)
      let runs = SQLRunStore(database)
      for number in 1...5 { try await runs.save(Samples.run(number)) }
      var young = Samples.run(6)
      young.startedAt = Date()
      try await runs.save(young)

      let pruning = SQLPruning(database)
      let age = Duration.seconds(90 * Self.day)
      #expect(try await pruning.prune(olderThan: age, batch: 0) == 0)
      // Two jobs, three deliveries, five runs.
      #expect(try await pruning.prune(olderThan: age, batch: batch) == 10)
      #expect(try await pruning.prune(olderThan: age, batch: batch) == 0)

      let all = Set(JobState.allCases.flatMap { ["\($0.rawValue) 100", "\($0.rawValue) 10"] })
      #expect(
        try await ids(database, "SELECT kind FROM jobs")
          == all.subtracting(["completed 100", "cancelled 100"]))
      #expect(
        try await ids(database, "SELECT id FROM deliveries")
          == all.subtracting(["completed 100", "cancelled 100", "discarded 100"]))
      #expect(try await ids(database, "SELECT id FROM runs") == [young.id])
    }
  }

  /// A job that ran for long is as old as its end.
  @Test(arguments: Engine.available)
  func aJobIsAsOldAsItsEnd(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let store = SQLJobStore(database)
      let id = try await JobStoreContract.add(store)
      let claimed = try await JobStoreContract.claimOne(store)
      #expect(try await store.finish(claimed.lease, .completed))
      try await database.change([SQLStatement("UPDATE jobs SET created_at = 1, scheduled_at = 1")])
      let pruning = SQLPruning(database)
      #expect(try await pruning.prune(olderThan: .seconds(60)) == 0)
      #expect(try await store.job(id: id) != nil)
    }
  }

  /// The index gives what is to go, oldest first; a table of a million finished jobs is not read.
  @Test(arguments: ["completed", "cancelled"])
  func jobsAreFoundByTheirIndex(_ state: String) async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let statement = try #require(
        SQLPruning(database).statements.first { $0.contains("state = '\(state)'") })
      let plan = try await database.query(
        SQLStatement("EXPLAIN QUERY PLAN " + statement, [.real(1), .integer(1)])
      ).compactMap { $0.text(3) }
      #expect(plan.contains { $0.contains("jobs_finished (state=? AND finished_at<?)") }, "\(plan)")
      #expect(!plan.contains { $0.contains("SCAN jobs") || $0.contains("TEMP B-TREE") }, "\(plan)")
    }
  }

  @Test(arguments: Engine.available)
  func whatWasForATimeGoesWhenItIsOver(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let now = Date().timeIntervalSince1970
      try await CopyingTests.fill(database)
      try await database.change(
        [
          "INSERT INTO job_periods (kind, key, job, until_at) VALUES ('k', 'old', 'j', 1)",
          "INSERT INTO job_periods (kind, key, job, until_at) VALUES ('k', 'new', 'j', \(now + 99))",
          "INSERT INTO job_rates (key, at, starts, until_at) VALUES ('old', 0, 1, 1)",
          """
          INSERT INTO job_rates (key, at, starts, until_at)
          VALUES ('new', \(now), 1, \(now + 99))
          """,
          "INSERT INTO job_turns (key, turn, at) VALUES ('', 9, 1)",
          "INSERT INTO job_turns (key, turn, at) VALUES ('old', 1, 1)",
          "INSERT INTO job_turns (key, turn, at) VALUES ('new', 2, \(now))",
          "INSERT INTO token_uses (key, day, tokens) VALUES ('new', 999999, 1)",
          "UPDATE responses SET last_used_at = \(now) WHERE key = 'B'",
        ].map { SQLStatement($0) })
      try await SQLPruning(database).prune(olderThan: .seconds(30 * Self.day), batch: 2)
      #expect(try await ids(database, "SELECT key FROM job_periods") == ["new"])
      #expect(try await ids(database, "SELECT key FROM job_rates") == ["new"])
      #expect(try await ids(database, "SELECT key FROM job_turns") == ["", "new"])
      #expect(try await ids(database, "SELECT key FROM token_uses") == ["new"])
      #expect(try await ids(database, "SELECT key FROM responses") == ["B"])
      #expect(try await ids(database, "SELECT key FROM validators") == [])
    }
  }

  /// A job goes with what it remembered.
  @Test(arguments: Engine.available)
  func stepsGoWithTheirJob(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      try await CopyingTests.fill(database)
      try await database.change([
        SQLStatement("UPDATE jobs SET state = 'completed', finished_at = 1 WHERE kind = 'k'")
      ])
      #expect(try await ids(database, "SELECT job FROM job_steps").count == 5)
      try await SQLPruning(database).prune(olderThan: .seconds(60))
      #expect(try await ids(database, "SELECT job FROM job_steps").count == 2)
    }
  }
}
