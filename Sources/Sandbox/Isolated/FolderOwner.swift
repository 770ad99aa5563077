import Domain

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

enum FolderOwner {
  /// Hands a folder with all that is beneath it to the unprivileged user, when root runs this. Links
  /// are not followed. Another user's sandbox acts as that user, to whom the folder belongs already.
  static func giveAway(_ folder: String) throws(SandboxError) {
    guard getuid() == 0 else { return }
    guard folder.hasPrefix("/"), folder.utf8.count > 1, hand(folder) else {
      throw SandboxError(
        code: .invalid,
        detail: "The working folder cannot be handed to the sandbox's user: "
          + "\(String(cString: strerror(errno))).")
    }
    _ = each(of: folder)
  }

  private static func hand(_ path: String) -> Bool {
    lchown(path, RunLauncher.unprivileged, RunLauncher.unprivileged) == 0
  }

  private static func each(of folder: String) -> Bool {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0, let stream = fdopendir(descriptor) else { return false }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name != ".", name != ".." else { continue }
      let path = folder + "/" + name
      guard hand(path) else { return false }
      var facts = stat()
      if lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR, !each(of: path) {
        return false
      }
    }
    return true
  }
}
