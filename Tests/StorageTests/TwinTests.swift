import Domain
import Foundation
import TestKit
import Testing

@testable import Storage

/// A generator whose seed a failing test names.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}

/// Random operations give the same answers in memory and in SQLite, so that a test which uses the
/// twin says something of the product.
@Suite struct TwinTests {
  private static let rounds = 150

  private func outcome<T: Sendable>(
    _ body: () async throws -> T
  ) async -> Result<T, StoreError> {
    do { return .success(try await body()) } catch {
      let error = error as? StoreError
      // The words differ; what a caller acts on does not.
      return .failure(StoreError(code: error?.code ?? .failed, detail: ""))
    }
  }

  @Test(arguments: 1...4)
  func publications(seed: UInt64) async throws {
    try await withFolder { folder in
      var random = SeededRandom(seed: seed)
      let stores: [any PublicationStore] = [
        InMemoryPublicationStore(), SQLPublicationStore(SQLiteDatabase(path: folder + "/a.db")),
      ]
      for _ in 0..<Self.rounds {
        let name = ["o/r#1", "O/r#1", "o/r#2", "o/s#1"].randomElement(using: &random) ?? ""
        let reference = try #require(PullRequestReference(name))
        let forge = Bool.random(using: &random) ? "github" : "gitlab"
        let (saves, drift) = (
          Bool.random(using: &random), [0, 0, 0, -1, 1].randomElement(using: &random) ?? 0
        )
        let head = "\(random.next())"
        var results: [Result<Publication?, StoreError>] = []
        for store in stores {
          results.append(
            await outcome {
              let found = try await store.publication(on: forge, of: reference)
              guard saves else { return found }
              var next = found ?? Publication(forge: forge, reference: reference)
              next.pendingHead = head
              next.version += drift
              return try await store.save(next)
            })
        }
        #expect(results[0] == results[1])
      }
    }
  }

  @Test(arguments: 1...4)
  func uses(seed: UInt64) async throws {
    try await withFolder { folder in
      var random = SeededRandom(seed: seed)
      let clock = TestClock()
      let stores: [any UsageLimiter] = [
        InMemoryUsageLimiter { clock.now },
        SQLUsageLimiter(SQLiteDatabase(path: folder + "/a.db")) { clock.now },
      ]
      for _ in 0..<Self.rounds {
        clock.advance(Double(Int.random(in: 0...4_000_000, using: &random)) / 1_000_000)
        let key = ["a", "b"].randomElement(using: &random) ?? ""
        let use = "\(Int.random(in: 0...8, using: &random))"
        let limit = Int.random(in: -1...4, using: &random)
        var waits: [Duration?] = []
        for store in stores {
          waits.append(try await store.take(key, use: use, limit: limit, per: .seconds(10)))
        }
        #expect(waits[0] == waits[1])
      }
    }
  }

  @Test(arguments: 1...4)
  func tokens(seed: UInt64) async throws {
    try await withFolder { folder in
      var random = SeededRandom(seed: seed)
      let stores: [any TokenStore] = [
        InMemoryTokenStore(), SQLTokenStore(SQLiteDatabase(path: folder + "/a.db")),
      ]
      for round in 0..<Self.rounds {
        let (number, hash) = (
          Int.random(in: 1...6, using: &random), Int.random(in: 1...8, using: &random)
        )
        let operation = Int.random(in: 0...3, using: &random)
        let at = Date(timeIntervalSince1970: 1_700_000_000 + Double(round))
        var results: [Result<[APIToken], StoreError>] = []
        for store in stores {
          results.append(
            await outcome {
              switch operation {
              case 0:
                var token = Samples.token(number)
                token.hash = "h\(hash)"
                try await store.save(token)
                return []
              case 1:
                return try await store.revoke(id: "id-\(number)", at: at)
                  ? [Samples.token(number)] : []
              case 2: return try await store.token(hash: "h\(hash)").map { [$0] } ?? []
              default: return try await store.tokens()
              }
            })
        }
        #expect(results[0] == results[1])
      }
    }
  }

  @Test(arguments: 1...4)
  func issuesAndAudit(seed: UInt64) async throws {
    try await withFolder { folder in
      var random = SeededRandom(seed: seed)
      let clock = TestClock()
      let database = SQLiteDatabase(path: folder + "/a.db")
      let issues: [any IssueStore] = [InMemoryIssueStore(), SQLIssueStore(database)]
      let trails: [any AuditTrail] = [
        InMemoryAuditTrail { clock.now }, SQLAuditTrail(database) { clock.now },
      ]
      for _ in 0..<Self.rounds {
        clock.advance(Double(Int.random(in: 0...4_000_000, using: &random)) / 1_000_000)
        let number = Int.random(in: 1...9, using: &random)
        let limit = Int.random(in: -1...4, using: &random)
        let operation = Int.random(in: 0...4, using: &random)
        let title = "\(random.next())"
        var lists: [[TrackedIssue]] = []
        var entries: [[AuditEntry]] = []
        for (store, trail) in zip(issues, trails) {
          switch operation {
          case 0:
            var issue = Samples.issue(number)
            issue.title = title
            try await store.save(issue)
          case 1: lists.append(try await store.issues(limit: limit, before: Samples.runID(number)))
          case 2: lists.append(try await store.issues(limit: limit, before: nil))
          case 3: entries.append([try await trail.append(Samples.auditEvent(number))])
          default: entries.append(try await trail.entries(after: Int64(number), limit: limit))
          }
        }
        if let first = lists.first { #expect(lists == [first, first]) }
        if let first = entries.first { #expect(entries == [first, first]) }
      }
      let verified = try await trails[0].verify()
      #expect(try await trails[1].verify() == verified)
      #expect(verified.brokenAt == nil)
    }
  }
}
