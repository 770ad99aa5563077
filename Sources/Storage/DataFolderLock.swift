public import Domain
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Says that one process serves from a data folder, or from a database that may be elsewhere, and no
/// other. The kernel lets it go when the process ends, however it ends, so nothing is left to clean
/// up.
public final class DataFolderLock: Sendable {
  /// The lock's file in the folder; it holds the process number of who has the lock, and stays.
  public static let fileName = "stet.lock"

  /// Where the lock's file is.
  public let folder: String
  private let file: Mutex<Int32?>

  /// - Parameter folder: made where it is missing, 0700.
  /// - Throws: `.locked` with the process that serves from it, `.unwritable` where it cannot be made.
  public convenience init(folder: String) throws(StoreError) {
    try self.init(
      folder: folder, name: DataFolderLock.fileName, what: "the folder \(folder)",
      setting: "STET_DATA_DIR to another folder")
  }

  /// Locks the database itself, since two servers with a data folder each may be given the same. Its
  /// lock is `NAME.lock` beside the file that links lead to.
  /// - Parameter path: of the file, which need not be there yet; its folder is made where it is
  ///   missing, 0700.
  /// - Throws: as for a folder.
  public convenience init(database path: String) throws(StoreError) {
    let file = URL(fileURLWithPath: path)
    let given = file.deletingLastPathComponent().path
    try DataFolderLock.make(
      given, what: "the database \(path)", setting: DataFolderLock.anotherDatabase)
    // The file itself may be a link; where it is missing, its folder still may be.
    let real =
      DataFolderLock.real(path).map { URL(fileURLWithPath: $0) }
      ?? URL(fileURLWithPath: DataFolderLock.real(given) ?? given)
      .appendingPathComponent(file.lastPathComponent)
    try self.init(
      folder: real.deletingLastPathComponent().path, name: real.lastPathComponent + ".lock",
      what: "the database \(path)", setting: DataFolderLock.anotherDatabase)
  }

  private static let anotherDatabase = "DATABASE_URL to another database"

  /// - Parameters:
  ///   - what: is locked, in a sentence.
  ///   - setting: that helps, after "set".
  private init(
    folder: String, name: String, what: String, setting: String
  ) throws(StoreError) {
    try Self.make(folder, what: what, setting: setting)
    // Closed on exec: a child that outlives us must not hold the lock on.
    let file = open(folder + "/" + name, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Self.unwritable(what, setting, errno) }
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      let problem = errno
      if problem == EINTR { continue }
      let holder = Self.holder(file)
      close(file)
      guard problem == EWOULDBLOCK else { throw Self.unwritable(what, setting, problem) }
      throw StoreError(
        code: .locked,
        detail:
          "another Stet\(holder.map { " (process \($0))" } ?? "") serves from \(what): stop "
          + "it, or set \(setting).")
    }
    let text = Array("\(getpid())\n".utf8)
    // The number only makes the message better, so a full disk does no harm here.
    _ = ftruncate(file, 0)
    _ = pwrite(file, text, text.count, 0)
    self.folder = folder
    self.file = Mutex(file)
  }

  private static func make(
    _ folder: String, what: String, setting: String
  ) throws(StoreError) {
    guard access(folder, F_OK) != 0 else { return }
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch { throw unwritable(what, setting, errno) }
  }

  /// Without links; `nil` where nothing is there.
  private static func real(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
  }

  /// Lets another have it. Done by itself when the process ends.
  public func release() {
    file.withLock { file in
      if let open = file { close(open) }
      file = nil
    }
  }

  deinit { release() }

  private static func holder(_ file: Int32) -> Int? {
    var bytes = [UInt8](repeating: 0, count: 20)
    let count = pread(file, &bytes, bytes.count, 0)
    guard count > 0 else { return nil }
    let text = String(decoding: bytes[..<count], as: UTF8.self)
    return Int(text.prefix { $0.isNumber })
  }

  private static func unwritable(
    _ what: String, _ setting: String, _ problem: Int32
  ) -> StoreError {
    StoreError(
      code: .unwritable,
      detail:
        "\(what) cannot be locked (\(String(cString: strerror(problem)))): check its "
        + "permissions, or set \(setting) that is local and that you can write.")
  }
}
