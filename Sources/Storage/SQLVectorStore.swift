public import Domain
public import Foundation

/// Vectors of texts in a database, bounded in size: what was not used for longest goes first.
public struct SQLVectorStore: VectorStore {
  private let database: any SQLDatabase
  private let bound: SQLSizeBound
  private let now: @Sendable () -> Date

  /// - Parameter limit: of the vectors' own bytes; one of 1,536 numbers has 6 KiB.
  public init(
    _ database: any SQLDatabase, limit: ByteCount = .mebibytes(256),
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.database = database
    self.now = now
    bound = SQLSizeBound(database, table: "vectors", limit: limit)
  }

  private static let upsert = """
    INSERT INTO vectors (key, last_used_at, bytes, body) VALUES ($1, $2, $3, $4)
    ON CONFLICT (key) DO UPDATE SET
      last_used_at = excluded.last_used_at, bytes = excluded.bytes, body = excluded.body
    """
  private static let touch = "UPDATE vectors SET last_used_at = $1 WHERE key = $2"
  /// A use is written down at most once a day, since each note is a commit to disk.
  private static let noteEvery: TimeInterval = 86_400

  public func vectors(for keys: [String]) async throws(StoreError) -> [String: [Float]] {
    var found: [String: [Float]] = [:]
    var used: [SQLStatement] = []
    let present = now()
    for piece in Array(Set(keys)).sorted().pieces(of: SQLText.largestBatch) {
      let size = SQLText.batch(for: piece.count)
      let rows = try await database.query(
        SQLStatement(
          "SELECT key, body, last_used_at FROM vectors WHERE key IN "
            + "(\(SQLText.placeholders(size)))",
          SQLText.values(piece.map { [.plain($0)] })))
      for row in rows {
        // A damaged one is made anew.
        guard let key = row.text(0), let vector = VectorBytes.vector(row.bytes(1) ?? []) else {
          continue
        }
        found[key] = vector
        if present.timeIntervalSince1970 - (row.real(2) ?? 0) > Self.noteEvery {
          used.append(SQLStatement(Self.touch, [.time(present), .plain(key)]))
        }
      }
    }
    if !used.isEmpty { try await database.change(used) }
    return found
  }

  public func store(_ vectors: [String: [Float]]) async throws(StoreError) {
    let present = SQLValue.time(now())
    // In the order of their keys, as locks go everywhere.
    let ordered = vectors.sorted { $0.key < $1.key }.filter { bound.fits($0.value.count * 4) }
    guard !ordered.isEmpty else { return }
    try await database.change(
      ordered.map { key, vector in
        SQLStatement(
          Self.upsert,
          [.plain(key), present, .number(vector.count * 4), .bytes(VectorBytes.bytes(vector))])
      })
    try await bound.wrote(ordered.reduce(0) { $0 + $1.value.count * 4 })
  }
}
