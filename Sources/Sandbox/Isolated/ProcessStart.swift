import Domain

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A program to start in a session of its own, with nothing of ours but three descriptors.
struct ProcessStart: Sendable {
  /// The absolute path first.
  var words: [String]
  /// The whole of it; nothing is inherited.
  var environment: [String: String] = [:]
  /// Becomes standard input; stays open here.
  var input: CInt
  /// Becomes standard error; stays open here.
  var error: CInt

  /// Blocks until the program was loaded.
  func spawn() throws(SandboxError) -> pid_t {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // Other parts of this process may hold descriptors that were not marked to be closed. They are
    // closed first, because the numbers 0 to 2 could not be told from ours after.
    for descriptor in Self.inherited { posix_spawn_file_actions_addclose(&actions, descriptor) }
    posix_spawn_file_actions_adddup2(&actions, input, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, error, 2)

    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(
      &attributes,
      Self.newSession | Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK))

    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") }
    defer { for text in arguments + variables { free(text) } }
    arguments.append(nil)
    variables.append(nil)
    var process: pid_t = 0
    let code = posix_spawn(&process, words[0], &actions, &attributes, arguments, variables)
    guard code == 0 else {
      throw SandboxError(
        code: .unavailable,
        detail: "\(words[0]) could not be started: \(String(cString: strerror(code))).")
    }
    return process
  }

  private static var inherited: [CInt] {
    #if os(Linux)
      guard let folder = opendir("/proc/self/fd") else { return [] }
      defer { closedir(folder) }
      var found: [CInt] = []
      while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard let number = CInt(name), number > 2, number != dirfd(folder) else { continue }
        let flags = fcntl(number, F_GETFD)
        if flags >= 0, flags & FD_CLOEXEC == 0 { found.append(number) }
      }
      return found
    #else
      return []
    #endif
  }

  /// `POSIX_SPAWN_SETSID`, which the C library of Linux hides from Swift.
  #if canImport(Darwin)
    private static let newSession: Int16 = 0x400
  #else
    private static let newSession: Int16 = 0x80
  #endif
}
