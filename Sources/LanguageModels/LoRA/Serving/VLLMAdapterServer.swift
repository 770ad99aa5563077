public import Domain
public import WebClient

/// Adapters on a vLLM server, loaded while it runs: it must have been started with `--enable-lora`
/// and `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True`. Source: vLLM's documentation, "LoRA Adapters".
///
/// What is known of its faults: it forgets adapters when it is started again, keeps weights after an
/// unload, and has served old prefix caches under a name that was used again. Hence a name is never
/// used for other weights, each adapter's prompts are cached apart (`cache_salt`), and an adapter
/// that is missing is loaded again.
public actor VLLMAdapterServer: AdapterServer {
  private let settings: ProviderSettings
  /// What adapters say that they are for.
  private let base: String
  private let files: AdapterFiles
  /// Where the server sees the folder of adapters; `nil`: as this machine does.
  private let folderThere: String?
  private let client: WebClient
  private let profile: ModelProfile
  private let calls: ServerCalls
  /// Those that were proven.
  private var loaded: Set<AdapterName> = []
  private var renewedAt: [AdapterName: ContinuousClock.Instant] = [:]
  /// Requests that were under way when an adapter was loaded again are repeated too.
  private static let underWay = Duration.seconds(60)
  private var isChanging = false

  /// - Parameter settings: of the kind `.vllm`; its model is the base, as the server calls it.
  public init(
    _ settings: ProviderSettings, base: String, dataFolder: String, folderThere: String? = nil,
    client: WebClient
  ) {
    self.settings = settings
    self.base = base
    files = AdapterFiles(dataFolder: dataFolder)
    self.folderThere = folderThere
    self.client = client
    profile = .of(settings.model, servedBy: settings.kind)
    calls = ServerCalls(
      address: Self.root(settings.baseURL), key: settings.apiKey, web: client)
  }

  static func root(_ address: String) -> String {
    address.hasSuffix("/v1") ? String(address.dropLast(3)) : address
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
    loaded.remove(name)
    defer { files.remove(name) }
    let answer = try await calls.send(
      "/v1/unload_lora_adapter", .object([("lora_name", .string(name.description))]))
    // What it says does not matter; what it lists does.
    guard try await names().contains(name.description) else { return }
    throw AdapterError(
      code: .unsupported,
      detail:
        "vLLM still has the adapter \(name): \(answer.complaint). Start it again to be rid of "
        + "it.")
  }

  public func model(with adapter: AdapterName?) async throws(AdapterError) -> any LanguageModel {
    if let adapter { try await ready(adapter) }
    return AdaptedModel(
      base: base, adapter: adapter, place: settings.baseURL, profile: profile
    ) { [self] (failed) async throws(AdapterError) in
      try await lease(adapter, failed)
    }
  }

  public func logProbability(
    of turns: [ModelRequest.Turn], with adapter: AdapterName?
  ) async throws(AdapterError) -> Double {
    if let adapter { try await ready(adapter) }
    let scoring = VLLMScoring(calls: calls, model: named(adapter), extras: Self.extras(adapter))
    do throws(AdapterError) {
      return try await scoring.logProbability(of: turns)
    } catch {
      guard let adapter, error.code != .cancelled, try await renewed(adapter) else { throw error }
      return try await scoring.logProbability(of: turns)
    }
  }

  // MARK: Loading

  private func begin() async throws(AdapterError) {
    while isChanging {
      do {
        try await Task.sleep(for: .milliseconds(20))
      } catch {
        throw AdapterError(code: .cancelled, detail: "Interrupted while an adapter was loaded.")
      }
    }
    isChanging = true
  }

  private func ready(_ adapter: AdapterName) async throws(AdapterError) {
    if loaded.contains(adapter) { return }
    guard let stored = files.stored(adapter) else {
      throw AdapterError(
        code: .notLoaded, detail: "The adapter \(adapter) is not on this machine.")
    }
    try await load(stored)
  }

  private func add(_ adapter: StoredAdapter) async throws(AdapterError) {
    if loaded.contains(adapter.name) { return }
    guard adapter.base == base else {
      throw AdapterError(
        code: .unsupported,
        detail: "The adapter \(adapter.name) is for \(adapter.base); the server has \(base).")
    }
    guard await AdapterFiles.isSound(adapter) else {
      throw AdapterError(
        code: .corrupt,
        detail: "The adapter \(adapter.name) in \(adapter.folder) is not what it was when it was "
          + "made. Train it anew with --force-reload.")
    }
    try await register(adapter.name, adapter.folder)
    // A server that was started again has forgotten the others too.
    let listed = try await names()
    loaded = loaded.filter { listed.contains($0.description) }
    let (calls, settings) = (calls, settings)
    do throws(AdapterError) {
      try await AdapterCanary { (name) async throws(AdapterError) in
        try await Fingerprint.ask(
          calls, model: name?.description ?? settings.model, extras: Self.extras(name))
      }.check(adapter.name, beside: Array(loaded))
    } catch {
      _ = try? await calls.send(
        "/v1/unload_lora_adapter", .object([("lora_name", .string(adapter.name.description))]))
      throw error
    }
    loaded.insert(adapter.name)
    renewedAt[adapter.name] = .now
  }

  private func register(_ name: AdapterName, _ folder: String) async throws(AdapterError) {
    let path = folderThere.map { "\($0)/\(name.hash)" } ?? folder
    let answer = try await calls.send(
      "/v1/load_lora_adapter",
      .object([("lora_name", .string(name.description)), ("lora_path", .string(path))]))
    if answer.status == 200 { return }
    let said = answer.complaint
    // The same name is the same weights: somebody else who uses this server loaded them.
    if answer.status == 400, said.contains("already been loaded") { return }
    if answer.status == 404 || answer.status == 405, !said.contains(name.description) {
      throw AdapterError(
        code: .unsupported,
        detail: "This server takes no adapters while it runs. Start vLLM with --enable-lora and "
          + "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True.")
    }
    let hint =
      said.contains("rank")
      ? " Start vLLM with a larger --max-lora-rank."
      : " It must be able to read \(path): share the folder with it, or set STET_ADAPTER_FOLDER to "
        + "where it sees it."
    throw AdapterError(
      code: answer.status >= 500 && answer.json == nil ? .unreachable : .unsupported,
      detail: "vLLM does not load the adapter \(name): \(said).\(hint)")
  }

  private func names() async throws(AdapterError) -> Set<String> {
    let list = try await calls.json("/v1/models", nil)
    return Set((list["data"]?.array ?? []).compactMap { $0["id"]?.string })
  }

  /// Loads an adapter that the server has forgotten.
  /// - Returns: whether it had, a moment ago perhaps, when another request was refused too.
  private func renewed(_ adapter: AdapterName) async throws(AdapterError) -> Bool {
    try await begin()
    defer { isChanging = false }
    guard try await !names().contains(adapter.description) else {
      return renewedAt[adapter].map { .now - $0 < Self.underWay } ?? false
    }
    guard let stored = files.stored(adapter) else { return false }
    loaded.remove(adapter)
    try await add(stored)
    return true
  }

  // MARK: Requests

  private func lease(
    _ adapter: AdapterName?, _ failed: ModelError?
  ) async throws(AdapterError) -> AdaptedModel.Lease {
    if let failed {
      let mended: Bool
      if let adapter { mended = try await renewed(adapter) } else { mended = false }
      guard mended || failed.code == .unavailable else {
        throw AdapterError(code: .notLoaded, detail: "The server refused the request.")
      }
    } else if let adapter {
      // Forgotten since the model was asked for.
      try await ready(adapter)
    }
    var own = settings
    own.model = named(adapter)
    return AdaptedModel.Lease(
      model: OpenAICompatibleModel(
        own, client: client, profile: profile, extras: Self.extras(adapter))
    ) {}
  }

  private func named(_ adapter: AdapterName?) -> String { adapter?.description ?? settings.model }

  private static func extras(_ adapter: AdapterName?) -> [(String, OrderedJSON)] {
    adapter.map { [("cache_salt", .string($0.hash))] } ?? []
  }
}

/// What vLLM thinks of a text that it did not write: it gives the prompt's log-probabilities.
struct VLLMScoring: Sendable {
  var calls: ServerCalls
  var model: String
  var extras: [(String, OrderedJSON)]

  /// Mean log-probability of the tokens of the last turn.
  func logProbability(of turns: [ModelRequest.Turn]) async throws(AdapterError) -> Double {
    guard let answer = turns.last, answer.role == .assistant, turns.count > 1 else {
      throw AdapterError(code: .unsupported, detail: "There is no answer to be measured.")
    }
    let before = try await tokens([
      ("messages", ServerCalls.messages(turns.dropLast())), ("add_generation_prompt", .bool(true)),
    ])
    let wanted = try await tokens([
      ("prompt", .string(answer.text)), ("add_special_tokens", .bool(false)),
    ])
    guard !wanted.isEmpty else { return 0 }
    let reply = try await calls.json(
      "/v1/completions",
      .object(
        [
          ("model", .string(model)), ("prompt", .array((before + wanted).map { .integer($0) })),
          ("max_tokens", .integer(1)), ("temperature", .integer(0)),
          ("prompt_logprobs", .integer(0)),
        ] + extras))
    let places = reply["choices"]?.array?.first?["prompt_logprobs"]?.array ?? []
    guard places.count == before.count + wanted.count else {
      throw AdapterError(
        code: .unsupported, detail: "The server gives no log-probabilities of a prompt.")
    }
    var sum = 0.0
    for (token, place) in zip(wanted, places.suffix(wanted.count)) {
      guard let value = place[String(token)]?["logprob"]?.number else {
        throw AdapterError(
          code: .unsupported, detail: "The server gives the log-probability of another token.")
      }
      sum += max(value, -100)
    }
    return sum / Double(wanted.count)
  }

  private func tokens(_ body: [(String, OrderedJSON)]) async throws(AdapterError) -> [Int] {
    let answer = try await calls.json("/tokenize", .object([("model", .string(model))] + body))
    guard let tokens = answer["tokens"]?.array else {
      throw AdapterError(
        code: .unsupported, detail: "The server's answer to /tokenize is not vLLM's.")
    }
    return tokens.compactMap(\.integer)
  }
}
