public import Domain
import Foundation
import GRDB

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A copy of a whole database in one SQLite file, whichever database it is of. It is written beside
/// its place, 0600, and takes its name once it is whole and on disk.
public struct BackupFile: Sendable {
  public let path: String

  public init(path: String) { self.path = path }

  private var unfinished: String { "\(path).unfinished-\(getpid())" }

  /// Writes what is committed at one moment, while others go on reading and writing.
  /// - Parameter replacing: whether a file that is there may give way.
  /// - Throws: where it is there all the same, cannot be written, or proves damaged; the place is as
  ///   it was then.
  public func write(
    _ database: any SQLDatabase, replacing: Bool = false
  ) async throws(StoreError) -> [CopiedTableReport] {
    if !replacing, access(path, F_OK) == 0 {
      throw StoreError(
        code: .conflict, detail: "\(path) is there already; give another name, or --force.")
    }
    if let source = try await database.unfinishedCopy() {
      throw StoreError(
        code: .conflict,
        detail: "\(database.place) holds a copy from \(source) that is not finished; finish it "
          + "first.")
    }
    do throws(StoreError) {
      let reports: [CopiedTableReport]
      if let embedded = database as? SQLiteDatabase {
        reports = try await copy(embedded)
      } else {
        reports = try await copy(database)
      }
      guard reports.allSatisfy(\.isEqual) else {
        throw StoreError(
          code: .corrupt, detail: "the copy does not hold what the database does; try again.")
      }
      try await Blocking.run(path) { try finish() }
      return reports
    } catch {
      DatabaseFiles.remove(unfinished)
      throw error
    }
  }

  private func copy(_ database: SQLiteDatabase) async throws(StoreError) -> [CopiedTableReport] {
    // Brings it up to date first, so that a backup is always of this schema.
    _ = try await database.schemaVersion()
    return try await Blocking.run(path) {
      try make()
      let file = SQLiteFile(database.path, patience: .seconds(30))
      let connection = try file.openForReading()
      defer { try? connection.close() }
      try connection.writeWithoutTransaction { database in
        // One statement reads one state, whatever is committed meanwhile.
        try database.execute(sql: "VACUUM INTO ?", arguments: [unfinished])
      }
      // What a server has written since is not in the copy, so there is nothing to compare with:
      // SQLite's own check has to do.
      try DatabaseFiles.check(unfinished)
      return try DatabaseFiles.digests(of: unfinished).map {
        CopiedTableReport(table: $0.table, source: $0.digest, target: $0.digest)
      }
    }
  }

  /// In one transaction that sees one moment, piece by piece.
  private func copy(_ database: any SQLDatabase) async throws(StoreError) -> [CopiedTableReport] {
    _ = try await database.schemaVersion()
    let read = try await database.transaction { transaction throws(StoreError) in
      try transaction.change(
        SQLStatement("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
      return try fill(from: transaction)
    }
    return try await Blocking.run(path) {
      try DatabaseFiles.check(unfinished)
      let written = try DatabaseFiles.digests(of: unfinished)
      return zip(read, written).map {
        CopiedTableReport(table: $0.table, source: $0.digest, target: $1.digest)
      }
    }
  }

  private func fill(
    from transaction: any SQLTransaction
  ) throws(StoreError) -> [(table: String, digest: TableDigest)] {
    // The transaction may be run again from its start.
    DatabaseFiles.remove(unfinished)
    do {
      let file = try SQLiteFile(unfinished, patience: .seconds(5)).open()
      defer { try? file.close() }
      return try file.writeWithoutTransaction { database in
        let target = SQLiteStatements(database: database, path: unfinished)
        var digests: [(table: String, digest: TableDigest)] = []
        for table in try CopiedTable.tables(try target.query(CopiedTable.all)) {
          var reading = TableReading(table)
          var digest = TableDigest()
          while let rows = try reading.next(in: transaction) {
            for row in rows { digest.add(row) }
            try database.inTransaction {
              try target.change(table.insert(rows))
              return .commit
            }
          }
          digests.append((table.name, digest))
        }
        return digests
      }
    } catch { throw SQLiteFile.storeError(error, path: path) }
  }

  /// Empty and ours alone: SQLite would make it readable for everyone.
  private func make() throws(StoreError) {
    DatabaseFiles.remove(unfinished)
    let descriptor = open(unfinished, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw StoreError(
        code: .unwritable,
        detail: "\(path) cannot be written (\(String(cString: strerror(errno)))); choose another "
          + "place.")
    }
    close(descriptor)
  }

  private func finish() throws {
    try DatabaseFiles.settle(unfinished)
    guard rename(unfinished, path) == 0 else {
      throw StoreError(
        code: .unwritable,
        detail: "\(path) cannot be written (\(String(cString: strerror(errno)))).")
    }
    DatabaseFiles.syncFolder(of: path)
  }
}

/// Work that blocks, off the threads that everything else runs on.
enum Blocking {
  private static let queue = DispatchQueue(label: "stet.copying")

  static func run<T: Sendable>(
    _ path: String, _ body: @escaping @Sendable () throws -> T
  ) async throws(StoreError) -> T {
    let answer: Result<T, StoreError> = await withCheckedContinuation { reply in
      queue.async {
        do { reply.resume(returning: .success(try body())) } catch {
          reply.resume(returning: .failure(SQLiteFile.storeError(error, path: path)))
        }
      }
    }
    return try answer.get()
  }
}
