public import Domain
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Puts what a backup holds into a database of either kind. The backup itself is not changed. Nobody
/// may serve from the database meanwhile; whoever calls has seen to it.
public struct DatabaseRestore: Sendable {
  private let file: String

  /// - Parameter file: as `BackupFile` writes it; of an older schema too.
  public init(file: String) { self.file = file }

  /// Puts it into the place of an SQLite database: all of it or nothing.
  /// - Parameters:
  ///   - replacing: whether a database that holds something may give way. Its files stay beside it,
  ///     under `NAME.before-restore`, or with a number where that is taken: none is ever removed.
  ///   - kept: told where those files are.
  public func run(
    into database: SQLiteDatabase, replacing: Bool = false,
    kept: @escaping @Sendable (_ path: String) -> Void = { _ in }
  ) async throws(StoreError) -> [CopiedTableReport] {
    let path = database.path
    let new = "\(path).restoring"
    if access(path, F_OK) == 0 {
      if !replacing {
        // Opened, since an empty one is no loss.
        try await refuseWhatHoldsSomething(database)
      }
      await database.close()
    }
    do throws(StoreError) {
      return try await Blocking.run(path) {
        let reports = try copied(to: new)
        try DatabaseFiles.settle(new)
        if let old = try Self.exchange(path, new) { kept(old) }
        return reports
      }
    } catch {
      DatabaseFiles.remove(new)
      throw error
    }
  }

  /// Copies it into a database of another kind, which must be empty unless it is to be replaced. An
  /// interrupted one is gone on with when it is called again.
  /// - Parameters:
  ///   - folder: where a copy of the backup may lie meanwhile.
  ///   - alone: as of `DatabaseCopy.run`.
  public func run(
    into database: any SQLDatabase, folder: String, replacing: Bool = false,
    alone: () async throws(StoreError) -> Void = {},
    progress: @escaping @Sendable (_ table: String, _ rows: Int) -> Void = { _, _ in }
  ) async throws(StoreError) -> [CopiedTableReport] {
    let copy = "\(folder)/\(Self.copyName)\(getpid()).db"
    DatabaseFiles.sweep(before: "\(folder)/\(Self.copyName)", after: ".db")
    defer { DatabaseFiles.remove(copy) }
    _ = try await Blocking.run(file) { try copied(to: copy) }
    let source = SQLiteDatabase(path: copy)
    let name = URL(fileURLWithPath: file).standardizedFileURL.path
    let result: Result<[CopiedTableReport], StoreError>
    do throws(StoreError) {
      result = .success(
        try await DatabaseCopy(from: source, named: name, to: database, progress: progress)
          .run(replacing: replacing, alone: alone))
    } catch { result = .failure(error) }
    await source.close()
    return try result.get()
  }

  private static let copyName = "restoring-"

  private func refuseWhatHoldsSomething(_ database: SQLiteDatabase) async throws(StoreError) {
    _ = try await database.schemaVersion()
    let tables = try CopiedTable.tables(try await database.query(CopiedTable.all))
    for table in tables where !DatabaseCopy.byThemselves.contains(table.name) {
      guard try await table.isEmpty(in: database) else {
        throw StoreError(
          code: .conflict,
          detail: "\(database.path) holds data already; --force puts the backup into its place and "
            + "keeps what was there beside it.")
      }
    }
  }

  /// A copy of the file that holds the same and holds together. It blocks.
  private func copied(to path: String) throws -> [CopiedTableReport] {
    _ = try DatabaseFiles.schema(of: file)
    var facts = stat()
    if stat(file + "-wal", &facts) == 0, facts.st_size > 0 {
      throw StoreError(
        code: .conflict,
        detail:
          "\(file) is a database in use, and a part of it is in \(file)-wal; make a backup of "
          + "it with `stet backup`.")
    }
    try DatabaseFiles.check(file)
    try DatabaseFiles.copy(file, to: path)
    let reports = zip(try DatabaseFiles.digests(of: file), try DatabaseFiles.digests(of: path)).map
    {
      CopiedTableReport(table: $0.table, source: $0.digest, target: $1.digest)
    }
    guard reports.allSatisfy(\.isEqual) else {
      throw StoreError(
        code: .corrupt, detail: "the copy of \(file) does not hold what the file does; try again.")
    }
    return reports
  }

  /// The old files go aside, the new one takes the name. Where that stops in between, the old ones
  /// are there under their other name, and the restore can be run again.
  /// - Returns: where the old ones are; `nil` where there were none.
  private static func exchange(_ path: String, _ new: String) throws(StoreError) -> String? {
    let aside = "\(path).before-restore"
    var (old, number) = (aside, 1)
    func isTaken(_ path: String) -> Bool {
      DatabaseFiles.beside.contains { access(path + $0, F_OK) == 0 }
    }
    while isTaken(old) {
      number += 1
      old = "\(aside)-\(number)"
    }
    let isThere = access(path, F_OK) == 0
    if isThere {
      for end in ["", "-wal"] where access(path + end, F_OK) == 0 {
        guard rename(path + end, old + end) == 0 else { throw unwritable(path + end) }
      }
    }
    // A log without its file is what a restore left that stopped here.
    if !isThere, access(path + "-wal", F_OK) == 0, number > 1 {
      let last = number == 2 ? aside : "\(aside)-\(number - 1)"
      if access(last + "-wal", F_OK) != 0 { rename(path + "-wal", last + "-wal") }
    }
    unlink(path + "-wal")
    unlink(path + "-shm")
    guard rename(new, path) == 0 else { throw unwritable(path) }
    DatabaseFiles.syncFolder(of: path)
    return isThere ? old : nil
  }

  private static func unwritable(_ path: String) -> StoreError {
    StoreError(
      code: .unwritable,
      detail: "\(path) cannot be written (\(String(cString: strerror(errno)))); check the "
        + "permissions of its folder.")
  }
}
