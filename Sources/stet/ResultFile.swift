#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A file that a result is written to, whole or not at all.
enum ResultFile {
  /// Whether a file may be written there at all.
  /// - Parameter option: what named the place, such as `--output`.
  /// - Throws: `CommandFailure`, status 2: the user named a wrong place.
  static func check(_ path: String, option: String = "--output") throws(CommandFailure) {
    let named = "\(option) \(path)"
    var facts = stat()
    if stat(path, &facts) == 0 {
      if facts.st_mode & S_IFMT == S_IFDIR {
        throw .misuse("\(named) is a folder; name a file in it.")
      }
      if facts.st_mode & S_IFMT != S_IFREG { return }
    }
    // The file is replaced, so it is the folder that must take a new one.
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) }
    guard stat(folder ?? ".", &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR else {
      throw .misuse("\(named): there is no such folder; make it, or name another file.")
    }
    guard access(folder ?? ".", W_OK | X_OK) == 0 else {
      throw .misuse(
        "\(named): the folder cannot be written to; check its permissions, or name "
          + "another file.")
    }
  }

  /// Writes beside the file and renames, so that a full disk leaves what was there before. What is
  /// not an ordinary file, such as `/dev/stderr` or a named pipe, is written to as it stands.
  static func write(_ text: String, to path: String, option: String = "--output") throws {
    var facts = stat()
    let exists = stat(path, &facts) == 0
    if exists, facts.st_mode & S_IFMT == S_IFDIR { throw refusal(path, EISDIR, option) }
    let inPlace = exists && facts.st_mode & S_IFMT != S_IFREG
    let target = inPlace ? path : "\(path).\(getpid()).part"
    let descriptor = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw refusal(path, errno, option) }
    var text = text
    var code = text.withUTF8 { Output.writeAll(UnsafeRawBufferPointer($0), to: descriptor) }
    if close(descriptor) != 0, code == 0 { code = errno }
    if code == 0, !inPlace, rename(target, path) != 0 { code = errno }
    guard code == 0 else {
      if !inPlace { unlink(target) }
      throw refusal(path, code, option)
    }
  }

  private static func refusal(
    _ path: String, _ code: Int32, _ option: String
  ) -> CommandFailure {
    .failed(
      "The result could not be written to \(path): \(String(cString: strerror(code))). Free some "
        + (option == "--output"
          ? "space or choose another --output." : "space, or check who may write there."))
  }
}
