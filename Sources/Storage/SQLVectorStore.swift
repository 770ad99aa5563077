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
        guard let key = row.text(0), let vector = Self.vector(row.bytes(1) ?? []) else { continue }
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
          [.plain(key), present, .number(vector.count * 4), .bytes(Self.bytes(vector))])
      })
    try await bound.wrote(ordered.reduce(0) { $0 + $1.value.count * 4 })
  }

  /// Each number as four bytes of IEEE 754, the lowest first.
  private static func bytes(_ vector: [Float]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(vector.count * 4)
    for number in vector {
      let bits = number.bitPattern
      bytes.append(UInt8(truncatingIfNeeded: bits))
      bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
      bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
      bytes.append(UInt8(truncatingIfNeeded: bits >> 24))
    }
    return bytes
  }

  /// `nil` where the row is damaged: the text is embedded again then.
  private static func vector(_ bytes: [UInt8]) -> [Float]? {
    guard !bytes.isEmpty, bytes.count % 4 == 0 else { return nil }
    var vector: [Float] = []
    vector.reserveCapacity(bytes.count / 4)
    for start in stride(from: 0, to: bytes.count, by: 4) {
      let bits =
        UInt32(bytes[start]) | UInt32(bytes[start + 1]) << 8 | UInt32(bytes[start + 2]) << 16
        | UInt32(bytes[start + 3]) << 24
      let number = Float(bitPattern: bits)
      guard number.isFinite else { return nil }
      vector.append(number)
    }
    return vector
  }
}
