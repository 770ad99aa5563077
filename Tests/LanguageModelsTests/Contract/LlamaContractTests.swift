import Domain
import Testing

@testable import LanguageModels

/// The contract on a real llama.cpp server with a real model. What the model says is not judged,
/// only that it says it in the right form.
@Suite(.enabled(if: RealLlama.isWanted, RealLlama.whatItNeeds), .serialized, .runningLlama)
struct LlamaContractTests {
  private func model() throws -> any LanguageModel {
    let endpoint = try #require(RunningLlama.endpoint)
    let settings = try ProviderSettings(
      kind: .llamacpp, model: endpoint.model, baseURL: endpoint.address + "/v1",
      apiKey: endpoint.key)
    return try #require(ModelChain([settings.model(client: testClient)]))
  }

  @Test func answersInText() async throws {
    let reply = try await model().reply(to: .text("Say hello to the world."))
    #expect(!reply.text.isEmpty)
    #expect(reply.inputTokens.value > 5)
    #expect((1...64).contains(reply.outputTokens.value))
    #expect(reply.costUSD == USD(0))
    #expect(reply.requests == 1)
  }

  @Test func answersUnderASchemaWithinItsLimit() async throws {
    let schema = JSONSchema.object([
      .init("kind", .choice(["bug", "style"])), .init("line", .integer), .init("ok", .boolean),
      .init("note", .nullable(.choice(["a", "b"]))),
    ])
    var request = ModelRequest.text("Which kind of fault is in line 3?")
    request.answer = .json(name: "fault", schema)
    request.maxOutput = 200
    let reply = try await model().reply(to: request)
    let value = try #require(reply.json)
    #expect(throws: Never.self) { try schema.checked(value) }
    #expect(["bug", "style"].contains(value["kind"]?.string ?? ""))
    #expect(reply.requests == 1)
  }

  @Test func streamsAndReportsUsage() async throws {
    var pieces: [String] = []
    var done: ModelReply?
    for try await piece in try model().stream(.text("Count from one to ten.")) {
      switch piece {
      case .text(let text): pieces.append(text)
      case .done(let reply): done = reply
      }
    }
    #expect(pieces.count > 1)
    #expect(done?.text == pieces.joined())
    #expect((done?.outputTokens.value ?? 0) > 0)
  }

  @Test func theSameSeedGivesTheSameAnswer() async throws {
    let request = ModelRequest.text("Name three colours.", seed: 3)
    let first = try await model().reply(to: request)
    let second = try await model().reply(to: request)
    #expect(first.text == second.text)
  }

  @Test func countsTokens() async throws {
    let count = await (try model()).countTokens(in: "func add(a: Int, b: Int) -> Int { a + b }")
    #expect((8...40).contains(count.value))
    // Exact, not estimated: whole words that are frequent take one token each.
    let words = await (try model()).countTokens(in: "the the the the the the the the")
    #expect((8...9).contains(words.value))
  }

  /// After a cancelled stream the server's only slot is free again, so that the next call is answered.
  @Test func aCancelledStreamFreesTheServer() async throws {
    let model = try model()
    var request = ModelRequest.text("Write a very long story about the sea.")
    request.maxOutput = 2000
    for try await _ in model.stream(request) { break }
    var next = ModelRequest.text("Say hi.")
    next.maxOutput = 4
    #expect(try await model.reply(to: next).requests == 1)
  }

  @Test func aDeadlineEndsALongAnswer() async throws {
    let model = try model()
    var request = ModelRequest.text("Write a very long story.", deadline: .milliseconds(300))
    request.maxOutput = 4000
    await #expect {
      _ = try await model.reply(to: request)
    } throws: {
      ($0 as? ModelError)?.code == .timedOut
    }
  }

  @Test func aPromptThatIsTooLongIsNamedSo() async throws {
    let model = try model()
    let long = String(repeating: "one two three four five six seven ", count: 20_000)
    await #expect {
      _ = try await model.reply(to: .text(long))
    } throws: {
      ($0 as? ModelError)?.code == .tooLong
    }
  }
}
