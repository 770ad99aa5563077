public import Domain
public import WebClient

extension ProviderSettings {
  /// The model that these settings name. No request is sent. Put it into a `ModelChain`, alone or
  /// with others, for its breaker and its limit of calls at a time.
  public func model(
    client: WebClient, profile: ModelProfile? = nil, timing: Timing = .system
  ) -> any LanguageModel {
    switch kind {
    case .anthropic: AnthropicModel(self, client: client, profile: profile, timing: timing)
    case .gemini: GeminiModel(self, client: client, profile: profile, timing: timing)
    case .ollama: OllamaModel(self, client: client, profile: profile, timing: timing)
    case .openai, .mistral, .lmstudio, .vllm, .llamacpp, .openAICompatible:
      OpenAICompatibleModel(self, client: client, profile: profile, timing: timing)
    }
  }
}
