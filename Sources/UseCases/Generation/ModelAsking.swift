import Domain

/// Asks one model for one run, within the run's time, tokens and cost.
actor ModelAsking {
  /// Why nothing more may be asked.
  enum Stop: Error, Sendable, Equatable {
    case time, tokens, cost
    case model(ModelError)

    var sentence: String {
      switch self {
      case .time: "the time was up"
      case .tokens: "the tokens that the run may take were spent"
      case .cost: "the cost that the run may have was reached"
      case .model(let error): "the model failed (\(error.code.rawValue)): \(error.detail)"
      }
    }
  }

  nonisolated let model: any LanguageModel
  private let limits: GenerationLimits
  private let end: ContinuousClock.Instant
  private let callDeadline: Duration
  private let budget = FailureBudget()
  private(set) var spending = ModelSpending()

  init(
    _ model: any LanguageModel, limits: GenerationLimits, end: ContinuousClock.Instant,
    callDeadline: Duration
  ) {
    self.model = model
    self.limits = limits
    self.end = end
    self.callDeadline = callDeadline
  }

  func reply(
    to turns: [ModelRequest.Turn], _ format: ModelRequest.AnswerFormat, temperature: Double = 0,
    seed: Int? = nil
  ) async throws(Stop) -> ModelReply {
    let left = end - .now
    guard left > .zero else { throw .time }
    let spent = spending.usage
    var most = model.profile.maxOutput
    if let tokens = limits.tokens {
      let rest = tokens - spent.inputTokens.value - spent.outputTokens.value
      guard rest > 0 else { throw .tokens }
      most = min(most, TokenCount(rest))
    }
    if let cost = limits.cost, let soFar = spent.costUSD, soFar.value >= cost { throw .cost }
    let began = ContinuousClock.now
    do throws(ModelError) {
      let reply = try await model.reply(
        to: ModelRequest(
          turns: turns, answer: format, maxOutput: most, temperature: temperature, seed: seed,
          deadline: min(left, callDeadline), budget: budget))
      spending.add(reply)
      return reply
    } catch {
      spending.add(error, model: model.name, seconds: (ContinuousClock.now - began).seconds)
      if error.code == .timedOut, end - .now <= .zero { throw .time }
      throw .model(error)
    }
  }
}
