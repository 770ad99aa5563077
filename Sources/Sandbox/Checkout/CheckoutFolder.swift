import Domain
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder of one checkout, which a later start finds and removes where this process was killed.
///
/// Beside it lies a file that is locked while the process lives: the kernel lets go of the lock
/// when the process ends, however it ends, so no process number is trusted.
final class CheckoutFolder: Sendable {
  let path: String
  private let lock: Int32
  private let lockPath: String

  /// - Parameter base: where checkouts lie; made with access for this user alone.
  init(in base: String) throws(WorkspaceError) {
    try Self.makeBase(base)
    let name = "\(getpid())-\(UUID().uuidString.lowercased())"
    path = base + "/" + name
    lockPath = path + ".lock"
    lock = open(lockPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard lock >= 0 else { throw Self.failed(lockPath) }
    // Another process that looks for stale ones may have been here between these lines.
    var facts = stat()
    guard flock(lock, LOCK_EX | LOCK_NB) == 0, fstat(lock, &facts) == 0, facts.st_nlink > 0,
      mkdir(path, 0o700) == 0
    else {
      let error = Self.failed(path)
      close(lock)
      throw error
    }
  }

  deinit { close(lock) }

  private static func makeBase(_ base: String) throws(WorkspaceError) {
    do {
      try FileManager.default.createDirectory(
        atPath: base, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch { throw failed(base) }
    // A folder of another user could be exchanged under our hands.
    var facts = stat()
    guard lstat(base, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid == geteuid(),
      facts.st_mode & 0o022 == 0
    else {
      throw WorkspaceError(
        code: .failed,
        detail: "the folder for checkouts must belong to this user, and nobody else may write to "
          + "it: \(base)")
    }
  }

  private static func failed(_ path: String) -> WorkspaceError {
    WorkspaceError(
      code: .failed,
      detail: "\(path) could not be made: \(String(cString: strerror(errno))).")
  }

  /// Removes all; the lock goes last, so that what is left of a failed removal is found again.
  func remove() async {
    if await Self.remove(path) { unlink(lockPath) }
  }

  /// - Returns: whether nothing is left of it.
  static func remove(_ path: String) async -> Bool {
    // Not part of the caller's task: what was cancelled is removed all the same.
    await Task {
      let runner = CommandRunner()
      let environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C"]
      // Programs of the repository may have taken their own rights to a folder away.
      for arguments in [["rm", "-rf"], ["chmod", "-R", "u+rwx"], ["rm", "-rf"]] {
        let command = Command(
          arguments[0], arguments.dropFirst() + ["--", path], environment: environment,
          workingFolder: "/", timeout: .seconds(300))
        _ = try? await runner.run(command)
        var facts = stat()
        if lstat(path, &facts) != 0 { return true }
      }
      return false
    }.value
  }

  /// Removes what processes that are no more have left. - Returns: how many.
  @discardableResult
  static func removeStale(in base: String) async -> Int {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: base) else { return 0 }
    var removed = 0
    for name in names where name.hasSuffix(".lock") {
      let file = open(base + "/" + name, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
      guard file >= 0 else { continue }
      defer { close(file) }
      guard flock(file, LOCK_EX | LOCK_NB) == 0 else { continue }
      if await remove(base + "/" + name.dropLast(5)) {
        unlink(base + "/" + name)
        removed += 1
      }
    }
    return removed
  }
}
