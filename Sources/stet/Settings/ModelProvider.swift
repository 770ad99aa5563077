/// Who may stand in `LLM_PROVIDER`, and what must be set for each.
enum ModelProvider: String, Sendable, Hashable, CaseIterable {
  case openai, anthropic, gemini, mistral, ollama, lmstudio, vllm, llamacpp
  case openAICompatible = "openai-compatible"
  /// Stet's own llama.cpp server.
  case local

  /// The setting without which the provider refuses to answer.
  var neededKey: String? {
    switch self {
    case .openai: "OPENAI_API_KEY"
    case .anthropic: "ANTHROPIC_API_KEY"
    case .gemini: "GEMINI_API_KEY"
    case .mistral: "MISTRAL_API_KEY"
    case .ollama, .lmstudio, .vllm, .llamacpp, .openAICompatible, .local: nil
    }
  }

  /// It serves whatever its owner loaded, so there is no usual model.
  var needsModel: Bool {
    switch self {
    case .lmstudio, .vllm, .openAICompatible: true
    default: false
    }
  }

  var needsAddress: Bool { self == .openAICompatible }

  static let names = allCases.map(\.rawValue) + ["none"]
}
