import Domain
public import Logging
import WebClient

/// Starts, watches and stops llama.cpp's HTTP server for one model of the catalogue.
///
///     idle ─▶ starting ─▶ running ─(crash, once)─▶ starting ─▶ running ─(crash)─▶ failed
///
/// The server listens on loopback, wants a key made for this run, and does not outlive Stet.
public actor LlamaServer {
  /// Where a running server answers.
  public struct Endpoint: Sendable, Hashable {
    public var port: Int
    public var key: String
    public var model: String
    /// Of the process group's leader.
    public var processID: Int

    /// The root; the OpenAI-like interface is below `/v1`.
    public var address: String { "http://127.0.0.1:\(port)" }
  }

  public struct Patience: Sendable, Hashable {
    /// From the start of the process to its first answer: a large model on a slow disk takes long.
    public var start: Duration
    /// Between a crash and the next start.
    public var backOff: Duration
    public init(start: Duration = .seconds(180), backOff: Duration = .seconds(1)) {
      self.start = start
      self.backOff = backOff
    }
  }

  private enum Phase {
    case idle
    case starting
    case running(LlamaProcess, Endpoint)
    /// A server that another command keeps.
    case shared(Endpoint)
    case failed(LocalModelError)
  }

  public nonisolated let entry: CatalogueEntry
  private let store: ModelStore
  private let environment: [String: String]
  private let patience: Patience
  private let logger: Logger
  private let shared: SharedServer
  /// With adapters of its own it shares nobody's server.
  private let adapters: [String]
  private let isOwn: Bool
  private var phase = Phase.idle
  private var crashes = 0

  /// - Throws: `unknownModel`.
  public init(
    model: String, store: ModelStore, environment: [String: String], logger: Logger,
    patience: Patience = Patience()
  ) throws(LocalModelError) {
    try self.init(
      model: model, store: store, environment: environment, logger: logger, patience: patience,
      adapters: nil)
  }

  /// - Parameter adapters: files for llama.cpp; not `nil`: a server of one's own, that uses none of
  ///   them unless a request asks for it.
  init(
    model: String, store: ModelStore, environment: [String: String], logger: Logger,
    patience: Patience = Patience(), adapters: [String]?
  ) throws(LocalModelError) {
    self.adapters = adapters ?? []
    isOwn = adapters != nil
    entry = try store.catalogue.entry(named: model)
    self.store = store
    self.environment = environment
    self.patience = patience
    self.logger = logger
    shared = SharedServer(dataFolder: store.dataFolder, web: store.web)
  }

  /// The server's address, once it answers: a shared one, the one that runs, or one started now.
  /// Any number of callers share one start.
  /// - Throws: `missing`, `damaged`, `pythonMissing`, `installFailed`, `serverFailed`,
  ///   `outOfMemory`, `storage`, `diskFull`, `cancelled`. What failed once fails at once after that.
  public func endpoint() async throws(LocalModelError) -> Endpoint {
    while true {
      switch phase {
      case .shared(let endpoint): return endpoint
      case .failed(let error): throw error
      case .running(let process, let endpoint):
        guard let end = process.end else { return endpoint }
        crashes += 1
        logger.warning(
          "the local model server stopped",
          metadata: ["model": "\(entry.name)", "how": "\(end.how)"])
        if crashes > 1 {
          phase = .failed(explain(end, of: "stopped twice"))
        } else {
          try await begin(after: patience.backOff, sharing: true)
        }
      case .idle: try await begin(after: .zero, sharing: true)
      case .starting:
        do {
          try await Task.sleep(for: .milliseconds(20))
        } catch {
          throw interrupted
        }
      }
    }
  }

  /// Says that a request to `endpoint` failed, so that the next one does not trust it blindly.
  public func doubt(_ endpoint: Endpoint) async {
    guard case .shared(let known) = phase, known == endpoint else { return }
    if await Self.answers(endpoint, web: store.web) { return }
    if case .shared(let known) = phase, known == endpoint { phase = .idle }
  }

  /// Ends the server that this object started and waits until its processes are gone. A shared one
  /// is left alone.
  public func stop() async {
    if case .running(let process, _) = phase {
      phase = .idle
      await process.stop()
    } else if case .starting = phase {
      stopping = true
      while case .starting = phase {
        try? await Task.sleep(for: .milliseconds(10))
        await Task.yield()
      }
    } else if case .shared = phase {
      phase = .idle
    }
  }
  private var stopping = false

  /// Keeps a server running for other commands until the task is cancelled.
  /// - Parameter ready: called with the address at each start.
  /// - Throws: as `endpoint`; `serverFailed` also when another command serves this model already.
  public func serve(
    ready: @escaping @Sendable (Endpoint) -> Void
  ) async throws(LocalModelError) {
    if let other = await shared.find(entry.name) {
      throw LocalModelError(
        .serverFailed,
        "The model \(entry.name) is served already, at \(other.address) by process "
          + "\(other.processID).")
    }
    try await begin(after: .zero, sharing: false)
    while true {
      guard case .running(let process, let endpoint) = phase else { return }
      try shared.publish(endpoint)
      ready(endpoint)
      while process.end == nil, !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(250))
      }
      shared.withdraw(endpoint)
      guard let end = process.end, !Task.isCancelled else {
        await stop()
        return
      }
      crashes += 1
      if crashes > 1 { throw explain(end, of: "stopped twice") }
      try await begin(after: patience.backOff, sharing: false)
    }
  }

  /// Whether the server at `endpoint` takes its key and serves its model.
  static func answers(_ endpoint: Endpoint, web: WebClient) async -> Bool {
    let request = WebRequest(
      url: endpoint.address + "/v1/models",
      headers: ["Authorization": "Bearer \(endpoint.key)"], carriesSecret: true,
      deadline: .seconds(3), maxResponseBytes: 1 << 20)
    guard let answer = try? await web.send(request), answer.status == 200 else { return false }
    return String(decoding: answer.body, as: UTF8.self).contains("\"\(endpoint.model)\"")
  }

  // MARK: Starting

  private var interrupted: LocalModelError {
    LocalModelError(.cancelled, "Interrupted while the local model server started.")
  }

  private func begin(after wait: Duration, sharing: Bool) async throws(LocalModelError) {
    phase = .starting
    stopping = false
    do {
      if wait > .zero { try await Task.sleep(for: wait) }
      if sharing, !isOwn, let endpoint = await shared.find(entry.name) {
        phase = .shared(endpoint)
        return
      }
      let (process, endpoint) = try await start()
      phase = .running(process, endpoint)
    } catch let error as LocalModelError {
      // Who was interrupted says nothing of the server; the next caller begins anew.
      phase = error.code == .cancelled ? .idle : .failed(error)
      throw error
    } catch {
      phase = .idle
      throw interrupted
    }
  }

  private func start() async throws(LocalModelError) -> (LlamaProcess, Endpoint) {
    let model = try await store.readyFile(entry.name)
    let logger = logger
    let program = try await LlamaProgram.prepare(
      dataFolder: store.dataFolder, environment: environment
    ) {
      logger.notice("installing the local model server, once, by pip")
    }
    let slots = max(1, entry.profile.concurrency)
    var last = LocalModelError(.serverFailed, "No port is free on the loopback interface.")
    // A second try for the case that somebody takes the port between our look and the server's.
    for _ in 0..<2 {
      guard let port = freeLoopbackPort() else { break }
      let key = Self.newKey()
      let process = LlamaProcess(
        arguments: program.arguments(
          .init(
            model: model, name: entry.name, port: port,
            context: entry.profile.contextWindow.value * slots, slots: slots,
            threads: processorCount(), adapters: adapters)),
        environment: LlamaProgram.environment(from: environment, key: key),
        folder: store.folder)
      do {
        let endpoint = try await awaitHealth(process, port: port, key: key)
        return (process, endpoint)
      } catch {
        await process.stop()
        if error.code != .serverFailed { throw error }
        last = error
        guard process.tail.contains("bind") else { break }
      }
    }
    throw last
  }

  private func awaitHealth(
    _ process: LlamaProcess, port: Int, key: String
  ) async throws(LocalModelError) -> Endpoint {
    let began = ContinuousClock.now
    var pause = Duration.milliseconds(25)
    while ContinuousClock.now - began < patience.start {
      if let end = process.end { throw explain(end, of: "did not start") }
      if stopping || Task.isCancelled { throw interrupted }
      if let processID = process.processID {
        let endpoint = Endpoint(port: port, key: key, model: entry.name, processID: processID)
        if await Self.answers(endpoint, web: store.web), process.end == nil { return endpoint }
      }
      do {
        try await Task.sleep(for: pause)
      } catch {
        throw interrupted
      }
      pause = min(pause * 3 / 2, .milliseconds(250))
    }
    throw LocalModelError(
      .serverFailed,
      "The local model server did not answer within \(patience.start). It last said: "
        + "\(OutputTail.lastLine(of: process.tail) ?? "nothing").")
  }

  private func explain(_ end: LlamaProcess.End, of what: String) -> LocalModelError {
    let errors = OutputTail.lastLine(of: end.tail) { line in
      line.contains(" E ") || line.contains("rror") || line.contains("failed")
    }
    let said = errors ?? OutputTail.lastLine(of: end.tail) ?? "nothing"
    let memoryWords = [
      "failed to allocate", "bad_alloc", "out of memory", "Cannot allocate memory",
    ]
    if end.how == .killed(signal: 9) || memoryWords.contains(where: end.tail.contains) {
      return LocalModelError(
        .outOfMemory,
        "The local model server \(what): the machine has too little memory for \(entry.name), or "
          + "the process was killed. Close other programs, or choose a smaller model "
          + "(`stet model list`). It last said: \(said).")
    }
    let fileWords = [
      "model is corrupted", "invalid magic", "error loading model", "failed to load",
    ]
    if fileWords.contains(where: end.tail.contains) {
      let cause =
        OutputTail.lastLine(of: end.tail) { line in
          line.contains("corrupted") || line.contains("invalid magic")
        } ?? OutputTail.lastLine(of: end.tail) { $0.contains("error loading model") } ?? said
      return LocalModelError(
        .damaged,
        "The model server cannot read \(store.path(of: entry)): \(cause). Run `stet model pull "
          + "\(entry.name)` to check the file and fetch it anew.")
    }
    return LocalModelError(
      .serverFailed,
      "The local model server \(what) (\(end.how)). It last said: \(said). `stet doctor` looks for "
        + "the cause.")
  }

  private static func newKey() -> String {
    var generator = SystemRandomNumberGenerator()
    let bytes = (0..<24).map { _ in UInt8.random(in: 0...255, using: &generator) }
    return Hexadecimal.of(bytes)
  }
}
