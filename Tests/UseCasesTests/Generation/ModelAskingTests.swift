import Domain
import Synchronization
import Testing

@testable import UseCases

/// Calls side by side within the tokens and the cost of one run.
@Suite struct ModelAskingTests {
  /// Takes all that it is granted, and counts every prompt as 92 tokens.
  private final class Greedy: LanguageModel {
    let name = "greedy"
    let profile = ModelProfile(
      contextWindow: 8_000, maxOutput: 1_000, promptStyle: .numberedHunks, concurrency: 8)
    let granted = Mutex<[Int]>([])

    func reply(to request: ModelRequest) async throws(ModelError) -> ModelReply {
      granted.withLock { $0.append(request.maxOutput.value) }
      // The others are asked meanwhile.
      for _ in 0..<20 { await Task.yield() }
      return ModelReply(
        text: "x", json: nil, model: name, finish: .complete, inputTokens: 100,
        outputTokens: request.maxOutput,
        costUSD: price(input: 100, output: request.maxOutput), seconds: 0, requests: 1)
    }

    func stream(_ request: ModelRequest) -> AsyncThrowingStream<ModelPiece, any Error> {
      AsyncThrowingStream { $0.finish() }
    }

    func countTokens(in text: String) async -> TokenCount { 92 }

    func price(input: TokenCount, output: TokenCount) -> USD? {
      USD(Double(input.value + 10 * output.value) / 1_000_000)
    }
  }

  private func spent(
    _ model: Greedy, _ limits: GenerationLimits, calls: Int = 6, earlier: [Run.ModelCall] = []
  ) async -> (ModelUsage, [ModelAsking.Stop]) {
    let asking = ModelAsking(
      model, limits: limits, end: .now + .seconds(60), callDeadline: .seconds(30),
      earlier: earlier)
    let stops = await withTaskGroup(of: ModelAsking.Stop?.self) { group in
      for _ in 0..<calls {
        group.addTask {
          do throws(ModelAsking.Stop) {
            _ = try await asking.reply(to: [.init(.user, "Write it.")], .text)
            return nil
          } catch {
            return error
          }
        }
      }
      var stops: [ModelAsking.Stop] = []
      for await stop in group { if let stop { stops.append(stop) } }
      return stops
    }
    return (await asking.spending.usage, stops)
  }

  @Test func tokensHoldForCallsSideBySide() async {
    let model = Greedy()
    let (usage, stops) = await spent(model, GenerationLimits(tokens: 2_500))
    // Two whole answers of 100 + 1000, and one of what is left.
    #expect(model.granted.withLock { $0 } == [1_000, 1_000, 200])
    #expect(usage.inputTokens.value + usage.outputTokens.value == 2_500)
    #expect(stops == [.tokens, .tokens, .tokens])
  }

  @Test func aCostHoldsForCallsSideBySide() async {
    let model = Greedy()
    let (usage, stops) = await spent(model, GenerationLimits(cost: 0.025))
    #expect(usage.modelCalls == 3)
    let cost = usage.costUSD?.value ?? 0
    #expect(cost > 0.0245 && cost <= 0.025 + 1e-9, "\(cost)")
    #expect(stops == [.cost, .cost, .cost])
  }

  /// The prompt itself counts before anything is sent.
  @Test(arguments: [GenerationLimits(tokens: 120), GenerationLimits(cost: 0.0002)])
  func whatLeavesNoRoomForAnAnswerIsNotSent(limits: GenerationLimits) async {
    let model = Greedy()
    let (usage, stops) = await spent(model, limits, calls: 1)
    #expect(model.granted.withLock { $0 }.isEmpty && usage.modelCalls == 0)
    #expect(stops.count == 1)
  }

  @Test func whatEarlierTriesSpentCounts() async {
    let model = Greedy()
    let before = Run.ModelCall(
      model: "greedy", inputTokens: 1_200, outputTokens: 1_000, costUSD: USD(0.01), seconds: 1,
      cacheHit: false)
    let (usage, stops) = await spent(
      model, GenerationLimits(tokens: 2_500), calls: 2, earlier: [before])
    #expect(model.granted.withLock { $0 } == [200])
    #expect(usage.modelCalls == 2 && stops == [.tokens])
  }

  @Test func withoutLimitsEveryCallMayTakeAll() async {
    let model = Greedy()
    let (usage, stops) = await spent(model, GenerationLimits())
    #expect(model.granted.withLock { $0 } == Array(repeating: 1_000, count: 6))
    #expect(usage.modelCalls == 6 && stops.isEmpty)
  }
}
