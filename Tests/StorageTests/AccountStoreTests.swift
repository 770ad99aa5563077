import Domain
import Foundation
import Testing

@testable import Storage

@Suite struct AccountStoreTests {
  private static func vault(_ bytes: UInt8...) -> Vault {
    Vault(
      keys: bytes.compactMap {
        SecretKey(id: "k\($0)", bytes: [UInt8](repeating: $0, count: 32))
      })
  }

  private static let token = ["a", "token", "of", "grace"].joined(separator: "-")
  private static let start = Date(timeIntervalSince1970: 1_800_000_000)

  private static func account(_ id: Int64 = 42, _ login: String = "grace") -> ForgeAccount {
    ForgeAccount(id: id, login: login, isBot: false)
  }

  private static func link(_ id: Int64 = 42, token: String = token) -> AccountLink {
    AccountLink(
      forge: "github", user: account(id), token: token, refreshToken: nil,
      expiresAt: start + 5, scopes: ["repo"], linkedAt: start)
  }

  private static func signIn(until end: Date = start + 600) -> PendingSignIn {
    PendingSignIn(
      forge: "github", asker: account(), verifier: "the-verifier", scopes: [], expiresAt: end,
      continuation: "{\"a\":1}")
  }

  private static func identity(
    _ repository: String = "acme/app", _ id: Int64 = 42
  ) throws -> ReviewerIdentity {
    ReviewerIdentity(
      forge: "github", repository: try #require(RepositoryName(repository)), user: account(id))
  }

  @Test(arguments: Engine.available)
  func linksAreKeptByNumber(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let store = SQLAccountLinkStore(database, vault: Self.vault(1))
      #expect(try await store.link(forge: "github", user: 42) == nil)
      try await store.save(Self.link())
      try await store.save(Self.link(43, token: "other"))
      #expect(try await store.link(forge: "github", user: 42) == Self.link())
      #expect(try await store.link(forge: "gitlab", user: 42) == nil)
      try await store.save(Self.link(token: "newer"))
      #expect(try await store.link(forge: "github", user: 42)?.token == "newer")
      // One that was renewed meanwhile is not the one that failed.
      try await store.remove(Self.link(token: "older"))
      #expect(try await store.link(forge: "github", user: 42)?.token == "newer")
      try await store.remove(Self.link(token: "newer"))
      #expect(try await store.link(forge: "github", user: 42) == nil)
      try await store.remove(Self.link(token: "newer"))
      try await store.save(Self.link(token: "newer"))
      try await store.remove(forge: "github", user: 42)
      #expect(try await store.link(forge: "github", user: 42) == nil)
      #expect(try await store.link(forge: "github", user: 43)?.token == "other")
    }
  }

  @Test(arguments: Engine.available)
  func consentsAreKeptByRepositoryAndPerson(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let store = SQLConsentStore(database, vault: Self.vault(1))
      let consent = ReviewerConsent(
        identity: try Self.identity(), isGiven: true, at: Self.start, by: "comment 7")
      #expect(try await store.consent(of: consent.identity) == nil)
      try await store.save(consent)
      #expect(try await store.consent(of: Self.identity("ACME/App")) == consent)
      #expect(try await store.consent(of: Self.identity("acme/lib")) == nil)
      #expect(try await store.consent(of: Self.identity("acme/app", 43)) == nil)
      var withdrawn = consent
      withdrawn.isGiven = false
      try await store.save(withdrawn)
      #expect(try await store.consent(of: consent.identity)?.isGiven == false)
      try await store.forget(try Self.identity("Acme/app"))
      #expect(try await store.consent(of: consent.identity) == nil)
      for repository in ["acme/app", "acme/lib"] {
        for id in [42, 43] as [Int64] {
          try await store.save(
            ReviewerConsent(
              identity: try Self.identity(repository, id), isGiven: true, at: Self.start, by: "c"))
        }
      }
      try await store.forgetAll(forge: "github", user: 42)
      #expect(try await store.consent(of: Self.identity("acme/lib")) == nil)
      #expect(try await store.consent(of: Self.identity("acme/app")) == nil)
      #expect(try await store.consent(of: Self.identity("acme/lib", 43)) != nil)
    }
  }

  @Test(arguments: Engine.available)
  func aStateIsGoodOnceAndForItsTime(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let store = SQLSignInStore(database, vault: Self.vault(1))
      let now = Self.start
      #expect(try await store.attempt("none", tries: 3, at: now) == nil)
      try await store.begin(Self.signIn(), state: "one", at: now)
      try await store.begin(Self.signIn(), state: "two", at: now)
      #expect(try await store.attempt("one", tries: 3, at: now + 1) == .open(Self.signIn()))
      #expect(try await store.finish("one", at: now + 2))
      #expect(try await !store.finish("one", at: now + 2))
      #expect(try await store.attempt("one", tries: 3, at: now + 3) == .used)
      // The other one is not touched, until its time is over.
      #expect(
        try await store.attempt("two", tries: 3, at: now + 600) == .expired(Self.signIn()))
      #expect(try await !store.finish("two", at: now + 600))
      #expect(try await store.attempt("two", tries: 3, at: now + 599) == .open(Self.signIn()))
      // A day later nobody knows of them any more.
      try await store.begin(Self.signIn(until: now + 90_600), state: "three", at: now + 90_000)
      #expect(try await store.attempt("two", tries: 3, at: now + 90_000) == nil)
    }
  }

  @Test(arguments: Engine.available)
  func oneOfManyEndsIt(_ engine: Engine) async throws {
    try await engine.withDatabases { open in
      let first = SQLSignInStore(open(), vault: Self.vault(1))
      try await first.begin(Self.signIn(), state: "one", at: Self.start)
      let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
        for _ in 0..<6 {
          let store = SQLSignInStore(open(), vault: Self.vault(1))
          group.addTask { try await store.finish("one", at: Self.start + 1) }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(winners == 1)
    }
  }

  @Test(arguments: Engine.available)
  func triesAreCounted(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let store = SQLSignInStore(database, vault: Self.vault(1))
      try await store.begin(Self.signIn(), state: "one", at: Self.start)
      for _ in 0..<3 {
        #expect(
          try await store.attempt("one", tries: 3, at: Self.start) == .open(Self.signIn()))
      }
      #expect(
        try await store.attempt("one", tries: 3, at: Self.start) == .wornOut(Self.signIn()))
    }
  }

  // MARK: Secrets

  @Test func nothingIsInTheFilesInTheClear() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let vault = Self.vault(1)
      try await SQLAccountLinkStore(database, vault: vault).save(Self.link())
      try await SQLSignInStore(database, vault: vault)
        .begin(Self.signIn(), state: "the-state-itself", at: Self.start)
      try await SQLConsentStore(database, vault: vault).save(
        ReviewerConsent(
          identity: try Self.identity(), isGiven: true, at: Self.start, by: "said-by-grace"))
      await database.close()
      var bytes = Data()
      for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
        bytes += try Data(contentsOf: URL(filePath: folder + "/" + name))
      }
      #expect(bytes.range(of: Data("account_links".utf8)) != nil)
      for word in [Self.token, "the-verifier", "the-state-itself", "said-by-grace", "grace"] {
        #expect(bytes.range(of: Data(word.utf8)) == nil, "\(word)")
      }
    }
  }

  /// A row that was put in the place of another does not open there.
  @Test func aTokenIsOfItsAccountAlone() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let store = SQLAccountLinkStore(database, vault: Self.vault(1))
      try await store.save(Self.link(42))
      try await store.save(Self.link(43, token: "other"))
      try await database.change([
        SQLStatement(
          """
          UPDATE account_links SET body = (SELECT body FROM account_links WHERE account = 42)
          WHERE account = 43
          """)
      ])
      let error = await #expect(throws: StoreError.self) {
        try await store.link(forge: "github", user: 43)
      }
      #expect(error?.code == .corrupt)
    }
  }

  @Test func withoutAKeyNothingIsKept() async throws {
    try await withFolder { folder async throws in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let store = SQLAccountLinkStore(database, vault: Vault(keys: []))
      let error = await #expect(throws: StoreError.self) { try await store.save(Self.link()) }
      #expect(error?.code == .refused)
      #expect(error?.detail.contains("STET_SECRET_KEY") == true)
      #expect(
        try await database.query(SQLStatement("SELECT account FROM account_links")).isEmpty)
    }
  }

  // MARK: Turning the key

  @Test(arguments: Engine.available)
  func everythingFollowsATurnOfTheKey(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let (old, both, new) = (Self.vault(1), Self.vault(2, 1), Self.vault(2))
      let before = SQLAccountLinkStore(database, vault: old)
      // More than one page of them.
      for id in 1...450 { try await before.save(Self.link(Int64(id))) }
      let signIns = SQLSignInStore(database, vault: old)
      try await signIns.begin(Self.signIn(), state: "open", at: Self.start)
      try await signIns.begin(Self.signIn(), state: "used", at: Self.start)
      #expect(try await signIns.finish("used", at: Self.start))
      let consent = ReviewerConsent(
        identity: try Self.identity(), isGiven: true, at: Self.start, by: "c")
      try await SQLConsentStore(database, vault: old).save(consent)

      // Before it is turned the new key alone opens nothing, and says which one is missing.
      let refused = await #expect(throws: StoreError.self) {
        try await SQLResealing(database, vault: new).run()
      }
      #expect(refused?.code == .refused && refused?.detail.contains("k1") == true)

      #expect(try await SQLResealing(database, vault: both).run() == 452)
      #expect(try await SQLResealing(database, vault: both).run() == 0)
      #expect(try await SQLResealing(database, vault: new).run() == 0)
      let after = SQLAccountLinkStore(database, vault: new)
      for id in [1, 200, 201, 450] {
        #expect(try await after.link(forge: "github", user: Int64(id)) == Self.link(Int64(id)))
      }
      #expect(
        try await SQLSignInStore(database, vault: new).attempt("open", tries: 1, at: Self.start)
          == .open(Self.signIn()))
      #expect(
        try await SQLConsentStore(database, vault: new).consent(of: consent.identity) == consent)
      await #expect(throws: StoreError.self) { try await before.link(forge: "github", user: 1) }
    }
  }

  @Test(arguments: Engine.available)
  func whatALostKeyHasSealedIsCountedAndRemoved(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let resealing = SQLResealing(database, vault: Self.vault(1))
      #expect(try await resealing.count() == 0)
      try await SQLAccountLinkStore(database, vault: Self.vault(1)).save(Self.link())
      try await SQLSignInStore(database, vault: Self.vault(1))
        .begin(Self.signIn(), state: "s", at: Self.start)
      #expect(try await resealing.count() == 2)
      #expect(try await SQLResealing(database, vault: Self.vault(9)).removeAll() == 2)
      #expect(try await resealing.count() == 0)
    }
  }

  /// A table whose rows nobody seals anew would be lost with the older key.
  @Test func everySealedTableIsTurned() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      for table in SealedTable.all {
        let columns = try await database.query(
          SQLStatement("SELECT name, pk FROM pragma_table_info('\(table.name)') ORDER BY pk"))
        // No closure within the macro: the compiler takes it for the next one of this function.
        let names = columns.compactMap { $0.text(0) }
        #expect(names.contains("body"), "\(table.name)")
        let keys = columns.filter { $0.integer(1) ?? 0 > 0 }.compactMap { $0.text(0) }
        #expect(keys == table.keys, "\(table.name)")
      }
    }
  }
}
