import Crypto
public import Domain
import Foundation

/// Copies everything from an SQLite database, which nobody should change meanwhile, into an empty
/// database of either kind, table by table and piece by piece, and compares both at the end.
///
/// Each piece and the note of it are one transaction of the target, so that a copy that was
/// interrupted goes on where it stood. Where the source has other numbers of rows since, or the
/// comparison has found a difference, it begins anew.
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

  /// - Parameters:
  ///   - replacing: throws away what the target holds first; else a target that holds anything but a
  ///     copy of the same source that was begun is refused.
  ///   - alone: throws where somebody works on the target. Asked when no server can start on it any
  ///     more and nothing of it was changed yet.
  /// - Returns: every table in the order of copying. Where one is not equal, the note that the copy
  ///   is not finished stays.
  public func run(
    replacing: Bool = false, alone: () async throws(StoreError) -> Void = {}
  ) async throws(StoreError) -> [CopiedTableReport] {
    let present = try await source.schemaVersion()
    let version = try await target.schemaVersion()
    guard present == version else {
      throw StoreError(
        code: .newerSchema,
        detail: "\(source.place) has schema \(present) and \(target.place) \(version); run "
          + "`stet migrate` on both with the same Stet.")
    }
    let tables = try CopiedTable.tables(try await source.query(CopiedTable.all))
    // Numbers only, so that copying begins at once, however large the source is; what they do not
    // show is found by the comparison.
    let copy = CopyProgress(source: name, state: try await state(of: tables))
    try await prepare(tables, copy, replacing: replacing, alone)
    for table in tables { try await add(table, copy) }

    let reports = try await comparison(of: tables)
    if reports.allSatisfy(\.isEqual) {
      try await CopyProgress.end(in: target)
    } else {
      // Going on with it would find the same again.
      try await CopyProgress(source: name, state: Self.different).begin(in: target)
    }
    return reports
  }

  private static let different = "different"

  /// The source as it is by now, so that what was added to it while it was copied shows.
  private func comparison(of tables: [CopiedTable]) async throws(StoreError) -> [CopiedTableReport]
  {
    var targets: [TableDigest] = []
    for table in tables { targets.append(try await table.digest(in: target)) }
    // Its tables are read one after the other: this tells whether all were read of one state.
    let before = try await changes()
    var reports: [CopiedTableReport] = []
    for (table, target) in zip(tables, targets) {
      reports.append(
        CopiedTableReport(
          table: table.name, source: try await table.digest(in: source), target: target))
    }
    if try await changes() != before {
      throw StoreError(
        code: .conflict,
        detail: "somebody writes to \(source.place), so \(target.place) may lack something; end "
          + "that, and run this again.")
    }
    return reports
  }

  /// Another number when another connection has committed to the source. Source: sqlite.org,
  /// "PRAGMA data_version".
  private func changes() async throws(StoreError) -> Int64? {
    try await source.query(SQLStatement("PRAGMA data_version")).first?.integer(0)
  }

  private func prepare(
    _ tables: [CopiedTable], _ copy: CopyProgress, replacing: Bool,
    _ alone: () async throws(StoreError) -> Void
  ) async throws(StoreError) {
    let begun = try await CopyProgress.read(target)
    if let begun {
      if begun == copy { return try await alone() }
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
    do throws(StoreError) { try await alone() } catch {
      if begun == nil { try await CopyProgress.end(in: target) }
      throw error
    }
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

  private func state(of tables: [CopiedTable]) async throws(StoreError) -> String {
    var text = ""
    for table in tables {
      let rows = try await source.query(SQLStatement("SELECT count(*) FROM \(table.name)"))
      text += "\(table.name) \(rows.first?.integer(0) ?? 0)\n"
    }
    return Hexadecimal.of(SHA256.hash(data: Data(text.utf8)))
  }
}
