import Domain

/// How a server that speaks OpenAI's chat completions differs from the others. Data, not code.
struct Dialect: Sendable {
  enum Tokenizer: Sendable {
    case none
    /// `POST /tokenize {"content"}` → `{"tokens": […]}`
    case llamaCpp
    /// `POST /tokenize {"model", "prompt"}` → `{"count"}`
    case vLLM
  }

  var ladder: [StructuredMode] = [.schema, .object, .plain]
  /// The first rung is documented to work, so that calls need not wait for the first answer.
  var knownToWork = false
  var limitField = OptionalField.maxTokens
  /// `nil`: this server takes no seed.
  var seedField: String? = "seed"
  /// Sends `stream_options: {"include_usage": true}`.
  var asksForStreamUsage = true
  var tokenizer = Tokenizer.none

  /// Source: the servers' own API references, read in November 2026.
  static func of(_ kind: ProviderKind) -> Dialect {
    switch kind {
    case .openai: Dialect(knownToWork: true, limitField: .maxCompletionTokens)
    // Usage comes in the last event unasked; an unknown field is a 422.
    case .mistral:
      Dialect(knownToWork: true, seedField: "random_seed", asksForStreamUsage: false)
    // A schema becomes a grammar, so the answer cannot stray.
    case .llamacpp: Dialect(knownToWork: true, tokenizer: .llamaCpp)
    case .vllm: Dialect(tokenizer: .vLLM)
    // Knows `json_schema` and `text`, and answers 400 to `json_object`.
    case .lmstudio: Dialect(ladder: [.schema, .plain])
    case .openAICompatible: Dialect()
    // These speak protocols of their own.
    case .ollama, .gemini, .anthropic: Dialect()
    }
  }
}
