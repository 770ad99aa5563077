public import Domain
import Foundation

/// Run records in a database.
public struct SQLRunStore: RunStore {
  private let database: any SQLDatabase

  public init(_ database: any SQLDatabase) { self.database = database }

  private static let upsert = """
    INSERT INTO runs (id, kind, started_at, seconds, outcome, asked_by, subject, verdict, findings,
      model_calls, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (id) DO UPDATE SET
      kind = excluded.kind, started_at = excluded.started_at, seconds = excluded.seconds,
      outcome = excluded.outcome, asked_by = excluded.asked_by, subject = excluded.subject,
      verdict = excluded.verdict, findings = excluded.findings,
      model_calls = excluded.model_calls, body = excluded.body
    """
  private static let one = "SELECT id, body FROM runs WHERE id = $1"
  private static let newest = "SELECT id, body FROM runs ORDER BY id DESC LIMIT $1"
  private static let older = "SELECT id, body FROM runs WHERE id < $1 ORDER BY id DESC LIMIT $2"

  public func save(_ run: Run) async throws(StoreError) {
    let statement = SQLStatement(
      Self.upsert,
      [
        .text(run.id), .text(run.kind.rawValue), .real(run.startedAt.timeIntervalSince1970),
        .real(run.seconds), .text(run.outcome.rawValue), .text(run.askedBy), .text(run.subject),
        .optional(run.review?.verdict.rawValue), .integer(Int64(run.review?.findings.count ?? 0)),
        .integer(Int64(run.modelCalls.count)), .text(try StoredJSON.text(run, named: run.id)),
      ])
    try await database.change([statement])
  }

  public func run(id: String) async throws(StoreError) -> Run? {
    let rows = try await database.query(SQLStatement(Self.one, [.text(id)]))
    guard let row = rows.first else { return nil }
    return try Self.decode(row)
  }

  public func runs(limit: Int, before: String?) async throws(StoreError) -> [Run] {
    let limit = SQLValue.integer(Int64(max(0, limit)))
    let statement =
      before.map { SQLStatement(Self.older, [.text($0), limit]) }
      ?? SQLStatement(Self.newest, [limit])
    var runs: [Run] = []
    for row in try await database.query(statement) { runs.append(try Self.decode(row)) }
    return runs
  }

  private static func decode(_ row: SQLRow) throws(StoreError) -> Run {
    try StoredJSON.value(row.text(1) ?? "", named: "the run \(row.text(0) ?? "?")")
  }
}

/// The JSON that rows carry. Dates are seconds since 1970, exact to the microsecond.
enum StoredJSON {
  static func text(_ value: some Encodable, named name: String) throws(StoreError) -> String {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .secondsSince1970
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do { return String(decoding: try encoder.encode(value), as: UTF8.self) } catch {
      throw StoreError(code: .failed, detail: "\(name) cannot be written as JSON: \(error)")
    }
  }

  static func value<T: Decodable>(_ text: String, named name: String) throws(StoreError) -> T {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .secondsSince1970
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do { return try decoder.decode(T.self, from: Data(text.utf8)) } catch {
      throw StoreError(
        code: .corrupt,
        detail: "\(name) is stored in a form that this Stet cannot read; a newer one may have "
          + "written it.")
    }
  }
}
