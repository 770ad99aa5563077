import Domain
import Foundation
import GRDB

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Opens a database file, brings its schema up to date, and says in a sentence what is wrong with it.
struct SQLiteFile {
  /// "Stet" in ASCII: tells our files from any other SQLite database.
  static let applicationID = 0x5374_6574

  private let path: String
  private let patience: Duration

  init(_ path: String, patience: Duration) {
    self.path = path
    self.patience = patience
  }

  /// Blocks for a few milliseconds, or up to `patience` where another process is at work.
  func open() throws -> DatabaseQueue {
    try makeFile()
    var configuration = Configuration()
    configuration.busyMode = .timeout(patience.inSeconds)
    configuration.foreignKeysEnabled = true
    configuration.label = "stet"
    let connection = try DatabaseQueue(path: path, configuration: configuration)
    try connection.writeWithoutTransaction { database in
      try migrate(database)
      // Never for a file of somebody else's, hence only now.
      try prepare(database)
    }
    return connection
  }

  /// For a file that `open` has brought up to date. Readers see what is committed, and neither wait
  /// for the writer nor hold it up.
  func openForReading() throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.readonly = true
    configuration.busyMode = .timeout(patience.inSeconds)
    configuration.label = "stet.read"
    return try DatabaseQueue(path: path, configuration: configuration)
  }

  private func makeFile() throws(StoreError) {
    let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    if !folder.isEmpty, access(folder, F_OK) != 0 {
      do {
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true,
          attributes: [.posixPermissions: 0o700])
      } catch {
        throw unwritable("the folder \(folder) cannot be made")
      }
    }
    // SQLite would make it readable for everyone; its -wal and -shm take the permissions of this.
    let file = openFile(path)
    guard file >= 0 else {
      if errno == ENOSPC || errno == EDQUOT { throw Self.full(path) }
      throw unwritable(
        "the database \(path) cannot be written (\(String(cString: strerror(errno))))")
    }
    close(file)
  }

  private func unwritable(_ what: String) -> StoreError {
    StoreError(
      code: .unwritable,
      detail: "\(what): check its permissions, or set STET_DATA_DIR to a folder you can write.")
  }

  /// The schema that the file has; 0 where nobody has written to it yet.
  ///
  /// To be called within a transaction. Another process may be making the file at this moment, and
  /// what is read before and after its commit would look like the file of another program.
  private func schema(_ database: Database) throws -> Int {
    let identifier = try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0
    if identifier != Self.applicationID {
      let objects = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
      guard identifier == 0, objects == 0 else {
        throw StoreError(
          code: .corrupt,
          detail: "\(path) is a database of another program; move it away, or set STET_DATA_DIR to "
            + "another folder.")
      }
      return 0
    }
    let present = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    guard present <= Migration.latest else {
      throw StoreError(
        code: .newerSchema,
        detail: "\(path) was written by a newer Stet (schema \(present), this one knows "
          + "\(Migration.latest)); update Stet, or set STET_DATA_DIR to another folder.")
    }
    return present
  }

  private func prepare(_ database: Database) throws {
    let mode = try retrying { try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL") }
    guard mode == "wal" else {
      throw StoreError(
        code: .failed,
        detail: "\(path) cannot use a write-ahead log, perhaps because it lies on a network "
          + "folder; set STET_DATA_DIR to a local one.")
    }
    try database.execute(sql: "PRAGMA synchronous = FULL")
    guard try Int.fetchOne(database, sql: "PRAGMA synchronous") == 2 else {
      throw StoreError(code: .failed, detail: "\(path) does not keep commits safe on disk.")
    }
  }

  /// Changing the journal mode does not wait for other connections as all else does.
  private func retrying<T>(_ body: () throws -> T) throws -> T {
    let deadline = ContinuousClock.now + patience
    while true {
      do { return try body() } catch let error as DatabaseError
        where error.resultCode == .SQLITE_BUSY && ContinuousClock.now < deadline
      {
        usleep(10_000)
      }
    }
  }

  private func migrate(_ database: Database) throws {
    // Two small reads in the common case, where nothing is to be done and no writer is waited for.
    var present = 0
    try database.inTransaction(.deferred) {
      present = try schema(database)
      return .commit
    }
    guard present != Migration.latest else { return }
    try database.inTransaction(.immediate) {
      // Another process may have done it while we waited.
      let present = try schema(database)
      for migration in Migration.all where migration.number > present {
        for statement in migration.statements { try database.execute(sql: statement) }
      }
      try database.execute(sql: "PRAGMA application_id = \(Self.applicationID)")
      try database.execute(sql: "PRAGMA user_version = \(Migration.latest)")
      return .commit
    }
  }

  static func full(_ path: String) -> StoreError {
    StoreError(
      code: .full,
      detail: "the disk that holds \(path) is full; free some space or set STET_DATA_DIR to a "
        + "folder on another disk.")
  }

  static func storeError(_ error: any Error, path: String) -> StoreError {
    if let error = error as? StoreError { return error }
    guard let error = error as? DatabaseError else {
      return StoreError(code: .failed, detail: "the database \(path) failed: \(error)")
    }
    switch error.resultCode {
    case .SQLITE_FULL: return full(path)
    case .SQLITE_CORRUPT, .SQLITE_NOTADB:
      return StoreError(
        code: .corrupt,
        detail: "the database \(path) is damaged; move it away (with its -wal and -shm files) and "
          + "Stet begins a new one.")
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      return StoreError(
        code: .locked,
        detail: "another process keeps \(path) locked; wait for it to end and try again.")
    case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
      return StoreError(
        code: .unwritable,
        detail: "the database \(path) or its folder cannot be written; check the permissions, or "
          + "set STET_DATA_DIR to a folder you can write.")
    case .SQLITE_IOERR where !hasRoom(path): return full(path)
    default:
      return StoreError(
        code: .failed,
        detail: "the database \(path) failed: \(error.message ?? error.resultCode.description)")
    }
  }

  /// A full disk shows as a plain input or output error where the shared index cannot grow.
  private static func hasRoom(_ path: String) -> Bool {
    var facts = statvfs()
    guard statvfs(path, &facts) == 0 else { return true }
    return UInt(facts.f_bavail) * UInt(facts.f_frsize) > 256 << 10
  }
}

extension Duration {
  /// For interfaces that count in fractions of a second.
  var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}

/// The system call, out of the shadow of the method of the same name.
private func openFile(_ path: String) -> Int32 { open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
