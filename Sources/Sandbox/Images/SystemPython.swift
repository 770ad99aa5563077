import Domain

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A Python of the system: one that lies where an unprivileged user and the sandbox may read it,
/// never one of somebody's home.
struct SystemPython: Sendable, Hashable {
  /// As it was found, such as `/usr/bin/python3`.
  var path: String
  var version: PythonVersion

  static let folders = ["/usr/bin", "/usr/local/bin"]

  /// The first that suits: `python3` itself, else the newest by name.
  /// - Parameter folders: absolute; tests give their own.
  static func find(
    for definition: ImageDefinition, in folders: [String] = folders
  ) -> SystemPython? {
    let minors = (9...30).reversed().map { "python3.\($0)" }
    for name in ["python3"] + minors {
      for folder in folders {
        guard let found = look("\(folder)/\(name)", beneath: parent(folder)) else { continue }
        if definition.suits(found.version) { return found }
      }
    }
    return nil
  }

  /// - Parameter root: where links may lead; in `/usr/local/bin` there may be one into a home.
  /// - Returns: `nil` where there is no program that everybody may read and run, or its version
  ///   cannot be told from where it lies.
  static func look(_ path: String, beneath root: String = "/usr") -> SystemPython? {
    guard let real = Isolation.realPath(path), real.hasPrefix(root + "/"), isForEveryone(real),
      let version = version(of: real)
    else { return nil }
    return SystemPython(path: path, version: version)
  }

  static func parent(_ folder: String) -> String {
    let real = Isolation.realPath(folder) ?? folder
    return String(real[..<(real.lastIndex(of: "/") ?? real.startIndex)])
  }

  /// `/usr/bin/python3` is a link to `python3.11` on all systems of note, and the library's folder
  /// bears the number too. Neither costs a process.
  private static func version(of real: String) -> PythonVersion? {
    guard let name = real.split(separator: "/").last, name.hasPrefix("python") else { return nil }
    return PythonVersion(name.dropFirst("python".count))
  }

  /// Readable and executable by others, with every folder above it open to them.
  static func isForEveryone(_ real: String) -> Bool {
    var facts = stat()
    guard stat(real, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_mode & 0o5 == 0o5
    else { return false }
    var folder = real[...]
    while let slash = folder.lastIndex(of: "/"), slash > folder.startIndex {
      folder = folder[..<slash]
      guard stat(String(folder), &facts) == 0, facts.st_mode & 0o1 != 0 else { return false }
    }
    return true
  }
}
