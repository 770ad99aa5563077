/// What one repository's models took in a day.
public struct TokenUse: Sendable, Hashable {
  /// As `WorkLimits.group`: `github:owner/name`.
  public var repository: String
  public var tokens: Int

  public init(repository: String, tokens: Int) {
    self.repository = repository
    self.tokens = tokens
  }
}

/// Counts what models cost by repository and day, over every process.
public protocol TokenBudget: Sendable {
  /// Tokens that are left today for a repository; `nil` where there is no limit. Never negative.
  func left(for repository: String) async throws(StoreError) -> Int?
  /// Adds what was spent. - Returns: the sum of today.
  @discardableResult
  func spend(_ tokens: Int, for repository: String) async throws(StoreError) -> Int
}
