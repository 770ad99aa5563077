import Domain
import Foundation
import TestKit
import Testing

@testable import LanguageModels

@Suite struct ModelChainTests {
  private func failure(of chain: ModelChain, _ request: ModelRequest) async -> ModelError? {
    do throws(ModelError) {
      _ = try await chain.reply(to: request)
      return nil
    } catch {
      return error
    }
  }

  @Test func anEmptyChainIsNone() {
    #expect(ModelChain([]) == nil)
  }

  @Test(arguments: [
    FakeModelServer.Reply.error(status: 401, message: "no"), .error(status: 429, message: "no"),
    .error(status: 500, message: "no"), .error(status: 400, message: "no"),
    .text("no JSON here"), .errorInside("no"),
  ])
  func asksTheNextInOrder(reply: FakeModelServer.Reply) async throws {
    let servers = [
      FakeModelServer(.openAI), FakeModelServer(.anthropic), FakeModelServer(.llamaCpp),
    ]
    servers[0].script([], always: reply)
    servers[1].script([], always: reply)
    servers[2].script([], always: .text(goodAnswer))
    var models: [ServedModel] = []
    for server in servers { models.append(try await server.connected()) }
    let chain = try #require(ModelChain(models, timing: .impatient))
    let answer = try await chain.reply(to: .json())
    #expect(answer.json != nil)
    #expect(servers[2].asked.count == 1)
    #expect(answer.requests == servers.reduce(0) { $0 + $1.asked.count })
    // Two retries are shared by the whole chain; a repair turn is none.
    #expect(answer.requests <= 5)
  }

  @Test func doesNotAskTheNextWhenTheModelDeclinesOrThePromptIsTooLong() async throws {
    let first = FakeModelServer(.openAI)
    let second = FakeModelServer(.llamaCpp)
    let models = [try await first.connected(), try await second.connected()]
    let chain = try #require(ModelChain(models, timing: .impatient))
    first.script([
      .refusal("No."), .error(status: 400, message: "maximum context length is 8192 tokens"),
    ])
    #expect(await failure(of: chain, .json())?.code == .refused)
    #expect(await failure(of: chain, .json())?.code == .tooLong)
    #expect(second.asked.isEmpty)
  }

  @Test func saysWhyThePreferredModelFailedAndNamesTheOthers() async throws {
    let first = FakeModelServer(.openAI, model: "first-7b")
    let second = FakeModelServer(.llamaCpp, model: "second-7b")
    first.script([], always: .error(status: 401, message: "who are you"))
    second.script([], always: .error(status: 500, message: "out of memory"))
    let models = [try await first.connected(), try await second.connected()]
    let chain = try #require(ModelChain(models, timing: .impatient))
    let error = await failure(of: chain, .text())
    #expect(error?.code == .unauthorized)
    #expect(error?.detail.contains("first-7b: who are you") == true)
    #expect(error?.detail.contains("second-7b: out of memory") == true)
    #expect(error?.requests == 4)
  }

  @Test func leavesAFailingModelAloneAndTriesItAgainAfterAWhile() async throws {
    let server = FakeModelServer(.llamaCpp)
    server.script([], always: .error(status: 400, message: "no"))
    let clock = ManualClock()
    let model = try await server.connected()
    let chain = try #require(
      ModelChain(
        [model], failuresToOpen: 2, coolDown: .seconds(10), timing: clock.timingWithRealSleep))
    for _ in 0..<2 { #expect(await failure(of: chain, .text())?.code == .rejected) }
    let refused = await failure(of: chain, .text())
    #expect(refused?.code == .suspended)
    #expect(refused?.retryAfter == .seconds(10))
    #expect(refused?.requests == 0)
    #expect(server.asked.count == 2)
    clock.advance(.seconds(10))
    #expect(await failure(of: chain, .text())?.code == .rejected)
    #expect(await failure(of: chain, .text())?.code == .suspended)
    #expect(server.asked.count == 3)
    clock.advance(.seconds(20))
    server.script([], always: .text("Back."))
    #expect(try await chain.reply(to: .text()).text == "Back.")
    #expect(try await chain.reply(to: .text()).text == "Back.")
  }

  @Test func aDeadModelGetsEightRequestsHoweverManyCallsARunMakes() async throws {
    let server = FakeModelServer(.openAI)
    server.script([], always: .error(status: 500, message: "dead"))
    let model = try await server.connected(concurrency: 50)
    let chain = try #require(
      ModelChain([model], failuresToOpen: 1000, timing: .impatient))
    let budget = FailureBudget()
    let codes = await withTaskGroup(of: ModelError.Code?.self) { group in
      for _ in 0..<50 {
        group.addTask { await failure(of: chain, .text(budget: budget))?.code }
      }
      return await group.reduce(into: [ModelError.Code?]()) { $0.append($1) }
    }
    #expect(server.asked.count == 8)
    #expect(budget.failures(of: model.budgetKey) == 8)
    #expect(codes.count == 50)
    #expect(codes.allSatisfy { $0 == .unavailable || $0 == .suspended })
    #expect(await failure(of: chain, .json(budget: budget))?.code == .suspended)
    #expect(server.asked.count == 8)
  }

  @Test func neverHasMoreCallsUnderWayThanTheModelTakes() async throws {
    let occupancy = Occupancy()
    let http = try await FaultServer { _ in
      occupancy.enter()
      try? await Task.sleep(for: .milliseconds(2))
      occupancy.leave()
      return .json(#"{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}"#)
    }
    let settings = try ProviderSettings(kind: .openai, model: "m", baseURL: http.url, apiKey: "k")
    var profile = ModelProfile.of("m", servedBy: .openai)
    profile.concurrency = 3
    let model = settings.model(client: testClient, profile: profile, timing: .impatient)
    let chain = try #require(ModelChain([model], timing: .impatient))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<60 { group.addTask { _ = try await chain.reply(to: .text()) } }
      try await group.waitForAll()
    }
    #expect(occupancy.most == 3)
    await http.stop()
  }

  /// By a clock of its own: that a real server is left at its deadline is the contract's to test.
  @Test func aHungModelLeavesTimeForTheNext() async throws {
    let clock = ManualClock()
    let hung = HungModel(clock: clock)
    let second = try await FakeModelServer(.llamaCpp).connected()
    let chain = try #require(ModelChain([hung, second], timing: clock.timingWithRealSleep))
    let reply = try await chain.reply(to: .text(deadline: .seconds(180)))
    #expect(reply.text == "Hello.")
    #expect(reply.requests == 2)
    #expect(reply.seconds >= 120 && reply.seconds < 180)
  }

  @Test func waitingForAPlaceEndsAtTheDeadlineAndOnCancellation() async throws {
    let server = FakeModelServer(.llamaCpp)
    server.script([], always: .hang)
    let model = try await server.connected(concurrency: 1)
    let chain = try #require(ModelChain([model], timing: .impatient))
    let holder = Task { await failure(of: chain, .text(deadline: .seconds(60))) }
    while server.asked.isEmpty { await Task.yield() }
    #expect(await failure(of: chain, .text(deadline: .milliseconds(50)))?.code == .timedOut)
    let waiting = Task { await failure(of: chain, .text(deadline: .seconds(60))) }
    waiting.cancel()
    #expect(await waiting.value?.code == .cancelled)
    holder.cancel()
    #expect(await holder.value?.code == .cancelled)
    server.script([], always: .text("Free."))
    #expect(try await chain.reply(to: .text()).text == "Free.")
    await model.http.waitUntilOpen(atMost: 1)
  }

  @Test func streamsFromTheNextModelBeforeTheFirstPieceOnly() async throws {
    let first = FakeModelServer(.openAI)
    let second = FakeModelServer(.anthropic)
    second.script([], always: .text("From the second."))
    let models = [try await first.connected(), try await second.connected()]
    let chain = try #require(ModelChain(models, timing: .impatient))
    first.script([.error(status: 401, message: "no")], always: .errorInside("Overloaded"))
    var text = ""
    var done: ModelReply?
    for try await piece in chain.stream(.text()) {
      switch piece {
      case .text(let piece): text += piece
      case .done(let reply): done = reply
      }
    }
    #expect(text == "From the second.")
    #expect(done?.requests == 2)
    await #expect {
      for try await _ in chain.stream(.text()) {}
    } throws: {
      ($0 as? ModelError)?.code == .unavailable
    }
    #expect(second.asked.count == 1)
  }

  /// What each failing call left behind would show as growth over 1,000 of them. In a process of
  /// its own: other tests of this one hold memory as well. A server that is in the process remembers
  /// what it was asked, so that the long prompts go to a closed port.
  @Test(
    .enabled(if: MemoryUse.now != nil, "needs /proc/self/statm"), arguments: [true, false])
  func memoryStaysFlatOverAThousandFailingCalls(answers: Bool) async throws {
    await #expect(processExitsWith: .success) { [answers] in
      let http = try await FaultServer { _ in .json("{\"error\":\"dead\"}", status: 500) }
      let closed = ClosedPort()
      let url = answers ? http.url : closed.url
      let settings = try ProviderSettings(kind: .openai, model: "m-7b", baseURL: url, apiKey: "k")
      let chain = try #require(
        ModelChain(
          [settings.model(client: testClient, timing: .impatient)], failuresToOpen: .max,
          timing: .impatient))
      let question = String(repeating: "q", count: answers ? 100 : 64 << 10)
      func fail(_ count: Int) async -> Int {
        var failures = 0
        for _ in 0..<count {
          do { _ = try await chain.reply(to: .text(question)) } catch { failures += 1 }
        }
        return failures
      }
      #expect(await fail(100) == 100)
      let before = try #require(MemoryUse.now)
      #expect(await fail(1000) == 1000)
      let after = try #require(MemoryUse.now)
      print("memory over 1,000 failing calls:", (after - before) >> 10, "KiB more")
      #expect(after - before < 24 << 20)
      withExtendedLifetime((http, closed)) {}
    }
  }
}

/// A model that takes all the time it is given, by a clock that need not wait for it.
private struct HungModel: LanguageModel {
  let clock: ManualClock
  let name = "hung-7b"
  let profile = ModelProfile.of("hung-7b", servedBy: .openai)

  func reply(to request: ModelRequest) async throws(ModelError) -> ModelReply {
    clock.advance(request.deadline)
    throw ModelError(code: .timedOut, detail: "no answer in time", requests: 1)
  }

  func stream(_ request: ModelRequest) -> AsyncThrowingStream<ModelPiece, any Error> {
    AsyncThrowingStream { $0.finish() }
  }

  func countTokens(in text: String) async -> TokenCount { TokenCount(text.utf8.count) }
}

/// Bytes of memory that this process holds.
enum MemoryUse {
  static var now: Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
      let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return nil }
    return pages * 4096
  }
}
