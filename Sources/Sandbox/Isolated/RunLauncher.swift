import Domain
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The ways in which runs are kept apart, from the fastest on.
enum SandboxBackend: String, Sendable {
  case zygote, bubblewrap, bare
}

/// A folder of ours as the working folder of a run.
struct GivenFolder: Sendable {
  /// Absolute.
  var path: String
  /// Folders of this machine that can be read too, by their path inside.
  var readOnly: [String: String] = [:]
}

/// What a run of its own uses where it can.
private struct OneShotWays {
  /// Bubblewrap before 0.7 knows no `--size`, and one that is set-uid refuses it.
  var sizes = true
  /// Where the run may mount nothing, the groups could not be hidden from the program.
  var groups = true

  /// - Returns: how to try again after such a failure; `nil` where that would change nothing.
  func without(_ failure: SandboxError) -> OneShotWays? {
    var other = self
    if sizes, failure.code == .lost, failure.detail.contains("--size") {
      other.sizes = false
      return other
    }
    if groups, failure.code == .unavailable, failure.detail.contains("hiding the control groups") {
      other.groups = false
      return other
    }
    return nil
  }
}

/// Starts the processes of a sandbox, with the command lines that keep them apart.
final class RunLauncher: Sendable {
  /// How long an interpreter may take to start, with all that its image imports, on a busy machine.
  static let startLimit = Duration.seconds(60)
  static let unprivileged: uid_t = 65_534
  private static let siteInside = "/image/site"

  let isolation: Isolation
  let thread: SocketThread
  /// Made when the first process is started.
  private let groups = Mutex<ControlGroups??>(nil)
  private let users = UnprivilegedUsers()
  private let ways = Mutex(OneShotWays())

  init(isolation: Isolation, thread: SocketThread) {
    self.isolation = isolation
    self.thread = thread
  }

  /// Call it when no process is left.
  func removeGroups() {
    groups.withLock { groups in
      groups??.remove()
      groups = .some(nil)
    }
  }

  /// What `removeGroups` removes.
  var groupFolders: [String] {
    groups.withLock { ($0 ?? nil).map { Array($0.parents.values) } ?? [] }
  }

  private func share() -> ControlGroups.Share {
    groups.withLock { groups in
      if groups == nil { groups = .some(ControlGroups()) }
      return groups??.share() ?? ControlGroups.Share()
    }
  }

  // MARK: - Processes

  func nursery(_ image: PreparedImage) async throws(SandboxError) -> NurseryProcess {
    var enclosure = Self.enclosure(image)
    enclosure.user = .unprivileged(mounts: false)
    let share = share()
    var isStarted = false
    defer { if !isStarted { share.remove() } }
    enclosure.mounts += share.mounts
    let words =
      try words(enclosure, share)
      + SandboxProgram.words(
        .nursery, python: image.python,
        configuration: .init(
          site: image.site.map { _ in Self.siteInside }, preload: image.preload,
          groups: share.inside))
    let started = try await SandboxProcess.start(words, thread: thread, onEnd: share.remove)
    isStarted = true
    let control = RunChannel(started.socket, thread: thread, owner: started.process)
    _ = try await ready(control, backend: .zygote)
    return NurseryProcess(control: control, process: started.process, thread: thread)
  }

  /// One run in a process of its own, in the best way that this machine's bubblewrap knows.
  func once(
    _ image: PreparedImage, isBare: Bool = false, disk: ByteCount = .mebibytes(64),
    folder: GivenFolder? = nil
  ) async throws(SandboxError) -> OpenedRun {
    while true {
      let tried = ways.withLock { $0 }
      let share = isBare || !tried.groups ? ControlGroups.Share() : share()
      do throws(SandboxError) {
        return try await once(
          image, isBare: isBare, disk: disk, folder: folder, share: share, ways: tried)
      } catch {
        // Nothing of the run was given to it yet, so another attempt runs nothing twice.
        guard !isBare, let other = tried.without(error) else { throw error }
        ways.withLock { $0 = other }
      }
    }
  }

  private func once(
    _ image: PreparedImage, isBare: Bool, disk: ByteCount, folder: GivenFolder?,
    share: ControlGroups.Share, ways: OneShotWays
  ) async throws(SandboxError) -> OpenedRun {
    var isStarted = false
    // Once it is started the folders go with its process.
    defer { if !isStarted { share.remove() } }
    var configuration = SandboxProgram.Configuration(
      site: isBare ? image.site : image.site.map { _ in Self.siteInside }, groups: share.inside)
    var words: [String] = []
    if isBare {
      if let folder { configuration.work = folder.path }
    } else {
      var enclosure = Self.enclosure(image)
      enclosure.user = .unprivileged(mounts: true)
      // For kernels that do not let it mount its own over them.
      let most = ways.sizes ? disk.value : nil
      enclosure.scratch = ["/tmp": most, "/work": most]
      configuration.unsized = ways.sizes ? nil : true
      enclosure.mounts += share.mounts
      if let folder {
        enclosure.scratch.removeValue(forKey: "/work")
        enclosure.mounts.append(.init(from: folder.path, to: "/work", isWritable: true))
        enclosure.mounts += folder.readOnly.sorted { $0.key < $1.key }
          .map { .init(from: $0.value, to: $0.key) }
        configuration.work = "given"
      }
      if getuid() == 0 {
        let user = users.next()
        configuration.uid = user
        share.handOver(to: user)
        if let folder { try await FolderOwner.hand(folder.path, to: user) }
      }
      words = try self.words(enclosure, share)
    }
    words += try SandboxProgram.words(
      .oneshot, python: image.python, configuration: configuration, isBare: isBare)
    let started = try await SandboxProcess.start(
      words, environment: isBare ? ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"] : [:],
      thread: thread, grace: isBare ? .seconds(2) : .zero, onEnd: share.remove)
    isStarted = true
    return try await ready(
      RunChannel(started.socket, thread: thread, owner: started.process),
      backend: isBare ? .bare : .bubblewrap)
  }

  /// Waits until the other end says that it stands ready.
  func ready(
    _ channel: RunChannel, backend: SandboxBackend
  ) async throws(SandboxError) -> OpenedRun {
    channel.waitForFirst(Self.startLimit)
    let frame = await withTaskCancellationHandler {
      await channel.next()
    } onCancel: {
      channel.cut()
    }
    if frame?.kind == .ready {
      channel.wait(nil)
      let measures = frame?.decoded(as: ReadyPayload.self)?.measures ?? []
      return OpenedRun(channel: channel, measures: measures, backend: backend.rawValue)
    }
    channel.cut()
    if Task.isCancelled { throw .cancelled }
    if let refusal = frame?.decoded(as: RefusalPayload.self) { throw refusal.error }
    let said = channel.lastLine
    throw SandboxError(
      code: .lost,
      detail: "The sandbox's interpreter did not start" + (said.isEmpty ? "." : " (\(said))."))
  }

  // MARK: - Command lines

  private static func enclosure(_ image: PreparedImage) -> Enclosure {
    var enclosure = Enclosure()
    // On each of these a run mounts what is its own.
    enclosure.folders = ["/work", "/tmp"]
    enclosure.scratch = [:]
    enclosure.mounts = image.site.map { [.init(from: $0, to: siteInside)] } ?? []
    enclosure.processes = true
    enclosure.isFirst = true
    enclosure.isSealed = true
    enclosure.workingFolder = "/"
    return enclosure
  }

  private func words(
    _ enclosure: Enclosure, _ share: ControlGroups.Share
  ) throws(SandboxError) -> [String] {
    guard let words = isolation.words(enclosure) else {
      throw SandboxError(
        code: .unavailable, detail: "bubblewrap is not installed: apt install bubblewrap.")
    }
    guard let own = share.ownGroup else { return words }
    // Before it starts anything, for what it started already would not move with it.
    return ["/bin/sh", "-c", "echo 0 > \"$0\" && exec \"$@\"", own] + words
  }
}

/// Users that nobody else is, one for each run, where root runs this: the kernel counts processes by
/// user, and one user's may send each other signals where nothing else keeps them apart.
private final class UnprivilegedUsers: Sendable {
  private static let first: uid_t = 2_113_929_216
  private static let count: uid_t = 1 << 16
  private let place = Mutex<uid_t>(uid_t.random(in: 0..<count))
  /// In a container there may be only some.
  private let hasMany: Bool

  init() {
    let map = GroupPlaces.text("/proc/self/uid_map") ?? ""
    let ranges = map.split(separator: "\n").map {
      $0.split(separator: " ").compactMap { UInt64($0) }
    }
    hasMany = ranges.contains { range in
      range.count == 3 && range[0] <= UInt64(Self.first)
        && range[0] + range[2] >= UInt64(Self.first + Self.count)
    }
  }

  func next() -> uid_t {
    guard hasMany else { return RunLauncher.unprivileged }
    return place.withLock { place in
      place = (place + 1) % Self.count
      return Self.first + place
    }
  }
}
