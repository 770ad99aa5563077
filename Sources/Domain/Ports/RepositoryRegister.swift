/// A repository that Stet has heard of.
public struct KnownRepository: Sendable, Hashable {
  /// `github`.
  public var forge: String
  public var repository: RepositoryName
  /// A GitHub App's; `nil` with a plain token.
  public var installation: Int64?

  public init(forge: String, repository: RepositoryName, installation: Int64? = nil) {
    self.forge = forge
    self.repository = repository
    self.installation = installation
  }

  /// `forge:owner/name` in lower case.
  public var key: String { "\(forge):\(repository)".lowercased() }
}

/// Keeps which repositories send deliveries, so that what recurs knows where to look.
public protocol RepositoryRegister: Sendable {
  /// Costs a read where it is known already.
  func note(_ repository: KnownRepository) async throws(StoreError)
  /// By key. - Parameter after: only those with a larger key.
  func repositories(after: String?, limit: Int) async throws(StoreError) -> [KnownRepository]
  /// One that the forge knows no more; the next delivery brings it back.
  func forget(_ repository: KnownRepository) async throws(StoreError)
}
