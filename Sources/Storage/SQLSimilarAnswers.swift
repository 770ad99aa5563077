public import Domain
public import Foundation

/// In which words issues were answered, in a database: sets of hashes, never the words themselves.
/// What was not used for longest goes first.
public struct SQLSimilarAnswers: SimilarAnswers {
  private let database: any SQLDatabase
  private let bound: SQLSizeBound
  private let now: @Sendable () -> Date

  /// - Parameter limit: of the sets' own bytes.
  public init(
    _ database: any SQLDatabase, limit: ByteCount = .mebibytes(32),
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.database = database
    self.now = now
    bound = SQLSizeBound(database, table: "wordings", limit: limit)
  }

  private static let listing = """
    SELECT key, body FROM wordings WHERE scope = $1 ORDER BY last_used_at DESC, key LIMIT $2
    """
  private static let upsert = """
    INSERT INTO wordings (key, scope, last_used_at, bytes, body) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (key) DO UPDATE SET
      scope = excluded.scope, last_used_at = excluded.last_used_at, bytes = excluded.bytes,
      body = excluded.body
    """

  public func wordings(
    in scope: String, limit: Int
  ) async throws(StoreError) -> [(key: String, wording: IssueWording)] {
    let rows = try await database.query(
      SQLStatement(Self.listing, [.plain(scope), .number(max(0, limit))]))
    return rows.compactMap { row in
      guard let key = row.text(0), let wording = Self.wording(row.bytes(1) ?? []) else {
        return nil
      }
      return (key, wording)
    }
  }

  public func remember(
    _ wording: IssueWording, as key: String, in scope: String
  ) async throws(StoreError) {
    let body = Self.bytes(wording)
    guard bound.fits(body.count) else { return }
    try await database.change([
      SQLStatement(
        Self.upsert,
        [.plain(key), .plain(scope), .time(now()), .number(body.count), .bytes(body)])
    ])
    try await bound.wrote(body.count)
  }

  /// The number of the title's words, then both sets, each number as four bytes, the lowest first.
  private static func bytes(_ wording: IssueWording) -> [UInt8] {
    ([UInt32(wording.title.count)] + wording.title + wording.text).flatMap { number in
      [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: number >> $0) }
    }
  }

  /// `nil` where the row is damaged: it stands for no answer then.
  private static func wording(_ bytes: [UInt8]) -> IssueWording? {
    guard bytes.count >= 4, bytes.count % 4 == 0 else { return nil }
    let numbers = stride(from: 0, to: bytes.count, by: 4).map { start in
      (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
    }
    let titles = Int(numbers[0])
    guard titles < numbers.count else { return nil }
    return IssueWording(
      title: Array(numbers[1..<1 + titles]), text: Array(numbers[(1 + titles)...]))
  }
}
