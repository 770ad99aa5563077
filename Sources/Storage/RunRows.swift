import Domain

/// The rows of one run that reports count: its review, its findings, and what each model was asked.
struct RunRows {
  private let run: Run

  init(_ run: Run) { self.run = run }

  private static let review = """
    INSERT INTO reviews (run, verdict, files, hunks, hunks_reviewed, findings, dropped, claims,
      model_requests, input_tokens, output_tokens, cost_usd)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    """
  private static let finding = """
    INSERT INTO findings (run, number, fingerprint, path, side, start_line, line, category,
      severity, source, confidence)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    """
  private static let model = """
    INSERT INTO model_calls (run, model, calls, cache_hits, failures, input_tokens, output_tokens,
      cost_usd, seconds)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    """

  /// Takes away what an earlier save of the run left, and writes what it says now. To be run in the
  /// transaction that writes the run.
  var replacing: [SQLStatement] {
    let id = SQLValue.text(run.id)
    var statements = ["reviews", "findings", "model_calls"].map { table in
      SQLStatement("DELETE FROM \(table) WHERE run = $1", [id])
    }
    if let review = run.review {
      statements.append(row(of: review))
      for (number, finding) in review.findings.enumerated() {
        statements.append(row(of: finding, number + 1))
      }
    }
    return statements + ModelTally.of(run.modelCalls).map { row(of: $0) }
  }

  private func row(of review: Review) -> SQLStatement {
    let (coverage, usage) = (review.coverage, review.usage)
    return SQLStatement(
      Self.review,
      [
        .text(run.id), .text(review.verdict.rawValue), .number(coverage.files),
        .number(coverage.hunks), .number(coverage.hunksReviewed), .number(review.findings.count),
        .number(review.dropped.count), .number(run.claims), .number(usage.modelCalls),
        .number(usage.inputTokens.value), .number(usage.outputTokens.value),
        Self.money(usage.costUSD),
      ])
  }

  private func row(of finding: Finding, _ number: Int) -> SQLStatement {
    SQLStatement(
      Self.finding,
      [
        .text(run.id), .number(number), .plain(finding.fingerprint), .plain(finding.path),
        .text(finding.side.rawValue), .number(finding.startLine), .number(finding.line),
        .plain(finding.category), .text(finding.severity.rawValue),
        .plain(finding.source.description), .real(finding.confidence),
      ])
  }

  private func row(of tally: ModelTally) -> SQLStatement {
    SQLStatement(
      Self.model,
      [
        .text(run.id), .plain(tally.model), .number(tally.calls), .number(tally.cacheHits),
        .number(tally.failures), .number(tally.inputTokens.value),
        .number(tally.outputTokens.value), Self.money(tally.costUSD), .real(tally.seconds),
      ])
  }

  private static func money(_ amount: USD?) -> SQLValue { amount.map { .real($0.value) } ?? .null }
}

/// What one model was asked in one run.
private struct ModelTally {
  var model: String
  /// Calls that a model answered or failed; answers from the cache are counted apart.
  var calls = 0
  var cacheHits = 0
  var failures = 0
  var inputTokens: TokenCount = 0
  var outputTokens: TokenCount = 0
  /// `nil` where the price of any answer is unknown, and where there was none.
  var costUSD: USD?
  var seconds = 0.0
  private var unpriced = false

  init(model: String) { self.model = model }

  /// In the order in which the models were first asked.
  static func of(_ calls: [Run.ModelCall]) -> [ModelTally] {
    var tallies: [ModelTally] = []
    var places: [String: Int] = [:]
    for call in calls {
      let place = places[call.model] ?? tallies.count
      if place == tallies.count {
        places[call.model] = place
        tallies.append(ModelTally(model: call.model))
      }
      tallies[place].add(call)
    }
    return tallies
  }

  private mutating func add(_ call: Run.ModelCall) {
    if call.cacheHit {
      cacheHits += 1
      return
    }
    calls += 1
    inputTokens += call.inputTokens
    outputTokens += call.outputTokens
    seconds += call.seconds
    if call.failure != nil { failures += 1 }
    if let cost = call.costUSD {
      if !unpriced { costUSD = (costUSD ?? USD(0)) + cost }
    } else if call.failure == nil {
      unpriced = true
      costUSD = nil
    }
  }
}
