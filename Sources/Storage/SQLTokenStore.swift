public import Domain
public import Foundation

/// API tokens in a database, by the hash of their text alone.
public struct SQLTokenStore: TokenStore {
  private let database: any SQLDatabase

  public init(_ database: any SQLDatabase) { self.database = database }

  private static let columns = "id, name, scope, hash, created_at, expires_at, revoked_at"
  /// One hash has one row, and what was revoked stays so.
  private static let upsert = """
    INSERT INTO tokens (\(columns))
    SELECT $1, $2, $3, $4, CAST($5 AS DOUBLE PRECISION), CAST($6 AS DOUBLE PRECISION),
      CAST($7 AS DOUBLE PRECISION)
    WHERE NOT EXISTS (SELECT 1 FROM tokens WHERE hash = $4 AND id <> $1)
    ON CONFLICT (id) DO UPDATE SET
      name = excluded.name, scope = excluded.scope, hash = excluded.hash,
      created_at = excluded.created_at, expires_at = excluded.expires_at,
      revoked_at = coalesce(tokens.revoked_at, excluded.revoked_at)
    """
  private static let one = "SELECT \(columns) FROM tokens WHERE hash = $1"
  private static let all = "SELECT \(columns) FROM tokens ORDER BY created_at, id"
  private static let revoke =
    "UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL"

  public func save(_ token: APIToken) async throws(StoreError) {
    let statement = SQLStatement(
      Self.upsert,
      [
        .text(token.id), .plain(token.name), .text(token.scope.rawValue), .text(token.hash),
        .time(token.createdAt), .optional(token.expiresAt), .optional(token.revokedAt),
      ])
    guard try await database.change([statement]).first == 1 else {
      throw StoreError(
        code: .conflict, detail: "another token has the text of the token \(token.id).")
    }
  }

  public func token(hash: String) async throws(StoreError) -> APIToken? {
    let rows = try await database.query(SQLStatement(Self.one, [.plain(hash)]))
    guard let row = rows.first else { return nil }
    return try Self.decode(row)
  }

  public func tokens() async throws(StoreError) -> [APIToken] {
    var tokens: [APIToken] = []
    for row in try await database.query(SQLStatement(Self.all)) {
      tokens.append(try Self.decode(row))
    }
    return tokens
  }

  public func revoke(id: String, at: Date) async throws(StoreError) -> Bool {
    let changed = try await database.change([
      SQLStatement(Self.revoke, [.time(at), .plain(id)])
    ])
    return changed.first == 1
  }

  private static func decode(_ row: SQLRow) throws(StoreError) -> APIToken {
    // A scope that this Stet does not know gives no right at all, hence no token.
    guard let id = row.text(0), let name = row.text(1), let hash = row.text(3),
      let scope = row.text(2).flatMap(APIToken.Scope.init(rawValue:)), let created = row.time(4)
    else {
      throw StoreError(
        code: .corrupt,
        detail: "the token \(row.text(0) ?? "?") is stored in a form that this Stet cannot read; "
          + "a newer one may have written it.")
    }
    return APIToken(
      id: id, name: name, scope: scope, hash: hash, createdAt: created, expiresAt: row.time(5),
      revokedAt: row.time(6))
  }
}
