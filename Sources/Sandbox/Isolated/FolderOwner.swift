import Dispatch
import Domain

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

enum FolderOwner {
  private static let queue = DispatchQueue(label: "stet.sandbox.folders", attributes: .concurrent)

  /// Hands a folder with all that is beneath it to a user. Links are not followed.
  static func hand(_ folder: String, to user: uid_t) async throws(SandboxError) {
    let failure: SandboxError? = await withCheckedContinuation { reply in
      queue.async {
        guard folder.hasPrefix("/"), folder.utf8.count > 1, give(folder, user),
          each(of: folder, user)
        else {
          reply.resume(
            returning: SandboxError(
              code: .invalid,
              detail: "The working folder cannot be handed to the sandbox's user: "
                + "\(String(cString: strerror(errno)))."))
          return
        }
        reply.resume(returning: nil)
      }
    }
    if let failure { throw failure }
  }

  private static func give(_ path: String, _ user: uid_t) -> Bool { lchown(path, user, user) == 0 }

  private static func each(of folder: String, _ user: uid_t) -> Bool {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0, let stream = fdopendir(descriptor) else { return false }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name != ".", name != ".." else { continue }
      let path = folder + "/" + name
      guard give(path, user) else { return false }
      var facts = stat()
      if lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR, !each(of: path, user) {
        return false
      }
    }
    return true
  }
}
