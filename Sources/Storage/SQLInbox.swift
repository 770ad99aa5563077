import Crypto
import Dispatch
public import Domain
public import Jobs

/// Deliveries in a database, compressed, each with the job that will look at it.
public struct SQLInbox: Inbox {
  private let database: any SQLDatabase
  private let jobs: JobStatements
  private let insert: String
  private let insertJob: String
  private let clock = DatabaseClock()
  private let signal: JobSignal?

  /// - Parameter signal: rung when a delivery was accepted.
  public init(_ database: any SQLDatabase, signal: JobSignal? = nil) {
    self.database = database
    self.signal = signal
    jobs = JobStatements(database.dialect)
    // Both columns are unique, and either may be in the way.
    insert = """
      INSERT INTO deliveries (id, event, meaning, received_at, job, bytes, sha256, body)
      VALUES ($1, $2, $3, \(database.dialect.now), $4, $5, $6, $7)
      ON CONFLICT DO NOTHING
      """
    let (id, job) = (AddingStatements.width + 1, AddingStatements.width + 2)
    insertJob = jobs.adding.insert(
      1, where: " AND EXISTS (SELECT 1 FROM deliveries WHERE id = $\(id) AND job = $\(job))")
  }

  private static let present = "SELECT id FROM deliveries WHERE id = $1 OR meaning = $2"
  private static let link = "UPDATE deliveries SET job = $1 WHERE id = $2"
  private static let one =
    "SELECT id, event, meaning, bytes, sha256, body FROM deliveries WHERE id = $1"

  /// A webhook takes a fraction of a millisecond; the cooperative pool has as few threads as the
  /// machine has cores, and one large body must not hold them up.
  private static let packing = DispatchQueue(
    label: "stet.inbox.pack", attributes: .concurrent)

  public func accept(
    _ delivery: Delivery, enqueuing job: NewJob
  ) async throws(StoreError) -> Acceptance {
    let packed = try await Self.packed(delivery.body)
    guard let new = try AdmittedJob.all([job], at: try await clock.now(database)).first else {
      throw StoreError(code: .failed, detail: "a delivery needs a job.")
    }
    let store = SQLStatement(
      insert,
      [
        .plain(delivery.id), .plain(delivery.event), .plain(delivery.meaning), .text(new.id),
        .number(delivery.body.count), .text(packed.hash), .bytes(packed.body),
      ])
    let acceptance =
      new.isPlain && new.job.uniqueKey == nil
      ? try await acceptPlainly(delivery, new, store) : try await accept(delivery, new, store)
    if case .accepted = acceptance { signal?.ring() }
    return acceptance
  }

  /// Two statements that need no answer between them: the job is stored where its delivery was.
  private func acceptPlainly(
    _ delivery: Delivery, _ new: AdmittedJob, _ store: SQLStatement
  ) async throws(StoreError) -> Acceptance {
    let job = SQLStatement(insertJob, new.row() + [.plain(delivery.id), .text(new.id)])
    guard try await database.change([store, job]).first == 1 else {
      let rows = try await database.query(Self.present(delivery))
      return .duplicate(of: rows.first?.text(0) ?? delivery.id)
    }
    return .accepted(job: new.id)
  }

  /// The job may be there already, and others may have to give way to it.
  private func accept(
    _ delivery: Delivery, _ new: AdmittedJob, _ store: SQLStatement
  ) async throws(StoreError) -> Acceptance {
    let jobs = jobs
    return try await database.transaction { transaction throws(StoreError) in
      guard try transaction.change(store) == 1 else {
        let rows = try transaction.query(Self.present(delivery))
        return .duplicate(of: rows.first?.text(0) ?? delivery.id)
      }
      let id = try JobChanges(jobs, transaction).add([new]).first?.id ?? new.id
      if id != new.id {
        try transaction.change(SQLStatement(Self.link, [.text(id), .plain(delivery.id)]))
      }
      return .accepted(job: id)
    }
  }

  private static func present(_ delivery: Delivery) -> SQLStatement {
    SQLStatement(present, [.plain(delivery.id), .plain(delivery.meaning)])
  }

  public func delivery(id: String) async throws(StoreError) -> Delivery? {
    let rows = try await database.query(SQLStatement(Self.one, [.plain(id)]))
    guard let row = rows.first else { return nil }
    let body = try await Self.unpacked(row, id: id)
    return Delivery(
      id: row.text(0) ?? id, event: row.text(1) ?? "", meaning: row.text(2) ?? "", body: body)
  }

  private struct Packed: Sendable {
    var body: [UInt8]
    var hash: String
  }

  private static func packed(_ body: [UInt8]) async throws(StoreError) -> Packed {
    try await offPool { () throws(StoreError) in
      Packed(body: try Compression.deflate(body), hash: hash(body))
    }
  }

  private static func unpacked(_ row: SQLRow, id: String) async throws(StoreError) -> [UInt8] {
    try await offPool { () throws(StoreError) in
      do throws(StoreError) {
        let body = try Compression.inflate(
          row.bytes(5) ?? [], count: Int(row.integer(3) ?? -1))
        if hash(body) == row.text(4) { return body }
      } catch {}
      throw StoreError(code: .corrupt, detail: "the stored body of the delivery \(id) is damaged.")
    }
  }

  private static func offPool<T: Sendable>(
    _ body: @escaping @Sendable () throws(StoreError) -> T
  ) async throws(StoreError) -> T {
    let answer: Result<T, StoreError> = await withCheckedContinuation { reply in
      packing.async {
        do throws(StoreError) { reply.resume(returning: .success(try body())) } catch {
          reply.resume(returning: .failure(error))
        }
      }
    }
    return try answer.get()
  }

  private static func hash(_ body: [UInt8]) -> String {
    Hexadecimal.of(SHA256.hash(data: body))
  }
}
