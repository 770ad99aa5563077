public import Domain
public import WebClient

/// A model behind OpenAI's chat completions: OpenAI itself, Mistral, vLLM, llama.cpp, LM Studio
/// and any other `/v1`.
///
/// A server that refuses schemas, or a field such as `seed`, is remembered for as long as this
/// value and its copies live.
public struct OpenAICompatibleModel: LanguageModel {
  private let caller: ModelCaller

  public init(
    _ settings: ProviderSettings, client: WebClient, profile: ModelProfile? = nil,
    timing: Timing = .system
  ) {
    self.init(settings, client: client, profile: profile, timing: timing, extras: [])
  }

  /// - Parameter extras: members of every request beside the usual ones.
  init(
    _ settings: ProviderSettings, client: WebClient, profile: ModelProfile?,
    timing: Timing = .system, extras: [(String, OrderedJSON)]
  ) {
    var dialect = Dialect.of(settings.kind)
    // Of a hosted model that we do not know we do not know what it refuses either.
    if !settings.kind.facts.servesLocally, ModelTraits.of(settings.model) == nil {
      dialect.knownToWork = false
    }
    let wire = ChatCompletionsWire(
      baseURL: settings.baseURL, model: settings.model, apiKey: settings.apiKey, dialect: dialect,
      extras: extras)
    caller = ModelCaller(
      settings: settings, wire: wire,
      profile: profile ?? .of(settings.model, servedBy: settings.kind),
      transport: .web(client, secret: settings.apiKey != nil), timing: timing)
  }

  public var name: String { caller.name }
  public var profile: ModelProfile { caller.profile }
  public var cacheIdentity: String { caller.cacheIdentity }

  public func reply(to request: ModelRequest) async throws(ModelError) -> ModelReply {
    try await caller.reply(to: request)
  }

  public func stream(_ request: ModelRequest) -> AsyncThrowingStream<ModelPiece, any Error> {
    caller.stream(request)
  }

  public func countTokens(in text: String) async -> TokenCount {
    await caller.countTokens(in: text)
  }

  public func price(input: TokenCount, output: TokenCount) -> USD? {
    caller.price(input: input, output: output)
  }
}
