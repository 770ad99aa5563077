#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The processes that were started together with one of ours: bubblewrap itself and what it
/// encloses, which stays in its group until a judged process makes one of its own.
enum ProcessGroup {
  /// To all of them at once: bubblewrap's own death does not reach what it encloses where that has
  /// become another user, for the kernel asks of that signal too whether it may be sent.
  static func kill(_ group: pid_t) { _ = send(SIGKILL, group) }

  /// Whether none of them runs any more. Those that have ended count as gone, whoever has still to
  /// ask about them; of ours nobody has.
  /// - Parameter group: its first process was waited for already.
  static func isGone(_ group: pid_t) -> Bool {
    // Orphans come to this process where it is the first of a container.
    var status: CInt = 0
    while waitpid(-group, &status, WNOHANG) > 0 {}
    guard send(0, group) == 0 || errno != ESRCH else { return true }
    #if os(Linux)
      return !hasRunning(group)
    #else
      return false
    #endif
  }

  private static func send(_ signal: CInt, _ group: pid_t) -> CInt {
    #if canImport(Glibc)
      Glibc.kill(-group, signal)
    #elseif canImport(Musl)
      Musl.kill(-group, signal)
    #else
      Darwin.kill(-group, signal)
    #endif
  }

  #if os(Linux)
    /// By `/proc/PID/stat`: PID, name in parentheses, state, parent, group. Source: proc(5).
    private static func hasRunning(_ group: pid_t) -> Bool {
      guard let folder = opendir("/proc") else { return false }
      defer { closedir(folder) }
      while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard pid_t(name) != nil, let text = GroupPlaces.text("/proc/\(name)/stat"),
          let end = text.lastIndex(of: ")")
        else { continue }
        let words = text[text.index(after: end)...].split(separator: " ", maxSplits: 3)
        if words.count > 2, words[2] == "\(group)", words[0] != "Z", words[0] != "X" {
          return true
        }
      }
      return false
    }
  #endif
}
