public import Domain

/// A table of which `body` is sealed by the `Vault`.
struct SealedTable: Sendable {
  var name: String
  /// The columns of its primary key.
  var keys: [String]
  /// What a row is sealed for, by the values of its key.
  var purpose: @Sendable (SQLRow) -> String

  /// Every one of them. What is not here cannot be read any more once its key is gone.
  static let all: [SealedTable] = [
    SealedTable(name: "sign_ins", keys: ["state"]) { SQLSignInStore.purpose($0.text(0) ?? "") },
    SealedTable(name: "account_links", keys: ["forge", "account"]) {
      SQLAccountLinkStore.purpose($0.text(0) ?? "", $0.integer(1) ?? 0)
    },
    SealedTable(name: "consents", keys: ["forge", "repository", "account"]) {
      SQLConsentStore.purpose($0.text(0) ?? "", $0.text(1) ?? "", $0.integer(2) ?? 0)
    },
    SealedTable(name: "reviewers", keys: ["forge", "repository", "account"]) {
      SQLReviewerStore.purpose($0.text(0) ?? "", $0.text(1) ?? "", $0.integer(2) ?? 0)
    },
    SealedTable(name: "reviewer_examples", keys: ["reviewer", "id"]) {
      SQLReviewerStore.purpose(ofExample: $0.text(1) ?? "", of: $0.text(0) ?? "")
    },
    SealedTable(name: "reviewer_vectors", keys: ["scope", "key"]) {
      SQLVectorIndex.purpose($0.text(0) ?? "", $0.text(1) ?? "")
    },
    SealedTable(name: "gatherings", keys: ["gathering", "number"]) {
      SQLGatheringStore.purpose($0.text(0) ?? "", $0.integer(1) ?? 0)
    },
  ]

  private var names: String { keys.joined(separator: ", ") }

  /// The next rows with their keys first.
  func page(after last: [SQLValue]?, count: Int) -> SQLStatement {
    var text = "SELECT \(names), body FROM \(name)"
    if let last {
      let places = last.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
      text += keys.count == 1 ? " WHERE \(names) > \(places)" : " WHERE (\(names)) > (\(places))"
    }
    return SQLStatement(text + " ORDER BY \(names) LIMIT \(count)", last ?? [])
  }

  /// Changes nothing where somebody has written it anew meanwhile.
  func replacement(of sealed: [UInt8], by new: [UInt8], key: [SQLValue]) -> SQLStatement {
    let places = keys.enumerated().map { "\($1) = $\($0 + 3)" }.joined(separator: " AND ")
    return SQLStatement(
      "UPDATE \(name) SET body = $1 WHERE body = $2 AND \(places)",
      [.bytes(new), .bytes(sealed)] + key)
  }
}

/// Has everything that is encrypted follow a turn of `STET_SECRET_KEY`, so that the older key can be
/// left away.
public struct SQLResealing: Sendable {
  private let database: any SQLDatabase
  private let vault: Vault
  private let tables: [SealedTable]

  public init(_ database: any SQLDatabase, vault: Vault) {
    self.init(database, vault: vault, tables: SealedTable.all)
  }

  init(_ database: any SQLDatabase, vault: Vault, tables: [SealedTable]) {
    self.database = database
    self.vault = vault
    self.tables = tables
  }

  private static let batch = 200

  /// Seals with the newest key what an older one has sealed.
  /// - Returns: how many values.
  /// - Throws: `.refused` where one was sealed with a key that is not given.
  @discardableResult
  public func run() async throws(StoreError) -> Int {
    var resealed = 0
    for table in tables {
      var last: [SQLValue]?
      while true {
        let rows = try await database.query(table.page(after: last, count: Self.batch))
        var changes: [SQLStatement] = []
        for row in rows {
          // What a sign-in held that has ended is not there any more.
          guard let sealed = row.bytes(table.keys.count), !sealed.isEmpty,
            !vault.isCurrent(sealed)
          else { continue }
          let purpose = table.purpose(row)
          let plain = try vault.open(sealed, for: purpose)
          changes.append(
            table.replacement(
              of: sealed, by: try vault.seal(plain, for: purpose),
              key: Array(row.values.prefix(table.keys.count))))
        }
        if !changes.isEmpty {
          resealed += try await database.change(changes).reduce(0, +)
        }
        guard rows.count == Self.batch, let end = rows.last else { break }
        last = Array(end.values.prefix(table.keys.count))
      }
    }
    return resealed
  }

  /// How many values are encrypted, with whatever key.
  public func count() async throws(StoreError) -> Int {
    var count = 0
    for table in tables {
      let rows = try await database.query(
        SQLStatement("SELECT count(*) FROM \(table.name) WHERE length(body) > 0"))
      count += Int(rows.first?.integer(0) ?? 0)
    }
    return count
  }

  /// Takes all of it away, for where its key is lost. - Returns: how many rows.
  @discardableResult
  public func removeAll() async throws(StoreError) -> Int {
    try await database.change(tables.map { SQLStatement("DELETE FROM \($0.name)") }).reduce(0, +)
  }
}
