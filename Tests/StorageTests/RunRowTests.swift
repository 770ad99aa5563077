import Domain
import Foundation
import Testing

@testable import Storage

@Suite struct RunRowTests {
  private func rows(_ database: SQLiteDatabase, _ text: String) async throws -> [[SQLValue]] {
    try await database.query(SQLStatement(text)).map(\.values)
  }

  private func counts(_ database: SQLiteDatabase) async throws -> [SQLValue] {
    try await rows(
      database,
      """
      SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM reviews),
        (SELECT count(*) FROM findings), (SELECT count(*) FROM model_calls)
      """)[0]
  }

  private func call(
    _ model: String, _ tokens: Int, cost: Double? = nil, hit: Bool = false, failure: String? = nil
  ) -> Run.ModelCall {
    Run.ModelCall(
      model: model, inputTokens: TokenCount(tokens), outputTokens: TokenCount(tokens / 10),
      costUSD: cost.map { USD($0) }, seconds: hit ? 0 : 0.5, cacheHit: hit, failure: failure)
  }

  @Test func reportsCanCountWithoutReadingJSON() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      var run = Samples.run(1)
      run.modelCalls = [
        call("a", 100, cost: 0.25), call("b", 50), call("a", 200, cost: 0.5),
        call("a", 0, hit: true), call("a", 0, failure: "unavailable"), call("b", 0, hit: true),
        call("c", 10), call("c", 10, cost: 0.1),
      ]
      try await SQLRunStore(database).save(run)
      #expect(
        try await rows(database, "SELECT * FROM reviews") == [
          [
            .text(run.id), .text("comment"), .integer(1), .integer(2), .integer(1), .integer(1),
            .integer(1), .integer(3), .integer(1), .integer(10), .integer(5), .real(0.001),
          ]
        ])
      #expect(
        try await rows(database, "SELECT * FROM findings") == [
          [
            .text(run.id), .integer(1), .text("abc"), .text("ä \u{202E} 'quoted'; --.py"),
            .text("new"), .integer(2), .integer(3), .text("bug"), .text("warning"),
            .text("rule:x"), .real(0.25),
          ]
        ])
      #expect(
        try await rows(
          database,
          """
          SELECT model, calls, cache_hits, failures, input_tokens, output_tokens, cost_usd, seconds
          FROM model_calls ORDER BY model
          """) == [
            [
              .text("a"), .integer(3), .integer(1), .integer(1), .integer(300), .integer(30),
              .real(0.75), .real(1.5),
            ],
            [
              .text("b"), .integer(1), .integer(1), .integer(0), .integer(50), .integer(5), .null,
              .real(0.5),
            ],
            // One price of two is none.
            [
              .text("c"), .integer(2), .integer(0), .integer(0), .integer(20), .integer(2), .null,
              .real(1.0),
            ],
          ])
    }
  }

  @Test func savingAgainReplacesThem() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let store = SQLRunStore(database)
      var run = Samples.run(1)
      let finding = try #require(run.review?.findings.first)
      run.review?.findings = Array(repeating: finding, count: 3)
      try await store.save(run)
      try await store.save(Samples.run(2))
      #expect(try await counts(database) == [2, 2, 4, 2].map(SQLValue.integer))
      run.review = nil
      run.modelCalls = []
      try await store.save(run)
      #expect(try await counts(database) == [2, 1, 1, 1].map(SQLValue.integer))
    }
  }

  /// PostgreSQL takes no zero byte in a text, and a finding's words come from outside.
  @Test func zeroBytesAreReplacedInColumns() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      var run = Samples.run(1)
      run.review?.findings[0].path = "a\u{0}b\r\n"
      run.subject = "\u{0}"
      try await SQLRunStore(database).save(run)
      let found = try await rows(
        database, "SELECT findings.path, runs.subject FROM findings, runs")
      #expect(found == [[.text("a\u{FFFD}b\r\n"), .text("\u{FFFD}")]])
      #expect(try await SQLRunStore(database).run(id: run.id)?.subject == "\u{0}")
    }
  }

  @Test func theNewMembersOfARunComeBack() async throws {
    try await withFolder { folder in
      let store = SQLRunStore(SQLiteDatabase(path: folder + "/a.db"))
      var run = Samples.run(1)
      run.job = "job-1"
      run.actions = [Run.Action(name: "review.posted", place: "github:o/r#1")]
      run.result = .object(["code": .string("x = 1"), "n": .integer(3), "r": .number(0.5)])
      try await store.save(run)
      let found = try #require(try await store.run(id: run.id))
      #expect(found.job == run.job)
      #expect(found.actions == run.actions)
      #expect(found.result == run.result)
    }
  }

  /// Written by the Stet before this one, which knew neither jobs nor actions.
  @Test func anOlderRunCanStillBeRead() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      _ = try await database.query(SQLStatement("SELECT 1 FROM runs"))
      let body = """
        {"askedBy":"cli","claims":0,"id":"old","inputs":{"diff":"00"},"kind":"review",\
        "masked":{},"modelCalls":[],"outcome":"completed","seconds":1.5,"startedAt":1700000000.5,\
        "subject":"HEAD~1.."}
        """
      try await database.change([
        SQLStatement(
          """
          INSERT INTO runs VALUES ('old', 'review', 1700000000.5, 1.5, 'completed', 'cli',
            'HEAD~1..', NULL, 0, 0, $1)
          """, [.text(body)])
      ])
      let run = try #require(try await SQLRunStore(database).run(id: "old"))
      #expect(run.subject == "HEAD~1..")
      #expect(run.job == nil)
      #expect(run.actions == nil)
      #expect(run.result == nil)
    }
  }

  @Test func pruningTakesTheOldestInBatchesWithTheirRows() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let store = SQLRunStore(database)
      for number in 1...9 { try await store.save(Samples.run(number)) }
      let border = Samples.run(6).startedAt
      #expect(try await store.prune(olderThan: border, limit: 0) == 0)
      #expect(try await store.prune(olderThan: border, limit: -1) == 0)
      #expect(try await store.prune(olderThan: border, limit: 3) == 3)
      let left = try await store.runs(limit: 20, before: nil)
      #expect(left.map(\.id) == [9, 8, 7, 6, 5, 4].map(Samples.runID))
      #expect(try await store.prune(olderThan: border, limit: 3) == 2)
      #expect(try await store.prune(olderThan: border, limit: 3) == 0)
      #expect(try await counts(database) == [4, 4, 4, 4].map(SQLValue.integer))
    }
  }
}
