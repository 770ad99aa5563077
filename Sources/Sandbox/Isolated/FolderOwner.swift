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

  /// One folder after the other, none of which is kept open: a repository's may be nested deeper
  /// than this process may have descriptors, or a thread of it has stack.
  private static func each(of folder: String, _ user: uid_t) -> Bool {
    var waiting = [folder]
    while let next = waiting.popLast() {
      guard let names = names(in: next) else { return false }
      for name in names {
        let path = next + "/" + name
        guard give(path, user) else { return false }
        var facts = stat()
        if lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR { waiting.append(path) }
      }
    }
    return true
  }

  private static func names(in folder: String) -> [String]? {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    guard let stream = fdopendir(descriptor) else {
      close(descriptor)
      return nil
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
