import Domain
import Foundation
import Testing

@testable import Storage

/// Learned reviewers, their examples, their vectors, and what gatherings read.
@Suite struct ReviewerStoreTests {
  private static func vault(_ bytes: UInt8...) -> Vault {
    Vault(
      keys: bytes.compactMap {
        SecretKey(id: "k\($0)", bytes: [UInt8](repeating: $0, count: 32))
      })
  }

  private static func identity(
    _ id: Int64 = 5, _ repository: String = "acme/app", login: String = "lin"
  ) throws -> ReviewerIdentity {
    ReviewerIdentity(
      forge: "github", repository: try #require(RepositoryName(repository)),
      user: ForgeAccount(id: id, login: login, isBot: false))
  }

  /// In no word of ours.
  private static let words = "unmistakable zanzibar phrase"

  private static func example(_ id: String, at seconds: Double = 1) -> ReviewExample {
    ReviewExample(
      id: id, pullRequest: 3, at: Date(timeIntervalSince1970: seconds), path: "src/a.go", line: 2,
      commit: "c", hunk: "@@ -1 +1 @@\n+\(words)", comment: words)
  }

  @Test(arguments: Engine.available)
  func reviewersAreKeptByNumberAndVersion(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let store = SQLReviewerStore(database, vault: Self.vault(1))
      let identity = try Self.identity()
      #expect(try await store.reviewer(identity) == nil)
      var reviewer = LearnedReviewer(id: "r1", identity: identity, comments: 3)
      reviewer.dropped = [.bot: 2, .noPlace: 1]
      reviewer.cursor = HistoryCursor(since: Date(timeIntervalSince1970: 5), etag: "W/\"1\"")
      reviewer = try await store.save(reviewer)
      #expect(reviewer.version == 1)
      // They have another login now, and the repository is written otherwise.
      #expect(try await store.reviewer(Self.identity(5, "Acme/APP", login: "lin2")) == reviewer)
      #expect(try await store.reviewer(Self.identity(6)) == nil)
      var stale = reviewer
      stale.version = 0
      for wrong in [stale, LearnedReviewer(id: "r2", identity: identity, version: 1)] {
        let error = await #expect(throws: StoreError.self) { try await store.save(wrong) }
        #expect(error?.code == .conflict)
      }
      _ = try await store.save(
        LearnedReviewer(id: "r3", identity: try Self.identity(7, "acme/lib", login: "Bea")))
      #expect(try await store.reviewers(of: nil).map(\.id) == ["r1", "r3"])
      #expect(
        try await store.reviewers(of: RepositoryName(owner: "ACME", name: "lib")).map(\.id)
          == ["r3"])
    }
  }

  @Test(arguments: Engine.available)
  func examplesComeOldestFirstAndAreReplacedByID(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let store = SQLReviewerStore(database, vault: Self.vault(1))
      _ = try await store.save(LearnedReviewer(id: "r1", identity: try Self.identity()))
      try await store.add(
        (0..<1_200).map { Self.example("e\($0)", at: Double(2_000 - $0)) }, to: "r1")
      var changed = Self.example("e5", at: 1)
      changed.comment = "other"
      try await store.add([changed, Self.example("x", at: 9_000)], to: "r1")
      let found = try await store.examples(of: "r1")
      #expect(found.count == 1_201)
      #expect(found.first == changed && found.last?.id == "x")
      #expect(try await store.examples(of: "r2").isEmpty)
      try await store.remove(["x", "e7", "none"], of: "r1")
      let left = try await store.examples(of: "r1").map(\.id)
      #expect(left.count == 1_199 && !left.contains("x") && !left.contains("e7"))
      try await store.removeExamples(of: "r1")
      #expect(try await store.examples(of: "r1").isEmpty)
    }
  }

  /// Whoever writes for a reviewer that was forgotten meanwhile leaves nothing.
  @Test(arguments: Engine.available)
  func nothingIsAddedToAReviewerThatIsGone(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let store = SQLReviewerStore(database, vault: Self.vault(1))
      let identity = try Self.identity()
      _ = try await store.save(LearnedReviewer(id: "r1", identity: identity))
      try await store.add([Self.example("a")], to: "r1")
      try await store.forget(identity)
      try await store.add([Self.example("b")], to: "r1")
      #expect(try await store.examples(of: "r1").isEmpty)
      #expect(try await store.removeOrphans() == 0)
      // Of an earlier version, which did not look.
      try await database.change([
        SQLStatement(
          "INSERT INTO reviewer_examples (reviewer, id, body) VALUES ($1, $2, $3)",
          [.text("r1"), .text("c"), .bytes([1])])
      ])
      _ = try await store.save(LearnedReviewer(id: "r2", identity: identity))
      try await store.add([Self.example("d")], to: "r2")
      #expect(try await store.removeOrphans() == 1)
      #expect(try await store.examples(of: "r2").count == 1)
    }
  }

  @Test(arguments: Engine.available)
  func singleVectorsGo(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let index = SQLVectorIndex(database, vault: Self.vault(1))
      try await index.store(["a": [1, 0], "b": [0, 1]], in: "s")
      try await index.store(["a": [1, 0]], in: "t")
      #expect(try await index.nearest(to: [1, 0], count: 2, in: "s").count == 2)
      try await index.remove(["a", "none"], in: "s")
      let left = try await index.nearest(to: [1, 0], count: 2, in: "s").map { $0.key }
      #expect(left == ["b"])
      #expect(try await index.scopes().sorted() == ["s", "t"])
    }
  }

  /// The file, its log and its shared memory are searched for what was written.
  @Test func nothingOfAForgottenPersonIsInTheFiles() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let vault = Self.vault(1)
      let store = SQLReviewerStore(database, vault: vault)
      let index = SQLVectorIndex(database, vault: vault)
      let gatherings = SQLGatheringStore(database, vault: vault)
      let identity = try Self.identity()
      _ = try await store.save(LearnedReviewer(id: "r1", identity: identity))
      try await store.add((0..<50).map { Self.example("e\($0)") }, to: "r1")
      try await index.store(["e1": [0.6, 0.8]], in: "reviewer r1")
      try await gatherings.add(
        GatheredPage(comments: [], read: 9, next: nil, again: HistoryCursor(etag: Self.words)),
        number: 0, to: "g")
      func sealed() async throws -> [[UInt8]] {
        var found: [[UInt8]] = []
        for table in ["reviewers", "reviewer_examples", "reviewer_vectors", "gatherings"] {
          found += try await database.query(SQLStatement("SELECT body FROM \(table)"))
            .compactMap { $0.bytes(0) }
        }
        return found
      }
      func files() throws -> [Data] {
        try FileManager.default.contentsOfDirectory(atPath: folder).map {
          try Data(contentsOf: URL(filePath: folder + "/" + $0))
        }
      }
      let before = try await sealed()
      #expect(before.count == 53)
      // Never in the clear, at no time.
      for file in try files() { #expect(file.range(of: Data(Self.words.utf8)) == nil) }
      try await store.forget(identity)
      try await index.remove(scope: "reviewer r1")
      try await gatherings.remove("g")
      #expect(try await sealed().isEmpty)
      #expect(try await store.examples(of: "r1").isEmpty)
      // Nor is what was sealed there any more, which a key that is still here would open.
      for file in try files() {
        for body in before { #expect(file.range(of: Data(body.suffix(24))) == nil) }
      }
    }
  }

  @Test(arguments: Engine.available)
  func gatheredPagesKeepTheirOrderAndGoByAge(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let store = SQLGatheringStore(database, vault: Self.vault(1))
      func page(_ read: Int) -> GatheredPage {
        GatheredPage(comments: [], read: read, next: nil, again: HistoryCursor())
      }
      for number in (0..<45).reversed() {
        try await store.add(page(number), number: number, to: "g")
      }
      try await store.add(page(99), number: 0, to: "g")
      #expect(try await store.pages(of: "g").map(\.read) == [99] + Array(1..<45))
      #expect(try await store.pages(of: "h").isEmpty)
      #expect(try await store.removeAll(olderThan: .seconds(3_600)) == 0)
      #expect(try await store.removeAll(olderThan: .seconds(-60)) == 45)
      #expect(try await store.pages(of: "g").isEmpty)
    }
  }

  @Test(arguments: Engine.available)
  func everythingFollowsAKeyThatIsTurned(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let old = Self.vault(1)
      let identity = try Self.identity()
      _ = try await SQLReviewerStore(database, vault: old).save(
        LearnedReviewer(id: "r1", identity: identity))
      try await SQLReviewerStore(database, vault: old).add([Self.example("e")], to: "r1")
      try await SQLVectorIndex(database, vault: old).store(["e": [1, 0]], in: "s")
      try await SQLGatheringStore(database, vault: old).add(
        GatheredPage(comments: [], read: 1, next: nil, again: HistoryCursor()), number: 0, to: "g")
      #expect(try await SQLResealing(database, vault: Self.vault(2, 1)).run() == 4)
      let new = Self.vault(2)
      #expect(try await SQLReviewerStore(database, vault: new).reviewer(identity)?.id == "r1")
      #expect(try await SQLReviewerStore(database, vault: new).examples(of: "r1").count == 1)
      #expect(
        try await SQLVectorIndex(database, vault: new).nearest(to: [1, 0], count: 1, in: "s")
          .first?.key == "e")
      #expect(try await SQLGatheringStore(database, vault: new).pages(of: "g").count == 1)
    }
  }

  @Test func aFolderIsItsOwnersAndGoesWhole() throws {
    let root = FileManager.default.temporaryDirectory.path + "/stet-folders-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    let folders = ReviewerFolders(root: root)
    let folder = try folders.make(for: "r1")
    #expect(try folders.make(for: "r1") == folder)
    let mode = try FileManager.default.attributesOfItem(atPath: folder)[.posixPermissions]
    #expect((mode as? NSNumber)?.intValue == 0o700)
    try folders.removeAll(of: "r1")
    try folders.removeAll(of: "r1")
    #expect(!FileManager.default.fileExists(atPath: folder))
  }
}
