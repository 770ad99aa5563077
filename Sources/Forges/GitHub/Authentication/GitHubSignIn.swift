public import Domain
import Foundation
public import WebClient

/// Signing in with a GitHub account, by an OAuth App or a GitHub App. Source: GitHub docs,
/// "Authorizing OAuth apps", "Refreshing user access tokens", "REST API endpoints for OAuth
/// authorizations".
public struct GitHubSignIn: AccountAuthority, CustomReflectable {
  private let webURL: String
  private let apiURL: String
  private let clientID: String
  private let clientSecret: String
  private let client: WebClient
  private let deadline: Duration

  /// - Parameters:
  ///   - webURL: such as `https://github.com`; `nil`: told by `apiURL`, so that the secret of one
  ///     server is never shown to another.
  ///   - apiURL: such as `https://api.github.com`.
  public init(
    webURL: String?, apiURL: String, clientID: String, clientSecret: String, client: WebClient,
    deadline: Duration = .seconds(15)
  ) {
    var root = apiURL
    while root.hasSuffix("/") { root.removeLast() }
    self.apiURL = root
    self.webURL = GitHubConnection.webURL(webURL, apiURL: root)
    self.clientID = clientID
    self.clientSecret = clientSecret
    self.client = client
    self.deadline = deadline
  }

  public var customMirror: Mirror { Mirror(self, children: ["clientID": clientID]) }

  public var forge: String { "github" }

  /// Without a scope a token reads what is public. The least that reads a private repository is
  /// `repo`; a GitHub App has permissions in its place.
  public func scopes(toReadPrivate isPrivate: Bool) -> [String] {
    isPrivate && !clientID.hasPrefix("Iv") ? ["repo"] : []
  }

  public func address(of request: SignInRequest) -> String {
    var query = [
      ("client_id", clientID), ("redirect_uri", request.redirect), ("state", request.state),
      ("code_challenge", request.challenge), ("code_challenge_method", "S256"),
      ("login", request.login), ("allow_signup", "false"),
    ]
    if !request.scopes.isEmpty {
      query.append(("scope", request.scopes.joined(separator: " ")))
    }
    let path: APIPath = ["login", "oauth", "authorize"]
    return webURL + path.target(query)
  }

  // MARK: Tokens

  private struct GrantPayload: Decodable {
    var accessToken: String?
    var scope: String?
    var expiresIn: Int?
    var refreshToken: String?
    /// GitHub says no with the status 200.
    var error: String?
    var errorDescription: String?
  }

  public func grant(
    code: String, verifier: String, redirect: String
  ) async throws(ForgeError) -> AccountGrant {
    try await grant(
      [("code", code), ("redirect_uri", redirect), ("code_verifier", verifier)],
      hiding: [code, verifier])
  }

  public func refreshed(_ refreshToken: String) async throws(ForgeError) -> AccountGrant {
    do throws(ForgeError) {
      return try await grant(
        [("grant_type", "refresh_token"), ("refresh_token", refreshToken)],
        hiding: [refreshToken])
    } catch {
      // A status says that Stet was not let in; of a token that is over GitHub tells by name.
      guard error.code == .unauthorized, error.status != nil else { throw error }
      throw ForgeError(
        code: .rejected, detail: error.detail, retryAfter: error.retryAfter, status: error.status)
    }
  }

  private func grant(
    _ fields: [(String, String)], hiding secrets: [String]
  ) async throws(ForgeError) -> AccountGrant {
    let path: APIPath = ["login", "oauth", "access_token"]
    let call = GitHubCall(
      endpoint: .oauthToken, method: "POST", target: .rest(path.target()), mayRepeat: false)
    let all = [("client_id", clientID), ("client_secret", clientSecret)] + fields
    let form = all.map { "\($0)=\(APIPath.escaped($1))" }.joined(separator: "&")
    let response = try await send(
      WebRequest(
        method: "POST", url: webURL + path.target(),
        headers: [
          "Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded",
        ], body: Array(form.utf8), carriesSecret: true, deadline: deadline,
        maxResponseBytes: 64 << 10, acceptsErrorStatus: true), call)
    guard (200..<300).contains(response.status) || response.status == 400 else {
      throw refusal(response, call, secrets)
    }
    let answer = GitHubAnswer(headers: response.headers, body: response.body)
    let payload = try GitHubAPI.decode(GrantPayload.self, answer, of: call)
    if let error = payload.error {
      throw Self.said(error, payload.errorDescription ?? "", hiding: secrets + [clientSecret])
    }
    guard let token = payload.accessToken, Self.isToken(token) else {
      throw ForgeError(
        code: .malformed, detail: "GitHub's answer to \(call.printable) holds no token.")
    }
    return AccountGrant(
      token: token, refreshToken: payload.refreshToken.flatMap { Self.isToken($0) ? $0 : nil },
      lifetime: payload.expiresIn.map { .seconds(max(0, min($0, 10 * 365 * 86_400))) },
      scopes: Self.scopes(payload.scope ?? ""))
  }

  /// It is sent in a header later.
  private static func isToken(_ text: String) -> Bool {
    (1...2_000).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }

  private static func scopes(_ text: String) -> [String] {
    text.split { $0 == "," || $0 == " " }.prefix(100).map(String.init)
  }

  private static func said(
    _ error: String, _ description: String, hiding secrets: [String]
  ) -> ForgeError {
    var words = description
    for secret in secrets where secret.utf8.count >= 6 {
      words = words.replacing(secret, with: "(credential)")
    }
    switch error {
    case "incorrect_client_credentials":
      // The status that the standard has for it, by which `refreshed` tells it from a token's end.
      return ForgeError(
        code: .unauthorized,
        detail: "GitHub does not take GITHUB_OAUTH_CLIENT_ID with GITHUB_OAUTH_CLIENT_SECRET; "
          + "whoever runs this Stet has to set them right.", status: 401)
    case "redirect_uri_mismatch":
      return ForgeError(
        code: .rejected,
        detail: "GitHub knows another callback address than this Stet has; whoever runs it has to "
          + "register STET_PUBLIC_URL with /oauth/github/callback after it.")
    case "bad_refresh_token":
      return ForgeError(code: .unauthorized, detail: "The sign-in at GitHub is over.")
    default:
      return ForgeError(
        code: .rejected,
        detail: OneSentence.of("GitHub gave no token (\(error.prefix(60))): \(words)"))
    }
  }

  // MARK: Accounts

  public func account(of token: String) async throws(ForgeError) -> SignedInAccount {
    let call = GitHubCall.get(.user, ["user"])
    guard Self.isToken(token) else {
      throw ForgeError(code: .unauthorized, detail: "It is no token of GitHub's.")
    }
    let response = try await send(
      WebRequest(
        url: apiURL + "/user",
        headers: [
          "Accept": call.accept, "X-GitHub-Api-Version": "2022-11-28",
          "Authorization": "Bearer \(token)",
        ], carriesSecret: true, followsWithinOrigin: true, deadline: deadline,
        maxResponseBytes: 1 << 20, retry: GitHubConfiguration.readRetry,
        acceptsErrorStatus: true), call)
    guard response.status == 200 else { throw refusal(response, call, [token]) }
    let answer = GitHubAnswer(headers: response.headers, body: response.body)
    let payload = try GitHubAPI.decode(GitHubAPI.AccountPayload.self, answer, of: call)
    guard let id = payload.id, id > 0 else {
      throw ForgeError(code: .malformed, detail: "GitHub does not say whose token it is.")
    }
    var account = ForgeAccount(payload)
    account.id = id
    return SignedInAccount(
      account: account, scopes: response.headers["x-oauth-scopes"].map(Self.scopes))
  }

  private struct RevocationPayload: Encodable {
    var token: String
    enum CodingKeys: String, CodingKey { case token = "access_token" }
  }

  public func revoke(_ token: String) async throws(ForgeError) {
    let path: APIPath = ["applications", clientID, "token"]
    let call = GitHubCall(
      endpoint: .revokeToken, method: "DELETE", target: .rest(path.target()), mayRepeat: true)
    let credentials = Data("\(clientID):\(clientSecret)".utf8).base64EncodedString()
    let response = try await send(
      WebRequest(
        method: "DELETE", url: apiURL + path.target(),
        headers: [
          "Accept": call.accept, "X-GitHub-Api-Version": "2022-11-28",
          "Authorization": "Basic \(credentials)", "Content-Type": "application/json",
        ], body: try GitHubCall.encoded(RevocationPayload(token: token)), carriesSecret: true,
        deadline: deadline, maxResponseBytes: 1 << 20, acceptsErrorStatus: true), call)
    // 422 for a token that is over already.
    guard (200..<300).contains(response.status) || [404, 422].contains(response.status) else {
      throw refusal(response, call, [token, credentials])
    }
  }

  // MARK: Calls

  private func send(
    _ request: WebRequest, _ call: GitHubCall
  ) async throws(ForgeError) -> WebResponse {
    do throws(WebError) {
      let response = try await client.send(request)
      call.endpoint.count(status: response.status, attempts: response.attempts)
      return response
    } catch {
      call.endpoint.count(status: error.status, attempts: error.attempts)
      throw ForgeError(error, of: call)
    }
  }

  private func refusal(
    _ response: WebResponse, _ call: GitHubCall, _ secrets: [String]
  ) -> ForgeError {
    let refusal = Refusal(
      call: call, status: response.status, headers: response.headers, body: response.body,
      serverTime: response.headers["date"].flatMap(HTTPDate.secondsSince1970)
        ?? Date().timeIntervalSince1970)
    var error = refusal.error(hiding: clientSecret)
    for secret in secrets where secret.utf8.count >= 6 {
      error.detail = error.detail.replacing(secret, with: "(credential)")
    }
    return error
  }
}
