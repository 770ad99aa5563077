import Domain

/// What the model calls of one run took: its usage, and the calls for its record.
struct ModelSpending: Sendable {
  private(set) var calls: [Run.ModelCall] = []
  private(set) var usage = ModelUsage()
  /// `nil` once a price was unknown.
  private var cost: USD? = USD(0)

  /// - Parameter calls: what was spent already, such as by an earlier try.
  init(_ calls: [Run.ModelCall] = []) {
    for call in calls where !call.cacheHit {
      let isFree = call.inputTokens == 0 && call.outputTokens == 0
      add(1, call.inputTokens, call.outputTokens, isFree ? USD(0) : call.costUSD)
    }
    self.calls = calls
  }

  mutating func add(_ reply: ModelReply) {
    add(reply.requests, reply.inputTokens, reply.outputTokens, reply.costUSD)
    calls.append(
      Run.ModelCall(
        model: reply.model, inputTokens: reply.inputTokens, outputTokens: reply.outputTokens,
        costUSD: reply.costUSD, seconds: reply.seconds, cacheHit: false))
  }

  /// An answer found in the cache: it costs nothing and reached no model.
  mutating func addHit(_ reply: ModelReply) {
    calls.append(
      Run.ModelCall(
        model: reply.model, inputTokens: 0, outputTokens: 0, costUSD: nil, seconds: 0,
        cacheHit: true))
  }

  mutating func add(_ error: ModelError, model: String, seconds: Double) {
    let isFree = error.inputTokens == 0 && error.outputTokens == 0
    add(
      error.requests, error.inputTokens, error.outputTokens, isFree ? USD(0) : error.costUSD)
    calls.append(
      Run.ModelCall(
        model: model, inputTokens: error.inputTokens, outputTokens: error.outputTokens,
        costUSD: error.costUSD, seconds: seconds, cacheHit: false, failure: error.code.rawValue))
  }

  private mutating func add(
    _ requests: Int, _ input: TokenCount, _ output: TokenCount, _ price: USD?
  ) {
    if let sum = cost, let price { cost = sum + price } else { cost = nil }
    usage.modelCalls += requests
    usage.inputTokens += input
    usage.outputTokens += output
    // What never reached an answer has no price to speak of.
    let hasTokens = usage.inputTokens.value + usage.outputTokens.value > 0
    usage.costUSD = hasTokens ? cost : nil
  }
}
