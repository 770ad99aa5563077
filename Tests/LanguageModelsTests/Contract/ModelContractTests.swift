import Domain
import TestKit
import Testing

@testable import LanguageModels

/// What every adapter does, on each vendor's wire format.
@Suite struct ModelContractTests {
  typealias Vendor = FakeModelServer.Vendor

  @Test(arguments: Vendor.allCases)
  func answersInText(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    server.script([.text("Hello, naïve 😀.")])
    let model = try await server.connected()
    let request = ModelRequest.text(seed: 7)
    let reply = try await model.reply(to: request)
    #expect(reply.text == "Hello, naïve 😀.")
    #expect(reply.json == nil)
    #expect(reply.model == FakeModelServer.model)
    #expect(reply.finish == .complete)
    #expect(reply.inputTokens == 1000)
    #expect(reply.outputTokens == 100)
    #expect(server.asked.count == reply.requests)
    // The bare server refuses the seed once, and is not sent it again.
    #expect(reply.requests == (vendor == .bare ? 2 : 1))
    #expect(try await model.reply(to: request).requests == 1)
    let body = server.asked.last?.json
    switch vendor {
    case .openAI, .llamaCpp, .lmStudio: #expect(body?["seed"] == .integer(7))
    case .mistral: #expect(body?["random_seed"] == .integer(7))
    case .gemini: #expect(body?["generationConfig"]?["seed"] == .integer(7))
    case .ollama: #expect(body?["options"]?["seed"] == .integer(7))
    case .anthropic, .bare: #expect(body?["seed"] == nil)
    }
  }

  @Test(arguments: Vendor.allCases)
  func answersUnderASchema(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    server.script([], always: .text(goodAnswer))
    let model = try await server.connected()
    let reply = try await model.reply(to: .json())
    #expect(reply.json?["findings"]?.array?.first?["message"] == .string("naïve 😀"))
    #expect(try await model.reply(to: .json()).requests == 1)
    let body = try #require(server.asked.last?.json)
    switch vendor {
    case .anthropic: #expect(body["output_config"]?["format"]?["schema"] != nil)
    case .gemini: #expect(body["generationConfig"]?["responseSchema"]?["type"] == .string("OBJECT"))
    case .ollama: #expect(body["format"]?["type"] == .string("object"))
    case .bare:
      #expect(body["response_format"] == nil)
      #expect(reply.requests == 3)
      let question = body["messages"]?.array?.last?["content"]?.string ?? ""
      #expect(question.contains("\"additionalProperties\":false"))
    default: #expect(body["response_format"]?["type"] == .string("json_schema"))
    }
  }

  @Test(arguments: Vendor.allCases)
  func stepsDownWhereSchemasAreRefusedAndRemembersIt(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor, refusing: ["schema"])
    server.script([], always: .text(goodAnswer))
    let model = try await server.connected()
    let budget = FailureBudget()
    #expect(try await model.reply(to: .json(budget: budget)).json != nil)
    #expect(budget.failures(of: model.budgetKey) == (vendor == .bare ? 2 : 1))
    #expect(try await model.reply(to: .json(budget: budget)).requests == 1)
    let body = try #require(server.asked.last?.json)
    switch vendor {
    case .anthropic: #expect(body["tool_choice"]?["name"] == .string("review"))
    case .gemini:
      #expect(body["generationConfig"]?["responseMimeType"] == .string("application/json"))
      #expect(body["generationConfig"]?["responseSchema"] == nil)
    case .ollama: #expect(body["format"] == .string("json"))
    case .bare, .lmStudio: #expect(body["response_format"] == nil)
    default: #expect(body["response_format"]?["type"] == .string("json_object"))
    }
  }

  // These turn every schema into a grammar, so their adapters do not wait to find out.
  @Test(arguments: Vendor.allCases.filter { $0 != .llamaCpp && $0 != .ollama })
  func manyFirstCallsAtOnceLearnARefusalOnce(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor, model: "unheard-of", refusing: ["schema"])
    server.script([], always: .text(goodAnswer))
    let model = try await server.connected()
    let budget = FailureBudget()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<20 {
        group.addTask { _ = try await model.reply(to: .json(budget: budget)) }
      }
      try await group.waitForAll()
    }
    #expect(server.asked.count <= 22)
  }

  @Test(arguments: Vendor.allCases)
  func streamsPiecesThatMakeUpTheText(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    let text = "A longer answer, in pieces: naïve 😀 line\nend."
    server.script([], always: .text(text))
    var pieces: [String] = []
    var done: ModelReply?
    for try await piece in try await server.connected().stream(.text()) {
      switch piece {
      case .text(let text): pieces.append(text)
      case .done(let reply): done = reply
      }
    }
    #expect(pieces.count > 3)
    #expect(pieces.joined() == text)
    #expect(done?.text == text)
    if vendor != .bare {
      #expect(done?.inputTokens == 1000)
      #expect(done?.outputTokens == 100)
    } else {
      // It cannot be asked for usage, so the count is an estimate.
      #expect((done?.inputTokens.value ?? 0) > 0)
    }
  }

  @Test(arguments: Vendor.allCases)
  func streamsAnswersUnderASchema(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor, refusing: vendor == .anthropic ? ["schema"] : [])
    server.script([], always: .text(goodAnswer))
    let model = try await server.connected()
    var done: ModelReply?
    for try await piece in model.stream(.json()) {
      if case .done(let reply) = piece { done = reply }
    }
    #expect(done?.json?["done"] == .bool(true))
    server.script([], always: .text("{\"findings\": []}"))
    if vendor != .anthropic {
      await #expect {
        for try await _ in model.stream(.json()) {}
      } throws: {
        ($0 as? ModelError)?.code == .malformedAnswer
      }
    }
  }

  @Test(arguments: [Vendor.openAI, .mistral, .llamaCpp, .anthropic, .gemini])
  func aRefusedKeyIsNamedNeverShown(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    let key = ["wrong", "key", "9876543210", "fedcba"].joined(separator: "-")
    let error = try await server.connected(key: key).failure(.text())
    #expect(error?.code == .unauthorized)
    #expect(error?.requests == 1)
    #expect(error?.detail.contains("fedcba") == false)
    #expect(error?.detail.contains("9876543210") == false)
    #expect(server.asked.count == 1)
  }

  @Test(arguments: Vendor.allCases)
  func anUnknownModelIsRejectedAtOnce(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    let error = try await server.connected(asking: "no-such-model").failure(.json())
    #expect(error?.code == .rejected)
    #expect(error?.detail.contains("no-such-model") == true)
    // The bare server complains of `response_format` first, twice.
    #expect(server.asked.count == (vendor == .bare ? 3 : 1))
  }

  @Test(arguments: Vendor.allCases)
  func anErrorForEverTakesThreeRequestsACallAndEightARun(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    server.script([], always: .error(status: 500, message: "Something broke."))
    let model = try await server.connected()
    let budget = FailureBudget()
    let request = ModelRequest.text(budget: budget)
    let first = await model.failure(request)
    #expect(first?.code == .unavailable)
    #expect(first?.requests == 3)
    #expect(first?.detail.contains("Something broke.") == true)
    _ = await model.failure(request)
    let third = await model.failure(request)
    #expect(third?.code == .unavailable)
    #expect(third?.requests == 2)
    let fourth = await model.failure(request)
    #expect(fourth?.code == .suspended)
    #expect(fourth?.requests == 0)
    #expect(server.asked.count == 8)
  }

  @Test(arguments: Vendor.allCases)
  func waitsAsLongAsALimitAsks(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    let clock = ManualClock()
    let limit = FakeModelServer.Reply.error(
      status: 429, message: "Slow down.", headers: [("retry-after", "7")])
    server.script([limit, .text("Now.")])
    let model = try await server.connected(timing: clock.timing)
    let start = clock.timing.now()
    var request = ModelRequest.text()
    let reply = try await model.reply(to: request)
    #expect(reply.text == "Now.")
    #expect(reply.requests == 2)
    #expect(start.duration(to: clock.timing.now()) == .seconds(7))
    server.script([limit], always: .text("Now."))
    request.deadline = .seconds(5)
    let error = await model.failure(request)
    #expect(error?.code == .rateLimited)
    #expect(error?.retryAfter == .seconds(7))
    #expect(error?.requests == 1)
  }

  @Test(arguments: Vendor.allCases)
  func anErrorInsideASuccessIsAnError(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    server.script([], always: .errorInside("Overloaded, come back."))
    let request = ModelRequest.text()
    let error = try await server.connected().failure(request)
    #expect(error?.code == .unavailable)
    #expect(error?.requests == 3)
    server.script([.errorInside("Overloaded, come back.")])
    var text = ""
    var streamed: ModelError?
    do {
      for try await piece in try await server.connected().stream(request) {
        if case .text(let piece) = piece { text += piece }
      }
    } catch {
      streamed = error as? ModelError
    }
    #expect(text == "Hel")
    #expect(streamed?.code == .unavailable)
    // What was shown cannot be taken back, so nothing is tried again. The bare server refused
    // `stream_options` before.
    #expect(streamed?.requests == (vendor == .bare ? 2 : 1))
  }

  @Test(arguments: Vendor.allCases)
  func proseIsRepairedOnceThenFails(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    server.script([.text("All fine!"), .text(goodAnswer)], always: .text("All fine!"))
    let model = try await server.connected()
    let reply = try await model.reply(to: .json())
    // The bare server refuses `response_format` twice before.
    #expect(reply.requests == (vendor == .bare ? 4 : 2))
    let turns = try #require(server.asked.last?.turns)
    #expect(turns.dropLast().last == "All fine!")
    let repair = turns.last ?? ""
    #expect(repair.contains("there is no JSON in the answer"))
    let before = server.asked.count
    let error = await model.failure(.json())
    #expect(error?.code == .malformedAnswer)
    #expect(error?.requests == 2)
    // Both answers came, and both are paid for.
    #expect(error?.inputTokens == 2000)
    #expect(error?.outputTokens == 200)
    #expect(server.asked.count - before == 2)
  }

  @Test(arguments: Vendor.allCases)
  func aBrokenSchemaIsNamedByItsPathInTheRepair(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    let broken = goodAnswer.components(around: "3, \"severity")
    server.script(
      [.text(broken.0 + "\"three\", \"severity" + broken.1)], always: .text(goodAnswer))
    let reply = try await server.connected().reply(to: .json())
    #expect(reply.inputTokens == 2000)
    let repair = server.asked.last?.turns.last ?? ""
    #expect(repair.contains("findings[0].line: expected integer"))
  }

  @Test(arguments: Vendor.allCases)
  func aRepeatedQuestionIsNoAnswer(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    let question =
      String(repeating: "Look at each of these lines. ", count: 10) + "Like so: " + goodAnswer
    server.script([], always: .text("I see: " + question))
    let error = try await server.connected().failure(.json(question))
    #expect(error?.code == .malformedAnswer)
    #expect(error?.detail.contains("repeats the question") == true)
  }

  @Test(arguments: Vendor.allCases)
  func cutJSONIsNoAnswer(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    server.script([], always: .cutShort(String(goodAnswer.dropLast(20))))
    let error = try await server.connected().failure(.json())
    #expect(error?.code == .malformedAnswer)
    #expect(error?.detail.contains("length limit") == true)
    server.script([.cutShort("Half a sen")])
    #expect(try await server.connected().reply(to: .text()).finish == .length)
  }

  // Ollama has no word for it.
  @Test(arguments: Vendor.allCases.filter { $0 != .ollama })
  func aRefusalIsTyped(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    server.script([], always: .refusal("I cannot help."))
    let model = try await server.connected()
    #expect(try await model.reply(to: .text()).finish == .refused)
    let error = await model.failure(.json())
    #expect(error?.code == .refused)
  }

  @Test(arguments: [
    #"{"choices":[]}"#, #"{"content":null}"#, "<html>gateway</html>", "", #"{"choices":"#,
  ])
  func anEmptyOrForeignBodyIsUnavailable(body: String) async throws {
    for vendor in [Vendor.openAI, .anthropic, .gemini, .ollama] {
      let server = FakeModelServer(vendor)
      server.script([], always: .raw(status: 200, body))
      let error = try await server.connected().failure(.text())
      #expect(error?.code == .unavailable)
      #expect(error?.requests == 3)
    }
  }

  @Test(arguments: Vendor.allCases, [1, 150, 450])
  func aStreamThatIsCutIsAnError(vendor: Vendor, bytes: Int) async throws {
    let server = FakeModelServer(vendor)
    server.script([], always: .cut(String(repeating: "é😀 ", count: 100), after: bytes))
    await #expect {
      for try await _ in try await server.connected().stream(.text()) {}
    } throws: {
      ($0 as? ModelError)?.code == .unavailable
    }
  }

  // Ollama leaves out by itself what a model does not take.
  @Test(arguments: Vendor.allCases.filter { $0 != .ollama })
  func aModelThatRefusesAFieldIsAskedWithoutIt(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor, refusing: ["temperature"])
    let model = try await server.connected()
    let request = ModelRequest.text()
    #expect(try await model.reply(to: request).requests == 2)
    #expect(try await model.reply(to: request).requests == 1)
    let body = server.asked.last?.json
    #expect((body?["generationConfig"] ?? body)?["temperature"] == nil)
  }

  @Test(arguments: Vendor.allCases)
  func aHungServerIsLeftAtTheDeadline(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    server.script([], always: .hang)
    let request = ModelRequest.text(deadline: .milliseconds(80))
    let error = try await server.connected().failure(request)
    #expect(error?.code == .timedOut)
    #expect(error?.requests == 1)
  }

  @Test(arguments: Vendor.allCases)
  func aCancelledCallIsCancelled(vendor: Vendor) async throws {
    let server = FakeModelServer(vendor)
    server.script([], always: .hang)
    let model = try await server.connected()
    let task = Task { await model.failure(.text(deadline: .seconds(60))) }
    while server.asked.isEmpty { await Task.yield() }
    task.cancel()
    #expect(await task.value?.code == .cancelled)
    await model.http.waitUntilOpen(atMost: 0)
  }

  @Test func countsTokensExactlyWhereTheServerDoes() async throws {
    let exact = try await FakeModelServer(.llamaCpp).connected()
    #expect(await exact.countTokens(in: "0123456789") == 4)
    #expect(await exact.countTokens(in: "") == 0)
    let guess = try await FakeModelServer(.openAI).connected()
    #expect(await guess.countTokens(in: String(repeating: "x", count: 3600)) == 1050)
  }

  @Test func learnsTheTokensOfATextFromUsage() async throws {
    let server = FakeModelServer(.openAI)
    let model = try await server.connected()
    let before = await model.countTokens(in: String(repeating: "x", count: 9000))
    // 2,000 bytes that the server counts as 1,000 tokens.
    for _ in 0..<5 {
      _ = try await model.reply(to: .text(String(repeating: "x", count: 1986)))
    }
    let after = await model.countTokens(in: String(repeating: "x", count: 9000))
    #expect(after.value > before.value * 3 / 2)
  }

  @Test func doesNotFloodATokenizerThatIsDown() async throws {
    let asked = FakeModelServer(.llamaCpp)
    let caller = try await asked.connected(key: "wrong")
    asked.breakTokenizer()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<50 { group.addTask { _ = await caller.countTokens(in: "some text") } }
    }
    #expect(asked.requests.count == 1)
  }

  @Test func knowsWhatAnAnswerCost() async throws {
    let hosted = FakeModelServer(.openAI, model: "gpt-4.1")
    #expect(try await hosted.connected().reply(to: .text()).costUSD == USD(0.0028))
    let cached = FakeModelServer(.anthropic, model: "claude-opus-4-6")
    let cost = try await cached.connected().reply(to: .text()).costUSD?.value ?? 0
    // 700 fresh, 200 from the cache, 100 written to it, 100 out.
    #expect(abs(cost - (700 * 5 + 200 * 0.5 + 100 * 6.25 + 100 * 25) / 1e6) < 1e-12)
    let local = FakeModelServer(.llamaCpp)
    #expect(try await local.connected().reply(to: .text()).costUSD == USD(0))
    let unknown = FakeModelServer(.openAI)
    #expect(try await unknown.connected().reply(to: .text()).costUSD == nil)
  }
}
