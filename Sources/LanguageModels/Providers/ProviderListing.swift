extension ProviderSettings {
  /// A GET that lists the models: it shows whether the server is there and takes the key, and sends
  /// no text.
  public var listing: (url: String, headers: [(name: String, value: String)]) {
    switch kind {
    case .anthropic:
      (
        baseURL + "/v1/models",
        (apiKey.map { [("x-api-key", $0)] } ?? []) + [("anthropic-version", "2023-06-01")]
      )
    case .gemini: (baseURL + "/models", GenerateContentWire.headers(apiKey))
    case .ollama: (baseURL + "/api/tags", OllamaChatWire.headers(apiKey))
    case .openai, .mistral, .lmstudio, .vllm, .llamacpp, .openAICompatible:
      (baseURL + "/models", apiKey.map { [("authorization", "Bearer \($0)")] } ?? [])
    }
  }
}
