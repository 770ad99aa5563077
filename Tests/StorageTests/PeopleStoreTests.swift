import Domain
import Foundation
import TestKit
import Testing

@testable import Storage

@Suite struct PeopleStoreTests {
  @Test func usesInMemory() async throws {
    let clock = TestClock()
    try await usageLimiterContract(InMemoryUsageLimiter { clock.now }, clock)
  }

  @Test func issuesInMemory() async throws { try await issueStoreContract(InMemoryIssueStore()) }

  @Test func tokensInMemory() async throws { try await tokenStoreContract(InMemoryTokenStore()) }

  // MARK: - Limits

  @Test func limitsHoldOverProcessesAndOutliveThem() async throws {
    try await withFolder { folder in
      let clock = TestClock()
      let granted = try await withThrowingTaskGroup(of: Bool.self) { group in
        for process in 0..<6 {
          group.addTask {
            let database = SQLiteDatabase(path: folder + "/a.db", patience: .seconds(60))
            let limiter = SQLUsageLimiter(database) { clock.now }
            return try await limiter.take("k", use: "\(process)", limit: 3, per: .seconds(60))
              == nil
          }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(granted == 3)
      let next = SQLUsageLimiter(SQLiteDatabase(path: folder + "/a.db")) { clock.now }
      #expect(try await next.take("k", use: "x", limit: 3, per: .seconds(60)) == .seconds(60))
    }
  }

  @Test func whatIsOverIsSweptAway() async throws {
    try await withFolder { folder in
      let clock = TestClock()
      let database = SQLiteDatabase(path: folder + "/a.db")
      let limiter = SQLUsageLimiter(database) { clock.now }
      func rows(_ table: String) async throws -> Int64? {
        try await database.query(SQLStatement("SELECT count(*) FROM \(table)")).first?.integer(0)
      }
      // Keys of people who come once, such as strangers on a public repository.
      for number in 0..<40 {
        _ = try await limiter.take("k\(number)", use: "u", limit: 1, per: .seconds(30))
      }
      #expect(try await rows("uses") == 40)
      clock.advance(3_600)
      _ = try await limiter.take("new", use: "u", limit: 1, per: .seconds(30))
      #expect(try await rows("uses") == 1)
      #expect(try await rows("limits") == 1)
    }
  }

  /// However wrong the clocks of the processes are: that of the database counts.
  @Test(arguments: Engine.available)
  func theClockOfTheDatabaseLimitsUses(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let limiter = SQLUsageLimiter(database)
      #expect(try await limiter.take("k", use: "a", limit: 1, per: .seconds(60)) == nil)
      #expect(try await limiter.take("k", use: "a", limit: 1, per: .seconds(60)) == nil)
      let wait = try #require(
        try await SQLUsageLimiter(database).take("k", use: "b", limit: 1, per: .seconds(60)))
      #expect(wait > .seconds(30) && wait <= .seconds(60))
      let rows = try await database.query(
        SQLStatement(
          """
          SELECT CAST(\(database.dialect.now) * 1000000 AS BIGINT) - at_microseconds,
            expires_microseconds - at_microseconds FROM uses
          """))
      let age = try #require(rows.first?.integer(0))
      #expect(rows.count == 1 && rows.first?.integer(1) == 60_000_000)
      #expect((0..<30_000_000).contains(age))
      try await database.change([
        SQLStatement("UPDATE uses SET at_microseconds = at_microseconds - 60000000")
      ])
      #expect(try await limiter.take("k", use: "b", limit: 1, per: .seconds(60)) == nil)
    }
  }

  /// A clock that was an hour ahead and is set right blocks nobody for ever.
  @Test func aClockThatIsSetBackIsBorne() async throws {
    try await withFolder { folder in
      let clock = TestClock()
      let limiter = SQLUsageLimiter(SQLiteDatabase(path: folder + "/a.db")) { clock.now }
      clock.advance(3_600)
      #expect(try await limiter.take("k", use: "a", limit: 1, per: .seconds(60)) == nil)
      clock.advance(-3_600)
      let wait = try await limiter.take("k", use: "b", limit: 1, per: .seconds(60))
      #expect(wait == .seconds(60))
      clock.advance(61)
      #expect(try await limiter.take("k", use: "b", limit: 1, per: .seconds(60)) == nil)
    }
  }

  // MARK: - Tokens

  @Test func aTokenOfAnUnknownScopeGivesNoRight() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let store = SQLTokenStore(database)
      try await store.save(Samples.token(1))
      try await database.change([SQLStatement("UPDATE tokens SET scope = 'everything'")])
      let error = await #expect(throws: StoreError.self) { try await store.token(hash: "h1") }
      #expect(error?.code == .corrupt)
    }
  }
}
