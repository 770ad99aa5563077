import Domain

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads files beneath a folder without ever following a link, so that a checkout cannot point us
/// at the user's other files.
struct WorkingTree: Sendable {
  enum Entry: Sendable, Equatable {
    case bytes([UInt8])
    case tooLarge
    /// Not there, not a regular file, behind a link, or outside the folder.
    case absent
  }

  let root: String

  /// Whether a path names a file beneath the folder by plain steps, as every path in a diff does.
  static func isInside(_ path: SourcePath) -> Bool {
    path.bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .allSatisfy(isPlain)
  }

  /// A symbolic link gives its target's name, as git stores it.
  func read(_ path: SourcePath, limit: Int) -> Entry {
    let parts = path.bytes.split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard let name = parts.last, parts.allSatisfy(Self.isPlain) else { return .absent }

    var folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return .absent }
    defer { close(folder) }
    for part in parts.dropLast() {
      let next = Self.withCString(part) {
        openat(folder, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      }
      guard next >= 0 else { return .absent }
      close(folder)
      folder = next
    }

    // Not blocking, lest a named pipe holds us for ever.
    let file = Self.withCString(name) {
      openat(folder, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    }
    guard file >= 0 else {
      return errno == ELOOP ? Self.link(name, in: folder, limit: limit) : .absent
    }
    defer { close(file) }
    var facts = stat()
    guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return .absent }
    guard facts.st_size <= limit else { return .tooLarge }
    return Self.readAll(file, expected: Int(facts.st_size), limit: limit)
  }

  private static func isPlain(_ part: ArraySlice<UInt8>) -> Bool {
    let name = String(decoding: part, as: UTF8.self)
    return !part.isEmpty && !part.contains(0) && name != "." && name != ".."
      && name.lowercased() != ".git"
  }

  private static func readAll(_ file: Int32, expected: Int, limit: Int) -> Entry {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(expected + 1)
    var chunk = [UInt8](repeating: 0, count: min(max(expected + 1, 4096), 1 << 18))
    while true {
      let count = readBytes(file, &chunk, chunk.count)
      if count < 0 {
        if errno == EINTR { continue }
        return .absent
      }
      if count == 0 { return .bytes(bytes) }
      bytes.append(contentsOf: chunk[..<count])
      // It may have grown since it was measured.
      if bytes.count > limit { return .tooLarge }
    }
  }

  private static func link(_ name: ArraySlice<UInt8>, in folder: Int32, limit: Int) -> Entry {
    var target = [CChar](repeating: 0, count: 4096)
    let count = withCString(name) { readlinkat(folder, $0, &target, target.count) }
    guard count >= 0 else { return .absent }
    guard count <= limit else { return .tooLarge }
    return .bytes(target[..<count].map { UInt8(bitPattern: $0) })
  }

  private static func withCString<T>(
    _ part: ArraySlice<UInt8>, _ body: (UnsafePointer<CChar>) -> T
  ) -> T {
    var text = part.map { CChar(bitPattern: $0) }
    text.append(0)
    return text.withUnsafeBufferPointer { buffer in
      // The array holds at least its terminator, so there is a base address.
      guard let base = buffer.baseAddress else { return "".withCString(body) }
      return body(base)
    }
  }
}

/// The system call, out of the shadow of the method of the same name.
private func readBytes(_ file: Int32, _ buffer: inout [UInt8], _ count: Int) -> Int {
  read(file, &buffer, count)
}
