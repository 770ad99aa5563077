import Domain
import Foundation

/// The ways in which runs are kept apart, from the fastest on.
enum SandboxBackend: String, Sendable {
  case zygote, bubblewrap, bare
}

/// Starts the processes of a sandbox, with the command lines that keep them apart.
struct RunLauncher: Sendable {
  /// How long an interpreter may take to start, with all that its image imports, on a busy machine.
  static let startLimit = Duration.seconds(60)
  static let unprivileged: uid_t = 65_534
  private static let imageFolder = "/image"

  let isolation: Isolation
  let thread: SocketThread

  /// Bubblewrap as root keeps only the right to become another user, which the nursery gives up
  /// first of all; an ordinary user's is in a user namespace from the start.
  func nurseryWords(_ image: PreparedImage) throws(SandboxError) -> [String] {
    var enclosure = Enclosure()
    enclosure.scratch = []
    // On each of these a run mounts what is its own.
    enclosure.folders = ["/work", "/tmp", Self.imageFolder]
    enclosure.mounts = Self.mounts(of: image)
    enclosure.processes = true
    enclosure.changesUser = true
    enclosure.isSealed = true
    enclosure.workingFolder = "/"
    return try words(enclosure) + program(.nursery, image)
  }

  /// One run in a process of its own.
  func once(
    _ role: SandboxProgram.Role, image: PreparedImage, limits: SandboxLimits,
    folder: String? = nil, readOnly: [String: String] = [:]
  ) async throws(SandboxError) -> OpenedRun {
    let backend: SandboxBackend = role == .bare ? .bare : .bubblewrap
    var environment: [String: String] = [:]
    let words: [String]
    if role == .bare {
      environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"]
      words = program(role, image, folder: folder)
    } else {
      words =
        try self.words(enclosure(image, limits: limits, folder: folder, readOnly: readOnly))
        + program(role, image)
    }
    let pair = try SocketPair.make()
    let process = try await SandboxProcess.start(
      words, environment: environment, input: pair.theirs, thread: thread,
      grace: role == .bare ? .seconds(2) : .zero)
    return try await ready(
      RunChannel(pair.ours, thread: thread, owner: process), backend: backend)
  }

  /// Waits until a run says that it stands ready for its task.
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

  private func enclosure(
    _ image: PreparedImage, limits: SandboxLimits, folder: String?, readOnly: [String: String]
  ) -> Enclosure {
    var enclosure = Enclosure()
    enclosure.scratch = [
      .init(path: "/tmp", bytes: limits.disk.value),
      // What is left of the memory of the machine is no place for a program's files.
      .init(path: "/dev/shm", bytes: 1 << 20),
    ]
    enclosure.folders = [Self.imageFolder]
    enclosure.mounts =
      Self.mounts(of: image)
      + readOnly.sorted { $0.key < $1.key }.map { Enclosure.Mount(from: $0.value, to: $0.key) }
    if let folder {
      enclosure.mounts.append(.init(from: folder, to: "/work", isWritable: true))
    } else {
      enclosure.scratch.append(.init(path: "/work", bytes: limits.disk.value))
    }
    enclosure.processes = true
    enclosure.changesUser = true
    enclosure.isSealed = true
    enclosure.workingFolder = "/work"
    return enclosure
  }

  private func words(_ enclosure: Enclosure) throws(SandboxError) -> [String] {
    guard let words = isolation.words(enclosure) else {
      throw SandboxError(
        code: .unavailable, detail: "bubblewrap is not installed: apt install bubblewrap.")
    }
    return words
  }

  private func program(
    _ role: SandboxProgram.Role, _ image: PreparedImage, folder: String? = nil
  ) -> [String] {
    let site = role == .bare ? image.site : image.site.map { _ in Self.imageFolder + "/site" }
    return SandboxProgram.words(
      role, python: image.python,
      settings: .init(
        site: site, preload: role == .nursery ? image.preload : [], groups: [:],
        folder: folder))
  }

  private static func mounts(of image: PreparedImage) -> [Enclosure.Mount] {
    image.site.map { [.init(from: $0, to: imageFolder + "/site")] } ?? []
  }
}
