/// Why a store could not do its work.
public struct StoreError: Error, Sendable, Equatable {
  public enum Code: String, Sendable {
    case full, corrupt, locked, unwritable, newerSchema = "newer_schema", failed
  }
  public var code: Code
  /// What failed and where, without secrets.
  public var detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }
}

/// Keeps run records.
public protocol RunStore: Sendable {
  /// Stores a run whole, replacing one of the same id.
  func save(_ run: Run) async throws(StoreError)
  func run(id: String) async throws(StoreError) -> Run?
  /// Newest first. - Parameter before: only runs with a smaller id.
  func runs(limit: Int, before: String?) async throws(StoreError) -> [Run]
}

/// Keeps answers by the content that was asked, so that a second look sends only what changed.
public protocol ResponseCache: Sendable {
  /// - Parameter key: SHA-256 of everything that shaped the answer, lower-case hex.
  func reply(for key: String) async throws(StoreError) -> ModelReply?
  func store(_ reply: ModelReply, for key: String) async throws(StoreError)
}
