import Domain
import Foundation

/// A model that a repository may ask until its tokens of the day are spent.
///
/// It looks before each call and counts after it, so that calls which run at the same time may go
/// over the budget by what they take themselves.
struct BudgetedModel: LanguageModel {
  let model: any LanguageModel
  let budget: any TokenBudget
  /// As `WorkLimits.group`.
  let repository: String
  var now: @Sendable () -> Date = { Date() }

  var name: String { model.name }
  var profile: ModelProfile { model.profile }
  var cacheIdentity: String { model.cacheIdentity }

  func reply(to request: ModelRequest) async throws(ModelError) -> ModelReply {
    try await check()
    do throws(ModelError) {
      let reply = try await model.reply(to: request)
      await count(reply.inputTokens, reply.outputTokens)
      return reply
    } catch {
      // An answer that was of no use was paid for too.
      await count(error.inputTokens, error.outputTokens)
      throw error
    }
  }

  func stream(_ request: ModelRequest) -> AsyncThrowingStream<ModelPiece, any Error> {
    let (pieces, continuation) = AsyncThrowingStream.makeStream(of: ModelPiece.self)
    let task = Task {
      do { try await check() } catch { return continuation.finish(throwing: error) }
      var text = ""
      var isCounted = false
      var failure: (any Error)?
      do {
        for try await piece in model.stream(request) {
          switch piece {
          case .text(let more): text += more
          case .done(let reply):
            isCounted = true
            await count(reply.inputTokens, reply.outputTokens)
          }
          continuation.yield(piece)
        }
      } catch { failure = error }
      if !isCounted { await countCutOff(request, text, failure as? ModelError) }
      continuation.finish(throwing: failure)
    }
    continuation.onTermination = { _ in task.cancel() }
    return pieces
  }

  func countTokens(in text: String) async -> TokenCount { await model.countTokens(in: text) }
  func price(input: TokenCount, output: TokenCount) -> USD? {
    model.price(input: input, output: output)
  }

  private func check() async throws(ModelError) {
    let left: Int?
    do throws(StoreError) { left = try await budget.left(for: repository) } catch {
      throw ModelError(
        code: .unavailable, detail: "the token budget cannot be read: \(error.detail)")
    }
    guard let left, left <= 0 else { return }
    throw ModelError(
      code: .budgetSpent,
      detail: "The tokens that \(repository) may spend in a day are spent; they begin anew at "
        + "00:00 UTC.", retryAfter: untilMidnight)
  }

  /// Nobody told what it took: the estimate of what was asked and of what came. Where nothing was
  /// sent, as behind an open breaker, nothing is counted.
  private func countCutOff(
    _ request: ModelRequest, _ text: String, _ error: ModelError?
  ) async {
    if let error {
      if error.inputTokens.value + error.outputTokens.value > 0 {
        return await count(error.inputTokens, error.outputTokens)
      }
      if error.requests == 0, error.code != .cancelled, text.isEmpty { return }
    }
    let asked = request.turns.map(\.text).joined(separator: "\n")
    // A task of its own: this one may be cancelled, and a server that counts would not answer.
    let (input, output) = await Task {
      (await model.countTokens(in: asked), await model.countTokens(in: text))
    }.value
    await count(input, text.isEmpty ? 0 : output)
  }

  /// The answer is there and paid for, whatever becomes of the count.
  private func count(_ input: TokenCount, _ output: TokenCount) async {
    let tokens = input.value + output.value
    guard tokens > 0 else { return }
    // Also where the job was stopped meanwhile: a task of its own is not cancelled with it.
    await Task { _ = try? await budget.spend(tokens, for: repository) }.value
  }

  private var untilMidnight: Duration {
    let second = now().timeIntervalSince1970.truncatingRemainder(dividingBy: 86_400)
    return .seconds(max(1, 86_400 - second))
  }
}

extension LanguageModel {
  /// The same model within a repository's budget; itself where there is none.
  func within(_ budget: (any TokenBudget)?, of access: ForgeAccess) -> any LanguageModel {
    guard let budget else { return self }
    return BudgetedModel(model: self, budget: budget, repository: WorkLimits.group(access))
  }
}
