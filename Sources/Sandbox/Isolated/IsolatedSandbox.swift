public import Domain
public import Logging

/// How programs are kept apart.
public enum SandboxMode: String, Sendable, Hashable, CaseIterable {
  /// `zygote` where it works, else `bubblewrap`, else nothing is run.
  case automatic
  /// A warm interpreter for each image in bubblewrap, from which every run is forked into namespaces
  /// of its own.
  case zygote
  /// One bubblewrap for each run.
  case bubblewrap
  /// Nothing is kept apart. Only where a person at the machine asked for it by name.
  case bare
}

/// Runs programs in bubblewrap, as an unprivileged user, forked from a warm interpreter where the
/// kernel allows namespaces within namespaces, each in a bubblewrap of its own where it does not.
///
/// One of it serves a whole program: it bounds how many runs there are at a time and keeps the warm
/// interpreters. Nothing is started before the first run. Whatever it started dies with it.
public actor IsolatedSandbox: CodeSandbox {
  public struct Bounds: Sendable, Hashable {
    /// Runs at a time; more wait in the order in which they came.
    public var runs: Int
    /// Open sessions; more are refused.
    public var sessions: Int
    /// Runs of each image that stand ready.
    public var standbys: Int
    /// After how long `zygote` is tried again where it did not work.
    public var retry: Duration

    public init(
      runs: Int = 16, sessions: Int = 32, standbys: Int = 2, retry: Duration = .seconds(300)
    ) {
      self.runs = runs
      self.sessions = sessions
      self.standbys = standbys
      self.retry = retry
    }
  }

  let bounds: Bounds
  let thread = SocketThread()
  let launcher: RunLauncher
  private let images: ImageStore
  private let mode: SandboxMode
  private let logger: Logger
  private let gate: RunGate
  private var choice: BackendChoice?
  private var choosing: Task<BackendChoice, Never>?
  private var nurseries: [SandboxImage: (image: PreparedImage, nursery: Nursery)] = [:]
  private var lookedUp: [SandboxImage: (image: PreparedImage, at: ContinuousClock.Instant)] = [:]
  private var sessions: [String: IsolatedSession] = [:]
  private var sessionCount = 0
  private var isShutDown = false

  /// - Parameters:
  ///   - images: where `stet sandbox prepare` put them.
  ///   - environment: its `PATH` says where bubblewrap is looked for. Programs see nothing of it.
  public init(
    images: ImageStore, environment: [String: String], mode: SandboxMode = .automatic,
    bounds: Bounds = Bounds(), logger: Logger
  ) {
    self.images = images
    self.mode = mode
    self.bounds = bounds
    self.logger = logger
    gate = RunGate(places: bounds.runs)
    launcher = RunLauncher(isolation: Isolation(environment: environment), thread: thread)
  }

  deinit { thread.requestStop { [launcher] in launcher.removeGroups() } }

  // MARK: - Runs

  public func run(_ task: SandboxTask) async throws(SandboxError) -> SandboxResult {
    let image = try prepared(task.image)
    try await gate.enter()
    defer { gate.leave() }
    switch try await backend() {
    case .zygote:
      let nursery = try nursery(image)
      let opened = try await ready(nursery)
      do throws(SandboxError) {
        return try await finished(opened) { () async throws(SandboxError) in
          try await opened.carryOut(task) { await nursery.refill() }
        }
      } catch {
        if error.code == .lost, let process = opened.channel.nursery {
          await nursery.retire(process)
        }
        throw error
      }
    case .bubblewrap: return try await once(image, task)
    case .bare: return try await once(image, task, isBare: true)
    }
  }

  /// Runs a program with a folder of ours, such as a copy of a checkout, as its working folder.
  ///
  /// Always in a bubblewrap of its own, with `/proc` of its own processes. What the program writes
  /// there stays; when root runs this, all of the folder comes to belong to an unprivileged user.
  /// `files` and `collects` are about that folder too, and `limits.disk` holds for each file alone.
  /// - Parameters:
  ///   - folder: absolute; bound at `/work`, to be written.
  ///   - readOnly: further folders of this machine, absolute, by the path at which they are seen.
  public func run(
    _ task: SandboxTask, in folder: String, readOnly: [String: String] = [:]
  ) async throws(SandboxError) -> SandboxResult {
    let image = try prepared(task.image)
    try await gate.enter()
    defer { gate.leave() }
    let isBare = try await backend() == .bare
    return try await once(
      image, task, isBare: isBare, folder: GivenFolder(path: folder, readOnly: readOnly))
  }

  private func once(
    _ image: PreparedImage, _ task: SandboxTask, isBare: Bool = false, folder: GivenFolder? = nil
  ) async throws(SandboxError) -> SandboxResult {
    // Before anything is started for it.
    _ = try TaskOrder(task, nonce: "")
    let opened = try await launcher.once(
      image, isBare: isBare, disk: task.limits.disk, folder: folder)
    return try await finished(opened) { () async throws(SandboxError) in
      try await opened.carryOut(task)
    }
  }

  /// Whatever comes of it, nothing of the run is left.
  private func finished(
    _ opened: OpenedRun, _ body: () async throws(SandboxError) -> SandboxResult
  ) async throws(SandboxError) -> SandboxResult {
    defer { opened.channel.cut() }
    return try await body()
  }

  // MARK: - Sessions

  public func session(_ plan: SessionPlan) async throws(SandboxError) -> any SandboxSession {
    let image = try prepared(plan.image)
    guard sessionCount < bounds.sessions else {
      throw SandboxError(
        code: .busy,
        detail: "\(bounds.sessions) sessions are open, as many as may be: close one, or try later.")
    }
    // Counted before anything is awaited, so that no two take the last place.
    sessionCount += 1
    do throws(SandboxError) {
      let session = try await openSession(plan, image)
      guard !isShutDown else {
        await session.close()
        throw .shutDown
      }
      sessions[session.id] = session
      return session
    } catch {
      sessionCount -= 1
      throw error
    }
  }

  private func openSession(
    _ plan: SessionPlan, _ image: PreparedImage
  ) async throws(SandboxError) -> IsolatedSession {
    let nonce = Nonce.make()
    let order = try TaskOrder(plan, nonce: nonce).bytes()
    let opened: OpenedRun
    switch try await backend() {
    case .zygote:
      let nursery = try nursery(image)
      opened = try await ready(nursery)
      opened.channel.send(.task, order)
      await nursery.refill()
    case .bubblewrap:
      opened = try await launcher.once(image, disk: plan.limits.disk)
      opened.channel.send(.task, order)
    case .bare:
      opened = try await launcher.once(image, isBare: true)
      opened.channel.send(.task, order)
    }
    return IsolatedSession(id: Nonce.make(), opened: opened, plan: plan, nonce: nonce) {
      [weak self] id in await self?.forget(id)
    }
  }

  private func forget(_ id: String) {
    if sessions.removeValue(forKey: id) != nil { sessionCount -= 1 }
  }

  // MARK: - What there is

  public func report() async -> SandboxReport {
    let choice = await chosen()
    var problems = choice.problems
    if choice.backend == .zygote, mode == .automatic, let python = images.ready(.python),
      let problem = await BackendChoice.problemOfOneShot(launcher, python)
    {
      problems.append(problem)
    }
    var ready: [String: String] = [:]
    for image in SandboxImage.allCases { ready[image.rawValue] = images.ready(image)?.version }
    return SandboxReport(
      backend: choice.backend?.rawValue ?? "none", measures: choice.measures, images: ready,
      problems: problems)
  }

  /// Kills all that runs and ends every interpreter. - Returns: when no process of it is left.
  public func shutDown() async {
    isShutDown = true
    for session in sessions.values { await session.close() }
    sessions = [:]
    for (_, entry) in nurseries { await entry.nursery.stop() }
    nurseries = [:]
    choice?.nursery = nil
    await thread.stop()
    launcher.removeGroups()
  }

  private func prepared(_ image: SandboxImage) throws(SandboxError) -> PreparedImage {
    guard !isShutDown else { throw .shutDown }
    // Looking costs as much as a run does, and images seldom change.
    if let known = lookedUp[image], known.at + .seconds(2) > .now { return known.image }
    guard let found = images.ready(image) else {
      lookedUp[image] = nil
      throw image == .python
        ? SandboxError(
          code: .imageMissing,
          detail: "There is no python3 in /usr/bin or /usr/local/bin: apt install python3.")
        : SandboxError(
          code: .imageMissing,
          detail: "The image \(image.rawValue) is not prepared: stet sandbox prepare "
            + "\(image.rawValue).")
    }
    lookedUp[image] = (found, .now)
    return found
  }

  // MARK: - Nurseries

  private func nursery(_ image: PreparedImage) throws(SandboxError) -> Nursery {
    guard !isShutDown else { throw .shutDown }
    if let known = nurseries[image.image], known.image == image { return known.nursery }
    let tried = image.image == .python ? choice?.nursery : nil
    if image.image == .python { choice?.nursery = nil }
    let nursery = Nursery(standbys: bounds.standbys, logger: logger, current: tried) {
      [launcher] () async throws(SandboxError) in try await launcher.nursery(image)
    }
    if let old = nurseries.updateValue((image, nursery), forKey: image.image) {
      Task { await old.nursery.stop() }
    }
    return nursery
  }

  /// Of an image's warm interpreter itself, without the runs that stand ready; `nil` where there is
  /// none. Linux alone.
  public func residentMemory(of image: SandboxImage) async -> ByteCount? {
    guard let outer = await nurseryProcess(of: image) else { return nil }
    // Bubblewrap's only child is the interpreter.
    let children = GroupPlaces.text("/proc/\(outer)/task/\(outer)/children") ?? ""
    guard let inner = children.split(separator: " ").first,
      let status = GroupPlaces.text("/proc/\(inner)/status"),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
      let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({
        Int($0)
      })
    else { return nil }
    return ByteCount(kilobytes << 10)
  }

  /// For tests that kill it.
  func nurseryProcess(of image: SandboxImage) async -> Int32? {
    await nurseries[image]?.nursery.processID
  }

  /// Takes a run and waits until it is ready. A nursery that turns out to be dead is replaced once:
  /// what stood ready died before it was given anything, so nothing is run twice.
  private func ready(_ nursery: Nursery) async throws(SandboxError) -> OpenedRun {
    do throws(SandboxError) {
      return try await taken(nursery)
    } catch {
      guard error.code == .lost, !Task.isCancelled else { throw error }
    }
    return try await taken(nursery)
  }

  private func taken(_ nursery: Nursery) async throws(SandboxError) -> OpenedRun {
    let channel = try await nursery.take()
    do throws(SandboxError) {
      return try await launcher.ready(channel, backend: .zygote)
    } catch {
      if error.code == .lost, let process = channel.nursery { await nursery.retire(process) }
      throw error
    }
  }

  // MARK: - Choosing

  private func backend() async throws(SandboxError) -> SandboxBackend {
    guard !isShutDown else { throw .shutDown }
    let choice = await chosen()
    guard let backend = choice.backend else {
      throw SandboxError(
        code: .unavailable,
        detail: choice.problems.first ?? "Programs cannot be kept apart on this machine.")
    }
    return backend
  }

  /// The best that works is known for good. Where there is only the second best, the best is tried
  /// again after a while, beside the runs; where there is nothing, they wait for that.
  private func chosen() async -> BackendChoice {
    guard let choice else { return await choose() }
    guard choice.backend != nil else {
      return choice.at + .seconds(30) > .now ? choice : await choose()
    }
    if mode == .automatic, choice.backend != .zygote, choice.at + bounds.retry <= .now,
      choosing == nil, !isShutDown
    {
      Task { [weak self] in _ = await self?.choose() }
    }
    return choice
  }

  private func choose() async -> BackendChoice {
    let task =
      choosing
      ?? Task { [mode, launcher, python = images.ready(.python)] in
        await BackendChoice.make(mode, launcher: launcher, python: python)
      }
    choosing = task
    let made = await task.value
    if choosing == task {
      choosing = nil
      // That nothing worked this once takes nothing away that did.
      if made.backend == nil, choice?.backend != nil { choice?.at = .now } else { choice = made }
    }
    return choice ?? made
  }
}
