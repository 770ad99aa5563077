import Crypto
public import Domain
public import Foundation

/// The audit trail in a database. Entries are added and read here; no statement changes or takes
/// away one, and `verify` finds where somebody else did.
public struct SQLAuditTrail: AuditTrail {
  private let database: any SQLDatabase
  private let now: @Sendable () -> Date

  public init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Date = { Date() }) {
    self.database = database
    self.now = now
  }

  private static let last = "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1"
  /// A number that is taken means that another writer was faster, where a database lets several
  /// write at once.
  private static let insert = """
    INSERT INTO audit (number, at_microseconds, event, previous, hash)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (number) DO NOTHING
    """
  private static let page = """
    SELECT number, at_microseconds, event, previous, hash FROM audit
    WHERE number > $1 ORDER BY number LIMIT $2
    """
  private static let older = """
    SELECT number, at_microseconds, event, previous, hash FROM audit
    WHERE number < $1 ORDER BY number DESC LIMIT $2
    """

  /// Of writers that meet one always wins, so this is far more than enough.
  private static let tries = 100
  private static let pageSize = 500

  @discardableResult
  public func append(_ event: AuditEvent) async throws(StoreError) -> AuditEntry {
    for attempt in 0..<Self.tries {
      let link = try await database.transaction { [now] transaction throws(StoreError) in
        let row = try transaction.query(SQLStatement(Self.last)).first
        let last = row.map { (number: $0.integer(0) ?? 0, hash: $0.text(1) ?? "") }
        let link = try AuditLink(event, at: now(), after: last, sha256: Self.sha256)
        let added = try transaction.change(
          SQLStatement(
            Self.insert,
            [
              .integer(link.number), .integer(link.microseconds), .text(link.event),
              .text(link.previous), .text(link.hash),
            ]))
        return added == 1 ? link : nil
      }
      if let link { return try link.entry() }
      let pause = Duration.microseconds(Int64.random(in: 0...Int64(min(attempt + 1, 20) * 500)))
      guard (try? await Task.sleep(for: pause)) != nil else { break }
    }
    throw StoreError(
      code: .locked, detail: "the audit trail is being written by others without a pause.")
  }

  public func entries(after: Int64, limit: Int) async throws(StoreError) -> [AuditEntry] {
    var entries: [AuditEntry] = []
    for link in try await links(after: after, limit: limit) { entries.append(try link.entry()) }
    return entries
  }

  public func entries(before: Int64?, limit: Int) async throws(StoreError) -> [AuditEntry] {
    var entries: [AuditEntry] = []
    for link in try await links(Self.older, from: before ?? .max, limit: limit) {
      entries.append(try link.entry())
    }
    return entries
  }

  /// Reads the whole trail, a page at a time.
  public func verify() async throws(StoreError) -> AuditVerification {
    var check = AuditCheck(sha256: Self.sha256)
    var after = Int64.min
    while true {
      let links = try await links(after: after, limit: Self.pageSize)
      for link in links { check.read(link) }
      guard links.count == Self.pageSize, let next = links.last?.number else { break }
      after = next
    }
    return check.verification
  }

  private func links(after: Int64, limit: Int) async throws(StoreError) -> [AuditLink] {
    try await links(Self.page, from: after, limit: limit)
  }

  private func links(
    _ text: String, from number: Int64, limit: Int
  ) async throws(StoreError) -> [AuditLink] {
    let rows = try await database.query(
      SQLStatement(text, [.integer(number), .number(max(0, limit))]))
    return rows.map { row in
      // A column of another type was put there by another hand, and fails the check.
      AuditLink(
        number: row.integer(0) ?? 0, microseconds: row.integer(1) ?? 0, event: row.text(2) ?? "",
        previous: row.text(3) ?? "", hash: row.text(4) ?? "")
    }
  }

  static func sha256(_ bytes: [UInt8]) -> String { Hexadecimal.of(SHA256.hash(data: bytes)) }
}
