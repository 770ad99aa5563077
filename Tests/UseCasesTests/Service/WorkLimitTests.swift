import Domain
import Foundation
import Jobs
import TestKit
import Testing

@testable import UseCases

extension JobOutcome {
  /// For how long it was put off; `nil` where it was not.
  var wait: Duration? { if case .snoozed(let wait, _) = self { wait } else { nil } }
}

@Suite struct WorkLimitTests {
  private let access = ForgeAccess(
    forge: "github", repository: RepositoryName(owner: "Octo-Org", name: "Orders"),
    installation: 7)

  @Test func nothingSetIsNoLimit() {
    #expect(WorkLimits().ofReview(access).isEmpty)
    #expect(WorkLimits(model: "openai").ofModel.isEmpty)
    // Without a model nothing waits for one.
    #expect(WorkLimits(modelJobs: 1, modelJobsPerMinute: 1).ofModel.isEmpty)
    #expect(WorkLimits.group(access) == "github:octo-org/orders")
  }

  @Test func aReviewIsUnderAllOfThem() {
    let limits = WorkLimits(
      reviewsPerRepository: 4, forgeJobsPerMinute: 30, modelJobs: 2, modelJobsPerMinute: 10,
      model: "openai")
    #expect(
      limits.ofReview(access) == [
        JobLimit("repository:github:octo-org/orders", concurrency: 4),
        JobLimit("installation:github:7", rate: 30, per: 60),
        JobLimit("model:openai", concurrency: 2, rate: 10, per: 60),
      ])
    var token = access
    token.installation = nil
    #expect(limits.ofForge(token) == [JobLimit("forge:github", rate: 30, per: 60)])
    // Of the commands only this one asks the model.
    let model = JobLimit("model:openai", concurrency: 2, rate: 10, per: 60)
    #expect(limits.ofAnswer(to: [.help, .explain], access) == limits.ofForge(access) + [model])
    #expect(limits.ofAnswer(to: [.summary, .ignore, .review], access) == limits.ofForge(access))
  }
}

@Suite struct BudgetedModelTests {
  private actor Budget: TokenBudget {
    var limit: Int?
    var spent: [String: Int] = [:]
    init(_ limit: Int?) { self.limit = limit }
    func left(for repository: String) async throws(StoreError) -> Int? {
      limit.map { max(0, $0 - spent[repository, default: 0]) }
    }
    func spend(_ tokens: Int, for repository: String) async throws(StoreError) -> Int {
      spent[repository, default: 0] += tokens
      return spent[repository, default: 0]
    }
  }

  private struct Talker: LanguageModel {
    var failure: ModelError?
    /// Of a stream, before it ends without an end.
    var words: [String] = []
    let name = "talker"
    let profile = ModelProfile(
      contextWindow: 1_000, maxOutput: 100, promptStyle: .numberedHunks, concurrency: 1)
    func reply(to request: ModelRequest) async throws(ModelError) -> ModelReply {
      if let failure { throw failure }
      return ModelReply(
        text: "yes", json: nil, model: name, finish: .complete, inputTokens: 60, outputTokens: 40,
        costUSD: nil, seconds: 0, requests: 1)
    }
    func stream(_ request: ModelRequest) -> AsyncThrowingStream<ModelPiece, any Error> {
      AsyncThrowingStream { continuation in
        for word in words { continuation.yield(.text(word)) }
        Task {
          do {
            continuation.yield(.done(try await reply(to: request)))
            continuation.finish()
          } catch { continuation.finish(throwing: error) }
        }
      }
    }
    func countTokens(in text: String) async -> TokenCount {
      TokenCount(text.split(separator: " ").count)
    }
  }

  private let request = ModelRequest(
    turns: [.init(.user, "?")], answer: .text, maxOutput: 10)

  private func model(
    _ budget: Budget, failure: ModelError? = nil, words: [String] = []
  ) -> BudgetedModel {
    BudgetedModel(
      model: Talker(failure: failure, words: words), budget: budget, repository: "github:a/b",
      now: { Date(timeIntervalSince1970: 86_400 * 20_000 + 82_800) })
  }

  /// The call that is begun with a rest goes through; the next is not sent.
  @Test func asksUntilTheDaysTokensAreSpent() async throws {
    let budget = Budget(150)
    let model = model(budget)
    _ = try await model.reply(to: request)
    _ = try await model.reply(to: request)
    let failure = await #expect(throws: ModelError.self) { try await model.reply(to: request) }
    #expect(failure?.code == .budgetSpent)
    #expect(failure?.retryAfter == .seconds(3_600))
    #expect(failure?.detail.contains("github:a/b") == true)
    #expect(await budget.spent == ["github:a/b": 200])
    await #expect(throws: ModelError.self) {
      for try await _ in model.stream(request) {}
    }
  }

  @Test func withoutALimitItOnlyCounts() async throws {
    let budget = Budget(nil)
    for _ in 1...3 { _ = try await model(budget).reply(to: request) }
    for try await _ in model(budget).stream(request) {}
    #expect(await budget.spent == ["github:a/b": 400])
  }

  /// What was asked and what came by then, as the model estimates it.
  @Test(arguments: [
    (ModelError.Code.timedOut, 1, ["one ", "two "], 4), (.unavailable, 1, [], 2),
    // Behind an open breaker nothing is sent.
    (.suspended, 0, [], 0),
  ])
  func aStreamThatBreaksOffIsCounted(
    _ code: ModelError.Code, _ requests: Int, _ words: [String], _ tokens: Int
  ) async throws {
    let budget = Budget(1_000)
    let failure = ModelError(code: code, detail: "no", requests: requests)
    let model = model(budget, failure: failure, words: words)
    let two = ModelRequest(turns: [.init(.user, "what now")], answer: .text, maxOutput: 10)
    await #expect(throws: failure) { for try await _ in model.stream(two) {} }
    #expect(await budget.spent["github:a/b", default: 0] == tokens)
  }

  /// Whoever read it left.
  @Test func aStreamThatIsLeftIsCounted() async throws {
    let budget = Budget(1_000)
    let model = model(budget, words: ["one "])
    for try await _ in model.stream(request) { break }
    for _ in 0..<1_000 where await budget.spent.isEmpty {
      try await Task.sleep(for: .milliseconds(5))
    }
    #expect(await budget.spent["github:a/b", default: 0] > 0)
  }

  @Test func anAnswerOfNoUseWasPaidForToo() async throws {
    let budget = Budget(1_000)
    let failure = ModelError(
      code: .malformedAnswer, detail: "no", inputTokens: 30, outputTokens: 3)
    await #expect(throws: failure) {
      try await self.model(budget, failure: failure).reply(to: request)
    }
    #expect(await budget.spent == ["github:a/b": 33])
  }
}
