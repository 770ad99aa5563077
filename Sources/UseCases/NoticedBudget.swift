public import Domain

/// A mark of a day's tokens that a repository has just passed.
public struct BudgetMark: Sendable, Hashable {
  /// As `WorkLimits.group`.
  public var repository: String
  /// 80 or 100.
  public var percent: Int
  public var spent: Int
  public var perDay: Int

  public init(repository: String, percent: Int, spent: Int, perDay: Int) {
    self.repository = repository
    self.percent = percent
    self.spent = spent
    self.perDay = perDay
  }
}

/// A budget that says when 80 % and 100 % of a day's tokens are spent: once a day each, also where
/// many processes spend, since the sum that each is told is its own.
public struct NoticedBudget: TokenBudget {
  static let marks = [80, 100]

  private let budget: any TokenBudget
  private let perDay: Int
  private let notice: @Sendable (BudgetMark) async -> Void

  /// - Parameter notice: may take a while, but nothing that it does may fail the work.
  public init(
    _ budget: any TokenBudget, perDay: Int,
    notice: @escaping @Sendable (BudgetMark) async -> Void
  ) {
    self.budget = budget
    self.perDay = perDay
    self.notice = notice
  }

  public func left(for repository: String) async throws(StoreError) -> Int? {
    try await budget.left(for: repository)
  }

  @discardableResult
  public func spend(_ tokens: Int, for repository: String) async throws(StoreError) -> Int {
    let sum = try await budget.spend(tokens, for: repository)
    let before = sum - max(0, tokens)
    for percent in Self.marks {
      let mark = (perDay * percent + 99) / 100
      guard before < mark, sum >= mark else { continue }
      await notice(
        BudgetMark(repository: repository, percent: percent, spent: sum, perDay: perDay))
    }
    return sum
  }
}
