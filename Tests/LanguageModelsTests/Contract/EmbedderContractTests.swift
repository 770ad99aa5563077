import Domain
import Foundation
import TestKit
import Testing

@testable import LanguageModels

/// What every embedder does, on each vendor's wire format.
@Suite struct EmbedderContractTests {
  typealias Vendor = FakeModelServer.Vendor

  private static let vendors = Vendor.allCases.filter { $0 != .anthropic }

  private func embedder(
    _ server: FakeModelServer, key: String? = nil, timing: Timing = .impatient
  ) async throws -> (any Embedder, FaultServer) {
    let http = try await server.listen()
    let settings = try ProviderSettings(
      kind: server.kind, model: server.model, baseURL: http.url + server.root,
      apiKey: key ?? server.key)
    return (
      try #require(
        RemoteEmbedder(settings, model: server.model, client: testClient, timing: timing)), http
    )
  }

  private func failure(
    _ embedder: any Embedder, _ texts: [String] = ["a", "b"], deadline: Duration = .seconds(20)
  ) async -> ModelError? {
    do throws(ModelError) {
      _ = try await embedder.embed(texts, deadline: deadline)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: vendors, [1, 2, 64, 65, 300])
  func vectorsComeInTheOrderOfTheirTexts(vendor: Vendor, count: Int) async throws {
    let server = FakeModelServer(vendor)
    server.embeds(.shuffled)
    let (embedder, http) = try await embedder(server)
    let texts = (0..<count).map { "text \($0) naïve 😀" }
    let answer = try await embedder.embed(texts)
    #expect(answer.dimension == 8)
    #expect(answer.model == server.model)
    #expect(answer.vectors.count == count)
    #expect(answer.requests == server.requests.count)
    #expect(answer.requests <= count / 64 + 1)
    let single = try await embedder.embed([texts[count - 1]])
    #expect(single.vectors == [answer.vectors[count - 1]])
    if count > 1 { #expect(answer.vectors[0] != answer.vectors[1]) }
    await http.stop()
  }

  @Test(arguments: vendors)
  func noTextTakesNoRequestAndAnEmptyOneHasAVector(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    let (embedder, http) = try await embedder(server)
    #expect(try await embedder.embed([]).vectors == [])
    #expect(server.requests.isEmpty)
    #expect(try await embedder.embed(["", "a"]).vectors.count == 2)
    await http.stop()
  }

  @Test(
    arguments: vendors,
    EmbeddingBehaviour.allCases.filter { $0 != .honest && $0 != .shuffled })
  func vectorsThatWouldSpoilAComparisonAreRefused(
    vendor: Vendor, behaviour: EmbeddingBehaviour
  ) async throws {
    let server = FakeModelServer(vendor)
    server.embeds(behaviour)
    let (embedder, http) = try await embedder(server)
    let error = await failure(embedder)
    #expect(error?.code == .malformedAnswer)
    #expect(error?.requests == 1)
    await http.stop()
  }

  @Test(arguments: vendors)
  func failuresAreTypedAndTriedAgainTwice(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    let (embedder, http) = try await embedder(server)
    let broken = FakeModelServer.Reply.error(status: 500, message: "Something broke.")
    server.script([broken, broken])
    #expect(try await embedder.embed(["a"]).requests == 3)
    server.script([broken, broken, broken])
    let error = await failure(embedder)
    #expect(error?.code == .unavailable)
    #expect(error?.requests == 3)
    server.script([.raw(status: 200, "<html>")])
    #expect(try await embedder.embed(["a"]).requests == 2)
    server.script([.hang])
    #expect(await failure(embedder, deadline: .milliseconds(80))?.code == .timedOut)
    await http.stop()
  }

  @Test(arguments: vendors)
  func vectorsHaveLengthOneWhateverTheServerGives(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    server.embeds(topics: [["login", "signin", "password"], ["crash", "abort"]])
    let (embedder, http) = try await embedder(server)
    let answer = try await embedder.embed([
      "login fails", "password signin fails", "abort at start", "nothing",
    ])
    for vector in answer.vectors {
      let length = vector.reduce(0) { $0 + $1 * $1 }
      #expect(abs(length - 1) < 1e-5)
    }
    func cosine(_ a: Int, _ b: Int) -> Float {
      zip(answer.vectors[a], answer.vectors[b]).reduce(0) { $0 + $1.0 * $1.1 }
    }
    #expect(cosine(0, 1) > 0.95 && cosine(0, 2) < 0.5)
    #expect(answer.costUSD == (server.kind.facts.servesLocally ? USD(0) : nil))
    await http.stop()
  }

  @Test(arguments: vendors)
  func aTextThatIsTooLongIsSaidAndAskedOnce(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    server.embeds(tokensAtMost: 100)
    let (embedder, http) = try await embedder(server)
    let error = await failure(embedder, ["a", String(repeating: "word ", count: 100)])
    #expect(error?.code == .tooLong, "\(error.map { "\($0)" } ?? "no error")")
    #expect(error?.requests == 1)
    #expect(try await embedder.embed([String(repeating: "word ", count: 50)]).vectors.count == 1)
    await http.stop()
  }

  @Test(arguments: vendors)
  func whoAsksTooOftenWaitsAsLongAsItIsTold(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    let (embedder, http) = try await embedder(server)
    let busy = FakeModelServer.Reply.error(
      status: 429, message: "Rate limit reached.", headers: [("retry-after", "0")])
    server.script([busy])
    #expect(try await embedder.embed(["a"]).requests == 2)
    server.script([busy, busy, busy])
    let error = await failure(embedder)
    #expect(error?.code == .rateLimited)
    server.script([.error(status: 429, message: "You exceeded your quota: insufficient_quota.")])
    let spent = await failure(embedder)
    #expect(spent?.code == .rateLimited && spent?.requests == 1)
    await http.stop()
  }

  @Test(arguments: [Vendor.openAI, .mistral, .llamaCpp, .gemini])
  func aRefusedKeyIsNamedNeverShown(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    let key = ["wrong", "key", "9876543210", "fedcba"].joined(separator: "-")
    let (embedder, http) = try await embedder(server, key: key)
    let error = await failure(embedder)
    #expect(error?.code == .unauthorized)
    #expect(error?.requests == 1)
    #expect(error?.detail.contains("9876543210") == false)
    await http.stop()
  }

  @Test func providersWithoutVectorsSaySo() throws {
    let anthropic = try ProviderSettings(kind: .anthropic, apiKey: "k")
    #expect(RemoteEmbedder(anthropic, model: "m", client: testClient) == nil)
    let unnamed = try ProviderSettings(kind: .vllm, model: "chat")
    #expect(RemoteEmbedder(unnamed, client: testClient) == nil)
    let openAI = try ProviderSettings(kind: .openai, apiKey: "k")
    #expect(RemoteEmbedder(openAI, client: testClient)?.name == "text-embedding-3-small")
  }
}

/// A server of one's own that embeds, such as `llama-server --embeddings` with all-MiniLM-L6-v2.
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["STET_TEST_EMBEDDINGS_URL"] != nil,
    "set STET_TEST_EMBEDDINGS_URL to the address of a server with /v1/embeddings"))
struct RealEmbedderTests {
  @Test func likeTextsLieNearEachOther() async throws {
    let url = ProcessInfo.processInfo.environment["STET_TEST_EMBEDDINGS_URL"]
    let settings = try ProviderSettings(kind: .llamacpp, baseURL: url)
    let embedder = try #require(RemoteEmbedder(settings, client: testClient))
    let texts = [
      "The login button does nothing when clicked.", "Clicking on log in has no effect.",
      "Please add a dark theme to the documentation.",
    ]
    let answer = try await embedder.embed(texts)
    #expect(answer.vectors.allSatisfy { $0.count == answer.dimension })
    func likeness(_ a: Int, _ b: Int) -> Float {
      let (x, y) = (answer.vectors[a], answer.vectors[b])
      func length(_ v: [Float]) -> Float { v.reduce(0) { $0 + $1 * $1 }.squareRoot() }
      return zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } / (length(x) * length(y))
    }
    #expect(likeness(0, 1) > likeness(0, 2) + 0.1)
  }
}
