import Domain
import Foundation
import Jobs
import Testing

@testable import Storage

@Suite struct SQLInboxTests {
  private func delivery(
    _ id: String, meaning: String? = nil, body: [UInt8] = Array("{}".utf8)
  ) -> Delivery {
    Delivery(id: id, event: "pull_request", meaning: meaning ?? id, body: body)
  }

  private let job = NewJob(kind: "handle-delivery", arguments: "{}")

  @Test(arguments: Engine.available)
  func aDeliveryAndItsJobAreStoredTogether(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let (inbox, store) = (SQLInbox(database), SQLJobStore(database))
      let text = (0..<2_000).map { #""number \#($0)","# }.joined()
      let given = delivery("github:1", body: Array(text.utf8))
      let acceptance = try await inbox.accept(given, enqueuing: job)
      guard case .accepted(let id) = acceptance else {
        Issue.record("\(acceptance)")
        return
      }
      #expect(try await store.job(id: id)?.state == .available)
      #expect(try await inbox.delivery(id: "github:1") == given)
      #expect(try await inbox.delivery(id: "github:2") == nil)
      let sizes = try await database.query(
        SQLStatement("SELECT bytes, length(body), job FROM deliveries"))
      #expect(sizes.first?.integer(0) == Int64(text.utf8.count))
      #expect(try #require(sizes.first?.integer(1)) < Int64(text.utf8.count / 3))
      #expect(sizes.first?.text(2) == id)
    }
  }

  @Test(arguments: Engine.available)
  func anEmptyBodyIsABody(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let inbox = SQLInbox(database)
      _ = try await inbox.accept(delivery("a", body: []), enqueuing: job)
      #expect(try await inbox.delivery(id: "a")?.body == [])
    }
  }

  @Test(arguments: Engine.available)
  func theSameAgainIsADuplicateByIdAndByMeaning(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let inbox = SQLInbox(database)
      _ = try await inbox.accept(delivery("a", meaning: "m"), enqueuing: job)
      for again in [
        delivery("a", meaning: "m"), delivery("a", meaning: "other"), delivery("b", meaning: "m"),
      ] { #expect(try await inbox.accept(again, enqueuing: job) == .duplicate(of: "a")) }
      #expect(try await SQLJobStore(database).counts() == [.available: 1])
      #expect(try await inbox.delivery(id: "b") == nil)
    }
  }

  @Test(arguments: Engine.available)
  func manyThatArriveAtOnceAreAcceptedOnce(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let inbox = SQLInbox(database)
      let accepted = Gathered()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<60 {
          group.addTask {
            let result = try await inbox.accept(
              self.delivery("a\(number)", meaning: "m\(number % 6)"), enqueuing: self.job)
            if case .accepted(let id) = result { accepted.add([id]) }
          }
        }
        try await group.waitForAll()
      }
      #expect(accepted.all.count == 6)
      #expect(try await SQLJobStore(database).counts() == [.available: 6])
    }
  }

  @Test(arguments: Engine.available)
  func aJobThatIsThereAlreadyServesBoth(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let inbox = SQLInbox(database)
      var unique = job
      unique.uniqueKey = "u"
      let first = try await inbox.accept(delivery("a"), enqueuing: unique)
      #expect(try await inbox.accept(delivery("b"), enqueuing: unique) == first)
      #expect(try await inbox.delivery(id: "b") != nil)
    }
  }

  @Test(arguments: Engine.available)
  func damageIsTold(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let inbox = SQLInbox(database)
      for (id, damage) in [
        ("a", "body = $1"), ("b", "bytes = 7"), ("c", "sha256 = 'x'"), ("d", "body = ''"),
      ] {
        _ = try await inbox.accept(delivery(id), enqueuing: job)
        try await database.change([
          SQLStatement(
            "UPDATE deliveries SET \(damage) WHERE id = '\(id)'",
            damage.contains("$1") ? [.bytes([1, 2, 3])] : [])
        ])
        let error = await #expect(throws: StoreError.self) { try await inbox.delivery(id: id) }
        #expect(error?.code == .corrupt && error?.detail.contains(id) == true)
      }
    }
  }

  /// Nothing is acknowledged, so the sender knows; and when there is room again, all goes on.
  @Test func aFullDiskStoresNeitherDeliveryNorJob() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let inbox = SQLInbox(database)
      let pages = try await database.query(SQLStatement("PRAGMA page_count")).first?.integer(0)
      try await database.change([
        SQLStatement("PRAGMA max_page_count = \(try #require(pages) + 2)")
      ])
      let large = (0..<200_000).map { _ in UInt8.random(in: 0...255) }
      let error = await #expect(throws: StoreError.self) {
        try await inbox.accept(delivery("a", body: large), enqueuing: job)
      }
      #expect(error?.code == .full)
      #expect(try await SQLJobStore(database).counts() == [:])
      try await database.change([SQLStatement("PRAGMA max_page_count = 1000000")])
      guard case .accepted = try await inbox.accept(delivery("a", body: large), enqueuing: job)
      else {
        Issue.record("it was not accepted")
        return
      }
    }
  }
}
