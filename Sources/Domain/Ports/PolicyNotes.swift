/// Keeps what policies remember between events, as JSON by key.
public protocol PolicyNotes: Sendable {
  func note(_ key: String) async throws(StoreError) -> PolicyNote?
  /// - Throws: `.conflict` where the stored version is not `note.version`; a new one has version 0.
  /// - Returns: what was stored, with its new version.
  func save(_ note: PolicyNote) async throws(StoreError) -> PolicyNote
}

public struct PolicyNote: Sendable, Hashable {
  /// Such as `queue github:owner/name main`, in lower case where the forge does not mind it.
  public var key: String
  public var version: Int
  /// JSON.
  public var body: String

  public init(key: String, version: Int = 0, body: String) {
    self.key = key
    self.version = version
    self.body = body
  }
}
