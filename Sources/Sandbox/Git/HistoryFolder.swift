import Domain

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Files of a folder that may hold links which lead elsewhere: none is followed.
struct HistoryFolder: Sendable {
  let root: String

  /// - Returns: `nil` where nothing stands there.
  func read(_ path: String) throws(HistoryError) -> [UInt8]? {
    guard let folder = try open(parentOf: path, making: false) else { return nil }
    defer { close(folder) }
    let file = openat(folder, Self.name(of: path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ENOENT { return nil }
      throw refusal(path)
    }
    defer { close(file) }
    var facts = stat()
    guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { throw refusal(path) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = chunk.withUnsafeMutableBytes { recv(file, $0) }
      if count == 0 { return bytes }
      guard count > 0 else { throw refusal(path) }
      bytes += chunk[..<count]
      guard bytes.count <= 16 << 20 else { throw refusal(path) }
    }
  }

  /// Writes beside the file and renames, so that a full disk leaves what was there before.
  func write(_ bytes: [UInt8], to path: String) throws(HistoryError) {
    guard let folder = try open(parentOf: path, making: true) else { throw refusal(path) }
    defer { close(folder) }
    let name = Self.name(of: path)
    let part = ".\(name).stet-part"
    unlinkat(folder, part, 0)
    let file = openat(folder, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw unwritable(path) }
    var offset = 0
    while offset < bytes.count {
      let count = bytes[offset...].withUnsafeBytes { send(file, $0) }
      guard count > 0 else {
        close(file)
        unlinkat(folder, part, 0)
        throw unwritable(path)
      }
      offset += count
    }
    guard close(file) == 0, renameat(folder, part, folder, name) == 0 else {
      unlinkat(folder, part, 0)
      throw unwritable(path)
    }
  }

  func remove(_ path: String) throws(HistoryError) {
    guard let folder = try open(parentOf: path, making: false) else { return }
    defer { close(folder) }
    if unlinkat(folder, Self.name(of: path), 0) != 0, errno != ENOENT { throw unwritable(path) }
  }

  private static func name(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  /// Goes down step by step, since a link on the way would lead out of the folder.
  /// - Returns: `nil` where a folder on the way is missing and none is to be made.
  private func open(parentOf path: String, making: Bool) throws(HistoryError) -> Int32? {
    let steps = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard !steps.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." || $0 == ".git" }),
      !path.utf8.contains(0)
    else { throw refusal(path) }
    var folder = openFolder(root, in: AT_FDCWD, following: true)
    guard folder >= 0 else { throw refusal(path) }
    for step in steps.dropLast() {
      if making { mkdirat(folder, step, 0o755) }
      let next = openFolder(step, in: folder, following: false)
      let code = errno
      close(folder)
      guard next >= 0 else {
        if code == ENOENT, !making { return nil }
        throw refusal(path)
      }
      folder = next
    }
    return folder
  }

  private func openFolder(_ name: String, in folder: Int32, following: Bool) -> Int32 {
    openat(
      folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (following ? 0 : O_NOFOLLOW))
  }

  private func recv(_ file: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    while true {
      #if canImport(Darwin)
        let count = Darwin.read(file, buffer.baseAddress, buffer.count)
      #elseif canImport(Musl)
        let count = Musl.read(file, buffer.baseAddress, buffer.count)
      #else
        let count = Glibc.read(file, buffer.baseAddress, buffer.count)
      #endif
      if count >= 0 || errno != EINTR { return count }
    }
  }

  private func send(_ file: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
    while true {
      #if canImport(Darwin)
        let count = Darwin.write(file, buffer.baseAddress, buffer.count)
      #elseif canImport(Musl)
        let count = Musl.write(file, buffer.baseAddress, buffer.count)
      #else
        let count = Glibc.write(file, buffer.baseAddress, buffer.count)
      #endif
      if count >= 0 || errno != EINTR { return count }
    }
  }

  private func refusal(_ path: String) -> HistoryError {
    HistoryError(
      code: .conflict,
      detail: "\(Defanged.forTerminal(path, oneLine: true, limit: 200)) in \(root) is no ordinary "
        + "file beneath it, such as a link or a folder; move it, or name another folder.")
  }

  private func unwritable(_ path: String) -> HistoryError {
    HistoryError(
      code: .failed,
      detail: "\(Defanged.forTerminal(path, oneLine: true, limit: 200)) cannot be written in "
        + "\(root): \(String(cString: strerror(errno))).")
  }
}
