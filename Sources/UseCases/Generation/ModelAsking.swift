import Domain

/// Asks one model for one run, within the run's time, tokens and cost.
///
/// Each call is granted its prompt and its longest answer before it is sent, so that calls side by
/// side do not take the same rest twice. What a prompt takes is an estimate unless the server
/// counts, and a vendor's own retry or repair of an answer is counted only after it.
actor ModelAsking {
  /// Why nothing more may be asked.
  enum Stop: Error, Sendable, Equatable {
    case time, tokens, cost
    case model(ModelError)

    var sentence: String {
      switch self {
      case .time: "the time was up"
      case .tokens: "the tokens that the run may take do not suffice for another answer"
      case .cost: "the cost that the run may have does not suffice for another answer"
      case .model(let error): "the model failed (\(error.code.rawValue)): \(error.detail)"
      }
    }
  }

  /// What is held for one call until its answer has told what it took.
  private struct Grant {
    var most: TokenCount
    var tokens = 0
    var cost = 0.0
  }

  private enum Room {
    case enough(Grant)
    /// Other calls hold what may be left over.
    case later
    case never(Stop)
  }

  /// An answer shorter than this holds no program.
  private static let leastAnswer = 64

  nonisolated let model: any LanguageModel
  private let limits: GenerationLimits
  private let end: ContinuousClock.Instant
  private let callDeadline: Duration
  private let budget = FailureBudget()
  private(set) var spending: ModelSpending
  private var held = (calls: 0, tokens: 0, cost: 0.0)
  private var waiting: [CheckedContinuation<Void, Never>] = []

  /// - Parameter earlier: what earlier tries of the same work have spent, which counts.
  init(
    _ model: any LanguageModel, limits: GenerationLimits, end: ContinuousClock.Instant,
    callDeadline: Duration, earlier: [Run.ModelCall] = []
  ) {
    self.model = model
    self.limits = limits
    self.end = end
    self.callDeadline = callDeadline
    spending = ModelSpending(earlier)
  }

  func reply(
    to turns: [ModelRequest.Turn], _ format: ModelRequest.AnswerFormat, temperature: Double = 0,
    seed: Int? = nil
  ) async throws(Stop) -> ModelReply {
    let grant = try await granted(turns)
    defer { giveBack(grant) }
    let left = end - .now
    guard left > .zero else { throw .time }
    let began = ContinuousClock.now
    do throws(ModelError) {
      let reply = try await model.reply(
        to: ModelRequest(
          turns: turns, answer: format, maxOutput: grant.most, temperature: temperature,
          seed: seed, deadline: min(left, callDeadline), budget: budget))
      spending.add(reply)
      return reply
    } catch {
      spending.add(error, model: model.name, seconds: (ContinuousClock.now - began).seconds)
      if error.code == .timedOut, end - .now <= .zero { throw .time }
      throw .model(error)
    }
  }

  private func granted(_ turns: [ModelRequest.Turn]) async throws(Stop) -> Grant {
    guard end - .now > .zero else { throw .time }
    guard limits.tokens != nil || limits.cost != nil else {
      held.calls += 1
      return Grant(most: model.profile.maxOutput)
    }
    let text = turns.map(\.text).joined(separator: "\n")
    // A few tokens of a template around each turn.
    let prompt = await model.countTokens(in: text).value + 8 * turns.count
    while true {
      switch room(for: prompt) {
      case .enough(let grant):
        held.calls += 1
        held.tokens += grant.tokens
        held.cost += grant.cost
        return grant
      case .never(let stop): throw stop
      case .later:
        // Every call that holds something ends by its own deadline or with the task.
        await withCheckedContinuation { waiting.append($0) }
      }
    }
  }

  private func giveBack(_ grant: Grant) {
    held.calls -= 1
    held.tokens -= grant.tokens
    held.cost -= grant.cost
    let woken = waiting
    waiting = []
    for one in woken { one.resume() }
  }

  private func room(for prompt: Int) -> Room {
    let spent = spending.usage
    let whole = model.profile.maxOutput.value
    var most = whole
    var stop: Stop?
    if let tokens = limits.tokens {
      let rest = tokens - spent.inputTokens.value - spent.outputTokens.value - held.tokens
      if rest - prompt < most { (most, stop) = (rest - prompt, .tokens) }
    }
    if let cost = limits.cost {
      let rest = cost - (spent.costUSD?.value ?? 0) - held.cost
      let answer = affordable(rest, prompt)
      if answer < most { (most, stop) = (answer, .cost) }
    }
    if let stop {
      if held.calls > 0 { return .later }
      if most < min(Self.leastAnswer, whole) { return .never(stop) }
    }
    let price = model.price(input: TokenCount(prompt), output: TokenCount(most))
    return .enough(
      Grant(most: TokenCount(most), tokens: prompt + most, cost: price?.value ?? 0))
  }

  /// Tokens of an answer that the money pays for beside the prompt.
  private func affordable(_ money: Double, _ prompt: Int) -> Int {
    let whole = model.profile.maxOutput.value
    guard money > 0 else { return 0 }
    guard
      let asked = model.price(input: TokenCount(prompt), output: 0)?.value,
      let both = model.price(input: TokenCount(prompt), output: TokenCount(whole))?.value
    else { return whole }
    guard both > money else { return whole }
    guard asked < money, both > asked else { return 0 }
    return Int(Double(whole) * (money - asked) / (both - asked))
  }
}
