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
  /// - Parameter replacing: whether a database that holds something may give way. Its files stay
  ///   beside it, under `NAME.before-restore`.
  public func run(
    into database: SQLiteDatabase, replacing: Bool = false
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
        try Self.exchange(path, new)
        return reports
      }
    } catch {
      DatabaseFiles.remove(new)
      throw error
    }
  }

  /// Copies it into a database of another kind, which must be empty unless it is to be replaced. An
  /// interrupted one is gone on with when it is called again.
  /// - Parameter folder: where a copy of the backup may lie meanwhile.
  public func run(
    into database: any SQLDatabase, folder: String, replacing: Bool = false,
    progress: @escaping @Sendable (_ table: String, _ rows: Int) -> Void = { _, _ in }
  ) async throws(StoreError) -> [CopiedTableReport] {
    let copy = "\(folder)/restoring-\(getpid()).db"
    _ = try await Blocking.run(file) { try copied(to: copy) }
    let source = SQLiteDatabase(path: copy)
    let name = URL(fileURLWithPath: file).standardizedFileURL.path
    let result: Result<[CopiedTableReport], StoreError>
    do throws(StoreError) {
      result = .success(
        try await DatabaseCopy(from: source, named: name, to: database, progress: progress)
          .run(replacing: replacing))
    } catch { result = .failure(error) }
    await source.close()
    DatabaseFiles.remove(copy)
    return try result.get()
  }

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
  private static func exchange(_ path: String, _ new: String) throws(StoreError) {
    let old = "\(path).before-restore"
    if access(path, F_OK) == 0 {
      DatabaseFiles.remove(old)
      for end in ["", "-wal"] where access(path + end, F_OK) == 0 {
        guard rename(path + end, old + end) == 0 else { throw unwritable(path + end) }
      }
    }
    unlink(path + "-wal")
    unlink(path + "-shm")
    guard rename(new, path) == 0 else { throw unwritable(path) }
    DatabaseFiles.syncFolder(of: path)
  }

  private static func unwritable(_ path: String) -> StoreError {
    StoreError(
      code: .unwritable,
      detail: "\(path) cannot be written (\(String(cString: strerror(errno)))); check the "
        + "permissions of its folder.")
  }
}
