import Domain
import Foundation
import TestKit
import Testing

@testable import Storage

@Suite(
  .enabled(if: PostgresServer.isAvailable, Comment(rawValue: PostgresServer.absence ?? "")),
  .serialized)
struct PostgresServerTests {
  @Test func aQuestionIsAnswered() async throws {
    try await Engine.postgres.withDatabase { database in
      let rows = try await database.query(SQLStatement("SELECT 1"))
      #expect(rows.map(\.values) == [[.integer(1)]])
      #expect(try await database.schemaVersion() == Migration.latest)
    }
  }
}
