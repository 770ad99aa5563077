import Domain

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Whether programs can be kept apart from this machine, and if not, what to do.
public struct IsolationReport: Sendable, Equatable {
  public var works: Bool
  /// As bubblewrap prints it, such as `0.8.0`.
  public var version: String?
  /// One sentence for a user.
  public var sentence: String

  public init(works: Bool, version: String?, sentence: String) {
    self.works = works
    self.version = version
    self.sentence = sentence
  }
}

/// Wraps a command in bubblewrap: namespaces of its own, no network, no capability, an empty
/// environment, and of the file system the system's programs, read-only, with an empty `/tmp`.
///
/// Source: bwrap(1). Works as root and as an ordinary user where the kernel lets one make
/// namespaces.
public struct Isolation: Sendable {
  private let bubblewrap: String?
  private let runner = CommandRunner()

  /// - Parameter environment: its `PATH` says where bubblewrap is looked for.
  public init(environment: [String: String]) {
    bubblewrap = Self.find("bwrap", path: environment["PATH"])
  }

  /// - Parameters:
  ///   - readOnly: further folders that the program may read, at their own paths.
  ///   - processes: mounts `/proc`, for programs that find their own files by it.
  /// - Returns: `nil` where bubblewrap is not installed. There is no way to run a command bare.
  func command(
    _ program: [String], readOnly: [String] = [], processes: Bool = false, input: [UInt8] = [],
    timeout: Duration, outputLimit: ByteCount = .mebibytes(1)
  ) -> Command? {
    let mounts = readOnly.filter { !$0.hasPrefix("/usr/") }
      .map { Enclosure.Mount(from: $0, to: $0) }
    return words(Enclosure(mounts: mounts, processes: processes)).map { words in
      Command(
        words[0], words.dropFirst() + program, workingFolder: "/", input: input, timeout: timeout,
        outputLimit: outputLimit)
    }
  }

  /// What stands before a program and its arguments, bubblewrap's own path first.
  /// - Returns: `nil` where bubblewrap is not installed.
  func words(_ enclosure: Enclosure) -> [String]? {
    guard let bubblewrap else { return nil }
    var words = [bubblewrap] + Self.identity(enclosure.user)
    words += ["--die-with-parent", "--clearenv"]
    // A process 1 of its own stays in the session, and so in the group, that `ProcessStart` makes:
    // whoever kills the group kills it, and not bubblewrap alone, whose death would not be its own.
    words.append(enclosure.isFirst ? "--as-pid-1" : "--new-session")
    words += ["--setenv", "PATH", "/usr/bin:/bin", "--setenv", "LC_ALL", "C.UTF-8"]
    words += ["--ro-bind", "/usr", "/usr"]
    for folder in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
      words += Self.mirror(folder)
    }
    for path in ["/etc/ld.so.cache", "/etc/alternatives"] {
      words += ["--ro-bind-try", path, path]
    }
    if enclosure.processes { words += ["--proc", "/proc"] }
    words += ["--dev", "/dev"]
    for folder in enclosure.folders { words += ["--dir", folder] }
    for (folder, bytes) in enclosure.scratch {
      if let bytes { words += ["--size", String(bytes)] }
      words += ["--perms", "1777", "--tmpfs", folder]
    }
    // Those that bubblewrap makes by itself are for root alone.
    for folder in Self.parents(of: enclosure.mounts.map(\.to)) { words += ["--dir", folder] }
    for mount in enclosure.mounts {
      words += [mount.isWritable ? "--bind" : "--ro-bind", mount.from, mount.to]
    }
    if enclosure.isSealed { words += ["--remount-ro", "/"] }
    return words + ["--chdir", enclosure.workingFolder, "--"]
  }

  private static func parents(of paths: [String]) -> [String] {
    var found: Set<String> = []
    for path in paths where !path.hasPrefix("/usr/") {
      var parent = path
      while let slash = parent.lastIndex(of: "/"), slash > parent.startIndex {
        parent = String(parent[..<slash])
        found.insert(parent)
      }
    }
    return found.sorted()
  }

  private static func identity(_ user: Enclosure.User) -> [String] {
    guard case .unprivileged(let mounts) = user else {
      return ["--unshare-all", "--cap-drop", "ALL"]
    }
    let mounting = mounts ? ["--cap-add", "CAP_SYS_ADMIN"] : []
    // With which it gives the others up for good.
    let lowering = ["--cap-add", "CAP_SETPCAP"]
    guard getuid() == 0 else {
      return ["--unshare-all", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"]
        + (mounts ? lowering : []) + mounting
    }
    // Root in a user namespace of one user could become nobody else.
    return [
      "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
      "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID",
    ] + lowering + mounting
  }

  /// Most systems link `/bin` and the like into `/usr`; on others they are folders.
  private static func mirror(_ folder: String) -> [String] {
    var target = [CChar](repeating: 0, count: 256)
    let count = readlink("/" + folder, &target, target.count)
    guard count > 0 else { return ["--ro-bind-try", "/" + folder, "/" + folder] }
    let name = String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return ["--symlink", name, "/" + folder]
  }

  /// Tries it once with a program that does nothing.
  public func probe() async -> IsolationReport {
    guard let bubblewrap else {
      return IsolationReport(
        works: false, version: nil,
        sentence: "bubblewrap is not installed, so suggestions are not checked by a parser: "
          + "apt install bubblewrap.")
    }
    let version = try? await runner.run(
      Command(bubblewrap, ["--version"], timeout: .seconds(10)))
    let number = version.flatMap {
      String(decoding: $0.output, as: UTF8.self).split(whereSeparator: \.isWhitespace).last
        .map(String.init)
    }
    guard let trial = command(["/bin/true"], timeout: .seconds(10)) else {
      return IsolationReport(works: false, version: number, sentence: "bubblewrap was not found.")
    }
    do {
      let result = try await runner.run(trial)
      guard !result.succeeded else {
        return IsolationReport(
          works: true, version: number, sentence: "bubblewrap isolates programs here.")
      }
      let said = GitError.firstLine(result.errorText)
      return IsolationReport(
        works: false, version: number,
        sentence: "bubblewrap does not work here (\(said)): \(Self.remedy())")
    } catch {
      return IsolationReport(works: false, version: number, sentence: error.detail)
    }
  }

  private static func remedy() -> String {
    if setting("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
      return "run sysctl -w kernel.unprivileged_userns_clone=1 as root."
    }
    if setting("/proc/sys/user/max_user_namespaces") == "0" {
      return "run sysctl -w user.max_user_namespaces=10000 as root."
    }
    if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
      return "AppArmor restricts user namespaces, as on Ubuntu 24.04; load a profile that allows "
        + "them to bwrap (apt install apparmor-profiles, then aa-enforce bwrap-userns-restrict), "
        + "or run sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 as root."
    }
    return "inside a container, start it with --security-opt seccomp=unconfined "
      + "--security-opt apparmor=unconfined, or as a privileged one."
  }

  private static func setting(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = read(file, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes[..<count], as: UTF8.self)
      .split(whereSeparator: \.isWhitespace).first.map(String.init)
  }

  /// Looks a program up, in absolute folders only: a relative one could be the checkout's own.
  static func find(_ name: String, path: String?) -> String? {
    for folder in (path ?? "/usr/bin:/bin").split(separator: ":") where folder.hasPrefix("/") {
      let candidate = "\(folder)/\(name)"
      var facts = stat()
      if stat(candidate, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG,
        access(candidate, X_OK) == 0
      {
        return candidate
      }
    }
    return nil
  }

  static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
