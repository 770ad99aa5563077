public import Domain
public import Foundation

/// What Stet has posted on each pull request, in a database.
public struct SQLPublicationStore: PublicationStore {
  private let database: any SQLDatabase
  private let now: @Sendable () -> Date

  public init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Date = { Date() }) {
    self.database = database
    self.now = now
  }

  private static let one = """
    SELECT body FROM publications WHERE forge = $1 AND repository = $2 AND number = $3
    """
  private static let insert = """
    INSERT INTO publications (forge, repository, number, version, updated_at, body)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (forge, repository, number) DO NOTHING
    """
  private static let update = """
    UPDATE publications SET version = $1, updated_at = $2, body = $3
    WHERE forge = $4 AND repository = $5 AND number = $6 AND version = $7
    """

  public func publication(
    on forge: String, of reference: PullRequestReference
  ) async throws(StoreError) -> Publication? {
    let statement = SQLStatement(Self.one, Self.place(forge, reference))
    guard let row = try await database.query(statement).first else { return nil }
    return try StoredJSON.value(
      row.text(0) ?? "", named: "what was posted on \(forge):\(reference)")
  }

  public func save(_ publication: Publication) async throws(StoreError) -> Publication {
    var next = publication
    next.version += 1
    let name = "\(publication.forge):\(publication.reference)"
    let body = SQLValue.text(try StoredJSON.text(next, named: "what was posted on \(name)"))
    let place = Self.place(publication.forge, publication.reference)
    let version = SQLValue.number(next.version)
    let statement =
      publication.version == 0
      ? SQLStatement(Self.insert, place + [version, .time(now()), body])
      : SQLStatement(
        Self.update, [version, .time(now()), body] + place + [.number(publication.version)])
    guard try await database.change([statement]).first == 1 else {
      throw StoreError(
        code: .conflict,
        detail: "what was posted on \(name) was changed by another worker meanwhile.")
    }
    return next
  }

  /// Forges compare owner and name without regard to case, so one pull request has one row.
  private static func place(_ forge: String, _ reference: PullRequestReference) -> [SQLValue] {
    [
      .text(forge), .text(reference.repository.description.lowercased()),
      .number(reference.number),
    ]
  }
}
