/// Counts what models cost by repository and day, over every process.
public protocol TokenBudget: Sendable {
  /// Tokens that are left today for a repository; `nil` where there is no limit. Never negative.
  func left(for repository: String) async throws(StoreError) -> Int?
  /// Adds what was spent. - Returns: the sum of today.
  @discardableResult
  func spend(_ tokens: Int, for repository: String) async throws(StoreError) -> Int
}
