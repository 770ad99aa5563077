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

/// Says that one process serves from a data folder, and no other. The kernel lets it go when the
/// process ends, however it ends, so nothing is left to clean up.
public final class DataFolderLock: Sendable {
  /// The lock's file in the folder; it holds the process number of who has the lock, and stays.
  public static let fileName = "stet.lock"

  public let folder: String
  private let file: Mutex<Int32?>

  /// - Parameter folder: made where it is missing, 0700.
  /// - Throws: `.locked` with the process that serves from it, `.unwritable` where it cannot be made.
  public init(folder: String) throws(StoreError) {
    if access(folder, F_OK) != 0 {
      do {
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true,
          attributes: [.posixPermissions: 0o700])
      } catch { throw Self.unwritable(folder, errno) }
    }
    // Closed on exec: a child that outlives us must not hold the lock on.
    let file = open(folder + "/" + Self.fileName, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Self.unwritable(folder, errno) }
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      let problem = errno
      if problem == EINTR { continue }
      let holder = Self.holder(file)
      close(file)
      guard problem == EWOULDBLOCK else { throw Self.unwritable(folder, problem) }
      throw StoreError(
        code: .locked,
        detail:
          "another Stet\(holder.map { " (process \($0))" } ?? "") serves from \(folder): stop "
          + "it, or set STET_DATA_DIR to another folder.")
    }
    let text = Array("\(getpid())\n".utf8)
    // The number only makes the message better, so a full disk does no harm here.
    _ = ftruncate(file, 0)
    _ = pwrite(file, text, text.count, 0)
    self.folder = folder
    self.file = Mutex(file)
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

  private static func unwritable(_ folder: String, _ problem: Int32) -> StoreError {
    StoreError(
      code: .unwritable,
      detail:
        "the folder \(folder) cannot be locked (\(String(cString: strerror(problem)))): check "
        + "its permissions, or set STET_DATA_DIR to a local folder you can write.")
  }
}
