public import Foundation

/// The right to call the API. The text of a token is shown once and never stored.
public struct APIToken: Sendable, Hashable, Codable, Identifiable {
  /// What a token may be used for; `admin` includes the others, `write` includes `read`.
  public enum Scope: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    case read, write, admin
    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
  }

  public var id: String
  public var name: String
  public var scope: Scope
  /// SHA-256 of the token's text, lower-case hex.
  public var hash: String
  public var createdAt: Date
  /// `nil`: never.
  public var expiresAt: Date?
  public var revokedAt: Date?

  public init(
    id: String, name: String, scope: Scope, hash: String, createdAt: Date, expiresAt: Date?,
    revokedAt: Date? = nil
  ) {
    self.id = id
    self.name = name
    self.scope = scope
    self.hash = hash
    self.createdAt = createdAt
    self.expiresAt = expiresAt
    self.revokedAt = revokedAt
  }

  public func isValid(at now: Date) -> Bool {
    revokedAt == nil && expiresAt.map { now < $0 } ?? true
  }
}
