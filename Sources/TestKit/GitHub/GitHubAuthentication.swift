import CryptoExtras
import Crypto
import Domain
import Foundation

/// Who asks.
enum GitHubCaller {
  case anonymous
  case user(String)
  case app(Int)
  case installation(GitHubWorld.InstallationToken)
  /// A person, by an app that they let in.
  case signedIn(GitHubWorld.OAuthToken)
}

extension GitHubWorld {
  func caller(_ request: GitHubRequest) throws -> GitHubCaller {
    guard let header = request.headers["authorization"] else { return .anonymous }
    // There an app shows its own credentials.
    if request.segments.first == "applications" { return .anonymous }
    let parts = header.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, ["bearer", "token", "basic"].contains(parts[0].lowercased()) else {
      throw GitHubRefusal.badCredentials
    }
    var token = String(parts[1])
    if parts[0].lowercased() == "basic" {
      // git sends `x-access-token:TOKEN`.
      let text = Data(base64Encoded: token).map { String(decoding: $0, as: UTF8.self) } ?? ""
      token = text.split(separator: ":").last.map(String.init) ?? ""
    }
    if token.split(separator: ".").count == 3 { return .app(try appOf(jwt: token)) }
    switch tokens[token] {
    case nil: throw GitHubRefusal.badCredentials
    case .user(let login): return .user(login)
    case .oauth(let token):
      guard token.expires.map({ $0 > now }) ?? true else { throw GitHubRefusal.badCredentials }
      return .signedIn(token)
    case .installation(let token):
      guard token.expires > now, let installation = installations[token.installation] else {
        throw GitHubRefusal.badCredentials
      }
      if installation.isSuspended {
        throw GitHubRefusal(status: 403, message: "This installation has been suspended")
      }
      return .installation(token)
    }
  }

  /// The App that signed the token. Source: GitHub's documentation, "Generating a JSON Web Token
  /// (JWT) for a GitHub App".
  private func appOf(jwt: String) throws -> Int {
    let undecoded = GitHubRefusal(
      status: 401, message: "A JSON web token could not be decoded")
    let parts = jwt.split(separator: ".").map(String.init)
    guard let header = Self.base64URL(parts[0]).flatMap({ JSONValue(bytes: $0) }),
      let claims = Self.base64URL(parts[1]).flatMap({ JSONValue(bytes: $0) }),
      let signature = Self.base64URL(parts[2]), header["alg"]?.string == "RS256"
    else { throw undecoded }
    guard let issuer = claims["iss"].flatMap({ $0.integer ?? $0.string.flatMap { Int($0) } }),
      let app = apps[issuer]
    else { throw GitHubRefusal(status: 404, message: "Integration not found") }
    guard let key = try? _RSA.Signing.PublicKey(pemRepresentation: app.publicKey),
      key.isValidSignature(
        _RSA.Signing.RSASignature(rawRepresentation: Data(signature)),
        for: SHA256.hash(data: Data("\(parts[0]).\(parts[1])".utf8)), padding: .insecurePKCS1v1_5)
    else { throw undecoded }
    let time = now.timeIntervalSince1970
    guard let issued = claims["iat"]?.number, issued <= time + 60 else {
      throw GitHubRefusal(
        status: 401,
        message: "'Issued at' claim ('iat') must be an Integer representing the time that the "
          + "assertion was issued")
    }
    guard let expires = claims["exp"]?.number, expires > time else {
      throw GitHubRefusal(
        status: 401,
        message: "'Expiration time' claim ('exp') must be a numeric value representing the future "
          + "time at which the assertion expires")
    }
    guard expires <= time + 600 else {
      throw GitHubRefusal(
        status: 401, message: "'Expiration time' claim ('exp') is too far in the future")
    }
    return app.id
  }

  static func base64URL(_ text: String) -> [UInt8]? {
    var text = text.replacingOccurrences(of: "-", with: "+")
      .replacingOccurrences(of: "_", with: "/")
    while text.count % 4 != 0 { text += "=" }
    return Data(base64Encoded: text).map(Array.init)
  }

  /// The account that signs what the caller writes.
  func login(of caller: GitHubCaller) -> String {
    switch caller {
    case .anonymous: ""
    case .user(let login): login
    case .signedIn(let token): token.login
    case .app(let id): apps[id].map { "\($0.slug)[bot]" } ?? ""
    case .installation(let token):
      installations[token.installation].flatMap { apps[$0.app] }.map { "\($0.slug)[bot]" } ?? ""
    }
  }

  func app(of caller: GitHubCaller) -> Int? {
    switch caller {
    case .app(let id): id
    case .installation(let token): installations[token.installation]?.app
    default: nil
    }
  }

  func role(of login: String, in repository: Repository) -> String {
    if login.lowercased() == repository.owner.lowercased() { return "admin" }
    return repository.roles[login.lowercased()] ?? (repository.isPrivate ? "none" : "read")
  }

  /// Whether the installation's token reaches the repository.
  private func reaches(_ token: InstallationToken, _ repository: Repository) -> Bool {
    guard let installation = installations[token.installation] else { return false }
    let granted =
      installation.repositories?.contains(repository.key)
      ?? (installation.account.lowercased() == repository.owner.lowercased())
    return granted && token.repositories?.contains(repository.key) != false
  }

  /// - Throws: what GitHub answers to a caller who may not do this.
  func check(_ need: GitHubNeed, _ caller: GitHubCaller, _ repository: Repository) throws {
    switch caller {
    case .anonymous:
      if repository.isPrivate { throw GitHubRefusal.notFound }
      if need.writes { throw GitHubRefusal(status: 401, message: "Requires authentication") }
    case .signedIn(let token):
      // Without the scope a token reads what everybody may.
      guard token.scopes.contains("repo") else {
        if repository.isPrivate { throw GitHubRefusal.notFound }
        let isWriting = need.writes && !token.scopes.contains("public_repo")
        if isWriting {
          throw GitHubRefusal(status: 403, message: "Resource not accessible by integration")
        }
        return
      }
      try check(need, .user(token.login), repository)
    case .user(let login):
      let ranks = ["none", "read", "triage", "write", "maintain", "admin"]
      let rank = ranks.firstIndex(of: role(of: login, in: repository)) ?? 0
      if rank == 0 { throw GitHubRefusal.notFound }
      if rank < (ranks.firstIndex(of: need.role) ?? 0) {
        throw GitHubRefusal(
          status: 403, message: "Resource not accessible by personal access token")
      }
    case .app: throw GitHubRefusal.forIntegration
    case .installation(let token):
      guard reaches(token, repository) else {
        if repository.isPrivate { throw GitHubRefusal.notFound }
        if need.writes { throw GitHubRefusal.forIntegration }
        return
      }
      let levels = need.permissions.map { token.permissions[$0] }
      let suffices = levels.contains {
        $0 == "write" || $0 == "admin" || ($0 != nil && !need.writes)
      }
      guard suffices || need.permissions.isEmpty else { throw GitHubRefusal.forIntegration }
    }
  }
}

/// What a route asks of its caller.
struct GitHubNeed: Sendable {
  /// Permissions of an App, one of which suffices.
  var permissions: [String]
  var writes = false
  /// The least role of a person.
  var role = "read"

  static let metadata = GitHubNeed(permissions: ["metadata"])
  static func read(_ permissions: String...) -> GitHubNeed { GitHubNeed(permissions: permissions) }
  static func write(_ permissions: String..., role: String = "read") -> GitHubNeed {
    GitHubNeed(permissions: permissions, writes: true, role: role)
  }
}
