import Domain
import Foundation
import TestKit
import Testing

@testable import Storage

@Suite struct ForgeStoreTests {
  @Test func publicationsInMemory() async throws {
    try await publicationStoreContract(InMemoryPublicationStore())
  }

  @Test func policyNotesInMemory() async throws {
    try await policyNotesContract(InMemoryPolicyNotes())
  }

  @Test func validatorsInMemory() async throws {
    try await validatorStoreContract(InMemoryValidatorStore())
  }

  @Test func processesThatPublishTheSameThingAreToldApart() async throws {
    try await withFolder { folder in
      let reference = try #require(PullRequestReference("o/r#1"))
      let publication = Publication(forge: "github", reference: reference)
      let saved = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<6 {
          group.addTask {
            let store = SQLPublicationStore(SQLiteDatabase(path: folder + "/a.db"))
            return (try? await store.save(publication)) != nil
          }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(saved == 1)
    }
  }

  // MARK: - The bound of validators

  private func answer(_ bytes: Int) -> ValidatedAnswer {
    // What does not compress, so that the sizes below hold.
    ValidatedAnswer(
      etag: "\"e\"", body: (0..<bytes).map { _ in UInt8.random(in: 0...255) })
  }

  private func size(_ database: SQLiteDatabase) async throws -> Int64 {
    let rows = try await database.query(SQLStatement("SELECT sum(bytes) FROM validators"))
    return rows.first?.integer(0) ?? 0
  }

  @Test func theLongestUnusedGoFirst() async throws {
    try await withFolder { folder in
      let clock = TestClock()
      let database = SQLiteDatabase(path: folder + "/a.db")
      let store = SQLValidatorStore(database, limit: ByteCount(10_700)) { clock.now }
      for number in 0..<10 {
        await store.store(answer(1_000), for: "k\(number)")
        clock.advance(1)
      }
      // Hours later the oldest is used again, so the second oldest has to go.
      clock.advance(7 * 3_600)
      #expect(await store.answer(for: "k0") != nil)
      await store.store(answer(1_000), for: "new")
      #expect(await store.answer(for: "k0") != nil)
      #expect(await store.answer(for: "k1") == nil)
      for number in 2..<10 { #expect(await store.answer(for: "k\(number)") != nil) }
      let stored = try await size(database)
      #expect(stored <= 10_700)
    }
  }

  @Test func theBoundHoldsOverManyAnswers() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let store = SQLValidatorStore(database, limit: ByteCount(20_000))
      for number in 0..<100 { await store.store(answer(900), for: "k\(number)") }
      let stored = try await size(database)
      #expect(stored <= 20_000)
      #expect(stored > 15_000)
      #expect(await store.answer(for: "k99") != nil)
    }
  }

  @Test func whatIsTooLargeIsNotKeptAndTakesTheOlderWithIt() async throws {
    try await withFolder { folder in
      let store = SQLValidatorStore(
        SQLiteDatabase(path: folder + "/a.db"), largest: ByteCount(1_000))
      await store.store(answer(1_000), for: "k")
      #expect(await store.answer(for: "k") != nil)
      await store.store(answer(1_001), for: "k")
      #expect(await store.answer(for: "k") == nil)
    }
  }

  @Test func bodiesAreCompressed() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let text = Array(String(repeating: "{\"login\":\"octocat\"},", count: 5_000).utf8)
      await SQLValidatorStore(database).store(ValidatedAnswer(etag: "e", body: text), for: "k")
      let stored = try await size(database)
      #expect(stored < 5_000)
      #expect(await SQLValidatorStore(database).answer(for: "k")?.body == text)
    }
  }

  @Test func damageCostsARequestAndNothingElse() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let store = SQLValidatorStore(database)
      for damage in ["body = 'text'", "headers = '{'", "body = x'00ff'", "body_bytes = 1 << 60"] {
        await store.store(answer(50), for: "k")
        #expect(await store.answer(for: "k") != nil)
        try await database.change([SQLStatement("UPDATE validators SET \(damage)")])
        #expect(await store.answer(for: "k") == nil, "\(damage)")
      }
      // A database that cannot be opened keeps nothing.
      let nowhere = SQLValidatorStore(SQLiteDatabase(path: "/proc/stet/a.db"))
      await nowhere.store(answer(50), for: "k")
      #expect(await nowhere.answer(for: "k") == nil)
    }
  }
}
