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

/// What is done with the files of databases that are not in use. It blocks.
enum DatabaseFiles {
  /// What SQLite keeps beside a file.
  static let beside = ["", "-wal", "-shm", "-journal"]

  static func remove(_ path: String) {
    for end in beside { unlink(path + end) }
  }

  /// Without links; itself where nothing is there.
  static func real(_ path: String) -> String {
    guard let found = realpath(path, nil) else { return path }
    defer { free(found) }
    return String(cString: found)
  }

  /// Whether both lead to one file, by links of any kind.
  static func isSame(_ path: String, _ other: String) -> Bool {
    var (one, two) = (stat(), stat())
    guard stat(path, &one) == 0, stat(other, &two) == 0 else { return false }
    return one.st_dev == two.st_dev && one.st_ino == two.st_ino
  }

  /// Takes away what a process that was killed has left: files with its number between two texts.
  static func sweep(before start: String, after end: String) {
    let start = URL(fileURLWithPath: start)
    let folder = start.deletingLastPathComponent().path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where name.hasPrefix(start.lastPathComponent) {
      let number = name.dropFirst(start.lastPathComponent.count).prefix(while: \.isNumber)
      let rest = name.dropFirst(start.lastPathComponent.count + number.count)
      guard beside.contains(where: { rest == end + $0 }), let process = pid_t(number) else {
        continue
      }
      // Whoever is there still may be at work.
      if process == getpid() || (kill(process, 0) != 0 && errno == ESRCH) {
        unlink("\(folder)/\(name)")
      }
    }
  }

  /// The schema of a file of ours, read from its first bytes. Source: sqlite.org/fileformat.html.
  static func schema(of path: String) throws(StoreError) -> Int {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let why = errno == ENOENT ? "there is no such file" : String(cString: strerror(errno))
      throw StoreError(code: .unwritable, detail: "\(path) cannot be read: \(why).")
    }
    defer { close(descriptor) }
    var head = [UInt8](repeating: 0, count: 100)
    guard pread(descriptor, &head, head.count, 0) == head.count,
      head.starts(with: Array("SQLite format 3\0".utf8))
    else {
      throw StoreError(
        code: .corrupt, detail: "\(path) is no backup that `stet backup` wrote, or is damaged.")
    }
    func number(_ place: Int) -> Int {
      head[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    guard number(68) == SQLiteFile.applicationID else {
      throw StoreError(code: .corrupt, detail: "\(path) is a database of another program.")
    }
    let schema = number(60)
    guard schema <= Migration.latest else {
      throw StoreError(
        code: .newerSchema,
        detail: "\(path) was written by a newer Stet (schema \(schema), this one knows "
          + "\(Migration.latest)); update Stet first.")
    }
    return schema
  }

  /// - Throws: `.corrupt` where the file does not hold together.
  static func check(_ path: String) throws {
    try reading(path) { database in
      guard try String.fetchOne(database, sql: "PRAGMA integrity_check(1)") == "ok",
        try Row.fetchOne(database, sql: "PRAGMA foreign_key_check") == nil
      else {
        throw StoreError(code: .corrupt, detail: "\(path) is damaged: its parts do not agree.")
      }
    }
  }

  /// Every table of the file as it is, in its own schema.
  static func digests(of path: String) throws -> [(table: String, digest: TableDigest)] {
    try reading(path) { database in
      let file = SQLiteStatements(database: database, path: path)
      var digests: [(table: String, digest: TableDigest)] = []
      for table in try CopiedTable.tables(try file.query(CopiedTable.all)) {
        var reading = TableReading(table)
        var digest = TableDigest()
        while let rows = try reading.next(in: file) {
          for row in rows { digest.add(row) }
        }
        digests.append((table.name, digest))
      }
      return digests
    }
  }

  private static func reading<T>(_ path: String, _ body: (Database) throws -> T) throws -> T {
    let connection = try SQLiteFile(path, patience: .seconds(5)).openForReading()
    defer { try? connection.close() }
    do { return try connection.writeWithoutTransaction(body) } catch {
      guard
        (error as? DatabaseError)?.resultCode == .SQLITE_CORRUPT
          || (error as? DatabaseError)?.resultCode == .SQLITE_NOTADB
      else { throw error }
      throw StoreError(code: .corrupt, detail: "\(path) is damaged and cannot be read.")
    }
  }

  /// Brings a file up to date, puts all of it into the one file, and the file onto the disk.
  static func settle(_ path: String) throws {
    let connection = try SQLiteFile(path, patience: .seconds(5)).open()
    do {
      let mode = try connection.writeWithoutTransaction {
        try String.fetchOne($0, sql: "PRAGMA journal_mode = DELETE")
      }
      guard mode == "delete" else {
        throw StoreError(code: .failed, detail: "\(path) could not be put into one file.")
      }
    } catch {
      try? connection.close()
      throw error
    }
    try connection.close()
    try sync(path)
  }

  static func copy(_ path: String, to target: String) throws(StoreError) {
    remove(target)
    let (source, copy) = (
      open(path, O_RDONLY | O_CLOEXEC), open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    )
    defer {
      if source >= 0 { close(source) }
      if copy >= 0 { close(copy) }
    }
    func failure(_ what: String) -> StoreError {
      errno == ENOSPC || errno == EDQUOT
        ? SQLiteFile.full(target)
        : StoreError(
          code: .unwritable,
          detail: "\(what) (\(String(cString: strerror(errno))))")
    }
    guard source >= 0 else { throw failure("\(path) cannot be read") }
    guard copy >= 0 else { throw failure("\(target) cannot be written") }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = read(source, &bytes, bytes.count)
      if count == 0 { return }
      guard count > 0 else { throw failure("\(path) cannot be read") }
      var written = 0
      while written < count {
        let step = bytes[written..<count].withUnsafeBytes { write(copy, $0.baseAddress, $0.count) }
        guard step > 0 else { throw failure("\(target) cannot be written") }
        written += step
      }
    }
  }

  private static func sync(_ path: String) throws(StoreError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    defer { if descriptor >= 0 { close(descriptor) } }
    guard descriptor >= 0, fsync(descriptor) == 0 else {
      throw StoreError(
        code: .unwritable,
        detail: "\(path) could not be put onto the disk (\(String(cString: strerror(errno)))).")
    }
  }

  /// So that a new name outlives a power cut.
  static func syncFolder(of path: String) {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    _ = fsync(descriptor)
    close(descriptor)
  }
}
