import Crypto
public import Domain
import Foundation

/// Copies everything from an SQLite database, which nobody changes meanwhile, into an empty database
/// of either kind, table by table and piece by piece, and compares both at the end.
///
/// Each piece and the note of it are one transaction of the target, so that a copy that was
/// interrupted goes on where it stood. Where the source has changed since, it begins anew.
public struct DatabaseCopy: Sendable {
  private let source: any SQLDatabase
  private let target: any SQLDatabase
  private let name: String
  /// Told of each table and of how many rows of it are there.
  private let progress: @Sendable (_ table: String, _ rows: Int) -> Void

  /// Tables that a server fills by itself, which are no reason to refuse a target.
  static let byThemselves: Set = [
    "keys", "schedules", "job_turns", "job_rates", "limits", "uses",
  ]

  /// - Parameters:
  ///   - source: an SQLite database.
  ///   - name: of the source, the same when an interrupted copy is gone on with; by default its place.
  public init(
    from source: any SQLDatabase, named name: String? = nil, to target: any SQLDatabase,
    progress: @escaping @Sendable (_ table: String, _ rows: Int) -> Void = { _, _ in }
  ) {
    self.source = source
    self.target = target
    self.name = name ?? source.place
    self.progress = progress
  }

  /// - Parameter replacing: throws away what the target holds first; else a target that holds
  ///   anything but a copy of the same source that was begun is refused.
  /// - Returns: every table in the order of copying. Where one is not equal, the note that the copy
  ///   is not finished stays.
  public func run(replacing: Bool = false) async throws(StoreError) -> [CopiedTableReport] {
    let present = try await source.schemaVersion()
    let version = try await target.schemaVersion()
    guard present == version else {
      throw StoreError(
        code: .newerSchema,
        detail: "\(source.place) has schema \(present) and \(target.place) \(version); run "
          + "`stet migrate` on both with the same Stet.")
    }
    let tables = try CopiedTable.tables(try await source.query(CopiedTable.all))
    var digests: [TableDigest] = []
    for table in tables { digests.append(try await table.digest(in: source)) }

    let copy = CopyProgress(source: name, state: Self.state(tables, digests))
    try await prepare(tables, copy, replacing: replacing)
    for table in tables { try await add(table, copy) }

    var reports: [CopiedTableReport] = []
    for (table, digest) in zip(tables, digests) {
      reports.append(
        CopiedTableReport(
          table: table.name, source: digest, target: try await table.digest(in: target)))
    }
    if reports.allSatisfy(\.isEqual) { try await CopyProgress.end(in: target) }
    return reports
  }

  private func prepare(
    _ tables: [CopiedTable], _ copy: CopyProgress, replacing: Bool
  ) async throws(StoreError) {
    if let begun = try await CopyProgress.read(target) {
      if begun == copy { return }
      guard replacing || begun.source == copy.source else {
        throw StoreError(
          code: .conflict,
          detail: "a copy from \(begun.source) into \(target.place) was begun and not finished; "
            + "finish that one, or choose an empty database.")
      }
    } else if !replacing {
      for table in tables where !Self.byThemselves.contains(table.name) {
        guard try await table.isEmpty(in: target) else {
          throw StoreError(
            code: .conflict,
            detail: "\(target.place) holds data already (in the table \(table.name)); nothing was "
              + "copied. Choose an empty database.")
        }
      }
    }
    // Noted first: what is half thrown away must not be served either.
    try await copy.begin(in: target)
    for table in tables.reversed() { try await table.clear(in: target) }
  }

  private func add(_ table: CopiedTable, _ copy: CopyProgress) async throws(StoreError) {
    var (after, copied) = try await copy.place(of: table, in: target)
    while true {
      if Task.isCancelled {
        throw StoreError(code: .cancelled, detail: "the copy was stopped; run it again to go on.")
      }
      var reading = TableReading(table, after: after)
      guard let rows = try await reading.next(in: source) else { return }
      let (insert, last, count) = (table.insert(rows), reading.after, copied + rows.count)
      try await target.transaction { transaction throws(StoreError) in
        try transaction.change(insert)
        try copy.note(table, after: last, copied: count, in: transaction)
      }
      (after, copied) = (last, count)
      progress(table.name, copied)
    }
  }

  private static func state(_ tables: [CopiedTable], _ digests: [TableDigest]) -> String {
    let text = zip(tables, digests).map { "\($0.name) \($1.rows) \($1.hash)\n" }.joined()
    return Hexadecimal.of(SHA256.hash(data: Data(text.utf8)))
  }
}
