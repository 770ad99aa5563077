import Domain
import Foundation
import TestKit
import Testing

@testable import Storage

/// What every `NoticeStore` must do. - Parameter store: an empty one.
func noticeStoreContract(_ store: any NoticeStore) async throws {
  func notice(_ id: String, at seconds: Double, _ headline: String = "h") -> Notice {
    Notice(
      id: id, event: .review, severity: .warning, forge: "github",
      repository: RepositoryName(owner: "acme", name: "app"), subject: "acme/app#1",
      headline: headline, facts: [.init("n", "v")], lines: ["l\0"],
      at: Date(timeIntervalSince1970: seconds))
  }
  #expect(try await store.held(in: "d").isEmpty)
  try await store.hold(notice("b", at: 2), in: "d")
  try await store.hold(notice("a", at: 1), in: "d")
  try await store.hold(notice("a", at: 1), in: "other")
  #expect(try await store.held(in: "d").map(\.id) == ["a", "b"])
  try await store.hold(notice("a", at: 3, "again"), in: "d")
  #expect(try await store.held(in: "d").map(\.headline) == ["h", "again"])
  // What came while the digest was sent stays for the next one.
  try await store.hold(notice("c", at: 4), in: "d")
  try await store.release(["a", "b", "none"], from: "d")
  #expect(try await store.held(in: "d").map(\.id) == ["c"])
  #expect(try await store.held(in: "other").map(\.id) == ["a"])
  try await store.release([], from: "d")
  #expect(try await store.held(in: "d").count == 1)
}

/// What every `OutcomeFilterStore` must do. - Parameter store: an empty one.
func outcomeFilterStoreContract(_ store: any OutcomeFilterStore) async throws {
  let (app, lib) = (
    RepositoryName(owner: "Acme", name: "app"), RepositoryName(owner: "acme", name: "lib")
  )
  func filter(_ version: Int, of repository: RepositoryName) -> OutcomeFilter {
    OutcomeFilter(
      repository: repository, version: version, learnedAt: Date(timeIntervalSince1970: 1),
      silences: [],
      measure: .init(findings: 1, actedOn: 0, silenced: 0, silencedActedOn: 0))
  }
  #expect(try await store.used(of: app) == nil)
  try await store.save(filter(1, of: app))
  try await store.save(filter(2, of: app))
  try await store.save(filter(1, of: lib))
  #expect(try await store.filters(of: app).map(\.version) == [2, 1])
  // Kept is not used.
  #expect(try await store.used(of: app) == nil)
  try await store.use(version: 2, of: app)
  try await store.use(version: 1, of: lib)
  #expect(
    try await store.used(of: RepositoryName(owner: "acme", name: "APP")) == filter(2, of: app))
  try await store.use(version: 1, of: app)
  #expect(try await store.used(of: app)?.version == 1)
  try await store.use(version: nil, of: app)
  #expect(try await store.used(of: app) == nil)
  #expect(try await store.used(of: lib)?.version == 1)
  // A version is never written over.
  let error = await #expect(throws: StoreError.self) { try await store.save(filter(2, of: app)) }
  #expect(error?.code == .conflict)
}

@Suite struct NoticeStoreTests {
  @Test func noticesInMemory() async throws { try await noticeStoreContract(InMemoryNoticeStore()) }

  @Test(arguments: Engine.available)
  func noticesInADatabase(_ engine: Engine) async throws {
    try await engine.withDatabase { try await noticeStoreContract(SQLNoticeStore($0)) }
  }

  @Test(arguments: Engine.available)
  func filtersInADatabase(_ engine: Engine) async throws {
    try await engine.withDatabase {
      try await outcomeFilterStoreContract(SQLOutcomeFilterStore($0))
    }
  }
}
