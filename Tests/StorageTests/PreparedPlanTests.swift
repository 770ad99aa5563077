import Domain
import Foundation
import Jobs
import TestKit
import Testing

@testable import Storage

/// A statement keeps the plan that was made when it was prepared, perhaps over an empty table.
@Suite(
  .enabled(if: PostgresServer.isAvailable, Comment(rawValue: PostgresServer.absence ?? "")))
struct PreparedPlanTests {
  @Test func plansMadeOverAnEmptyTableServeALargeOne() async throws {
    let server = try PostgresServer.shared()
    let url = try server.newDatabase()
    // One connection, so that every statement meets the plans of before.
    let database = PostgresDatabase(
      address: try PostgresAddress(parsing: url), settings: PostgresSettings(connections: 1))
    do { try await check(database) } catch {
      await database.close()
      throw error
    }
    await database.close()
    try server.dropDatabase(url)
  }

  private func check(_ database: PostgresDatabase) async throws {
    // New statistics would have new plans made.
    try await database.change([
      SQLStatement("ALTER TABLE jobs SET (autovacuum_enabled = false)")
    ])
    let store = SQLJobStore(database)
    let nobody = (0..<64).map { Lease(job: "nobody-\($0)", token: 1, worker: "w") }
    // A plan is kept from the sixth time on.
    for _ in 0..<8 {
      for kinds in [["k"], ["k", "l"]] {
        #expect(
          try await store.claim(kinds: kinds, limit: 64, worker: "w", lease: .seconds(60)).isEmpty)
        #expect(try await store.untilNext(kinds: kinds) == nil)
      }
      #expect(try await store.finish(nobody.map { EndedTry($0, .completed) }).allSatisfy { !$0 })
      #expect(
        try await store.extend(nobody, by: .seconds(60)).allSatisfy { $0 == .lost })
    }
    try await database.change([Self.finished])
    for kinds in [["k"], ["k", "l"]] {
      _ = try await store.enqueue((0..<64).map { _ in NewJob(kind: "k", arguments: "{}") })
      let began = ContinuousClock.now
      let claimed = try await store.claim(
        kinds: kinds, limit: 64, worker: "w", lease: .seconds(60))
      #expect(claimed.count == 64)
      let leases = claimed.map(\.lease)
      #expect(try await store.extend(leases, by: .seconds(60)).allSatisfy { $0 == .held })
      #expect(try await store.finish(leases.map { EndedTry($0, .completed) }).allSatisfy(\.self))
      print("claim, extend and complete 64 beside 200,000: \(ContinuousClock.now - began)")
    }
    try await lookAtPlans(database)
  }

  private static let finished = SQLStatement(
    """
    INSERT INTO jobs (id, kind, arguments, state, priority, attempt, max_attempts, created_at,
      scheduled_at, finished_at, lease_token, interruptions, cancel_requested, errors)
    SELECT '0190-' || n, 'k', '{}', 'completed', 0, 1, 8, n, n, n, 1, 0, 0, '[]'
    FROM generate_series(1, 200000) AS n
    """)

  private func lookAtPlans(_ database: PostgresDatabase) async throws {
    let prepared = try await database.query(
      SQLStatement(
        """
        SELECT name, CAST(coalesce(array_length(parameter_types, 1), 0) AS bigint), statement
        FROM pg_prepared_statements
        WHERE statement LIKE '%UPDATE jobs%' AND statement LIKE '%MATERIALIZED%'
          AND generic_plans > 0
        """))
    #expect(prepared.count >= 5)
    for row in prepared {
      let nulls = Array(repeating: "NULL", count: Int(row.integer(1) ?? 0)).joined(separator: ", ")
      let name = try #require(row.text(0))
      let plan = try await database.query(
        SQLStatement("EXPLAIN EXECUTE \(name)\(nulls.isEmpty ? "" : "(\(nulls))")")
      ).compactMap { $0.text(0) }
      let statement = row.text(2) ?? ""
      for (index, line) in plan.enumerated() {
        let isBad =
          line.contains("Seq Scan") || line.contains("Join") && !line.contains("Nested Loop")
        #expect(!isBad, "\(plan.joined(separator: "\n")) for \(statement.prefix(200))")
        if line.contains("Index Scan") || line.contains("Index Only Scan") {
          let next = index + 1 < plan.count ? plan[index + 1] : ""
          #expect(next.contains("Index Cond"), "\(line) in \(statement.prefix(200))")
        }
      }
    }
  }
}
