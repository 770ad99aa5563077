public import Domain
public import WebClient

/// Any server of `/v1` that has each adapter under a name: somebody else put it there. Stet tells
/// under which name it looks, and proves that it is answered by it.
public actor NamedAdapterServer: AdapterServer {
  private let settings: ProviderSettings
  private let base: String
  private let files: AdapterFiles
  private let client: WebClient
  private let profile: ModelProfile
  private let calls: ServerCalls
  /// How the server calls an adapter.
  private let naming: @Sendable (AdapterName) -> String
  private var proven: Set<AdapterName> = []

  /// - Parameter naming: `nil`: by the adapter's short name, such as `stet-0123456789abcdef`.
  public init(
    _ settings: ProviderSettings, base: String, dataFolder: String, client: WebClient,
    naming: (@Sendable (AdapterName) -> String)? = nil
  ) {
    self.settings = settings
    self.base = base
    files = AdapterFiles(dataFolder: dataFolder)
    self.client = client
    profile = .of(settings.model, servedBy: settings.kind)
    calls = ServerCalls(
      address: VLLMAdapterServer.root(settings.baseURL), key: settings.apiKey, web: client)
    self.naming = naming ?? { $0.description }
  }

  public func load(_ adapter: StoredAdapter) async throws(AdapterError) {
    guard adapter.base == base else {
      throw AdapterError(
        code: .unsupported,
        detail: "The adapter \(adapter.name) is for \(adapter.base); the server has \(base).")
    }
    if proven.contains(adapter.name) { return }
    let (calls, settings, naming) = (calls, settings, naming)
    let name = naming(adapter.name)
    let listed = try await names()
    proven = proven.filter { listed.contains(naming($0)) }
    guard listed.contains(name) else {
      throw AdapterError(
        code: .notLoaded,
        detail: "The server has no model named \(name). Put \(adapter.folder) there under this "
          + "name.")
    }
    try await AdapterCanary { (name) async throws(AdapterError) in
      try await Fingerprint.ask(calls, model: name.map(naming) ?? settings.model, extras: [])
    }.check(adapter.name, beside: Array(proven))
    proven.insert(adapter.name)
  }

  /// Stet cannot take it off a server that somebody else keeps.
  /// - Throws: `.unsupported` while the server lists it.
  public func unload(_ name: AdapterName) async throws(AdapterError) {
    proven.remove(name)
    defer { files.remove(name) }
    guard try await names().contains(naming(name)) else { return }
    throw AdapterError(
      code: .unsupported,
      detail: "The server still has \(naming(name)); take it away there.")
  }

  public func model(with adapter: AdapterName?) async throws(AdapterError) -> any LanguageModel {
    try await ready(adapter)
    var own = settings
    own.model = adapter.map(naming) ?? settings.model
    let model = OpenAICompatibleModel(own, client: client, profile: profile)
    return AdaptedModel(
      base: base, adapter: adapter, place: settings.baseURL, profile: profile
    ) { [self] (failed) async throws(AdapterError) in
      if failed?.code == .rejected {
        throw AdapterError(code: .notLoaded, detail: "The server refused the request.")
      }
      try await ready(adapter)
      return AdaptedModel.Lease(model: model) {}
    }
  }

  /// Such a server answers chat completions, which tell nothing of a given text; vLLM's further
  /// routes are tried.
  public func logProbability(
    of turns: [ModelRequest.Turn], with adapter: AdapterName?
  ) async throws(AdapterError) -> Double {
    try await ready(adapter)
    return try await VLLMScoring(
      calls: calls, model: adapter.map(naming) ?? settings.model, extras: []
    ).logProbability(of: turns)
  }

  private func ready(_ adapter: AdapterName?) async throws(AdapterError) {
    guard let adapter else { return }
    // Some servers answer with the base where they know no such name.
    if proven.contains(adapter), try await names().contains(naming(adapter)) { return }
    proven.remove(adapter)
    guard let stored = files.stored(adapter) else {
      throw AdapterError(
        code: .notLoaded, detail: "The adapter \(adapter) is not on this machine.")
    }
    try await load(stored)
  }

  private func names() async throws(AdapterError) -> Set<String> {
    let list = try await calls.json("/v1/models", nil)
    return Set((list["data"]?.array ?? []).compactMap { $0["id"]?.string })
  }
}
