import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Folders of control groups beneath which the sandbox's unprivileged user makes one for each run.
///
/// Version 1 has one for each controller, and they take root to make. Version 2 has one, made by
/// root anywhere or by a user in what systemd delegated to it.
/// Source: the kernel's admin-guide/cgroup-v1 and cgroup-v2.rst, "Delegation".
final class ControlGroups: Sendable {
  /// What one nursery, or one run of its own, is given.
  struct Share: Sendable {
    /// By controller, `memory` and `pids`, or `unified`.
    var folders: [String: String] = [:]
    /// Where its own process belongs; version 2 alone needs that.
    var ownGroup: String?
    /// Takes those folders that are busy still.
    fileprivate var leave: @Sendable (String) -> Void = { _ in }

    var inside: [String: String] {
      Dictionary(uniqueKeysWithValues: folders.keys.map { ($0, "/groups/\($0)") })
    }

    var mounts: [Enclosure.Mount] {
      folders.sorted { $0.key < $1.key }
        .map { .init(from: $0.value, to: "/groups/\($0.key)", isWritable: true) }
    }

    /// To another user than the one to whom it was given.
    func handOver(to user: uid_t) {
      for folder in folders.values { ControlGroups.handOver(folder, to: user) }
    }

    /// Call it when its processes are gone.
    @Sendable func remove() {
      for folder in folders.values where !ControlGroups.removeAll(folder) { leave(folder) }
    }
  }

  let parents: [String: String]
  private let count = Mutex(0)
  /// Of processes that are gone or going. A group is busy for an instant after its last process.
  private let left = Mutex<Set<String>>([])

  /// - Returns: `nil` where none can be made.
  init?() {
    #if os(Linux)
      let places = GroupPlaces.here()
      var parents: [String: String] = [:]
      for kind in ["memory", "pids"] {
        guard let place = places.own[kind] else { continue }
        Self.removeStale(in: place)
        if let made = Self.make(in: place) { parents[kind] = made }
      }
      if parents["memory"] == nil {
        for place in places.unified {
          Self.removeStale(in: place)
          if let made = Self.makeUnified(in: place) {
            for other in parents.values { Self.removeAll(other) }
            parents = ["unified": made]
            break
          }
        }
      }
      guard !parents.isEmpty else { return nil }
      self.parents = parents
    #else
      return nil
    #endif
  }

  func share() -> Share {
    sweep()
    let number = count.withLock { count in
      count += 1
      return count
    }
    var share = Share()
    share.leave = { [self] folder in left.withLock { _ = $0.insert(folder) } }
    for (kind, parent) in parents {
      let folder = "\(parent)/\(number)"
      guard mkdir(folder, 0o755) == 0 else { continue }
      if kind == "unified" {
        let own = folder + "/own"
        guard Self.enable(folder), mkdir(own, 0o755) == 0 else {
          Self.removeAll(folder)
          continue
        }
        share.ownGroup = own + "/cgroup.procs"
      }
      Self.handOver(folder, to: RunLauncher.unprivileged)
      share.folders[kind] = folder
    }
    return share
  }

  private func sweep() {
    for folder in left.withLock({ $0 }) where Self.removeAll(folder) {
      left.withLock { _ = $0.remove(folder) }
    }
  }

  /// Call it when no process is left. Takes a fifth of a second at most.
  func remove() {
    for parent in parents.values {
      for _ in 0..<40 where !Self.removeAll(parent) { usleep(5_000) }
    }
  }

  // MARK: - Folders

  private static func make(in place: String) -> String? {
    let name = "\(place)/\(prefix)\(getpid())-\(Nonce.make().prefix(8))"
    return mkdir(name, 0o755) == 0 ? name : nil
  }

  private static func makeUnified(in place: String) -> String? {
    // What is not passed on to the children of a group cannot be limited in them.
    guard enable(place), let made = make(in: place) else { return nil }
    guard enable(made) else {
      rmdir(made)
      return nil
    }
    return made
  }

  /// Switches memory and pids on for the groups beneath one.
  private static func enable(_ folder: String) -> Bool {
    let file = folder + "/cgroup.subtree_control"
    let wanted: Set<Substring> = ["memory", "pids"]
    if let text = GroupPlaces.text(file), wanted.isSubset(of: Set(text.split { $0.isWhitespace })) {
      return true
    }
    let descriptor = open(file, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let order = Array("+memory +pids".utf8)
    return write(descriptor, order, order.count) == order.count
  }

  /// The folder itself, and of version 2 the files that are meant to be delegated with it.
  fileprivate static func handOver(_ folder: String, to user: uid_t) {
    guard getuid() == 0 else { return }
    let files = ["", "/cgroup.procs", "/cgroup.subtree_control", "/own", "/own/cgroup.procs"]
    for file in files { _ = chown(folder + file, user, user) }
  }

  private static let prefix = "stet-"

  /// Those of processes that are no more. A group that is in use cannot be removed.
  private static func removeStale(in place: String) {
    for name in folders(in: place) where name.hasPrefix(prefix) {
      let number = name.dropFirst(prefix.count).prefix { $0 != "-" }
      guard let process = pid_t(number), kill(process, 0) != 0, errno == ESRCH else { continue }
      removeAll("\(place)/\(name)")
    }
  }

  /// The files in it are the kernel's and go with their folder. - Returns: whether it is gone.
  @discardableResult
  fileprivate static func removeAll(_ folder: String) -> Bool {
    for name in folders(in: folder) { removeAll("\(folder)/\(name)") }
    return rmdir(folder) == 0 || errno == ENOENT
  }

  private static func folders(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var found: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if entry.pointee.d_type == 4, name != ".", name != ".." { found.append(name) }
    }
    return found
  }
}

/// Where the groups of this process are mounted.
struct GroupPlaces {
  /// Of version 1, by controller.
  var own: [String: String] = [:]
  /// Of version 2: our own and those above it, the nearest first.
  var unified: [String] = []

  static func here() -> GroupPlaces {
    GroupPlaces(
      groups: text("/proc/self/cgroup") ?? "", mounts: text("/proc/self/mountinfo") ?? "")
  }

  /// - Parameters:
  ///   - groups: as `/proc/self/cgroup` has it: `4:memory:/path`, or `0::/path` of version 2.
  ///   - mounts: as `/proc/self/mountinfo` has it.
  init(groups: String, mounts: String) {
    var mounted: [(point: String, root: String, kinds: Set<String>, isUnified: Bool)] = []
    for line in mounts.split(separator: "\n") {
      let halves = line.split(separator: " - ", maxSplits: 1)
      guard halves.count == 2 else { continue }
      let before = halves[0].split(separator: " ")
      let after = halves[1].split(separator: " ")
      guard before.count > 5, let kind = after.first, kind == "cgroup" || kind == "cgroup2"
      else { continue }
      mounted.append(
        (
          String(before[4]), String(before[3]),
          Set((after.last ?? "").split(separator: ",").map(String.init)), kind == "cgroup2"
        ))
    }
    for line in groups.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let path = String(parts[2])
      if parts[1].isEmpty {
        guard let mount = mounted.first(where: \.isUnified) else { continue }
        var place = Self.place(path, mount.root, mount.point)
        while place.utf8.count > mount.point.utf8.count {
          unified.append(place)
          place = String(place[..<(place.lastIndex(of: "/") ?? place.startIndex)])
        }
        unified.append(mount.point)
      }
      for kind in parts[1].split(separator: ",").map(String.init) {
        guard let mount = mounted.first(where: { !$0.isUnified && $0.kinds.contains(kind) })
        else { continue }
        own[kind] = Self.place(path, mount.root, mount.point)
      }
    }
  }

  private static func place(_ path: String, _ root: String, _ point: String) -> String {
    // In a container the mount shows a part of the hierarchy only.
    let inside = root != "/" && path.hasPrefix(root) ? String(path.dropFirst(root.count)) : path
    return inside == "/" || inside.isEmpty ? point : point + inside
  }

  static func text(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while bytes.count < 1 << 20 {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
