import Domain
import Testing

@testable import LanguageModels

@Suite struct CacheIdentityTests {
  private func model(
    _ kind: ProviderKind, _ name: String, at address: String
  ) throws -> any LanguageModel {
    try ProviderSettings(kind: kind, model: name, baseURL: address, apiKey: "k")
      .model(client: testClient)
  }

  @Test(arguments: ProviderKind.allCases)
  func itTellsServersAndModelsApart(kind: ProviderKind) throws {
    let here = try model(kind, "m", at: "http://127.0.0.1:1/v1")
    let there = try model(kind, "m", at: "http://127.0.0.1:2/v1")
    let other = try model(kind, "n", at: "http://127.0.0.1:1/v1")
    let again = try model(kind, "m", at: "http://127.0.0.1:1/v1")
    #expect(Set([here, there, other].map(\.cacheIdentity)).count == 3)
    #expect(again.cacheIdentity == here.cacheIdentity)
  }

  @Test func aChainIsItsFirstModelAndThoseOfTheSameName() throws {
    let first = try model(.vllm, "m", at: "http://127.0.0.1:1/v1")
    let namesake = try model(.ollama, "m", at: "http://127.0.0.1:2/v1")
    let other = try model(.openai, "n", at: "http://127.0.0.1:3/v1")
    let alone = try #require(ModelChain([first]))
    #expect(alone.cacheIdentity == first.cacheIdentity)
    // A fallback of another name never answers in the first one's.
    #expect(try #require(ModelChain([first, other])).cacheIdentity == alone.cacheIdentity)
    #expect(try #require(ModelChain([first, namesake])).cacheIdentity != alone.cacheIdentity)
  }
}
