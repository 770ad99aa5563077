public import Foundation

/// Lets people sign in on a forge: the authorization code flow of OAuth 2 with PKCE. Source: RFC
/// 6749, section 4.1; RFC 7636.
public protocol AccountAuthority: Sendable {
  /// As settings and links call it, such as `github`.
  var forge: String { get }
  /// What has to be asked for so that the person's token reads a repository: as little as the forge
  /// has.
  func scopes(toReadPrivate isPrivate: Bool) -> [String]
  /// What a browser opens. It holds no secret: it may stand in public.
  func address(of request: SignInRequest) -> String
  /// A token for a code that the browser brought back; each code is good for one.
  /// - Throws: `.rejected` for a code that is no good, `.unauthorized` where the forge does not take
  ///   Stet's own credentials.
  func grant(
    code: String, verifier: String, redirect: String
  ) async throws(ForgeError) -> AccountGrant
  /// - Throws: `.unauthorized` where the person, or time, has ended it; `.rejected` where the forge
  ///   does not take Stet's own credentials, which says nothing of the person's.
  func refreshed(_ refreshToken: String) async throws(ForgeError) -> AccountGrant
  /// Whose token it is. - Throws: `.unauthorized` where it is nobody's any more.
  func account(of token: String) async throws(ForgeError) -> SignedInAccount
  /// Has the forge forget the token; one that it does not know is as good as forgotten.
  func revoke(_ token: String) async throws(ForgeError)
}

public struct SignInRequest: Sendable, Hashable {
  /// Comes back with the browser.
  public var state: String
  /// SHA-256 of the verifier in base64url: the method `S256`.
  public var challenge: String
  /// Exactly as it is registered with the forge.
  public var redirect: String
  public var scopes: [String]
  /// Whom the forge proposes; what counts is who signs in.
  public var login: String

  public init(
    state: String, challenge: String, redirect: String, scopes: [String], login: String
  ) {
    self.state = state
    self.challenge = challenge
    self.redirect = redirect
    self.scopes = scopes
    self.login = login
  }
}

/// What a forge gives for a code. Its tokens are secrets.
public struct AccountGrant: Sendable, Hashable {
  public var token: String
  public var refreshToken: String?
  /// From now; `nil`: until it is revoked.
  public var lifetime: Duration?
  /// What was granted, which may be less than was asked for.
  public var scopes: [String]

  public init(token: String, refreshToken: String?, lifetime: Duration?, scopes: [String]) {
    self.token = token
    self.refreshToken = refreshToken
    self.lifetime = lifetime
    self.scopes = scopes
  }

  /// In whole seconds, as it is stored; `nil`: it lasts until it is revoked.
  public func end(after now: Date) -> Date? {
    lifetime.map {
      Date(timeIntervalSince1970: (now.timeIntervalSince1970 + $0 / .seconds(1)).rounded(.down))
    }
  }
}

public struct SignedInAccount: Sendable, Hashable {
  public var account: ForgeAccount
  /// What its token may do; `nil` where the forge does not tell.
  public var scopes: [String]?

  public init(account: ForgeAccount, scopes: [String]?) {
    self.account = account
    self.scopes = scopes
  }
}

/// A sign-in that somebody was sent a link to. The link may stand in public, so it is good for the
/// account that asked and for no other.
public struct PendingSignIn: Sendable, Hashable, Codable {
  public var forge: String
  /// Who asked. They are known by their number.
  public var asker: ForgeAccount
  /// Of PKCE: a secret that never leaves Stet before the code has come back.
  public var verifier: String
  public var scopes: [String]
  public var expiresAt: Date
  /// What goes on afterwards, as the JSON of its job.
  public var continuation: String

  public init(
    forge: String, asker: ForgeAccount, verifier: String, scopes: [String], expiresAt: Date,
    continuation: String
  ) {
    self.forge = forge
    self.asker = asker
    self.verifier = verifier
    self.scopes = scopes
    self.expiresAt = expiresAt
    self.continuation = continuation
  }
}

/// How a state that a browser brought was found.
public enum FoundSignIn: Sendable, Hashable {
  case open(PendingSignIn)
  case expired(PendingSignIn)
  /// Somebody has signed in by it; what it held is gone.
  case used
  /// It was tried so often that nobody's try is looked at any more.
  case wornOut(PendingSignIn)
}

/// Keeps sign-ins that are under way, encrypted, under the SHA-256 of their states.
public protocol SignInStore: Sendable {
  func begin(_ signIn: PendingSignIn, state: String, at now: Date) async throws(StoreError)
  /// Counts a try where the sign-in is open.
  /// - Returns: `nil` where no such state was given out, or it is long over.
  func attempt(
    _ state: String, tries: Int, at now: Date
  ) async throws(StoreError) -> FoundSignIn?
  /// Ends it. - Returns: true for one caller, and only before its time is over.
  func finish(_ state: String, at now: Date) async throws(StoreError) -> Bool
}

/// Finds people and repositories on a forge.
public protocol AccountDirectory: Sendable {
  /// - Returns: `nil` where nobody has this login, or nobody has it any more.
  func account(login: String) async throws(ForgeError) -> ForgeAccount?
  /// Whether only some may read it.
  func isPrivate(_ repository: RepositoryName) async throws(ForgeError) -> Bool
}
