import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A real PostgreSQL server for tests: a cluster in a folder of its own on a free port of this
/// machine. Another process stops it and removes its folder when this one ends, however it ends.
///
/// The calls block for up to seconds; `shared` and `newDatabase` may be called from tests, which
/// run few at a time.
public final class PostgresServer: Sendable {
  public struct Failure: Error, CustomStringConvertible {
    public var description: String
  }

  public let port: Int
  public let folder: String
  /// The owner of every database that `newDatabase` makes.
  public let user = "stet"
  /// Of `user`, by TCP. Made up for each server.
  public let password: String
  private let binaries: String
  /// Its other end is closed with the process, which tells the watcher.
  private let life: FileHandle
  private let watcher: pid_t
  private let made = Mutex(0)

  // MARK: - One for all tests

  private static let folders = [
    "/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/15/bin",
    "/usr/lib/postgresql/14/bin", "/usr/lib/postgresql/13/bin", "/opt/homebrew/bin",
    "/usr/local/bin", "/usr/bin",
  ]

  private static var found: String? {
    folders.first { folder in
      ["initdb", "postgres", "pg_ctl", "psql"].allSatisfy {
        FileManager.default.isExecutableFile(atPath: folder + "/" + $0)
      }
    }
  }

  /// Why there is none here, in a sentence; `nil` where there is one.
  public static let absence: String? = {
    if found == nil {
      return "no PostgreSQL server is installed (initdb, postgres, pg_ctl and psql), so nothing is "
        + "tested with it"
    }
    if getuid() == 0, account == nil {
      return "PostgreSQL does not run as root, and there is no user postgres or nobody to run it"
    }
    return nil
  }()

  public static var isAvailable: Bool { absence == nil }

  private static let account = ["postgres", "nobody"].first { (name: String) in
    getpwnam(name) != nil
  }

  private static let one = Mutex<Result<PostgresServer, Failure>?>(nil)

  /// The one server of this test process, started by the first call. Tests that stop it start one
  /// of their own.
  public static func shared() throws -> PostgresServer {
    try one.withLock { one in
      if one == nil {
        one = Result { () throws(Failure) in try PostgresServer() }
      }
      return try one?.get() ?? { throw Failure(description: "there is no server") }()
    }
  }

  // MARK: - Starting and stopping

  /// - Parameters:
  ///   - durable: whether commits reach the disk; tests that crash no machine are faster without.
  ///   - settings: lines of `postgresql.conf`.
  public init(durable: Bool = false, settings: [String] = []) throws(Failure) {
    if let absence = Self.absence { throw Failure(description: absence) }
    guard let binaries = Self.found else { throw Failure(description: "no binaries") }
    self.binaries = binaries
    password = (0..<16).map { _ in String(Int.random(in: 0...35), radix: 36) }.joined()
    port = try Self.freePort()
    // Short: the name of a socket may have 100 bytes.
    folder = "/tmp/stet-pg-\(getpid())-\(port)"
    var ends: [CInt] = [0, 0]
    guard pipe(&ends) == 0 else { throw Failure(description: "no pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    life = FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
    let end = Self.asServer("\(binaries)/pg_ctl -D \(folder)/data stop -m immediate -t 20")
    let script = "read _; \(end) >/dev/null 2>&1; rm -rf \(folder)"
    watcher = try Self.spawn(
      "/bin/sh", ["-c", script], input: ends[0], output: "/dev/null")
    close(ends[0])
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
      try password.write(toFile: folder + "/password", atomically: false, encoding: .utf8)
    } catch { throw Failure(description: "\(folder): \(error)") }
    if getuid() == 0, let account = Self.account {
      try Self.shell("chown -R \(account) \(folder)")
    }
    try Self.shell(
      Self.asServer(
        "\(binaries)/initdb -D \(folder)/data -U postgres -E UTF8 --locale=C.UTF-8 --no-sync "
          + "--auth-local=trust --auth-host=scram-sha-256 --pwfile=\(folder)/password"))
    var lines = [
      "port = \(port)", "listen_addresses = '127.0.0.1'",
      "unix_socket_directories = '\(folder)'", "max_connections = 200", "shared_buffers = 64MB",
      "log_line_prefix = '%m %p %q%a '",
    ]
    if !durable {
      lines += ["fsync = off", "synchronous_commit = on", "full_page_writes = off"]
    }
    lines += settings
    try Self.shell(
      "cat >> \(folder)/data/postgresql.conf <<'END'\n\(lines.joined(separator: "\n"))\nEND")
    try start()
    try run("CREATE ROLE \(user) LOGIN PASSWORD '\(password)'")
  }

  public func start() throws(Failure) {
    do throws(Failure) { try control("start -w -t 60 -l \(folder)/log") } catch {
      let log = (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? ""
      throw Failure(description: "\(error.description)\n\(log.suffix(1_500))")
    }
  }

  public enum Stop: String, Sendable { case smart, fast, immediate }

  public func stop(_ mode: Stop = .fast) throws(Failure) { try control("stop -w -t 60 -m \(mode)") }

  public func restart(_ mode: Stop = .fast) throws(Failure) {
    try control("restart -w -t 60 -m \(mode) -l \(folder)/log")
  }

  /// Stops the server for good and removes its folder; otherwise the end of the process does.
  public func remove() {
    try? life.close()
    var status: CInt = 0
    while waitpid(watcher, &status, 0) < 0, errno == EINTR {}
  }

  private func control(_ what: String) throws(Failure) {
    try Self.shell(Self.asServer("\(binaries)/pg_ctl -D \(folder)/data \(what)"))
  }

  /// The first process of the server, for signals.
  public var processID: Int32? {
    let text = try? String(contentsOfFile: folder + "/data/postmaster.pid", encoding: .utf8)
    return text?.split(separator: "\n").first.flatMap { Int32($0) }
  }

  // MARK: - Databases

  /// A new, empty database. - Returns: its URL.
  /// - Parameters:
  ///   - template: another database to copy; nobody may be connected to it.
  ///   - options: further words of `CREATE DATABASE`.
  public func newDatabase(template: String? = nil, options: String = "") throws(Failure) -> String {
    let number = made.withLock { made in
      made += 1
      return made
    }
    let name = "stet_\(number)"
    let source = template.map { " TEMPLATE \($0)" } ?? ""
    try run("CREATE DATABASE \(name) OWNER \(user)\(source) \(options)")
    return url(name)
  }

  public func dropDatabase(_ url: String) throws(Failure) {
    let name = url.split(separator: "/").last?.split(separator: "?").first ?? ""
    try run("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
  }

  /// - Parameter port: of a proxy before the server, where there is one.
  public func url(_ database: String, port: Int? = nil) -> String {
    "postgres://\(user):\(password)@127.0.0.1:\(port ?? self.port)/\(database)"
  }

  /// Runs a statement as the superuser. - Returns: rows as text, columns by `|`.
  @discardableResult
  public func run(_ statement: String, in database: String = "postgres") throws(Failure) -> String {
    try Self.execute(
      binaries + "/psql",
      ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", folder, "-p", String(port)]
        + ["-U", "postgres", "-d", database, "-c", statement])
  }

  /// Ends the connections to a database as a network or an administrator does.
  public func terminateConnections(to database: String) throws(Failure) {
    try run(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '\(database)'")
  }

  // MARK: - Processes

  private static func asServer(_ command: String) -> String {
    guard getuid() == 0, let account else { return command }
    return
      "cd / && setpriv --reuid=\(account) --regid=$(id -g \(account)) --clear-groups \(command)"
  }

  private static func shell(_ script: String) throws(Failure) {
    try execute("/bin/sh", ["-c", script])
  }

  /// What it writes goes to a file: a server that it leaves behind would keep a pipe open. For the
  /// same reason this is not Foundation's `Process`, which waits until all that was started ends.
  @discardableResult
  private static func execute(
    _ path: String, _ arguments: [String]
  ) throws(Failure) -> String {
    let name = NSTemporaryDirectory() + "/stet-pg-out-\(UUID().uuidString)"
    defer { unlink(name) }
    let process = try spawn(path, arguments, input: nil, output: name)
    var status: CInt = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    let text = (try? String(contentsOfFile: name, encoding: .utf8)) ?? ""
    guard status == 0 else { throw Failure(description: "\(arguments.last ?? path): \(text)") }
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// In a session of its own, so that no key of a terminal ends it.
  private static func spawn(
    _ path: String, _ arguments: [String], input: CInt?, output: String
  ) throws(Failure) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input {
      posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Self.newSession)
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    defer { for word in words { free(word) } }
    words.append(nil)
    var process: pid_t = 0
    let code = posix_spawn(&process, path, &actions, &attributes, words, environ)
    guard code == 0 else { throw Failure(description: "\(path): error \(code)") }
    return process
  }

  /// `POSIX_SPAWN_SETSID`, which the C library of Linux hides from Swift.
  #if canImport(Darwin)
    private static let newSession: Int16 = 0x400
  #else
    private static let newSession: Int16 = 0x80
  #endif

  private static func freePort() throws(Failure) -> Int {
    let held = ClosedPort(forServer: ())
    return held.port
  }
}
