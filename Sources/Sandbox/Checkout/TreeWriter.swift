import Domain

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes files beneath a folder without following a link or leaving it, whatever the paths say.
/// Blocks; for a thread of its own.
struct TreeWriter {
  struct Failed: Error, CustomStringConvertible {
    var description: String
  }

  private let root: Int32

  init(_ folder: String) throws(Failed) {
    root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    if root < 0 { throw Failed(description: Self.reason("the folder")) }
  }

  func close() { closeDescriptor(root) }

  /// Replaces what stands there, but no folder and nothing behind a link.
  /// - Parameter replaces: otherwise it fails where there is something already.
  func write(
    _ bytes: [UInt8], to path: SourcePath, executable: Bool, replaces: Bool
  ) throws(Failed) {
    try inFolder(of: path, making: true) { folder, name throws(Failed) in
      if replaces { unlinkat(folder, name, 0) }
      let file = openat(
        folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
        executable ? 0o755 : 0o644)
      guard file >= 0 else { throw Failed(description: Self.reason("a file")) }
      defer { closeDescriptor(file) }
      // Not as the process's mask has it.
      fchmod(file, executable ? 0o755 : 0o644)
      var from = 0
      while from < bytes.count {
        let count = bytes.withUnsafeBytes { buffer in
          writeBytes(file, buffer.baseAddress?.advanced(by: from), buffer.count - from)
        }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw Failed(description: Self.reason("a file")) }
        from += count
      }
    }
  }

  func link(_ target: [UInt8], at path: SourcePath) throws(Failed) {
    try inFolder(of: path, making: true) { folder, name throws(Failed) in
      let done = (target + [0]).withUnsafeBufferPointer { buffer in
        buffer.withMemoryRebound(to: CChar.self) { text in
          text.baseAddress.map { symlinkat($0, folder, name) } ?? -1
        }
      }
      if done != 0 { throw Failed(description: Self.reason("a link")) }
    }
  }

  /// What is not there is removed already.
  func remove(_ path: SourcePath) throws(Failed) {
    do throws(Failed) {
      try inFolder(of: path, making: false) { folder, name throws(Failed) in
        if unlinkat(folder, name, 0) != 0, errno != ENOENT {
          throw Failed(description: Self.reason("a file"))
        }
      }
    } catch { if errno != ENOENT && errno != ENOTDIR { throw error } }
  }

  private func inFolder(
    of path: SourcePath, making: Bool,
    _ body: (Int32, UnsafePointer<CChar>) throws(Failed) -> Void
  ) throws(Failed) {
    guard path.isSafe, let name = path.parts.last else {
      throw Failed(description: "the path leads outside")
    }
    var folder = dup(root)
    defer { if folder >= 0 { closeDescriptor(folder) } }
    for part in path.parts.dropLast() {
      let text = Self.text(part)
      if making { mkdirat(folder, text, 0o755) }
      let next = openat(folder, text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard next >= 0 else { throw Failed(description: Self.reason("a folder")) }
      closeDescriptor(folder)
      folder = next
    }
    try body(folder, Self.text(name))
  }

  private static func text(_ part: ArraySlice<UInt8>) -> [CChar] {
    part.map { CChar(bitPattern: $0) } + [0]
  }

  private static func reason(_ what: String) -> String {
    "\(what) could not be made: \(String(cString: strerror(errno)))"
  }

  /// Whether a link at `path` names something beneath the root, read by the letters alone.
  static func staysInside(_ target: [UInt8], at path: SourcePath) -> Bool {
    guard !target.isEmpty, target.count < 4_000, target[0] != UInt8(ascii: "/"),
      !target.contains(0)
    else { return false }
    var depth = path.parts.count - 1
    for part in target.split(separator: UInt8(ascii: "/")) {
      if part.elementsEqual("..".utf8) {
        depth -= 1
        if depth < 0 { return false }
      } else if !part.elementsEqual(".".utf8) {
        guard SourcePath(bytes: Array(part)).isSafe else { return false }
        depth += 1
      }
    }
    return true
  }
}

/// The system calls, out of the shadow of the methods of the same names.
private func closeDescriptor(_ file: Int32) { close(file) }
private func writeBytes(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(file, bytes, count)
}
