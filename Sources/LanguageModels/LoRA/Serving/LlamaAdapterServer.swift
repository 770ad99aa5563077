public import Domain
public import Logging
public import WebClient

/// Adapters on Stet's own llama.cpp server. llama.cpp reads adapters at its start alone, so for a
/// new one another server is started beside the first, proven, and then takes its place; requests
/// that the first is still answering are answered by it.
public actor LlamaAdapterServer: AdapterServer {
  /// One server process and the adapters that it was started with, by the place that requests name.
  private struct Generation {
    var number: Int
    var server: LlamaServer
    var adapters: [StoredAdapter]

    func place(of name: AdapterName?) -> Int? {
      adapters.firstIndex { $0.name == name }
    }
  }

  /// Adapters at the same time; who was not asked for longest makes room.
  public static let most = 8

  public nonisolated let entry: CatalogueEntry
  private let store: ModelStore
  private let files: AdapterFiles
  private let environment: [String: String]
  private let logger: Logger
  private let client: WebClient
  private let patience: LlamaServer.Patience

  private var current: Generation?
  private var retired: [Int: LlamaServer] = [:]
  private var users: [Int: Int] = [:]
  private var lastUse: [AdapterName: ContinuousClock.Instant] = [:]
  private var numbers = 0
  private var isChanging = false

  /// - Parameter base: of the catalogue.
  /// - Throws: `unknownModel`.
  public init(
    base: String, store: ModelStore, environment: [String: String], logger: Logger,
    client: WebClient, patience: LlamaServer.Patience = .init()
  ) throws(LocalModelError) {
    entry = try store.catalogue.entry(named: base)
    self.store = store
    files = AdapterFiles(dataFolder: store.dataFolder)
    self.environment = environment
    self.logger = logger
    self.client = client
    self.patience = patience
  }

  // MARK: The port

  public func load(_ adapter: StoredAdapter) async throws(AdapterError) {
    try await begin()
    defer { isChanging = false }
    try await add(adapter)
  }

  public func unload(_ name: AdapterName) async throws(AdapterError) {
    try await begin()
    defer { isChanging = false }
    lastUse[name] = nil
    // Whatever comes of the server: what is gone from the disk is not loaded again.
    defer { files.remove(name) }
    guard let generation = current, generation.place(of: name) != nil else { return }
    let rest = generation.adapters.filter { $0.name != name }
    current = nil
    retire(generation)
    if !rest.isEmpty { try await change(to: rest, new: nil) }
  }

  public func model(with adapter: AdapterName?) async throws(AdapterError) -> any LanguageModel {
    try await ready(adapter)
    return AdaptedModel(
      base: entry.name, adapter: adapter, place: "llama.cpp", profile: entry.profile
    ) { [self] (failed) async throws(AdapterError) in
      // A refusal is of the request itself: this server forgets no adapter.
      if failed?.code == .rejected {
        throw AdapterError(code: .notLoaded, detail: "The server refused the request.")
      }
      return try await lease(adapter)
    }
  }

  public func logProbability(
    of turns: [ModelRequest.Turn], with adapter: AdapterName?
  ) async throws(AdapterError) -> Double {
    try await ready(adapter)
    guard let generation = current else { throw Self.notLoaded(adapter) }
    begin(using: generation)
    do throws(AdapterError) {
      let endpoint = try await endpoint(generation)
      let value = try await LlamaScoring(
        calls: calls(endpoint), window: entry.profile.contextWindow.value,
        adapters: Self.scales(adapter, generation.adapters)
      ).logProbability(of: turns)
      await end(using: generation.number)
      return value
    } catch {
      await end(using: generation.number)
      throw error
    }
  }

  /// Ends every server that this started.
  public func stop() async {
    let servers = [current?.server].compactMap { $0 } + retired.values
    current = nil
    retired = [:]
    for server in servers { await server.stop() }
  }

  // MARK: Changing

  /// One change after another: each is built upon the last.
  private func begin() async throws(AdapterError) {
    while isChanging {
      do {
        try await Task.sleep(for: .milliseconds(20))
      } catch {
        throw Self.interrupted
      }
    }
    isChanging = true
  }

  /// Sees to it that requests for this adapter can be answered.
  private func ready(_ adapter: AdapterName?) async throws(AdapterError) {
    if isReady(adapter) { return touch(adapter) }
    try await begin()
    defer { isChanging = false }
    // Somebody else may have done it meanwhile.
    if isReady(adapter) { return touch(adapter) }
    if let current {
      let rest = present(current.adapters)
      if rest.count < current.adapters.count {
        // Let go first: there may be no room for two, and nobody is to be answered by this one.
        self.current = nil
        retire(current)
        if !rest.isEmpty { try await change(to: rest, new: nil) }
      }
      if isReady(adapter) { return touch(adapter) }
    }
    if let adapter {
      guard let stored = files.stored(adapter) else { throw Self.notLoaded(adapter) }
      try await add(stored)
    } else {
      try await change(to: [], new: nil)
    }
    touch(adapter)
  }

  /// Not while it holds an adapter whose files were removed: nobody is to be answered with that.
  private func isReady(_ adapter: AdapterName?) -> Bool {
    guard let current else { return false }
    return (adapter == nil || current.place(of: adapter) != nil)
      && present(current.adapters).count == current.adapters.count
  }

  private func present(_ adapters: [StoredAdapter]) -> [StoredAdapter] {
    adapters.filter { $0.gguf.map(StoredFile.exists) == true }
  }

  private func touch(_ adapter: AdapterName?) {
    if let adapter { lastUse[adapter] = .now }
  }

  private func add(_ adapter: StoredAdapter) async throws(AdapterError) {
    if let current, current.place(of: adapter.name) != nil { return }
    guard adapter.base == entry.name, let gguf = adapter.gguf else {
      throw AdapterError(
        code: .unsupported,
        detail: "The adapter \(adapter.name) is for \(adapter.base)"
          + (adapter.gguf == nil ? " and has no GGUF form" : "")
          + "; the server has \(entry.name).")
    }
    guard StoredFile.exists(gguf), await AdapterFiles.isSound(adapter) else {
      throw AdapterError(
        code: .corrupt,
        detail: "The adapter \(adapter.name) in \(adapter.folder) is not what it was when it was "
          + "made. Train it anew with --force-reload.")
    }
    // What was removed by another process, such as `stet reviewer forget`, is not loaded again.
    var kept = present(current?.adapters ?? [])
    while kept.count >= Self.most {
      let oldest = kept.indices.min { (a, b) in
        let first = lastUse[kept[a].name]
        let second = lastUse[kept[b].name]
        guard let first, let second else { return first == nil && second != nil }
        return first < second
      }
      kept.remove(at: oldest ?? 0)
    }
    try await change(to: kept + [adapter], new: adapter)
    touch(adapter.name)
  }

  /// Starts a server with these adapters, and lets it take over once it is proven.
  private func change(
    to adapters: [StoredAdapter], new: StoredAdapter?
  ) async throws(AdapterError) {
    let server: LlamaServer
    do throws(LocalModelError) {
      server = try LlamaServer(
        model: entry.name, store: store, environment: environment, logger: logger,
        patience: patience, adapters: adapters.compactMap(\.gguf))
    } catch {
      throw AdapterError(code: .unsupported, detail: error.detail)
    }
    numbers += 1
    let next = Generation(number: numbers, server: server, adapters: adapters)
    do throws(AdapterError) {
      let endpoint = try await endpoint(next)
      if let new { try await prove(new, adapters, endpoint) }
    } catch {
      await server.stop()
      throw error
    }
    let old = current
    current = next
    if let old { retire(old) }
    logger.info(
      "llama.cpp serves adapters",
      metadata: ["base": "\(entry.name)", "adapters": "\(adapters.map(\.name.description))"])
  }

  private func prove(
    _ new: StoredAdapter, _ adapters: [StoredAdapter], _ endpoint: LlamaServer.Endpoint
  ) async throws(AdapterError) {
    let calls = calls(endpoint)
    let listed = try await calls.send("/lora-adapters", nil)
    guard listed.status == 200, listed.json?.array?.count == adapters.count else {
      throw AdapterError(
        code: .unsupported,
        detail: "This llama.cpp knows no adapters, or left some out (\(listed.complaint)). Take a "
          + "newer `llama-server`, or none, so that Stet brings its own.")
    }
    let name = entry.name
    try await AdapterCanary { (adapter) async throws(AdapterError) in
      try await Fingerprint.ask(
        calls, model: name, extras: [("lora", Self.scales(adapter, adapters))])
    }.check(new.name, beside: adapters.map(\.name))
  }

  private func retire(_ generation: Generation) {
    retired[generation.number] = generation.server
    if users[generation.number, default: 0] == 0 { finish(generation.number) }
  }

  private func finish(_ number: Int) {
    users[number] = nil
    guard let server = retired.removeValue(forKey: number) else { return }
    Task { await server.stop() }
  }

  // MARK: Requests

  private func lease(_ adapter: AdapterName?) async throws(AdapterError) -> AdaptedModel.Lease {
    try await ready(adapter)
    guard let generation = current else { throw Self.notLoaded(adapter) }
    begin(using: generation)
    let number = generation.number
    do throws(AdapterError) {
      let endpoint = try await endpoint(generation)
      let settings: ProviderSettings
      do throws(ProviderError) {
        settings = try ProviderSettings(
          kind: .llamacpp, model: entry.name, baseURL: endpoint.address + "/v1",
          apiKey: endpoint.key)
      } catch {
        throw AdapterError(code: .unsupported, detail: "\(error)")
      }
      let model = OpenAICompatibleModel(
        settings, client: client, profile: entry.profile,
        extras: [("lora", Self.scales(adapter, generation.adapters))])
      return AdaptedModel.Lease(model: model) { [self] in await end(using: number) }
    } catch {
      await end(using: number)
      throw error
    }
  }

  private func begin(using generation: Generation) { users[generation.number, default: 0] += 1 }

  private func end(using number: Int) async {
    users[number, default: 1] -= 1
    if users[number] == 0, retired[number] != nil { finish(number) }
  }

  /// Every adapter by its place: a request that names none would be answered with those that the
  /// server was started with.
  private static func scales(_ name: AdapterName?, _ adapters: [StoredAdapter]) -> OrderedJSON {
    .array(
      adapters.enumerated().map { place, adapter in
        .object([
          ("id", .integer(place)), ("scale", .integer(adapter.name == name ? 1 : 0)),
        ])
      })
  }

  private func calls(_ endpoint: LlamaServer.Endpoint) -> ServerCalls {
    ServerCalls(address: endpoint.address, key: endpoint.key, web: client)
  }

  private func endpoint(
    _ generation: Generation
  ) async throws(AdapterError) -> LlamaServer.Endpoint {
    do throws(LocalModelError) {
      return try await generation.server.endpoint()
    } catch {
      // One that does not come up again is not asked again: the next request begins another.
      if error.code != .cancelled, current?.number == generation.number {
        current = nil
        retire(generation)
      }
      switch error.code {
      case .cancelled: throw Self.interrupted
      case .serverFailed where error.detail.contains("argument"):
        throw AdapterError(
          code: .unsupported,
          detail: "This `llama-server` does not take adapters: \(error.detail)")
      case .serverFailed where !generation.adapters.isEmpty,
        .damaged where !generation.adapters.isEmpty:
        throw AdapterError(
          code: .corrupt, detail: "llama.cpp does not start with the adapter: \(error.detail)")
      default: throw AdapterError(code: .unreachable, detail: error.detail)
      }
    }
  }

  private static let interrupted = AdapterError(
    code: .cancelled, detail: "Interrupted while the server of adapters was changed.")

  private static func notLoaded(_ name: AdapterName?) -> AdapterError {
    AdapterError(
      code: .notLoaded,
      detail: "The adapter \(name?.description ?? "of nobody") is not on this machine.")
  }
}
