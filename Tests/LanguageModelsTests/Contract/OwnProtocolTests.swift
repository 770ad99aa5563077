import Domain
import TestKit
import Testing

@testable import LanguageModels

/// What only Gemini's and Ollama's own protocols have.
@Suite struct OwnProtocolTests {
  @Test func geminiSaysInTheBodyWhenToComeBack() async throws {
    let server = FakeModelServer(.gemini)
    let clock = ManualClock()
    server.script([.error(status: 429, message: "Quota."), .text("Now.")])
    let start = clock.timing.now()
    let reply = try await server.connected(timing: clock.timing).reply(to: .text())
    #expect(reply.requests == 2)
    #expect(start.duration(to: clock.timing.now()) == .seconds(7))
  }

  @Test(arguments: [
    ("{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}", ModelError.Code.refused),
    ("{\"candidates\":[{\"finishReason\":\"RECITATION\",\"index\":0}]}", .refused),
    ("{\"candidates\":[{\"finishReason\":\"OTHER\",\"index\":0}]}", .unavailable),
    ("{\"candidates\":[]}", .unavailable),
    ("{\"candidates\":[{\"finishReason\":\"MAX_TOKENS\"}]}", .malformedAnswer),
  ])
  func geminiBlocksInSeveralWays(_ body: String, _ code: ModelError.Code) async throws {
    let server = FakeModelServer(.gemini)
    server.script([], always: .raw(status: 200, body))
    #expect(try await server.connected().failure(.json())?.code == code)
  }

  @Test func geminiPaysForThoughtsAndCountsTokens() async throws {
    let server = FakeModelServer(.gemini, model: "gemini-3.8-flash")
    let model = try await server.connected()
    let reply = try await model.reply(to: .text())
    #expect(reply.outputTokens == 100)
    // 800 fresh, 200 from the cache, 60 of text and 40 of thought out.
    let cost = (800 * 0.75 + 200 * 0.075 + 100 * 3.75) / 1e6
    #expect(abs((reply.costUSD?.value ?? 0) - cost) < 1e-12)
    #expect(await model.countTokens(in: "0123456789") == 4)
    #expect(server.requests.last?.path == "/v1beta/models/gemini-3.8-flash:countTokens")
  }

  @Test func geminisOpenModelsTakeNoSystemInstruction() async throws {
    let server = FakeModelServer(.gemini, model: "gemma-3-27b-it")
    _ = try await server.connected().reply(to: .text("Say hello."))
    #expect(server.asked.last?.json?["systemInstruction"] == nil)
    #expect(server.asked.last?.turns == ["You are brief.\n\nSay hello."])
  }

  @Test func ollamaIsToldHowMuchRoomToMake() async throws {
    let server = FakeModelServer(.ollama)
    let model = try await server.connected()
    _ = try await model.reply(to: .text())
    let body = try #require(server.asked.last?.json)
    #expect(body["options"]?["num_ctx"]?.integer == model.profile.contextWindow.value)
    #expect(body["options"]?["num_predict"] == .integer(64))
    #expect(body["keep_alive"] == .string("15m"))
    #expect(body["stream"] == .bool(false))
    let error = await model.failure(.text(String(repeating: "long ", count: 12_000)))
    #expect(error?.code == .tooLong)
    #expect(error?.requests == 1)
  }

  /// Older servers cut a prompt and say nothing, but the count that they give tells.
  @Test func aPromptThatOllamaCutIsNoticed() async throws {
    let server = FakeModelServer(.ollama)
    let window = ModelProfile.of(server.model, servedBy: .ollama).contextWindow.value
    server.script(
      [],
      always: .raw(
        status: 200,
        "{\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"done\":true,"
          + "\"done_reason\":\"stop\",\"prompt_eval_count\":\(window),\"eval_count\":1}"))
    #expect(try await server.connected().failure(.text())?.code == .tooLong)
  }
}
