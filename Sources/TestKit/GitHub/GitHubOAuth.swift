import Crypto
import Domain
import Foundation

/// Signing in, as GitHub does it. Source: GitHub docs, "Authorizing OAuth apps", "Refreshing user
/// access tokens", "Troubleshooting OAuth app access token request errors"; RFC 7636.
extension GitHubWorld {
  struct OAuthApp {
    var id: String
    var secret: String
    /// What `redirect_uri` has to be, or begin with as a folder.
    var callback: String
    /// Seconds that tokens are good; `nil`: until they are revoked.
    var lifetime: TimeInterval?
  }

  /// Given to a browser once, for one token.
  struct OAuthCode {
    var app: String
    var login: String
    var redirect: String
    var challenge: String?
    var scopes: [String]
    var expires: Date
  }

  struct OAuthToken {
    var app: String
    var login: String
    var scopes: [String]
    var expires: Date?
  }
}

extension GitHubRoute {
  static let oauthRoutes: [GitHubRoute] = [
    GitHubRoute("GET", "/login/oauth/authorize") { world, call in world.authorize(call.request) },
    GitHubRoute("POST", "/login/oauth/access_token") { world, call in
      world.exchange(call.request)
    },
    GitHubRoute("DELETE", "/applications/{client_id}/token") { world, call in
      try world.revoke(call)
    },
  ]
}

extension GitHubWorld {
  // MARK: The browser

  /// The page that a browser with somebody's session opens: GitHub asks nobody again who has let
  /// the app in before, and sends the browser back at once.
  fileprivate mutating func authorize(_ request: GitHubRequest) -> GitHubReply {
    let query = request.query
    guard let app = oauthApps[query["client_id"] ?? ""] else { return Self.page(404, "Not Found") }
    let redirect = query["redirect_uri"] ?? app.callback
    let state = query["state"]
    guard Self.matches(redirect, app.callback) else {
      // GitHub tells the address that is registered, not the one that was asked for.
      return Self.back(
        app.callback,
        [
          ("error", "redirect_uri_mismatch"),
          (
            "error_description",
            "The redirect_uri is not associated with this application."
          ), ("state", state),
        ])
    }
    if let method = query["code_challenge_method"], method != "S256" {
      return Self.back(
        redirect,
        [
          ("error", "invalid_request"),
          ("error_description", "code_challenge_method must be S256"), ("state", state),
        ])
    }
    // Whose session the browser has: GitHub's own cookie.
    let login = (request.headers["cookie"] ?? "").split(separator: ";")
      .map { $0.trimmingCharacters(in: .whitespaces) }
      .first { $0.hasPrefix("dotcom_user=") }?.dropFirst("dotcom_user=".count)
    guard let login, let account = accounts[login.lowercased()] else {
      return Self.page(200, "Sign in to GitHub")
    }
    if oauthRefusers.contains(account.login.lowercased()) {
      return Self.back(
        redirect,
        [
          ("error", "access_denied"),
          ("error_description", "The user has denied your application access."),
          ("state", state),
        ])
    }
    let code = GitHubDiffs.hex((0..<10).map { _ in UInt8.random(in: 0...255) })
    oauthCodes[code] = OAuthCode(
      app: app.id, login: account.login, redirect: redirect,
      challenge: query["code_challenge"],
      scopes: (query["scope"] ?? "").split { $0 == " " || $0 == "," }.map(String.init),
      expires: now.addingTimeInterval(600))
    return Self.back(redirect, [("code", code), ("state", state)])
  }

  private static func page(_ status: Int, _ title: String) -> GitHubReply {
    GitHubReply(
      status: status, body: Array("<!DOCTYPE html><html><title>\(title)</title></html>".utf8),
      type: "text/html; charset=utf-8")
  }

  private static func back(_ redirect: String, _ query: [(String, String?)]) -> GitHubReply {
    let allowed = CharacterSet.alphanumerics.union(["-", "_", ".", "~"])
    let text = query.compactMap { name, value in
      value?.addingPercentEncoding(withAllowedCharacters: allowed).map { "\(name)=\($0)" }
    }.joined(separator: "&")
    return GitHubReply(
      status: 302,
      headers: [("location", redirect + (redirect.contains("?") ? "&" : "?") + text)],
      type: "text/html; charset=utf-8")
  }

  /// The host and port must be the same; the path may go on below.
  private static func matches(_ redirect: String, _ callback: String) -> Bool {
    redirect == callback || redirect.hasPrefix(callback + "/")
  }

  // MARK: Tokens

  fileprivate mutating func exchange(_ request: GitHubRequest) -> GitHubReply {
    let fields = Self.form(request)
    func told(_ members: [String: JSONValue]) -> GitHubReply { Self.told(members, request) }
    func refused(_ error: String, _ description: String) -> GitHubReply {
      told([
        "error": .string(error), "error_description": .string(description),
        "error_uri": .string("https://docs.github.com/"),
      ])
    }
    guard let app = oauthApps[fields["client_id"] ?? ""] else {
      return GitHubRefusal.notFound.reply
    }
    guard fields["client_secret"] == app.secret else {
      return refused(
        "incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.")
    }
    if fields["grant_type"] == "refresh_token" {
      guard let token = oauthRefreshTokens.removeValue(forKey: fields["refresh_token"] ?? ""),
        token.app == app.id
      else {
        return refused("bad_refresh_token", "The refresh token passed is incorrect or expired.")
      }
      return told(makeToken(app, token.login, token.scopes))
    }
    let bad = ("bad_verification_code", "The code passed is incorrect or expired.")
    // A code is good for one try.
    guard let code = oauthCodes.removeValue(forKey: fields["code"] ?? ""), code.app == app.id,
      code.expires > now
    else { return refused(bad.0, bad.1) }
    if let redirect = fields["redirect_uri"], redirect != code.redirect {
      return refused(
        "redirect_uri_mismatch",
        "The redirect_uri MUST match the registered callback URL for this application.")
    }
    if let challenge = code.challenge {
      let digest = Data(SHA256.hash(data: Data((fields["code_verifier"] ?? "").utf8)))
      let made = digest.base64EncodedString().replacingOccurrences(of: "+", with: "-")
        .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
      guard made == challenge else { return refused(bad.0, bad.1) }
    }
    return told(makeToken(app, code.login, code.scopes))
  }

  private mutating func makeToken(
    _ app: OAuthApp, _ login: String, _ scopes: [String]
  ) -> [String: JSONValue] {
    let random = { GitHubDiffs.hex((0..<18).map { _ in UInt8.random(in: 0...255) }) }
    let text = (app.lifetime == nil ? "gho_" : "ghu_") + random()
    let token = OAuthToken(
      app: app.id, login: login, scopes: scopes,
      expires: app.lifetime.map { now.addingTimeInterval($0) })
    tokens[text] = .oauth(token)
    var members: [String: JSONValue] = [
      "access_token": .string(text), "scope": .string(scopes.joined(separator: ",")),
      "token_type": .string("bearer"),
    ]
    if let lifetime = app.lifetime {
      let refresh = "ghr_" + random()
      oauthRefreshTokens[refresh] = token
      members["expires_in"] = .integer(Int(lifetime))
      members["refresh_token"] = .string(refresh)
      members["refresh_token_expires_in"] = .integer(15_897_600)
    }
    return members
  }

  private static func form(_ request: GitHubRequest) -> [String: String] {
    if let value = JSONValue(bytes: request.body) {
      return value.members.compactMapValues(\.string)
    }
    var fields: [String: String] = [:]
    for pair in String(decoding: request.body, as: UTF8.self).split(separator: "&") {
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map { $0.replacingOccurrences(of: "+", with: " ").removingPercentEncoding ?? "" }
      fields[sides[0]] = sides.count > 1 ? sides[1] : ""
    }
    return fields
  }

  /// GitHub says also what is wrong with the status 200, and as a form unless JSON is asked for.
  private static func told(
    _ members: [String: JSONValue], _ request: GitHubRequest
  ) -> GitHubReply {
    if request.headers["accept"]?.contains("json") == true { return .json(.object(members)) }
    let allowed = CharacterSet.alphanumerics.union(["-", "_", ".", "~"])
    let text = members.sorted { $0.key < $1.key }.map { name, value in
      let text = value.string ?? value.integer.map(String.init) ?? ""
      return "\(name)=\(text.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")"
    }.joined(separator: "&")
    return GitHubReply(
      status: 200, body: Array(text.utf8), type: "application/x-www-form-urlencoded")
  }

  /// The app forgets a token of its own. Source: GitHub docs, "Delete an app token".
  fileprivate mutating func revoke(_ call: GitHubCall) throws -> GitHubReply {
    let header = (call.request.headers["authorization"] ?? "").split(separator: " ").last ?? ""
    let basic = Data(base64Encoded: String(header)).map { String(decoding: $0, as: UTF8.self) }
    guard let app = oauthApps[call.text("client_id")], basic == "\(app.id):\(app.secret)" else {
      throw GitHubRefusal.notFound
    }
    let text = try call.fields().required("access_token")
    guard case .oauth(let token)? = tokens[text], token.app == app.id else {
      throw GitHubRefusal(status: 422, message: "Validation Failed")
    }
    tokens[text] = nil
    return GitHubReply(status: 204)
  }
}

extension FakeGitHub {
  /// An OAuth App. - Parameter lifetime: of its tokens; `nil`: until they are revoked.
  public func addOAuthApp(
    id: String, secret: String, callback: String, lifetime: Duration? = nil
  ) {
    update {
      $0.oauthApps[id] = GitHubWorld.OAuthApp(
        id: id, secret: secret, callback: callback,
        lifetime: lifetime.map { Double($0.components.seconds) })
    }
  }

  /// Says no from now on, whatever asks to be let in.
  public func refuseSignIns(of login: String, _ refuses: Bool = true) {
    update { world in
      world.account(login)
      if refuses {
        world.oauthRefusers.insert(login.lowercased())
      } else {
        world.oauthRefusers.remove(login.lowercased())
      }
    }
  }

  /// Tokens that apps hold of this person, as their settings page lists them.
  public func signInTokens(of login: String) -> [String] {
    read { world in
      world.tokens.filter { _, token in
        guard case .oauth(let token) = token else { return false }
        return token.login.lowercased() == login.lowercased()
      }.map(\.key).sorted()
    }
  }

  /// The person takes back what they let in.
  public func revokeSignIns(of login: String) {
    update { world in
      for (text, token) in world.tokens {
        if case .oauth(let token) = token, token.login.lowercased() == login.lowercased() {
          world.tokens[text] = nil
        }
      }
      world.oauthRefreshTokens = world.oauthRefreshTokens.filter {
        $0.value.login.lowercased() != login.lowercased()
      }
    }
  }

  /// What the address that a sign-in begins with leads a browser to in which this person is signed
  /// in: the callback with its query. `nil` where GitHub shows a page in its place.
  public func browserFollows(_ address: String, as login: String) -> String? {
    guard let query = address.split(separator: "?", maxSplits: 1).last else { return nil }
    let request = ReceivedRequest(
      method: "GET", path: "/login/oauth/authorize?\(query)",
      headers: [("cookie", "dotcom_user=\(login)"), ("user-agent", "browser")], body: [],
      connection: 0, number: 0)
    return update { world in
      world.account(login)
      return world.authorize(GitHubRequest(request)).headers.first { $0.name == "location" }?.value
    }
  }
}
