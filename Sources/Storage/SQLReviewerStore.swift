public import Domain
import Foundation

/// Learned reviewers and their examples in a database, encrypted. Repositories are known in lower
/// case, people by their numbers.
public struct SQLReviewerStore: ReviewerStore {
  private let database: any SQLDatabase
  private let vault: Vault

  public init(_ database: any SQLDatabase, vault: Vault) {
    self.database = database
    self.vault = vault
  }

  private static let place = "WHERE forge = $1 AND repository = $2 AND account = $3"
  private static let one = "SELECT body FROM reviewers \(place)"
  private static let insert = """
    INSERT INTO reviewers (forge, repository, account, id, version, gathered_at, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (forge, repository, account) DO NOTHING
    """
  private static let update = """
    UPDATE reviewers SET version = $1, gathered_at = $2, body = $3
    WHERE forge = $4 AND repository = $5 AND account = $6 AND id = $7 AND version = $8
    """
  private static let all = "SELECT forge, repository, account, body FROM reviewers"
  private static let upsert = """
    INSERT INTO reviewer_examples (reviewer, id, body) VALUES ($1, $2, $3)
    ON CONFLICT (reviewer, id) DO UPDATE SET body = excluded.body
    """
  private static let page = """
    SELECT id, body FROM reviewer_examples WHERE reviewer = $1 AND id > $2 ORDER BY id LIMIT 500
    """
  private static let removal = "DELETE FROM reviewer_examples WHERE reviewer = $1"
  private static let orphans = """
    FROM reviewer_examples WHERE reviewer NOT IN (SELECT id FROM reviewers)
    """
  private static let batch = 200

  static func purpose(_ forge: String, _ repository: String, _ account: Int64) -> String {
    "reviewer \(forge) \(repository) \(account)"
  }
  static func purpose(ofExample id: String, of reviewer: String) -> String {
    "example \(reviewer) \(id)"
  }

  private static func repository(_ name: RepositoryName) -> String {
    name.description.lowercased()
  }
  private static func key(_ identity: ReviewerIdentity) -> [SQLValue] {
    [
      .plain(identity.forge), .plain(repository(identity.repository)),
      .integer(identity.user.id),
    ]
  }
  private static func purpose(_ identity: ReviewerIdentity) -> String {
    purpose(identity.forge, repository(identity.repository), identity.user.id)
  }

  // MARK: Reviewers

  public func save(
    _ reviewer: LearnedReviewer
  ) async throws(StoreError) -> LearnedReviewer {
    var next = reviewer
    next.version += 1
    let key = Self.key(next.identity)
    let body = SQLValue.bytes(
      try sealed(next, "the reviewer \(next.id)", for: Self.purpose(next.identity)))
    let statement =
      reviewer.version == 0
      ? SQLStatement(
        Self.insert,
        key + [.plain(next.id), .number(next.version), .optional(next.gatheredAt), body])
      : SQLStatement(
        Self.update,
        [.number(next.version), .optional(next.gatheredAt), body] + key
          + [.plain(next.id), .number(reviewer.version)])
    guard try await database.change([statement]).first == 1 else {
      throw StoreError(
        code: .conflict,
        detail: "the reviewer \(next.id) was changed or forgotten by another worker meanwhile.")
    }
    return next
  }

  public func reviewer(
    _ identity: ReviewerIdentity
  ) async throws(StoreError) -> LearnedReviewer? {
    let rows = try await database.query(SQLStatement(Self.one, Self.key(identity)))
    guard let body = rows.first?.bytes(0) else { return nil }
    return try opened(
      body, "the reviewer \(identity.user.id)", for: Self.purpose(identity))
  }

  public func reviewers(
    of repository: RepositoryName?
  ) async throws(StoreError) -> [LearnedReviewer] {
    let statement =
      repository.map {
        SQLStatement(Self.all + " WHERE repository = $1", [.plain(Self.repository($0))])
      } ?? SQLStatement(Self.all)
    var found: [LearnedReviewer] = []
    for row in try await database.query(statement) {
      let purpose = Self.purpose(row.text(0) ?? "", row.text(1) ?? "", row.integer(2) ?? 0)
      found.append(try opened(row.bytes(3) ?? [], "a reviewer", for: purpose))
    }
    return found.sorted {
      (Self.repository($0.identity.repository), $0.identity.user.login.lowercased())
        < (Self.repository($1.identity.repository), $1.identity.user.login.lowercased())
    }
  }

  // MARK: Examples

  public func add(
    _ examples: [ReviewExample], to reviewer: String
  ) async throws(StoreError) {
    // Held until the rows are there: whoever forgets the reviewer at the same time finds them, or is
    // first, and none is written.
    let owner = SQLStatement(
      "SELECT version FROM reviewers WHERE id = $1" + database.dialect.lockingRows,
      [.plain(reviewer)])
    for piece in examples.sorted(by: { $0.id < $1.id }).pieces(of: Self.batch) {
      var statements: [SQLStatement] = []
      for example in piece {
        let body = try sealed(
          example, "an example", for: Self.purpose(ofExample: example.id, of: reviewer))
        statements.append(
          SQLStatement(Self.upsert, [.plain(reviewer), .plain(example.id), .bytes(body)]))
      }
      let rows = statements
      let isThere = try await database.transaction { transaction throws(StoreError) -> Bool in
        guard try !transaction.query(owner).isEmpty else { return false }
        for row in rows { try transaction.change(row) }
        return true
      }
      if !isThere { return }
    }
  }

  public func examples(of reviewer: String) async throws(StoreError) -> [ReviewExample] {
    var examples: [ReviewExample] = []
    var last = ""
    while true {
      let rows = try await database.query(
        SQLStatement(Self.page, [.plain(reviewer), .plain(last)]))
      for row in rows {
        last = row.text(0) ?? ""
        examples.append(
          try opened(
            row.bytes(1) ?? [], "an example", for: Self.purpose(ofExample: last, of: reviewer)))
      }
      if rows.count < 500 { break }
    }
    return examples.sorted { ($0.at, $0.id) < ($1.at, $1.id) }
  }

  public func removeExamples(of reviewer: String) async throws(StoreError) {
    try await erase([SQLStatement(Self.removal, [.plain(reviewer)])])
  }

  public func remove(
    _ examples: [String], of reviewer: String
  ) async throws(StoreError) {
    guard !examples.isEmpty else { return }
    try await erase(
      examples.map { SQLStatement(Self.removal + " AND id = $2", [.plain(reviewer), .plain($0)]) })
  }

  public func removeOrphans() async throws(StoreError) -> Int {
    let rows = try await database.query(SQLStatement("SELECT count(*) " + Self.orphans))
    guard let count = rows.first?.integer(0), count > 0 else { return 0 }
    try await erase([SQLStatement("DELETE " + Self.orphans)])
    return Int(clamping: count)
  }

  public func forget(_ identity: ReviewerIdentity) async throws(StoreError) {
    let key = Self.key(identity)
    // Waits for whoever is adding to it.
    let held = SQLStatement(
      "SELECT id FROM reviewers \(Self.place)" + database.dialect.lockingRows, key)
    try await erase(
      [
        SQLStatement(
          "DELETE FROM reviewer_examples WHERE reviewer IN (SELECT id FROM reviewers \(Self.place))",
          key),
        SQLStatement("DELETE FROM reviewers \(Self.place)", key),
      ], holding: held)
  }

  /// Deletes so that nothing of it is left in the file.
  private func erase(
    _ statements: [SQLStatement], holding held: SQLStatement? = nil
  ) async throws(StoreError) {
    try await database.transaction {
      [erasing = database.dialect.erasing] transaction
        throws(StoreError) in
      for statement in erasing { _ = try transaction.query(SQLStatement(statement)) }
      if let held { _ = try transaction.query(held) }
      for statement in statements { try transaction.change(statement) }
    }
    try await database.eraseFreed()
  }

  // MARK: Sealing

  private func sealed(
    _ value: some Encodable, _ name: String, for purpose: String
  ) throws(StoreError) -> [UInt8] {
    try vault.seal(Array(try StoredJSON.text(value, named: name).utf8), for: purpose)
  }

  private func opened<T: Decodable>(
    _ body: [UInt8], _ name: String, for purpose: String
  ) throws(StoreError) -> T {
    let text = try vault.open(body, for: purpose)
    return try StoredJSON.value(String(decoding: text, as: UTF8.self), named: name)
  }
}
