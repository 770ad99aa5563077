public import Domain
public import WebClient

/// What Stet shows GitHub to be let in.
public enum GitHubCredentials: Sendable {
  /// A personal access token, or the `GITHUB_TOKEN` of an Actions run.
  case token(String)
  /// A GitHub App: its App id or client id, and its private key in PEM (PKCS#1 or PKCS#8).
  case app(id: String, privateKeyPEM: String)
}

/// How GitHub is reached.
public struct GitHubConfiguration: Sendable {
  public static let publicAPI = "https://api.github.com"

  /// `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server.
  public var apiURL: String
  /// Where pages are, and repositories for git; `nil`: told by `apiURL`.
  public var webURL: String?
  public var credentials: GitHubCredentials
  public var client: WebClient
  /// Answers with their validators; `nil`: every read is a whole one.
  public var validators: (any ValidatorStore)?
  /// Time and chance, as the client's own.
  public var time: WebTime
  /// What check runs and commit statuses of Stet are called.
  public var checkName: String
  /// For one request with its retries and its whole answer.
  public var deadline: Duration
  /// For one request that changes something, where it is shorter. GitHub itself ends what takes it
  /// longer than ten seconds, and a change that arrives late may come after another's.
  public var changeDeadline: Duration
  /// How often and how patiently a read is repeated. Changes are not.
  public var retry: RetryPolicy

  /// Statuses are those behind which GitHub may answer a moment later. Limits (403, 429) are not
  /// among them: the caller puts its work off instead of holding it.
  public static let readRetry = RetryPolicy(
    attempts: 3, base: .milliseconds(500), cap: .seconds(5), statuses: [408, 500, 502, 503, 504])

  public init(
    apiURL: String = publicAPI, webURL: String? = nil, credentials: GitHubCredentials,
    client: WebClient,
    validators: (any ValidatorStore)? = nil, time: WebTime = .system, checkName: String = "stet",
    deadline: Duration = .seconds(30), changeDeadline: Duration = .seconds(12),
    retry: RetryPolicy = readRetry
  ) {
    self.apiURL = apiURL
    self.webURL = webURL
    self.credentials = credentials
    self.client = client
    self.validators = validators
    self.time = time
    self.checkName = checkName
    self.deadline = deadline
    self.changeDeadline = changeDeadline
    self.retry = retry
  }
}
