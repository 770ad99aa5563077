public import Domain

/// What was learned of repositories, in a database.
public struct SQLOutcomeFilterStore: OutcomeFilterStore {
  private let database: any SQLDatabase

  public init(_ database: any SQLDatabase) { self.database = database }

  private static let insert = """
    INSERT INTO outcome_filters (repository, version, used, body) VALUES ($1, $2, 0, $3)
    ON CONFLICT (repository, version) DO NOTHING
    """
  private static let all = """
    SELECT version, body FROM outcome_filters WHERE repository = $1 ORDER BY version DESC
    """
  private static let one = """
    SELECT version, body FROM outcome_filters WHERE repository = $1 AND used = 1
    """
  private static let drop = "UPDATE outcome_filters SET used = 0 WHERE repository = $1 AND used = 1"
  private static let take =
    "UPDATE outcome_filters SET used = 1 WHERE repository = $1 AND version = $2"

  public func save(_ filter: OutcomeFilter) async throws(StoreError) {
    let added = try await database.change([
      SQLStatement(
        Self.insert,
        [
          .plain(Self.key(filter.repository)), .number(filter.version),
          .text(try StoredJSON.text(filter, named: "the filter of \(filter.repository)")),
        ])
    ])
    guard added.first == 1 else {
      throw StoreError(
        code: .conflict,
        detail: "version \(filter.version) of the filter of \(filter.repository) is there already.")
    }
  }

  public func filters(
    of repository: RepositoryName
  ) async throws(StoreError) -> [OutcomeFilter] {
    var filters: [OutcomeFilter] = []
    for row in try await database.query(SQLStatement(Self.all, [.plain(Self.key(repository))])) {
      filters.append(try Self.decode(row, repository))
    }
    return filters
  }

  public func used(of repository: RepositoryName) async throws(StoreError) -> OutcomeFilter? {
    let rows = try await database.query(SQLStatement(Self.one, [.plain(Self.key(repository))]))
    guard let row = rows.first else { return nil }
    return try Self.decode(row, repository)
  }

  public func use(
    version: Int?, of repository: RepositoryName
  ) async throws(StoreError) {
    let key = SQLValue.plain(Self.key(repository))
    var statements = [SQLStatement(Self.drop, [key])]
    if let version { statements.append(SQLStatement(Self.take, [key, .number(version)])) }
    try await database.change(statements)
  }

  /// Forges compare names without regard to case.
  private static func key(_ repository: RepositoryName) -> String { "\(repository)".lowercased() }

  private static func decode(
    _ row: SQLRow, _ repository: RepositoryName
  ) throws(StoreError) -> OutcomeFilter {
    try StoredJSON.value(row.text(1) ?? "", named: "the filter of \(repository)")
  }
}
