public import Domain
public import WebClient

/// A model behind Anthropic's Messages API.
///
/// What the server refuses is remembered for as long as this value and its copies live.
public struct AnthropicModel: LanguageModel {
  private let caller: ModelCaller

  public init(
    _ settings: ProviderSettings, client: WebClient, profile: ModelProfile? = nil,
    timing: Timing = .system
  ) {
    let wire = MessagesWire(
      baseURL: settings.baseURL, model: settings.model, apiKey: settings.apiKey)
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
