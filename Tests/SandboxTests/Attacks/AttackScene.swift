import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What stands outside the sandbox for an attack to touch: a folder, a secret in the environment,
/// and sockets of three kinds. Whatever touched it is seen.
final class AttackScene: Sendable {
  let folder: String
  /// In the environment of this process, in its memory, and in the canary's file.
  let secret: String
  private let canary: String
  private let listeners: [(kind: String, descriptor: Int32)]
  private let port: UInt16
  private let socketPath: String
  private let abstractName: String

  init() throws {
    secret = "attack-canary-\(UUID().uuidString)"
    folder = "/tmp/stet-attack-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    // Open to all on purpose: only the sandbox stands between an attack and these.
    chmod(folder, 0o777)
    canary = folder + "/canary"
    try Data(secret.utf8).write(to: URL(filePath: canary))
    chmod(canary, 0o666)
    setenv("STET_ATTACK_SECRET", secret, 1)
    socketPath = folder + "/socket"
    abstractName = "stet-attack-\(UUID().uuidString)"
    let tcp = try Self.tcp()
    port = tcp.port
    listeners = [
      ("TCP", tcp.descriptor), ("unix", try Self.unix(socketPath, isAbstract: false)),
      ("abstract unix", try Self.unix(abstractName, isAbstract: true)),
    ]
    chmod(socketPath, 0o777)
  }

  deinit {
    for listener in listeners { close(listener.descriptor) }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// What the prelude of every attack takes from `sys.argv`.
  var arguments: [String] { [folder, "\(port)", socketPath, abstractName, "\(getpid())"] }

  /// What of it was touched, in words.
  func touched() -> [String] {
    var touched: [String] = []
    let found = (try? FileManager.default.contentsOfDirectory(atPath: folder))?.sorted()
    if found != ["canary", "socket"] { touched.append("the folder outside has \(found ?? [])") }
    if FileManager.default.contents(atPath: canary) != Data(secret.utf8) {
      touched.append("the file outside was changed")
    }
    for listener in listeners {
      let accepted = accept(listener.descriptor, nil, nil)
      if accepted >= 0 {
        close(accepted)
        touched.append("a connection came to the \(listener.kind) socket outside")
      }
    }
    return touched
  }

  private struct SocketFailure: Error { var code = errno }

  private static var stream: Int32 {
    #if canImport(Glibc)
      Int32(SOCK_STREAM.rawValue)
    #else
      Int32(SOCK_STREAM)
    #endif
  }

  private static func listening(_ descriptor: Int32) throws -> Int32 {
    guard listen(descriptor, 8) == 0 else { throw SocketFailure() }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return descriptor
  }

  private static func tcp() throws -> (descriptor: Int32, port: UInt16) {
    let descriptor = socket(AF_INET, stream, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(descriptor, generic, length) == 0 ? getsockname(descriptor, generic, &length) : -1
      }
    }
    guard code == 0 else { throw SocketFailure() }
    return (try listening(descriptor), UInt16(bigEndian: address.sin_port))
  }

  private static func unix(_ name: String, isAbstract: Bool) throws -> Int32 {
    let descriptor = socket(AF_UNIX, stream, 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { path in
      for (place, byte) in name.utf8.enumerated() { path[place + (isAbstract ? 1 : 0)] = byte }
    }
    let offset = MemoryLayout<sockaddr_un>.offset(of: \sockaddr_un.sun_path) ?? 2
    let length = socklen_t(offset + name.utf8.count + 1)
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    guard code == 0 else { throw SocketFailure() }
    return try listening(descriptor)
  }
}

/// What this machine's processes are, as `/proc` has it.
enum ProcessTable {
  struct Row: Sendable {
    var process: Int32
    var parent: Int32
    var command: String
  }

  static func rows() -> [Row] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { name in
      guard let process = Int32(name),
        let data = FileManager.default.contents(
          atPath: "/proc/\(name)/stat")
      else { return nil }
      // The command stands in parentheses and may hold some itself.
      let text = String(decoding: data, as: UTF8.self)
      guard let open = text.firstIndex(of: "("), let end = text.lastIndex(of: ")") else {
        return nil
      }
      let rest = text[text.index(after: end)...].split(separator: " ")
      // One that has ended and waits to be asked about runs nothing any more.
      guard rest.count > 1, rest[0] != "Z", let parent = Int32(rest[1]) else { return nil }
      return Row(
        process: process, parent: parent, command: String(text[text.index(after: open)..<end]))
    }
  }

  /// All that this process started, however far down.
  static func descendants() -> Set<Int32> {
    let rows = rows()
    var found: Set<Int32> = []
    var parents: Set<Int32> = [getpid()]
    while !parents.isEmpty {
      parents = Set(rows.filter { parents.contains($0.parent) }.map(\.process)).subtracting(found)
      found.formUnion(parents)
    }
    return found
  }

  static func children() -> Set<Int32> {
    Set(rows().filter { $0.parent == getpid() }.map(\.process))
  }
}

/// Looks at the machine while an attack runs.
final class AttackWatch: Sendable {
  struct Seen: Sendable {
    /// More than there were before.
    var processes = 0
    /// Bytes of memory fewer than there were before.
    var memory = 0
    /// The longest that a sleep of 20 ms took.
    var longestPause = Duration.zero
  }

  private let seen = Mutex(Seen())

  var sofar: Seen { seen.withLock { $0 } }

  /// Looks until cancelled, on a thread of its own: a machine that does not answer is what it seeks.
  func start() -> Thread {
    let processes = ProcessTable.descendants().count
    let memory = Self.available()
    let thread = Thread { [self] in
      while !Thread.current.isCancelled {
        let before = ContinuousClock.now
        usleep(20_000)
        let pause = before.duration(to: .now)
        let found = ProcessTable.descendants().count - processes
        let used = memory - Self.available()
        seen.withLock { seen in
          seen.processes = max(seen.processes, found)
          seen.memory = max(seen.memory, used)
          seen.longestPause = max(seen.longestPause, pause)
        }
      }
    }
    thread.start()
    return thread
  }

  private static func available() -> Int {
    let text = FileManager.default.contents(atPath: "/proc/meminfo") ?? Data()
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("MemAvailable:") {
      return (Int(line.filter(\.isNumber)) ?? 0) << 10
    }
    return 0
  }
}
