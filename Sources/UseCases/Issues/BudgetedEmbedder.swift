import Domain

/// A model of vectors that a repository may ask until its tokens of the day are spent.
struct BudgetedEmbedder: Embedder {
  let embedder: any Embedder
  let budget: any TokenBudget
  /// As `WorkLimits.group`.
  let repository: String

  var name: String { embedder.name }

  func embed(
    _ texts: [String], deadline: Duration
  ) async throws(ModelError) -> Embeddings {
    let left: Int?
    do throws(StoreError) { left = try await budget.left(for: repository) } catch {
      throw ModelError(
        code: .unavailable, detail: "the token budget cannot be read: \(error.detail)")
    }
    if let left, left <= 0 {
      throw ModelError(
        code: .budgetSpent,
        detail: "The tokens that \(repository) may spend in a day are spent; they begin anew at "
          + "00:00 UTC.")
    }
    let embeddings = try await embedder.embed(texts, deadline: deadline)
    let tokens = embeddings.inputTokens.value
    // Also where the job was stopped meanwhile: a task of its own is not cancelled with it.
    if tokens > 0 { await Task { _ = try? await budget.spend(tokens, for: repository) }.value }
    return embeddings
  }
}

extension IssueVectors {
  /// The same within a repository's budget; itself where there is none.
  func within(_ budget: (any TokenBudget)?, of access: ForgeAccess) -> IssueVectors {
    guard let budget else { return self }
    var limited = self
    limited.embedder = BudgetedEmbedder(
      embedder: embedder, budget: budget, repository: WorkLimits.group(access))
    return limited
  }
}
