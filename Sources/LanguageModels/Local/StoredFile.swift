import Crypto
import Dispatch
import Domain
import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The few file calls that the model store needs, with errors a user can act on.
enum StoredFile {
  /// What tells one state of a file from another without reading it.
  struct Identity: Equatable, Sendable {
    var size: Int
    var inode: UInt64
    var modifiedNanoseconds: Int
  }

  /// `nil` when there is no such file, or when it is not a plain file.
  static func identity(of path: String) -> Identity? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    #if canImport(Darwin)
      let modified = status.st_mtimespec
    #else
      let modified = status.st_mtim
    #endif
    return Identity(
      size: Int(status.st_size), inode: UInt64(status.st_ino),
      modifiedNanoseconds: Int(modified.tv_sec) * 1_000_000_000 + Int(modified.tv_nsec))
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Makes the folder and those above it; new ones are for the owner alone.
  static func makeFolder(_ path: String) throws(LocalModelError) {
    if exists(path) { return }
    let parent = FilePath(path).removingLastComponent().string
    if !parent.isEmpty, parent != path { try makeFolder(parent) }
    if mkdir(path, 0o700) != 0, errno != EEXIST {
      throw failure("make the folder", path, errno)
    }
  }

  /// The whole file, or `nil` when it is not there or longer than `limit` bytes.
  static func read(_ path: String, limit: Int = 1 << 20) -> [UInt8]? {
    guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else {
      return nil
    }
    defer { try? file.close() }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while bytes.count <= limit {
      guard let count = try? buffer.withUnsafeMutableBytes({ try file.read(into: $0) }) else {
        return nil
      }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
    return nil
  }

  /// Replaces the file in one step, so that a reader sees the old bytes or the new ones.
  static func replace(
    _ path: String, with bytes: [UInt8], permissions: FilePermissions = .ownerReadWrite
  ) throws(LocalModelError) {
    let fresh = "\(path).\(getpid()).new"
    do {
      let file = try FileDescriptor.open(
        fresh, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: permissions)
      try file.closeAfter { _ = try file.writeAll(bytes) }
    } catch {
      unlink(fresh)
      throw failure("write", path, errno: error)
    }
    try rename(fresh, to: path)
  }

  static func rename(_ old: String, to new: String) throws(LocalModelError) {
    #if canImport(Darwin)
      let result = Darwin.rename(old, new)
    #elseif canImport(Musl)
      let result = Musl.rename(old, new)
    #else
      let result = Glibc.rename(old, new)
    #endif
    if result != 0 { throw failure("rename to", new, errno) }
  }

  static func remove(_ path: String) { unlink(path) }

  /// Removes the folder and all below it, without following links. A folder that is not there is
  /// removed already.
  static func removeFolder(_ path: String) {
    guard let folder = opendir(path) else { return }
    var names: [String] = []
    while let item = readdir(folder) {
      let name = withUnsafeBytes(of: &item.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    closedir(folder)
    for name in names {
      let child = "\(path)/\(name)"
      var status = stat()
      if lstat(child, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
        removeFolder(child)
      } else {
        unlink(child)
      }
    }
    rmdir(path)
  }

  /// The names in a folder, sorted; empty when it cannot be read.
  static func names(in path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let item = readdir(folder) {
      let name = withUnsafeBytes(of: &item.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Bytes that an ordinary user may still write where `path` is; `nil` when it cannot be told.
  static func freeSpace(at path: String) -> Int? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    return Int(clamping: UInt64(status.f_bavail)).multipliedReportingOverflow(
      by: Int(status.f_frsize)
    ).partialValue
  }

  /// Forces the file, and then the entry in its folder, to the disk. Off the cooperative pool:
  /// half a gigabyte may take seconds.
  static func synchronize(_ path: String) async {
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      DispatchQueue.global(qos: .utility).async {
        for place in [path, FilePath(path).removingLastComponent().string] {
          let descriptor = open(place, O_RDONLY | O_CLOEXEC)
          if descriptor >= 0 {
            fsync(descriptor)
            close(descriptor)
          }
        }
        done.resume()
      }
    }
  }

  /// SHA-256 of the whole file as lower-case hexadecimal digits, one pass in pieces of 1 MiB.
  static func sha256(of path: String) async throws(LocalModelError) -> String {
    var hasher = SHA256()
    do {
      let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
      defer { try? file.close() }
      var buffer = [UInt8](repeating: 0, count: 1 << 20)
      while true {
        let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
        if count == 0 { break }
        buffer.withUnsafeBytes { hasher.update(bufferPointer: .init(rebasing: $0[..<count])) }
        await Task.yield()
        try Task.checkCancellation()
      }
    } catch is CancellationError {
      throw LocalModelError(.cancelled, "Checking \(path) was interrupted.")
    } catch {
      throw failure("read", path, errno: error)
    }
    return Hexadecimal.of(hasher.finalize())
  }

  static func failure(_ action: String, _ path: String, _ code: CInt) -> LocalModelError {
    if code == ENOSPC || code == EDQUOT {
      return LocalModelError(
        .diskFull,
        "The disk is full: could not \(action) \(path). Free some space, or set STET_DATA_DIR to "
          + "a folder on another disk, and run the command again; it goes on where it stopped.")
    }
    return LocalModelError(
      .storage, "Could not \(action) \(path): \(String(cString: strerror(code))).")
  }

  static func failure(
    _ action: String, _ path: String, errno error: any Error
  ) -> LocalModelError {
    if let error = error as? LocalModelError { return error }
    return failure(action, path, (error as? Errno)?.rawValue ?? EIO)
  }
}

/// An advisory lock that the system lets go of when its owner ends, however it ends.
final class FileLock: Sendable {
  private let descriptor: CInt

  /// - Parameter waiting: called once when somebody else holds the lock.
  /// - Throws: `cancelled`, or `storage` when the file cannot be made.
  init(_ path: String, waiting: @Sendable () -> Void = {}) async throws(LocalModelError) {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StoredFile.failure("open the lock", path, errno) }
    var told = false
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else {
        throw StoredFile.failure("lock", path, errno)
      }
      if !told { waiting() }
      told = true
      do {
        try await Task.sleep(for: .milliseconds(100))
      } catch {
        throw LocalModelError(.cancelled, "Interrupted while another process held \(path).")
      }
    }
  }

  deinit { close(descriptor) }
}
