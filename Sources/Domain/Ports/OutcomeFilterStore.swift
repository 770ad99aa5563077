/// Keeps what was learned of each repository, every version of it.
public protocol OutcomeFilterStore: Sendable {
  /// - Throws: `.conflict` where that version is there already.
  func save(_ filter: OutcomeFilter) async throws(StoreError)
  /// Newest first.
  func filters(of repository: RepositoryName) async throws(StoreError) -> [OutcomeFilter]
  /// The version in use; `nil` for none.
  func used(of repository: RepositoryName) async throws(StoreError) -> OutcomeFilter?
  /// - Parameter version: `nil`: none.
  func use(version: Int?, of repository: RepositoryName) async throws(StoreError)
}
