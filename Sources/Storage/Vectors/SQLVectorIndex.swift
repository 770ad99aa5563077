public import Domain
import Synchronization

/// An index of vectors in a database, searched exactly and in memory, so that it finds the same on
/// SQLite and on PostgreSQL. The vectors are encrypted: much of a text can be told from its vector.
///
/// A scope is read when it is first asked for, and again once anybody has changed it.
public final class SQLVectorIndex: VectorIndex {
  private let database: any SQLDatabase
  private let vault: Vault
  private let memory: ByteCount
  private let blocks = Mutex(Blocks())

  private struct Blocks {
    var kept: [String: (mark: Int64, block: VectorBlock)] = [:]
    /// Used longest ago first.
    var order: [String] = []
    var bytes = 0

    mutating func remove(_ scope: String) {
      if let old = kept.removeValue(forKey: scope) { bytes -= old.block.byteCount }
      order.removeAll { $0 == scope }
    }
  }

  /// - Parameter memory: of the scopes that are kept open for the next question.
  public init(_ database: any SQLDatabase, vault: Vault, memory: ByteCount = .mebibytes(256)) {
    self.database = database
    self.vault = vault
    self.memory = memory
  }

  /// The mark is another after each change, also where a scope went and came again.
  private static let marking = """
    INSERT INTO vector_scopes (scope, mark, dimension) VALUES ($1, $2, $3)
    ON CONFLICT (scope) DO UPDATE SET mark = excluded.mark
    RETURNING dimension
    """
  private static let upsert = """
    INSERT INTO reviewer_vectors (scope, key, body) VALUES ($1, $2, $3)
    ON CONFLICT (scope, key) DO UPDATE SET body = excluded.body
    """
  private static let look = "SELECT mark, dimension FROM vector_scopes WHERE scope = $1"
  private static let page = """
    SELECT key, body FROM reviewer_vectors WHERE scope = $1 AND key > $2 ORDER BY key LIMIT 1000
    """
  private static let batch = 500

  static func purpose(_ scope: String, _ key: String) -> String { "vector \(scope) \(key)" }

  public func store(
    _ vectors: [String: [Float]], in scope: String
  ) async throws(StoreError) {
    let ordered = vectors.sorted { $0.key < $1.key }
    guard let dimension = ordered.first?.value.count else { return }
    guard dimension > 0, ordered.allSatisfy({ $0.value.count == dimension }) else {
      throw StoreError(code: .failed, detail: "the vectors of \(scope) differ in their dimension.")
    }
    for piece in ordered.pieces(of: Self.batch) {
      var statements: [SQLStatement] = []
      for (key, vector) in piece {
        let sealed = try vault.seal(VectorBytes.bytes(vector), for: Self.purpose(scope, key))
        statements.append(
          SQLStatement(Self.upsert, [.plain(scope), .plain(key), .bytes(sealed)]))
      }
      let (mark, rows) = (Int64.random(in: 1 ... .max), statements)
      try await database.transaction { transaction throws(StoreError) in
        let known = try transaction.query(
          SQLStatement(
            Self.marking, [.plain(scope), .integer(mark), .number(dimension)])
        ).first?.integer(0)
        guard known == Int64(dimension) else {
          throw StoreError(
            code: .failed,
            detail: "the vectors of \(scope) have \(known ?? 0) numbers each, and new ones of "
              + "\(dimension) cannot be compared with them.")
        }
        for row in rows { try transaction.change(row) }
      }
    }
  }

  public func nearest(
    to vector: [Float], count: Int, in scope: String
  ) async throws(StoreError) -> [(key: String, score: Float)] {
    guard let block = try await block(scope) else { return [] }
    guard block.dimension == vector.count else {
      throw StoreError(
        code: .failed,
        detail: "the vectors of \(scope) have \(block.dimension) numbers each, and one of "
          + "\(vector.count) cannot be compared with them.")
    }
    return block.nearest(to: vector, count: count).map { (block.keys[$0.place], $0.score) }
  }

  public func remove(scope: String) async throws(StoreError) {
    blocks.withLock { $0.remove(scope) }
    try await database.transaction {
      [erasing = database.dialect.erasing] transaction
        throws(StoreError) in
      for statement in erasing { _ = try transaction.query(SQLStatement(statement)) }
      try transaction.change(
        SQLStatement("DELETE FROM reviewer_vectors WHERE scope = $1", [.plain(scope)]))
      try transaction.change(
        SQLStatement("DELETE FROM vector_scopes WHERE scope = $1", [.plain(scope)]))
    }
    try await database.eraseFreed()
  }

  public func remove(_ keys: [String], in scope: String) async throws(StoreError) {
    guard !keys.isEmpty else { return }
    let mark = SQLStatement(
      "UPDATE vector_scopes SET mark = $1 WHERE scope = $2",
      [.integer(Int64.random(in: 1 ... .max)), .plain(scope)])
    try await database.transaction {
      [erasing = database.dialect.erasing] transaction
        throws(StoreError) in
      for statement in erasing { _ = try transaction.query(SQLStatement(statement)) }
      try transaction.change(mark)
      for key in keys {
        try transaction.change(
          SQLStatement(
            "DELETE FROM reviewer_vectors WHERE scope = $1 AND key = $2",
            [.plain(scope), .plain(key)]))
      }
    }
    try await database.eraseFreed()
  }

  public func scopes() async throws(StoreError) -> [String] {
    try await database.query(SQLStatement("SELECT scope FROM vector_scopes"))
      .compactMap { $0.text(0) }
  }

  // MARK: Memory

  private func block(_ scope: String) async throws(StoreError) -> VectorBlock? {
    let row = try await database.query(SQLStatement(Self.look, [.plain(scope)])).first
    guard let mark = row?.integer(0), let dimension = row?.integer(1) else {
      blocks.withLock { $0.remove(scope) }
      return nil
    }
    let known = blocks.withLock { blocks -> VectorBlock? in
      guard let known = blocks.kept[scope], known.mark == mark else { return nil }
      blocks.order.removeAll { $0 == scope }
      blocks.order.append(scope)
      return known.block
    }
    if let known { return known }
    let block = try await read(scope, dimension: Int(clamping: dimension))
    blocks.withLock { blocks in
      blocks.remove(scope)
      guard block.byteCount <= memory.value else { return }
      blocks.kept[scope] = (mark, block)
      blocks.order.append(scope)
      blocks.bytes += block.byteCount
      while blocks.bytes > memory.value, let oldest = blocks.order.first { blocks.remove(oldest) }
    }
    return block
  }

  private func read(_ scope: String, dimension: Int) async throws(StoreError) -> VectorBlock {
    var keys: [String] = []
    var vectors: [[Float]] = []
    var last = ""
    while true {
      let rows = try await database.query(
        SQLStatement(Self.page, [.plain(scope), .plain(last)]))
      for row in rows {
        guard let key = row.text(0), let sealed = row.bytes(1) else { continue }
        last = key
        let bytes = try vault.open(sealed, for: Self.purpose(scope, key))
        guard let vector = VectorBytes.vector(bytes), vector.count == dimension else {
          throw StoreError(code: .corrupt, detail: "a vector of \(scope) is damaged.")
        }
        keys.append(key)
        vectors.append(vector)
      }
      if rows.count < 1_000 { break }
    }
    return VectorBlock(keys: keys, dimension: dimension) { vectors[$0] }
  }
}
