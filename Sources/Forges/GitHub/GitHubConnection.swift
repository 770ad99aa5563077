public import Domain
import Foundation
import Synchronization
import WebClient

/// What every repository shares while the program runs: the credentials, the tokens that were made
/// of them, and what GitHub has said of its limits and its clock.
public final class GitHubConnection: Sendable {
  let configuration: GitHubConfiguration
  /// Without a closing slash.
  let apiURL: String
  let graphQLURL: String
  let limits: RateLimits
  let tokens: InstallationTokens
  /// With the right to push, for git alone.
  let gitTokens: InstallationTokens
  let account = Mutex<ForgeAccount?>(nil)
  private let appKey: AppKey?
  /// Seconds by which GitHub's clock is ahead of ours; 0 until it has refused ours.
  private let clockOffset = Mutex(0.0)
  /// What has been refused for want of a permission.
  let grants: Grants

  /// Sends nothing.
  /// - Throws: `.rejected` for an unusable URL, `.unauthorized` for an unusable key or an empty token.
  public init(_ configuration: GitHubConfiguration) throws(ForgeError) {
    self.configuration = configuration
    var url = configuration.apiURL
    while url.hasSuffix("/") { url.removeLast() }
    let host = url.split(separator: "/", omittingEmptySubsequences: true).dropFirst().first ?? ""
    guard url.hasPrefix("https://") || url.hasPrefix("http://"), !host.isEmpty,
      !url.contains(where: { "?#@\\ ".contains($0) })
    else {
      throw ForgeError(
        code: .rejected,
        detail: "GitHub's API URL must be \(GitHubConfiguration.publicAPI) or "
          + "https://HOST/api/v3 of an Enterprise Server, without user name and query.")
    }
    apiURL = url
    graphQLURL =
      url.hasSuffix("/api/v3") ? url.dropLast("v3".count) + "graphql" : url + "/graphql"
    switch configuration.credentials {
    case .token(let token):
      guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        throw ForgeError(
          code: .unauthorized,
          detail: "The GitHub token is empty or holds a space, a line break or a character "
            + "outside ASCII.")
      }
      appKey = nil
    case .app(let id, let pem): appKey = try AppKey(id: id, pem: pem)
    }
    limits = RateLimits(uptime: configuration.time.uptime)
    tokens = InstallationTokens(uptime: configuration.time.uptime)
    gitTokens = InstallationTokens(uptime: configuration.time.uptime)
    grants = Grants(uptime: configuration.time.uptime)
  }

  /// The login of Stet's own account, for an App `SLUG[bot]`; sends nothing, and is `nil` until a
  /// forge's `ownAccount()` has answered once.
  public var knownOwnLogin: String? { account.withLock { $0?.login } }

  /// The view of one repository: cheap, made for each job.
  /// - Parameter installation: as the delivery named it; `nil`: looked up where an App needs it.
  public func forge(for repository: RepositoryName, installation: Int64? = nil) -> GitHubForge {
    GitHubForge(self, repository: repository, installation: installation)
  }

  /// Whose name a call is made in.
  enum Access: Sendable {
    case app
    case repository(RepositoryName, installation: Int64?)
  }

  private struct Authorization {
    var secret: String
    var principal: Principal
    /// A cached one that may have been revoked meanwhile.
    var cached: InstallationToken?
    /// The `clockOffset` that an App's own token was signed by.
    var clockOffset = 0.0
  }

  private func authorization(for access: Access) async throws(ForgeError) -> Authorization {
    switch (configuration.credentials, access) {
    case (.token(let token), _): return Authorization(secret: token, principal: .token)
    case (.app, .app):
      guard let appKey else {
        throw ForgeError(code: .unauthorized, detail: "No GitHub App is configured.")
      }
      let offset = clockOffset.withLock { $0 }
      let time = configuration.time.now() + offset
      return Authorization(
        secret: try await appKey.token(at: time), principal: .app, clockOffset: offset)
    case (.app, .repository(let repository, let installation)):
      let (token, wasAtHand) = try await tokens.token(for: repository, installation: installation) {
        [self] known in await installationToken(for: repository, installation: known)
      }
      return Authorization(
        secret: token.text, principal: .installation(token.installation),
        cached: wasAtHand ? token : nil)
    }
  }

  // MARK: One call

  /// - Returns: an answer of status 2xx, or what a 304 stands for.
  func send(_ call: GitHubCall, as access: Access) async throws(ForgeError) -> GitHubAnswer {
    var mayAuthorizeAnew = true
    while true {
      let authorization = try await authorization(for: access)
      let outcome = try await sendOnce(call, authorization)
      switch outcome {
      case .success(let answer): return answer
      case .failure(let refusal):
        if refusal.status == 401, mayAuthorizeAnew,
          await canAuthorizeAnew(after: refusal, authorization)
        {
          mayAuthorizeAnew = false
          continue
        }
        throw refusal.error(hiding: authorization.secret)
      }
    }
  }

  /// A refused credential says that nothing was done, so that even a change may be sent again.
  private func canAuthorizeAnew(after refusal: Refusal, _ used: Authorization) async -> Bool {
    if let cached = used.cached {
      await tokens.drop(cached)
      return true
    }
    guard used.principal == .app else { return false }
    let offset = refusal.serverTime - configuration.time.now()
    return clockOffset.withLock { known in
      if abs(offset - known) > 30 { known = offset }
      // Another call that was refused at the same time may have learned it first.
      return abs(known - used.clockOffset) > 30
    }
  }

  private enum Outcome {
    case success(GitHubAnswer)
    case failure(Refusal)
  }

  private func sendOnce(
    _ call: GitHubCall, _ authorization: Authorization
  ) async throws(ForgeError) -> Outcome {
    if let wait = limits.wait(authorization.principal, call.resource) {
      throw ForgeError(
        code: .rateLimited,
        detail: "\(call.printable) was not sent: GitHub's rate limit is spent.", retryAfter: wait)
    }
    let key = validatorKey(of: call)
    let stored = key == nil ? nil : await configuration.validators?.answer(for: key ?? "")
    let etag = call.etag ?? stored?.etag
    let response = try await exchange(request(call, authorization, etag: etag), call)
    let serverTime = serverTime(response.headers)
    limits.note(
      response.headers, authorization.principal, call.resource, serverTime: serverTime)
    switch response.status {
    case 200..<300:
      if response.status == 200, let key, !endsAtFullPage(response, call) {
        await store(response, for: key)
      }
      return .success(GitHubAnswer(headers: response.headers, body: response.body))
    case 304:
      if call.etag != nil {
        return .success(GitHubAnswer(headers: response.headers, body: [], isUnchanged: true))
      }
      guard let stored else { break }
      var headers = response.headers
      // A page may have got a successor while it stayed the same; the type is that of the body.
      for (name, value) in stored.headers where name != "link" || headers[name] == nil {
        headers[name] = value
      }
      return .success(GitHubAnswer(headers: headers, body: stored.body))
    default: break
    }
    let refusal = Refusal(
      call: call, status: response.status, headers: response.headers, body: response.body,
      serverTime: serverTime)
    if refusal.isSecondaryLimit || refusal.isRateLimit && response.headers["retry-after"] != nil {
      limits.blockAll(authorization.principal, for: refusal.limitPause)
    }
    return .failure(refusal)
  }

  private func request(
    _ call: GitHubCall, _ authorization: Authorization, etag: String?
  ) -> WebRequest {
    var headers: WebHeaders = [
      "Accept": call.accept, "X-GitHub-Api-Version": "2022-11-28",
      "Authorization": "Bearer \(authorization.secret)",
    ]
    if call.body != nil { headers["Content-Type"] = "application/json" }
    headers["If-None-Match"] = etag
    let url =
      switch call.target {
      case .rest(let target): apiURL + target
      case .graphQL: graphQLURL
      }
    return WebRequest(
      method: call.method, url: url, headers: headers, body: call.body, carriesSecret: true,
      followsWithinOrigin: true,
      deadline: call.mayRepeat
        ? configuration.deadline : min(configuration.deadline, configuration.changeDeadline),
      maxResponseBytes: GitHubCall.maxAnswerBytes,
      retry: call.mayRepeat ? configuration.retry : .never,
      budget: call.mayRepeat ? call.budget : nil, acceptsErrorStatus: true)
  }

  /// Sends a request. A change is sent again only where no connection was made, so that it cannot
  /// have arrived.
  private func exchange(
    _ request: WebRequest, _ call: GitHubCall
  ) async throws(ForgeError) -> WebResponse {
    var failures = 0
    while true {
      do throws(WebError) {
        let response = try await configuration.client.send(request)
        call.endpoint.count(status: response.status, attempts: response.attempts)
        return response
      } catch {
        call.endpoint.count(status: error.status, attempts: error.attempts)
        failures += 1
        guard !call.mayRepeat, error.code == .unreachable,
          failures < configuration.retry.attempts
        else { throw ForgeError(error, of: call) }
        let random = configuration.time.random()
        let wait = configuration.retry.wait(failures: failures - 1, random: random)
        do { try await configuration.time.sleep(wait) } catch {
          throw ForgeError(code: .cancelled, detail: "\(call.printable) was cancelled.")
        }
      }
    }
  }

  /// GitHub's own clock by its `Date`, or ours set right by what is known of it.
  func serverTime(_ headers: WebHeaders) -> Double {
    headers["date"].flatMap(HTTPDate.secondsSince1970)
      ?? configuration.time.now() + clockOffset.withLock { $0 }
  }

  // MARK: Validators

  /// Larger answers are asked for whole each time.
  private static let maxStoredBytes = 1 << 20

  private func validatorKey(of call: GitHubCall) -> String? {
    guard call.isConditional, call.method == "GET", case .rest(let target) = call.target else {
      return nil
    }
    return "github \(apiURL)\(target) \(call.accept)"
  }

  /// A full last page stays the same when another one follows it, and a 304 need not tell of that.
  private func endsAtFullPage(_ response: WebResponse, _ call: GitHubCall) -> Bool {
    guard let pageSize = call.pageSize,
      GitHubAnswer(headers: response.headers, body: response.body).nextLink == nil
    else { return false }
    let count = GitHubAPI.itemCount(response.body)
    return count.map { $0 >= pageSize } ?? true
  }

  private func store(_ response: WebResponse, for key: String) async {
    guard let etag = response.headers["etag"], response.body.count <= Self.maxStoredBytes else {
      return
    }
    var headers: [String: String] = [:]
    for name in ["link", "content-type"] { headers[name] = response.headers[name] }
    await configuration.validators?.store(
      ValidatedAnswer(etag: etag, body: response.body, headers: headers), for: key)
  }
}
