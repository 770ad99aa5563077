import Domain
import Testing

@testable import LanguageModels

@Suite struct ProviderSettingsTests {
  @Test func everyProviderHasWhatItNeedsOrSaysWhatIsMissing() throws {
    for kind in ProviderKind.allCases {
      let whole = try ProviderSettings(
        kind: kind, model: "m", baseURL: "http://h:1/v1/", apiKey: "k")
      #expect(whole.baseURL == (kind == .ollama ? "http://h:1" : "http://h:1/v1"))
      if kind.facts.needsKey {
        #expect(throws: ProviderError.missingKey(kind)) { try ProviderSettings(kind: kind) }
      }
    }
    #expect(throws: ProviderError.missingModel(.vllm)) { try ProviderSettings(kind: .vllm) }
    #expect(throws: ProviderError.missingAddress(.openAICompatible)) {
      try ProviderSettings(kind: .openAICompatible, model: "m")
    }
    #expect(throws: ProviderError.badAddress(.vllm, "ftp://x")) {
      try ProviderSettings(kind: .vllm, model: "m", baseURL: "ftp://x")
    }
  }

  @Test(arguments: [
    ("127.0.0.1", "http://127.0.0.1:11434"), ("0.0.0.0:9999", "http://127.0.0.1:9999"),
    ("http://box:1234/", "http://box:1234"),
    ("https://box/ollama/v1", "https://box:11434/ollama"),
  ])
  func readsOllamasOwnSetting(host: String, url: String) throws {
    let settings = try ProviderSettings(kind: .ollama, place: 0) {
      $0 == "OLLAMA_HOST" ? host : nil
    }
    #expect(settings.baseURL == url)
  }

  @Test func theCompatibleAddressMeansTheSameServer() throws {
    let gemini = try ProviderSettings(
      kind: .gemini, baseURL: "https://generativelanguage.googleapis.com/v1beta/openai/",
      apiKey: "k")
    #expect(gemini.baseURL == "https://generativelanguage.googleapis.com/v1beta")
    #expect(gemini.listing.url == gemini.baseURL + "/models")
    #expect(gemini.listing.headers.map(\.name) == ["x-goog-api-key"])
    let ollama = try ProviderSettings(kind: .ollama, baseURL: "http://h:1/v1")
    #expect(ollama.listing.url == "http://h:1/api/tags")
  }

  @Test func matchesModelsAndAddressesByPlace() throws {
    let values = [
      "LLM_MODEL": "a-model, b-model", "LLM_BASE_URL": ",http://b/v1", "OPENAI_API_KEY": "key-1",
    ]
    let first = try ProviderSettings(kind: .openai, place: 0) { values[$0] }
    let second = try ProviderSettings(kind: .vllm, place: 1) { values[$0] }
    #expect(first.model == "a-model")
    #expect(first.baseURL == "https://api.openai.com/v1")
    #expect(first.apiKey == "key-1")
    #expect(second.model == "b-model")
    #expect(second.baseURL == "http://b/v1")
    #expect(second.apiKey == nil)
  }

  @Test func neverShowsTheKey() throws {
    let settings = try ProviderSettings(kind: .openai, apiKey: "very-secret")
    #expect(!"\(settings)".contains("very-secret"))
    #expect(!"\(ProviderError.badAddress(.vllm, "user:very-secret@h"))".contains("very-secret"))
  }

  @Test(arguments: [
    ("qwen2.5-coder-0.5b", 500.0), ("Qwen2.5-Coder:1.5B-instruct", 1500), ("smollm2-135m", 135),
    ("qwen2.5-coder:7b", 7000), ("gpt-5.6-terra", nil), ("codestral-latest", nil), ("m", nil),
  ])
  func readsTheSizeOutOfAName(name: String, millions: Double?) {
    #expect(ModelProfile.millionsOfParameters(in: name) == millions)
  }

  @Test func aSmallModelIsShownBeforeAndAfter() {
    #expect(ModelProfile.of("qwen2.5-coder-0.5b", servedBy: .llamacpp).promptStyle == .beforeAfter)
    #expect(ModelProfile.of("qwen2.5-coder:7b", servedBy: .ollama).promptStyle == .numberedHunks)
    let hosted = ModelProfile.of("gpt-5.6-terra", servedBy: .openai)
    #expect(hosted.promptStyle == .numberedHunks)
    #expect(hosted.contextWindow == 1_000_000)
    #expect(hosted.concurrency == 8)
    #expect(ModelProfile.of("qwen2.5-coder:7b", servedBy: .ollama).contextWindow == 16_384)
  }
}

@Suite struct ModelPriceTests {
  @Test func takesTheLongestNameThatFits() {
    #expect(ModelPrice.of("gpt-4.1-mini-2025-04-14")?.input == 0.4)
    #expect(ModelPrice.of("openai/gpt-4.1")?.input == 2)
    #expect(ModelPrice.of("claude-opus-5-5")?.output == 20)
    #expect(ModelPrice.of("my-own-model") == nil)
  }

  @Test func countsCacheAndLongPrompts() throws {
    let price = try #require(ModelPrice.of("gpt-5.4"))
    #expect(price.cost(input: 1_000_000 - 800_000, output: 0) == USD(0.5))
    #expect(price.cost(input: 300_000, output: 100_000) == USD(1.5 + 2.25))
    let cached = try #require(ModelPrice.of("gpt-4.1"))
    let cost = cached.cost(input: 100_000, cached: 60_000, output: 10_000).value
    #expect(abs(cost - (0.08 + 0.03 + 0.08)) < 1e-9)
  }

  @Test func everyRowHasADateAndAPrice() {
    for row in ModelPrice.table {
      #expect(row.asOf.utf8.count == 10)
      #expect(row.input > 0 && row.output >= row.input)
      #expect(ModelPrice.table.filter { $0.prefix == row.prefix }.count == 1)
    }
  }

  @Test func everyDefaultModelIsKnownByNameAndPrice() {
    for kind in ProviderKind.allCases where kind.facts.needsKey {
      let model = kind.facts.model ?? ""
      #expect(ModelPrice.of(model) != nil, "\(kind) \(model)")
      #expect(ModelTraits.of(model) != nil, "\(kind) \(model)")
    }
  }
}

@Suite struct TokenCalibrationTests {
  @Test func beginsWithAGuessOnTheSafeSide() {
    let calibration = TokenCalibration()
    #expect(calibration.estimate(bytes: 0) == 0)
    #expect(calibration.estimate(bytes: 3600) == 1050)
  }

  @Test func learnsDenseTextFasterThanSparse() {
    let dense = TokenCalibration()
    let sparse = TokenCalibration()
    for _ in 0..<3 {
      dense.learn(bytes: 2600, tokens: 1000)
      sparse.learn(bytes: 4600, tokens: 1000)
    }
    #expect(TokenCalibration.start - dense.bytesPerToken > 0.7)
    #expect(sparse.bytesPerToken - TokenCalibration.start < 0.3)
    for _ in 0..<100 { dense.learn(bytes: 2600, tokens: 1000) }
    #expect(abs(dense.bytesPerToken - 2.6) < 0.01)
  }

  @Test func ignoresShortPromptsAndNonsense() {
    let calibration = TokenCalibration()
    calibration.learn(bytes: 30, tokens: 40)
    calibration.learn(bytes: 4000, tokens: 0)
    #expect(calibration.bytesPerToken == TokenCalibration.start)
  }
}
