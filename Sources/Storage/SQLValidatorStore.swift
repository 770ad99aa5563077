public import Domain
public import Foundation

/// Answers of forges with their validators in a database, bounded in size. What fails here costs a
/// request and nothing else, so no error leaves it.
public struct SQLValidatorStore: ValidatorStore {
  private let database: any SQLDatabase
  private let bound: SQLSizeBound
  private let largest: ByteCount
  private let now: @Sendable () -> Date

  /// - Parameters:
  ///   - limit: of all that is kept; the file is somewhat larger.
  ///   - largest: an answer with a longer body is not kept: it would drive out many small ones.
  public init(
    _ database: any SQLDatabase, limit: ByteCount = .mebibytes(64),
    largest: ByteCount = .mebibytes(2), now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.database = database
    self.largest = largest
    self.now = now
    bound = SQLSizeBound(database, table: "validators", limit: limit)
  }

  private static let one = """
    SELECT etag, headers, body, body_bytes, last_used_at FROM validators WHERE key = $1
    """
  private static let touch = "UPDATE validators SET last_used_at = $1 WHERE key = $2"
  private static let forget = "DELETE FROM validators WHERE key = $1"
  private static let upsert = """
    INSERT INTO validators (key, last_used_at, bytes, etag, headers, body_bytes, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (key) DO UPDATE SET
      last_used_at = excluded.last_used_at, bytes = excluded.bytes, etag = excluded.etag,
      headers = excluded.headers, body_bytes = excluded.body_bytes, body = excluded.body
    """

  /// A use is written down at most once in six hours, since each note is a commit to disk.
  private static let noteEvery: TimeInterval = 6 * 3_600

  public func answer(for key: String) async -> ValidatedAnswer? {
    guard let row = try? await database.query(SQLStatement(Self.one, [.text(key)])).first else {
      return nil
    }
    guard let etag = row.text(0), let packed = row.bytes(2), let count = row.integer(3),
      let body = try? Compression.inflate(packed, count: Int(clamping: count)),
      let headers: [String: String] = try? StoredJSON.value(row.text(1) ?? "", named: "headers")
    else {
      await drop(key)
      return nil
    }
    let present = now()
    if present.timeIntervalSince1970 - (row.real(4) ?? 0) > Self.noteEvery {
      _ = try? await database.change([SQLStatement(Self.touch, [.time(present), .text(key)])])
    }
    return ValidatedAnswer(etag: etag, body: body, headers: headers)
  }

  public func store(_ answer: ValidatedAnswer, for key: String) async {
    guard answer.body.count <= largest.value,
      let headers = try? StoredJSON.text(answer.headers, named: "headers"),
      let packed = try? Compression.deflate(answer.body)
    else { return await drop(key) }
    let bytes = key.utf8.count + answer.etag.utf8.count + headers.utf8.count + packed.count
    guard bound.fits(bytes) else { return await drop(key) }
    let values: [SQLValue] = [
      .text(key), .time(now()), .number(bytes), .plain(answer.etag), .text(headers),
      .number(answer.body.count), .bytes(packed),
    ]
    guard (try? await database.change([SQLStatement(Self.upsert, values)])) != nil else { return }
    try? await bound.wrote(bytes)
  }

  /// Drops the answers about a repository, in which a person's words may stand who is forgotten.
  public func removeAll(of repository: RepositoryName) async throws(StoreError) {
    // `_` stands for any character: what is dropped beside costs a request.
    let pattern = "%/repos/\(repository.description.lowercased())/%"
    try await database.transaction {
      [erasing = database.dialect.erasing] transaction
        throws(StoreError) in
      for statement in erasing { _ = try transaction.query(SQLStatement(statement)) }
      try transaction.change(
        SQLStatement("DELETE FROM validators WHERE lower(key) LIKE $1", [.text(pattern)]))
    }
    try await database.eraseFreed()
  }

  /// What is kept is older than the answer that cannot be: asking by it would fetch that again.
  private func drop(_ key: String) async {
    _ = try? await database.change([SQLStatement(Self.forget, [.text(key)])])
  }
}
