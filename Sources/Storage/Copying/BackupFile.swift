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

  private static let unfinished = ".unfinished-"
  private var unfinished: String { path + Self.unfinished + String(getpid()) }

  /// Writes what is committed at one moment, while others go on reading and writing, and reads the
  /// file again to compare it with that.
  /// - Parameters:
  ///   - replacing: whether a file that is there may give way.
  ///   - spared: files that may not give way all the same.
  /// - Throws: `.refused` where the place is one of a database in use; also where it is there all the
  ///   same, cannot be written, or proves damaged. The place is as it was then.
  public func write(
    _ database: any SQLDatabase, replacing: Bool = false, sparing spared: [String] = []
  ) async throws(StoreError) -> [CopiedTableReport] {
    try refuseWhatIsInUse(database, spared)
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
      let read: [Read]
      DatabaseFiles.sweep(before: path + Self.unfinished, after: "")
      if let embedded = database as? SQLiteDatabase {
        read = try await copy(embedded)
      } else {
        read = try await copy(database)
      }
      let reports = try await Blocking.run(path) {
        try DatabaseFiles.check(unfinished)
        return zip(read, try DatabaseFiles.digests(of: unfinished)).map {
          CopiedTableReport(table: $0.table, source: $0.digest, target: $1.digest)
        }
      }
      guard reports.count == read.count, reports.allSatisfy(\.isEqual) else {
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

  private typealias Read = (table: String, digest: TableDigest)

  /// A backup in the place of a database would destroy it, whatever name it is called by: what
  /// commits lie in its log is lost, and who serves goes on with a file that has no name.
  private func refuseWhatIsInUse(
    _ database: any SQLDatabase, _ spared: [String]
  ) throws(StoreError) {
    var sources = spared
    if let source = (database as? SQLiteDatabase)?.path {
      sources += DatabaseFiles.beside.map { source + $0 } + [source + ".lock"]
    }
    for source in sources where DatabaseFiles.isSame(path, source) {
      throw StoreError(
        code: .refused,
        detail:
          "\(path) is \(source), which Stet itself uses; a backup there would destroy it. Give "
          + "another place, on another disk where you can.")
    }
    for place in Set([path, DatabaseFiles.real(path)]) {
      for log in ["-wal", "-shm"] where access(place + log, F_OK) == 0 {
        throw StoreError(
          code: .refused,
          detail: "\(path) is a database in use: \(place + log) is beside it. Give another place.")
      }
    }
  }

  /// By a connection that reads only: writers go on meanwhile, and it sees one state.
  private func copy(_ database: SQLiteDatabase) async throws(StoreError) -> [Read] {
    // Brings it up to date first, so that a backup is always of this schema.
    _ = try await database.schemaVersion()
    return try await Blocking.run(path) {
      let connection = try SQLiteFile(database.path, patience: .seconds(30)).openForReading()
      defer { try? connection.close() }
      return try connection.writeWithoutTransaction { source in
        var read: [Read] = []
        try source.inTransaction(.deferred) {
          read = try fill(from: SQLiteStatements(database: source, path: database.path))
          return .commit
        }
        return read
      }
    }
  }

  /// In one transaction that sees one moment, piece by piece.
  private func copy(_ database: any SQLDatabase) async throws(StoreError) -> [Read] {
    _ = try await database.schemaVersion()
    return try await database.transaction { transaction throws(StoreError) in
      try transaction.change(
        SQLStatement("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
      return try fill(from: transaction)
    }
  }

  private func fill(
    from transaction: any SQLTransaction
  ) throws(StoreError) -> [Read] {
    // The transaction may be run again from its start.
    try make()
    do {
      let file = try SQLiteFile(unfinished, patience: .seconds(5)).open()
      defer { try? file.close() }
      return try file.writeWithoutTransaction { database in
        let target = SQLiteStatements(database: database, path: unfinished)
        var digests: [Read] = []
        // The whole is put onto the disk at its end.
        try database.execute(sql: "PRAGMA synchronous = OFF")
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
