import Domain
import Foundation
import TestKit
import Testing

@testable import Storage

@Suite struct AuditTrailTests {
  @Test func inMemory() async throws {
    let clock = TestClock()
    try await auditTrailContract(InMemoryAuditTrail { clock.now }, clock)
  }

  /// The hash was computed by another program from the description in `docs/data.md`, so that an
  /// auditor needs no Stet, and no later Stet can change it unnoticed.
  @Test func theHashIsAsDocumented() throws {
    let event = AuditEvent(
      actor: "github:octocat", action: "review.posted", place: "github:octo/hello#7",
      decidedBy: "model:m", run: "r1", facts: ["findings": "2"])
    let link = try AuditLink(
      event, at: Date(timeIntervalSince1970: 1_700_000_000.25), after: nil,
      sha256: SQLAuditTrail.sha256)
    #expect(
      link.event
        == #"{"action":"review.posted","actor":"github:octocat","decidedBy":"model:m","#
        + #""facts":{"findings":"2"},"place":"github:octo/hello#7","run":"r1"}"#)
    #expect(link.hash == "e3742cc7d307a24bd2bca420c84cf4103b2cf25ab48c40fdd8ed0ce016531b50")
  }

  /// Connections of one process lock each other out as those of several do.
  @Test func severalProcessesKeepOneChain() async throws {
    try await withFolder { folder in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for process in 0..<5 {
          group.addTask {
            let database = SQLiteDatabase(path: folder + "/a.db", patience: .seconds(60))
            let trail = SQLAuditTrail(database)
            for number in 0..<20 {
              try await trail.append(Samples.auditEvent(process * 100 + number))
            }
          }
        }
        try await group.waitForAll()
      }
      let trail = SQLAuditTrail(SQLiteDatabase(path: folder + "/a.db"))
      let verification = try await trail.verify()
      #expect(verification.entries == 100)
      #expect(verification.brokenAt == nil)
    }
  }

  /// Entries 1...`count`, written at once.
  private func fill(_ database: SQLiteDatabase, _ count: Int) async throws {
    var last: (number: Int64, hash: String)?
    var statements: [SQLStatement] = []
    for number in 1...count {
      let at = Date(timeIntervalSince1970: 1_700_000_000 + Double(number))
      let link = try AuditLink(
        Samples.auditEvent(number), at: at, after: last, sha256: SQLAuditTrail.sha256)
      statements.append(
        SQLStatement(
          "INSERT INTO audit VALUES ($1, $2, $3, $4, $5)",
          [
            .integer(link.number), .integer(link.microseconds), .text(link.event),
            .text(link.previous), .text(link.hash),
          ]))
      last = (link.number, link.hash)
    }
    try await database.change(statements)
  }

  @Test func aLongTrailIsReadPageByPage() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await fill(database, 1_500)
      let trail = SQLAuditTrail(database)
      let verification = try await trail.verify()
      #expect(verification.entries == 1_500)
      #expect(verification.brokenAt == nil)
      let last = try await trail.entries(after: 1_499, limit: 5)
      #expect(last.map(\.hash) == [verification.head])

      try await database.change([
        SQLStatement("UPDATE audit SET at_microseconds = at_microseconds + 1 WHERE number = 1234")
      ])
      #expect(try await trail.verify().brokenAt == 1_234)
      #expect(try await trail.verify().entries == 1_500)
    }
  }

  struct Tampering: Sendable, CustomTestStringConvertible {
    var name: String
    var statements: [String]
    var brokenAt: Int64
    var entries: Int64 = 10
    var testDescription: String { name }
  }

  static let tamperings = [
    Tampering(
      name: "an event is changed",
      statements: [
        "UPDATE audit SET event = replace(event, 'octocat', 'mallory') WHERE number = 4"
      ],
      brokenAt: 4),
    Tampering(
      name: "only its spelling is changed",
      statements: ["UPDATE audit SET event = event || ' ' WHERE number = 4"], brokenAt: 4),
    Tampering(
      name: "the first is changed",
      statements: ["UPDATE audit SET event = '{}' WHERE number = 1"], brokenAt: 1),
    Tampering(
      name: "the last is changed",
      statements: ["UPDATE audit SET event = '{}' WHERE number = 10"], brokenAt: 10),
    Tampering(
      name: "a time is changed",
      statements: ["UPDATE audit SET at_microseconds = at_microseconds - 1 WHERE number = 7"],
      brokenAt: 7),
    Tampering(
      name: "a hash is changed",
      statements: ["UPDATE audit SET hash = previous WHERE number = 3"], brokenAt: 3),
    Tampering(
      name: "a link is changed",
      statements: ["UPDATE audit SET previous = hash WHERE number = 3"], brokenAt: 3),
    Tampering(
      name: "one is taken out", statements: ["DELETE FROM audit WHERE number = 5"], brokenAt: 6,
      entries: 9),
    Tampering(
      name: "the first is taken out", statements: ["DELETE FROM audit WHERE number = 1"],
      brokenAt: 2, entries: 9),
    Tampering(
      name: "one is taken out and the others move up",
      statements: [
        "DELETE FROM audit WHERE number = 5",
        "UPDATE audit SET number = -number WHERE number > 5",
        "UPDATE audit SET number = -number - 1 WHERE number < 0",
      ], brokenAt: 5, entries: 9),
    Tampering(
      name: "two change places",
      statements: [
        "UPDATE audit SET number = 99 WHERE number = 5",
        "UPDATE audit SET number = 5 WHERE number = 6",
        "UPDATE audit SET number = 6 WHERE number = 99",
      ], brokenAt: 5),
    Tampering(
      name: "one is put in at the end",
      statements: [
        "INSERT INTO audit SELECT 11, at_microseconds, event, hash, hash FROM audit "
          + "WHERE number = 10"
      ], brokenAt: 11, entries: 11),
    Tampering(
      name: "one is put in before the first",
      statements: [
        "INSERT INTO audit SELECT -3, at_microseconds, event, previous, hash FROM audit "
          + "WHERE number = 1"
      ], brokenAt: -3, entries: 11),
    Tampering(
      name: "a text becomes bytes",
      statements: ["UPDATE audit SET event = x'7b7d' WHERE number = 2"], brokenAt: 2),
  ]

  @Test(arguments: tamperings)
  func tamperingIsFound(_ tampering: Tampering) async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await fill(database, 10)
      let trail = SQLAuditTrail(database)
      #expect(try await trail.verify().brokenAt == nil)
      try await database.change(tampering.statements.map { SQLStatement($0) })
      let verification = try await trail.verify()
      #expect(verification.brokenAt == tampering.brokenAt)
      #expect(verification.entries == tampering.entries)
    }
  }

  /// Cutting off the end leaves a chain that holds: the head, kept elsewhere, tells.
  @Test func whatIsCutOffTheEndShowsInTheHead() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await fill(database, 10)
      let trail = SQLAuditTrail(database)
      let before = try await trail.verify()
      try await database.change([SQLStatement("DELETE FROM audit WHERE number > 8")])
      let after = try await trail.verify()
      #expect(after.brokenAt == nil)
      #expect(after.entries == 8)
      #expect(after.head != before.head)
    }
  }

  @Test func anEntryThatCannotBeReadIsNamed() async throws {
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      try await fill(database, 3)
      try await database.change([SQLStatement("UPDATE audit SET event = '{' WHERE number = 2")])
      let error = await #expect(throws: StoreError.self) {
        try await SQLAuditTrail(database).entries(after: 0, limit: 5)
      }
      #expect(error?.code == .corrupt)
      #expect(error?.detail.contains("audit entry 2") == true)
    }
  }

  @Test func noStatementOfOursChangesOrTakesAwayAnEntry() throws {
    let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Sources").standardizedFileURL
    let files = try #require(
      FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
    var read = 0
    for case let file as URL in files where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8).lowercased()
        .split(whereSeparator: \.isWhitespace).joined(separator: " ")
      read += 1
      for forbidden in ["update audit ", "delete from audit", "replace into audit", "table audit "]
      where text.contains(forbidden) {
        #expect(
          forbidden == "table audit " && file.lastPathComponent == "0009-audit.swift",
          "\(file.lastPathComponent): \(forbidden)")
      }
    }
    #expect(read > 100)
  }
}
