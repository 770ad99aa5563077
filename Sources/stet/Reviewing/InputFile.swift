import Domain

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A file that a user named, read whole within a bound.
enum InputFile {
  /// Paths on the command line are relative to the folder that `-C` names, as they are for git.
  static func resolved(_ path: String, in folder: String?) -> String {
    path.hasPrefix("/") ? path : (folder.map { "\($0)/\(path)" } ?? path)
  }

  /// - Throws: `CommandFailure`, status 2, with what is wrong with the file.
  static func read(
    _ path: String, in folder: String?, limit: ByteCount, what: String, standardInput: Bool = false
  ) throws(CommandFailure) -> [UInt8] {
    if standardInput, path == "-" {
      return try read(STDIN_FILENO, limit: limit, name: "standard input")
    }
    let name = "\(what) \(path)"
    let descriptor = open(resolved(path, in: folder), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw refusal(name, errno) }
    defer { close(descriptor) }
    return try read(descriptor, limit: limit, name: name)
  }

  private static func read(_ descriptor: Int32, limit: ByteCount, name: String)
    throws(CommandFailure) -> [UInt8]
  {
    var bytes: [UInt8] = []
    var facts = stat()
    // Room for the whole file at once: an array that grows is for a moment twice as large.
    if fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG {
      bytes.reserveCapacity(min(Int(facts.st_size), limit.value) + 1)
    }
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = chunk.withUnsafeMutableBytes { buffer in
        #if canImport(Darwin)
          Darwin.read(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
          Musl.read(descriptor, buffer.baseAddress, buffer.count)
        #else
          Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        #endif
      }
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        throw refusal(name, errno)
      }
      bytes += chunk[..<count]
      guard bytes.count <= limit.value else {
        throw .misuse("\(name) is over \(limit.value >> 20) MiB; give it in parts.")
      }
    }
  }

  private static func refusal(_ name: String, _ code: Int32) -> CommandFailure {
    switch code {
    case ENOENT, ENOTDIR: .misuse("\(name): there is no such file.")
    case EISDIR: .misuse("\(name) is a folder; name a file.")
    case EACCES, EPERM: .misuse("\(name) cannot be read: check its permissions.")
    default: .misuse("\(name) cannot be read: \(String(cString: strerror(code))).")
    }
  }
}
