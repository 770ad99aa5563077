public import Domain

/// The interpreters that callers of the API hold open. Each belongs to who opened it, and is nobody's
/// business else; one that is not used for a while is closed.
public actor ReplSessions {
  public struct Bounds: Sendable, Hashable {
    /// Open at a time, of all callers.
    public var sessions: Int
    /// Of one caller.
    public var ofOne: Int
    /// Without a cell for so long, a session is closed.
    public var idle: Duration
    /// Of one cell, and what it is where the caller names none.
    public var longestCell: Duration
    public var usualCell: Duration

    public init(
      sessions: Int = 32, ofOne: Int = 8, idle: Duration = .seconds(900),
      longestCell: Duration = .seconds(300), usualCell: Duration = .seconds(30)
    ) {
      self.sessions = sessions
      self.ofOne = min(ofOne, sessions)
      self.idle = idle
      self.longestCell = longestCell
      self.usualCell = usualCell
    }
  }

  private struct Held {
    var owner: String
    var image: SandboxImage
    /// `nil` while one is being started anew.
    var session: (any SandboxSession)?
    var isRunning = false
    /// Counts what was asked of it, so that a timer knows whether it is out of date.
    var uses = 0
    var timer: Task<Void, Never>?
  }

  public nonisolated let bounds: Bounds
  private let sandbox: any CodeSandbox
  private var held: [String: Held] = [:]
  /// Sessions that are being started, by owner: they count, so that no two take the last place.
  private var starting: [String: Int] = [:]
  private var isShutDown = false

  public init(sandbox: any CodeSandbox, bounds: Bounds = Bounds()) {
    self.sandbox = sandbox
    self.bounds = bounds
  }

  /// - Returns: the session's id, which its owner alone may use.
  public func open(
    image: SandboxImage = .python, askedBy owner: String
  ) async throws(ReplError) -> String {
    guard !isShutDown else { throw .stopped }
    let own = held.values.filter { $0.owner == owner }.count + starting[owner, default: 0]
    guard own < bounds.ofOne else {
      throw ReplError(
        code: .tooMany,
        detail: "\(own) sessions of yours are open, as many as may be: close one first.")
    }
    guard held.count + starting.values.reduce(0, +) < bounds.sessions else {
      throw ReplError(
        code: .full, detail: "\(bounds.sessions) sessions are open, as many as may be: try later.")
    }
    starting[owner, default: 0] += 1
    defer {
      let left = starting[owner, default: 1] - 1
      starting[owner] = left == 0 ? nil : left
    }
    let session = try await start(image)
    guard !isShutDown, !Task.isCancelled else {
      await session.close()
      throw .stopped
    }
    held[session.id] = Held(owner: owner, image: image, session: session)
    wind(session.id)
    return session.id
  }

  /// Runs one cell. Cancelling the task interrupts it; the names stay.
  public func run(
    _ code: String, in id: String, limit: Duration? = nil, askedBy owner: String,
    onOutput: @escaping @Sendable (SandboxOutput) -> Void = { _ in }
  ) async throws(ReplError) -> CellResult {
    let session = try use(id, owner)
    held[id]?.isRunning = true
    let limit = min(limit ?? bounds.usualCell, bounds.longestCell)
    let outcome: Result<CellResult, SandboxError>
    do throws(SandboxError) {
      outcome = .success(try await session.run(code, limit: limit, onOutput: onOutput))
    } catch {
      outcome = .failure(error)
    }
    // Another interpreter may stand there by now: this cell's end is not that one's.
    if held[id]?.session?.id == session.id { held[id]?.isRunning = false }
    wind(id)
    switch outcome {
    case .success(let result): return result
    case .failure(let error): throw ReplError(error)
    }
  }

  /// As Control-C. Nothing where no cell runs.
  public func interrupt(_ id: String, askedBy owner: String) async throws(ReplError) {
    guard let one = held[id], one.owner == owner else { throw .unknown(id) }
    await one.session?.interrupt()
  }

  /// Ends the interpreter with all its names, and starts a new one under the same id, of the same
  /// image or of another.
  public func reset(
    _ id: String, image: SandboxImage? = nil, askedBy owner: String
  ) async throws(ReplError) {
    guard let one = held[id], one.owner == owner else { throw .unknown(id) }
    let image = image ?? one.image
    held[id]?.session = nil
    // A cell that runs ends with its interpreter, also where no other can be started.
    held[id]?.isRunning = false
    held[id]?.uses += 1
    await one.session?.close()
    let session: any SandboxSession
    do throws(ReplError) {
      session = try await start(image)
    } catch {
      wind(id)
      throw error
    }
    guard held[id] != nil, !isShutDown else {
      await session.close()
      throw .unknown(id)
    }
    // Of two resets at a time, the later one's interpreter stays.
    let other = held[id]?.session
    held[id]?.session = session
    held[id]?.image = image
    held[id]?.isRunning = false
    wind(id)
    await other?.close()
  }

  public func close(_ id: String, askedBy owner: String) async throws(ReplError) {
    guard let one = held[id], one.owner == owner else { throw .unknown(id) }
    await drop(id)
  }

  /// Closes every session; none can be opened after.
  public func shutDown() async {
    isShutDown = true
    for id in Array(held.keys) { await drop(id) }
  }

  public var count: Int { held.count }

  // MARK: -

  private func start(_ image: SandboxImage) async throws(ReplError) -> any SandboxSession {
    do throws(SandboxError) {
      var limits = SandboxLimits(time: bounds.longestCell)
      // A session lives through many cells, each with a wall clock of its own.
      limits.processorTime = .seconds(3_600)
      return try await sandbox.session(SessionPlan(image: image, limits: limits))
    } catch {
      throw ReplError(error)
    }
  }

  private func use(_ id: String, _ owner: String) throws(ReplError) -> any SandboxSession {
    guard let one = held[id], one.owner == owner else { throw .unknown(id) }
    guard !one.isRunning else {
      throw ReplError(
        code: .running, detail: "A cell of this session is running: wait for it or interrupt it.")
    }
    guard let session = one.session else {
      throw ReplError(
        code: .running, detail: "The session has no interpreter just now: reset it, or try again.")
    }
    one.timer?.cancel()
    held[id]?.uses += 1
    return session
  }

  /// Sets the clock of idleness anew.
  private func wind(_ id: String) {
    guard let one = held[id] else { return }
    one.timer?.cancel()
    let uses = one.uses
    held[id]?.timer = Task { [weak self, idle = bounds.idle] in
      do { try await Task.sleep(for: idle) } catch { return }
      await self?.expire(id, uses)
    }
  }

  private func expire(_ id: String, _ uses: Int) async {
    guard let one = held[id], one.uses == uses, !one.isRunning else { return }
    await drop(id)
  }

  private func drop(_ id: String) async {
    guard let one = held.removeValue(forKey: id) else { return }
    one.timer?.cancel()
    await one.session?.close()
  }
}

/// Why a session cannot do what was asked.
public struct ReplError: Error, Sendable, Equatable {
  public enum Code: String, Sendable {
    /// No such session, or another's.
    case unknown
    /// A cell runs, or there is no interpreter to run it.
    case running
    /// As many as one caller may have.
    case tooMany = "too_many"
    /// As many as there may be in all.
    case full
    /// The interpreter has ended: a reset starts another.
    case ended
    case invalid
    /// The sandbox does not work, or lacks the image.
    case unavailable
    case cancelled
  }

  public var code: Code
  public var detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }

  init(_ error: SandboxError) {
    let code: Code =
      switch error.code {
      case .unavailable, .imageMissing: .unavailable
      case .invalid: .invalid
      case .lost, .ended: .ended
      case .busy: .full
      case .cancelled: .cancelled
      }
    self.init(code: code, detail: error.detail)
  }

  static func unknown(_ id: String) -> Self {
    Self(code: .unknown, detail: "There is no session \(Defanged.oneLine(id, limit: 100)).")
  }
  static let stopped = Self(code: .cancelled, detail: "Stet is being stopped.")
}
