public import Domain

/// Who serves a model. Every difference between them is data; see `facts`.
public enum ProviderKind: String, Sendable, Hashable, CaseIterable {
  case openai, anthropic, gemini, mistral, ollama, lmstudio, vllm, llamacpp
  case openAICompatible = "openai-compatible"

  /// What is known of a provider before the first request.
  public struct Facts: Sendable {
    public var name: String
    /// `nil`: the user must give one.
    public var baseURL: String?
    /// `nil`: the user must give one.
    public var model: String?
    /// Settings that hold the key, in order of preference.
    public var keyNames: [String]
    public var needsKey: Bool
    /// Settings that hold the address, in order of preference.
    public var addressNames: [String]
    /// The user's own machine: costs nothing and has small limits.
    public var servesLocally: Bool
    public var contextWindow: TokenCount
    public var concurrency: Int
  }

  public var facts: Facts {
    switch self {
    case .openai:
      Facts(
        name: "OpenAI", baseURL: "https://api.openai.com/v1", model: "gpt-5.6-terra",
        keyNames: ["OPENAI_API_KEY"], needsKey: true, addressNames: ["OPENAI_BASE_URL"],
        servesLocally: false, contextWindow: 128_000, concurrency: 8)
    case .anthropic:
      Facts(
        name: "Anthropic", baseURL: "https://api.anthropic.com", model: "claude-sonnet-5-5",
        keyNames: ["ANTHROPIC_API_KEY"], needsKey: true, addressNames: ["ANTHROPIC_BASE_URL"],
        servesLocally: false, contextWindow: 200_000, concurrency: 4)
    case .gemini:
      Facts(
        name: "Gemini", baseURL: "https://generativelanguage.googleapis.com/v1beta",
        model: "gemini-3.8-flash", keyNames: ["GEMINI_API_KEY"], needsKey: true, addressNames: [],
        servesLocally: false, contextWindow: 1_000_000, concurrency: 4)
    case .mistral:
      Facts(
        name: "Mistral", baseURL: "https://api.mistral.ai/v1", model: "codestral-latest",
        keyNames: ["MISTRAL_API_KEY"], needsKey: true, addressNames: [], servesLocally: false,
        contextWindow: 128_000, concurrency: 4)
    case .ollama:
      Facts(
        name: "Ollama", baseURL: "http://127.0.0.1:11434", model: "qwen2.5-coder:7b",
        keyNames: [], needsKey: false, addressNames: ["OLLAMA_HOST"], servesLocally: true,
        contextWindow: 16_384, concurrency: 1)
    case .lmstudio:
      Facts(
        name: "LM Studio", baseURL: "http://127.0.0.1:1234/v1", model: nil,
        keyNames: ["LLM_API_KEY"], needsKey: false, addressNames: [], servesLocally: true,
        contextWindow: 8192, concurrency: 1)
    case .vllm:
      Facts(
        name: "vLLM", baseURL: "http://127.0.0.1:8000/v1", model: nil,
        keyNames: ["LLM_API_KEY"], needsKey: false, addressNames: [], servesLocally: true,
        contextWindow: 32_768, concurrency: 16)
    case .llamacpp:
      Facts(
        name: "llama.cpp", baseURL: "http://127.0.0.1:8080/v1", model: "default",
        keyNames: ["LLM_API_KEY"], needsKey: false, addressNames: [], servesLocally: true,
        contextWindow: 8192, concurrency: 1)
    case .openAICompatible:
      Facts(
        name: "the OpenAI-compatible server", baseURL: nil, model: nil,
        keyNames: ["LLM_API_KEY"], needsKey: false, addressNames: [], servesLocally: false,
        contextWindow: 32_768, concurrency: 4)
    }
  }
}
