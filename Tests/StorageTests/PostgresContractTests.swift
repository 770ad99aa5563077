import Domain
import Foundation
import TestKit
import Testing

@testable import Storage

/// What every store promises, on every database.
@Suite struct StoresOnEveryEngineTests {
  @Test(arguments: Engine.available)
  func runs(_ engine: Engine) async throws {
    try await engine.withDatabase { try await runStoreContract(SQLRunStore($0)) }
  }

  @Test(arguments: Engine.available)
  func answers(_ engine: Engine) async throws {
    try await engine.withDatabase { try await responseCacheContract(SQLResponseCache($0)) }
  }

  @Test(arguments: Engine.available)
  func publications(_ engine: Engine) async throws {
    try await engine.withDatabase { try await publicationStoreContract(SQLPublicationStore($0)) }
  }

  @Test(arguments: Engine.available)
  func policyNotes(_ engine: Engine) async throws {
    try await engine.withDatabase { try await policyNotesContract(SQLPolicyNotes($0)) }
  }

  @Test(arguments: Engine.available)
  func repositories(_ engine: Engine) async throws {
    try await engine.withDatabase {
      try await repositoryRegisterContract(SQLRepositoryRegister($0))
    }
  }

  @Test(arguments: Engine.available)
  func validators(_ engine: Engine) async throws {
    try await engine.withDatabase { try await validatorStoreContract(SQLValidatorStore($0)) }
  }

  @Test(arguments: Engine.available)
  func uses(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let clock = TestClock()
      try await usageLimiterContract(SQLUsageLimiter(database) { clock.now }, clock)
    }
  }

  @Test(arguments: Engine.available)
  func issues(_ engine: Engine) async throws {
    try await engine.withDatabase { try await issueStoreContract(SQLIssueStore($0)) }
  }

  @Test(arguments: Engine.available)
  func tokens(_ engine: Engine) async throws {
    try await engine.withDatabase { try await tokenStoreContract(SQLTokenStore($0)) }
  }

  @Test(arguments: Engine.available)
  func audit(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let clock = TestClock()
      try await auditTrailContract(SQLAuditTrail(database) { clock.now }, clock)
    }
  }

  @Test(arguments: Engine.available)
  func limitsHoldOverProcesses(_ engine: Engine) async throws {
    try await engine.withDatabases { open in
      let clock = TestClock()
      let granted = try await withThrowingTaskGroup(of: Bool.self) { group in
        for process in 0..<6 {
          group.addTask {
            let limiter = SQLUsageLimiter(open()) { clock.now }
            return try await limiter.take("k", use: "\(process)", limit: 3, per: .seconds(60))
              == nil
          }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(granted == 3)
      clock.advance(3_600)
      _ = try await SQLUsageLimiter(open()) { clock.now }
        .take("new", use: "u", limit: 1, per: .seconds(30))
      let left = try await open().query(SQLStatement("SELECT count(*) FROM uses"))
      #expect(left.first?.integer(0) == 1)
    }
  }

  @Test(arguments: Engine.available)
  func severalProcessesKeepOneChain(_ engine: Engine) async throws {
    try await engine.withDatabases { open in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for process in 0..<4 {
          group.addTask {
            let trail = SQLAuditTrail(open())
            for number in 0..<10 {
              try await trail.append(Samples.auditEvent(process * 100 + number))
            }
          }
        }
        try await group.waitForAll()
      }
      let verification = try await SQLAuditTrail(open()).verify()
      #expect(verification.entries == 40)
      #expect(verification.brokenAt == nil)
    }
  }

  @Test(arguments: Engine.available)
  func oldRunsGoWithTheirRows(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let store = SQLRunStore(database)
      for number in 1...5 { try await store.save(Samples.run(number)) }
      let pruned = try await SQLPruning(database).prune(olderThan: .seconds(60), batch: 2)
      #expect(pruned == 5)
      let left = try await database.query(SQLStatement("SELECT count(*) FROM findings"))
      #expect(left.first?.integer(0) == 0)
    }
  }
}
