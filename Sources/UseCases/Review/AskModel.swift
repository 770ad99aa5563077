import Domain
import Foundation

/// What came of asking the model: proved findings, what fell, and which hunks it did not see.
struct ClaimedReview: Sendable {
  var findings: [Finding] = []
  var dropped: [DroppedClaim] = []
  var ledger: [HunkID: SkipReason] = [:]
  var spending = ModelSpending()
  var claims = 0
  var masked: [String: Int] = [:]
  var failure: ModelError?

  var usage: ModelUsage { spending.usage }
  var calls: [Run.ModelCall] { spending.calls }

  /// Who answered, where anybody did: after a fallback not the model that was asked first.
  var answeredBy: String? {
    var names: [String] = []
    for call in calls where call.failure == nil && !names.contains(call.model) {
      names.append(call.model)
    }
    return names.isEmpty ? nil : names.joined(separator: ", ")
  }

  /// With no model the built-in rules are the reviewer, and they saw every one of these hunks.
  init(seen: [HunkID]) {}
  init() {}
}

/// Maps the model over every hunk that the budget allows, several requests at a time.
struct AskModel: Sendable {
  let model: any LanguageModel
  let prompt: ReviewPrompt
  let cache: ClaimCache?
  let random: @Sendable () -> UInt64
  let diff: Diff
  let prove: ProveClaims
  let request: ReviewChange.Request

  /// Tokens of hunks in one request: small enough to keep a model's attention, and its window.
  private var pieceBudget: TokenCount {
    let window = model.profile.contextWindow.value - model.profile.maxOutput.value
    let overhead = prompt.style == .beforeAfter ? 1_700 : 900
    return TokenCount(
      max(200, min(window - overhead, prompt.style == .beforeAfter ? 1_500 : 8_000)))
  }

  func ask(about files: [Int]) async -> ClaimedReview {
    var result = ClaimedReview()
    var plan = ReviewPlan(
      diff, files: files, budget: TokenCount(request.policy.maxInputTokens),
      overhead: TokenCount(prompt.overheadPerHunk))

    let unread: SourceReader = { _, _ in nil }
    var builder = PieceBuilder(
      diff: diff, sources: request.readsSurroundings ? request.sources : unread,
      policy: request.policy, budget: pieceBudget,
      showsContext: prompt.showsContext)
    var pending: [ReviewPiece] = []
    var openPieces: [HunkID: Int] = [:]
    var candidates = plan.chosen
    while !candidates.isEmpty {
      // What the cache answers sends no token, so that its share goes to the next in line.
      var spared: TokenCount = 0
      for candidate in candidates {
        var isAnswered = true
        for piece in await builder.pieces(of: candidate.id, risk: candidate.risk) {
          if piece.estimate.value > pieceBudget.value * 2 {
            result.ledger[candidate.id] = .tooLarge
          } else if let cached = await cache?.answer(about: piece) {
            await take(cached, [piece], hit: true, into: &result)
          } else {
            isAnswered = false
            pending.append(piece)
            openPieces[candidate.id, default: 0] += 1
          }
        }
        if isAnswered { spared += candidate.estimate }
      }
      candidates = plan.refill(spared)
    }
    for id in plan.overBudget { result.ledger[id] = .overBudget }
    result.masked = builder.masked
    await map(batches(pending), openPieces, plan.chosen.count, into: &result)
    result.findings.sort { ($0.path, $0.startLine) < ($1.path, $1.startLine) }
    return result
  }

  // MARK: Requests

  private func batches(_ pieces: [ReviewPiece]) -> [[ReviewPiece]] {
    var batches: [[ReviewPiece]] = []
    var spent: TokenCount = 0
    for piece in pieces {
      if let last = batches.last, last.count < prompt.maxPieces,
        spent + piece.estimate <= pieceBudget
      {
        batches[batches.count - 1].append(piece)
        spent += piece.estimate
      } else {
        batches.append([piece])
        spent = piece.estimate
      }
    }
    return batches
  }

  private struct Answer: Sendable {
    let pieces: [ReviewPiece]
    let result: Result<ModelReply, ModelError>
    let seconds: Double
  }

  /// As many requests at a time as the provider allows; a request that proves too long is halved.
  private func map(
    _ batches: [[ReviewPiece]], _ open: [HunkID: Int], _ hunks: Int,
    into result: inout ClaimedReview
  ) async {
    var waiting = batches[...]
    var open = open
    let budget = FailureBudget()
    func report() {
      request.progress(.init(hunksDone: hunks - open.count, hunksToDo: hunks))
    }
    report()
    await withTaskGroup(of: Answer.self) { group in
      var running = 0
      func fill() {
        while running < max(1, model.profile.concurrency), let batch = waiting.popFirst() {
          running += 1
          group.addTask { await answer(batch, budget) }
        }
      }
      fill()
      while let answer = await group.next() {
        running -= 1
        switch answer.result {
        case .success(let reply):
          await take(reply, answer.pieces, hit: false, into: &result)
          await cache?.remember(reply, about: answer.pieces)
          settle(answer.pieces, &open)
        case .failure(let error) where error.code == .tooLong && canHalve(answer.pieces):
          note(error, answer.seconds, into: &result)
          waiting = halves(answer.pieces) + waiting
        case .failure(let error):
          note(error, answer.seconds, into: &result)
          if error.code != .tooLong { result.failure = result.failure ?? error }
          for piece in answer.pieces {
            result.ledger[HunkID(file: piece.file, hunk: piece.hunk)] = .reason(error.code)
          }
          settle(answer.pieces, &open)
        }
        report()
        fill()
      }
    }
  }

  private func answer(_ pieces: [ReviewPiece], _ budget: FailureBudget) async -> Answer {
    let started = ContinuousClock.now
    let modelRequest = ModelRequest(
      turns: prompt.turns(for: pieces, random: random),
      answer: .json(name: "review_findings", prompt.schema(for: pieces)),
      maxOutput: model.profile.maxOutput, deadline: request.callDeadline, budget: budget)
    let result: Result<ModelReply, ModelError>
    do {
      result = .success(try await model.reply(to: modelRequest))
    } catch {
      result = .failure(error)
    }
    return Answer(
      pieces: pieces, result: result, seconds: (ContinuousClock.now - started).seconds)
  }

  private func canHalve(_ pieces: [ReviewPiece]) -> Bool {
    pieces.count > 1 || (pieces.first?.lines.count ?? 0) > 8
  }

  private func halves(_ pieces: [ReviewPiece]) -> [[ReviewPiece]] {
    if pieces.count > 1 {
      let middle = pieces.count / 2
      return [Array(pieces[..<middle]), Array(pieces[middle...])]
    }
    return pieces.flatMap { piece in
      let middle = piece.lines.count / 2
      return [Array(piece.lines[..<middle]), Array(piece.lines[middle...])].map {
        [piece.with(lines: $0)]
      }.filter { $0[0].hasChange }
    }
  }

  private func settle(_ pieces: [ReviewPiece], _ open: inout [HunkID: Int]) {
    for piece in pieces {
      let id = HunkID(file: piece.file, hunk: piece.hunk)
      open[id, default: 1] -= 1
      if open[id, default: 0] <= 0 { open[id] = nil }
    }
  }

  private func note(_ error: ModelError, _ seconds: Double, into result: inout ClaimedReview) {
    result.spending.add(error, model: model.name, seconds: seconds)
  }

  // MARK: Answers

  private func take(
    _ reply: ModelReply, _ pieces: [ReviewPiece], hit: Bool, into result: inout ClaimedReview
  ) async {
    let outcomes = ClaimReader(pieces: pieces).read(reply.json ?? .null)
    let proved = await prove.prove(outcomes, of: pieces, model: reply.model)
    result.claims += outcomes.count
    result.findings += proved.findings
    result.dropped += proved.dropped
    if hit { result.spending.addHit(reply) } else { result.spending.add(reply) }
  }
}

extension SkipReason {
  fileprivate static func reason(_ failure: ModelError.Code) -> SkipReason {
    switch failure {
    case .tooLong: .tooLarge
    case .budgetSpent: .budgetSpent
    default: .modelFailed
    }
  }
}

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
