public import Domain

/// What is known of a model by its name, beyond the profile that every use case sees.
struct ModelTraits: Sendable {
  /// Names that begin like this; the longest one that fits counts.
  var prefix: String
  var contextWindow: TokenCount
  var maxOutput: TokenCount
  /// Whether a temperature other than the vendor's own is accepted.
  var takesTemperature = true
  /// Tokens added to the limit of an answer, because the model thinks before it writes and the
  /// vendor counts its thoughts as output.
  var thinking: TokenCount = 0

  /// What is known of a model, `nil` where its name is in no row.
  static func of(_ model: String) -> ModelTraits? {
    let name = model.lowercased().split(separator: "/").last.map(String.init) ?? ""
    return table.filter { name.hasPrefix($0.prefix) }.max { $0.prefix.count < $1.prefix.count }
  }

  private static func row(
    _ prefix: String, _ context: Int, _ output: Int, temperature: Bool = true, thinking: Int = 0
  ) -> ModelTraits {
    ModelTraits(
      prefix: prefix, contextWindow: TokenCount(context), maxOutput: TokenCount(output),
      takesTemperature: temperature, thinking: TokenCount(thinking))
  }

  /// Source: the vendors' model pages, read in October and November 2026.
  private static let table: [ModelTraits] = [
    row("gpt-4o", 128_000, 16_384),
    row("gpt-4.1", 1_000_000, 32_768),
    row("gpt-5", 272_000, 128_000, temperature: false, thinking: 8192),
    row("gpt-5.6", 1_000_000, 128_000, temperature: false, thinking: 8192),
    row("gpt-6", 1_000_000, 128_000, temperature: false, thinking: 8192),
    row("o1", 200_000, 100_000, temperature: false, thinking: 8192),
    row("o3", 200_000, 100_000, temperature: false, thinking: 8192),
    row("o4", 200_000, 100_000, temperature: false, thinking: 8192),
    row("claude-3", 200_000, 8192),
    row("claude-haiku-4", 200_000, 64_000),
    row("claude-sonnet-4", 200_000, 64_000),
    row("claude-opus-4", 200_000, 32_000),
    row("claude-opus-4-7", 1_000_000, 128_000, temperature: false),
    row("claude-opus-4-8", 1_000_000, 128_000, temperature: false),
    row("claude-haiku-5", 1_000_000, 128_000, temperature: false, thinking: 8192),
    row("claude-sonnet-5", 1_000_000, 128_000, temperature: false, thinking: 8192),
    row("claude-opus-5", 1_000_000, 128_000, temperature: false, thinking: 8192),
    row("claude-fable-5", 1_000_000, 128_000, temperature: false, thinking: 16_384),
    row("gemini-2.5", 1_048_576, 65_536, thinking: 8192),
    row("gemini-3", 1_048_576, 65_536, thinking: 8192),
    row("codestral", 256_000, 16_384),
    row("devstral", 128_000, 16_384),
    row("mistral-medium", 128_000, 16_384),
    row("mistral-large", 128_000, 16_384),
    row("mistral-small", 128_000, 16_384),
    row("magistral", 128_000, 40_000, thinking: 8192),
    row("ministral", 128_000, 8192),
    row("qwen2.5-coder", 32_768, 8192),
    row("qwen3", 32_768, 8192, thinking: 2048),
    row("llama3", 8192, 4096),
    row("llama-3", 8192, 4096),
    row("smollm2", 8192, 2048),
    row("deepseek-coder", 16_384, 4096),
    row("gemma", 8192, 4096),
    row("phi", 16_384, 4096),
  ]
}

extension ModelProfile {
  /// The profile of a model by its name and by who serves it.
  ///
  /// A model whose name gives fewer than three thousand million parameters is small: it is shown
  /// the text before and after a change, not line ids.
  public static func of(_ model: String, servedBy kind: ProviderKind) -> ModelProfile {
    let traits = ModelTraits.of(model)
    let facts = kind.facts
    let small = millionsOfParameters(in: model).map { $0 < 3000 } ?? false
    let window = traits?.contextWindow ?? facts.contextWindow
    return ModelProfile(
      contextWindow: facts.servesLocally ? min(window, facts.contextWindow) : window,
      maxOutput: min(traits?.maxOutput ?? 4096, window),
      promptStyle: small ? .beforeAfter : .numberedHunks, concurrency: facts.concurrency)
  }

  /// Reads a size such as `0.5b`, `7B` or `135M` out of a model's name, in millions.
  static func millionsOfParameters(in name: String) -> Double? {
    for word in name.lowercased().split(whereSeparator: { "-_:/ ".contains($0) }) {
      guard let unit = word.last, unit == "b" || unit == "m", let size = Double(word.dropLast())
      else { continue }
      return unit == "b" ? size * 1000 : size
    }
    return nil
  }
}
