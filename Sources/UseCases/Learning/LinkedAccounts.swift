public import Domain
public import Foundation

/// People's own tokens, and the forge as each of them sees it.
public struct LinkedAccounts: Sendable {
  /// Opens a forge with somebody's token.
  public typealias Opener =
    @Sendable (ForgeAccess, _ token: String) async throws(ForgeError) -> any Forge

  public struct Ports: Sendable {
    /// `nil`: signing in is not set up.
    public var authority: (any AccountAuthority)?
    public var links: any AccountLinkStore
    public var openForge: ForgeOpener
    public var openAs: Opener
    public var now: @Sendable () -> Date

    public init(
      authority: (any AccountAuthority)?, links: any AccountLinkStore,
      openForge: @escaping ForgeOpener, openAs: @escaping Opener,
      now: @escaping @Sendable () -> Date = { Date() }
    ) {
      self.authority = authority
      self.links = links
      self.openForge = openForge
      self.openAs = openAs
      self.now = now
    }
  }

  /// A token is renewed where it ends sooner: what is read with it takes a while.
  static let margin: TimeInterval = 600
  private static let looks = 20

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  /// - Parameter scopes: what the token has to be good for.
  /// - Returns: `nil` where the person has to sign in.
  /// - Throws: `StoreError`, and `ForgeError` where the forge cannot be asked for a new token.
  public func link(
    of user: Int64, on forge: String, scopes: [String] = []
  ) async throws -> AccountLink? {
    guard let link = try await ports.links.link(forge: forge, user: user),
      Set(scopes).isSubset(of: link.scopes)
    else { return nil }
    guard let end = link.expiresAt,
      end < ports.now().addingTimeInterval(Self.margin)
    else { return link }
    guard let refreshToken = link.refreshToken, let authority = ports.authority else {
      return end > ports.now() ? link : nil
    }
    return try await renewed(link, refreshToken, authority)
  }

  private func renewed(
    _ link: AccountLink, _ refreshToken: String, _ authority: any AccountAuthority
  ) async throws -> AccountLink? {
    let grant: AccountGrant
    do { grant = try await authority.refreshed(refreshToken) } catch {
      guard error.code == .unauthorized else { throw error }
      // Another may be renewing it in this moment, as each is good for once: it is kept soon then.
      for _ in 0..<Self.looks {
        let now = try await ports.links.link(forge: link.forge, user: link.user.id)
        if now?.token != link.token { return now }
        try await Task.sleep(for: .milliseconds(100))
      }
      try await ports.links.remove(link)
      return nil
    }
    var next = link
    next.token = grant.token
    next.refreshToken = grant.refreshToken ?? refreshToken
    next.expiresAt = grant.end(after: ports.now())
    if !grant.scopes.isEmpty { next.scopes = grant.scopes }
    try await ports.links.save(next)
    return next
  }

  /// The forge as the person sees it; as Stet sees it where signing in is not set up.
  /// - Throws: `ForgeError` `.unauthorized` where they have to sign in again, and `StoreError`.
  public func forge(_ access: ForgeAccess, for user: ForgeAccount) async throws -> any Forge {
    guard ports.authority != nil else { return try await ports.openForge(access) }
    guard let link = try await link(of: user.id, on: access.forge) else {
      throw ForgeError(
        code: .unauthorized,
        detail: "\(user.login) is not signed in any more; ask again on the pull request for a new "
          + "link.")
    }
    return try await ports.openAs(access, link.token)
  }

  /// Ends a person's sign-in, here and on the forge.
  /// - Throws: `StoreError`. What the forge says is no matter: the token is gone here.
  public func forget(_ user: Int64, on forge: String) async throws {
    guard let link = try await ports.links.link(forge: forge, user: user) else { return }
    try await ports.links.remove(forge: forge, user: user)
    try? await ports.authority?.revoke(link.token)
  }

  /// Whether an error of that forge means that the person's sign-in is over. It is forgotten then,
  /// so that the next one who asks is sent a link. The forge is asked about the token that is kept
  /// now: what failed may be an older one.
  /// - Throws: `StoreError`, and `ForgeError` where the forge cannot say.
  public func isOver(
    _ error: ForgeError, of user: ForgeAccount, on forge: String
  ) async throws -> Bool {
    guard let authority = ports.authority, error.code == .unauthorized,
      error.status == 401 || error.status == nil
    else { return false }
    // One that has ended by its time is renewed by this, where that is possible.
    guard let link = try await link(of: user.id, on: forge) else { return true }
    do throws(ForgeError) {
      _ = try await authority.account(of: link.token)
      return false
    } catch {
      guard error.code == .unauthorized, error.status == 401 || error.status == nil else {
        throw error
      }
    }
    try await ports.links.remove(link)
    return true
  }
}
