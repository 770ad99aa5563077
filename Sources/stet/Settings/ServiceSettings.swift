import Domain
import Foundation
import UseCases

/// Where `stet serve` listens.
struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
  /// Without brackets.
  var host: String
  /// 0 picks a free one.
  var port: Int

  /// `HOST:PORT` or `[IPv6]:PORT`.
  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let port = Int(digits), port <= 65_535
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
      guard host.contains(":") else { return nil }
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "/" }) else { return nil }
    self.init(host: String(host), port: port)
  }

  init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  var isLoopback: Bool { WebAddress.isLoopback(host) }

  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// What `stet serve` goes by.
struct ServiceSettings: Sendable {
  enum LogFormat: String, Sendable { case text, json }

  var listen = ListenAddress(host: "127.0.0.1", port: 8080)
  /// Without a slash at its end; `nil`: the listening address.
  var publicURL: String?
  var mention = "stet"
  var workers = 4
  var grace: Duration = .seconds(20)
  /// How long what is over is kept.
  var keep: Duration = .seconds(90 * 86_400)
  var logFormat = LogFormat.text
  var logLevel = "info"
  var requestsPerMinute = 120
  var commandsPerHour = 20
  /// For how long a learned reviewer is kept.
  var keepReviewers: Duration = .seconds(365 * 86_400)
  /// From so many comments on an adapter is trained.
  var examplesForAdapter = 200
  /// What callers of `/v1/repl` may hold open.
  var repl = ReplSessions.Bounds()
  /// Waits after each try of a model that failed with an issue.
  var enrichRetries = EnrichIssue.usualRetryDelays
  /// What one generation or refactoring may take.
  var generation = GenerationLimits()
  /// What Python code has to hold to where nothing else is said.
  var criteria = EvaluationCriteria()
  /// When old records go.
  var upkeep = "17 3 * * *"
  /// When people are told of the week.
  var reports = "0 8 * * 1"
  /// When what is open in repositories is gone through.
  var sweep = "7 * * * *"
  /// When webhooks that failed are asked for again.
  var redeliver = "3-59/15 * * * *"
  var timeZone = "UTC"
  /// Connections to PostgreSQL.
  var connections = 8
  /// Of reviews; the model is filled in by whoever knows it.
  var limits = WorkLimits(reviewsPerRepository: 4)
  /// Of one repository; `nil`: any number.
  var tokensPerDay: Int?
}

/// By whose leave GitHub is asked, and where.
struct GitHubSettings: Sendable {
  enum Credentials: Sendable {
    case token(Secret)
    case app(id: String, privateKey: Secret)
  }

  var apiURL = "https://api.github.com"
  var webURL = "https://github.com"
  /// `nil`: GitHub is not asked.
  var credentials: Credentials?
  var webhookSecret: Secret?
  /// By which people sign in; `nil`: nobody does.
  var signIn: SignIn?

  struct SignIn: Sendable {
    var clientID: String
    var clientSecret: Secret
  }

  /// Where git finds repositories; `nil`: told by `apiURL`, lest the token of another server is
  /// shown to the public one for want of a setting.
  var ownWebURL: String? {
    let unset = GitHubSettings()
    return webURL == unset.webURL && apiURL != unset.apiURL ? nil : webURL
  }
}

extension SettingsReading {
  func readService() -> ServiceSettings {
    var service = ServiceSettings()
    if let listen = text("STET_LISTEN").flatMap(ListenAddress.init) { service.listen = listen }
    service.publicURL = text("STET_PUBLIC_URL").map(Self.withoutSlash)
    service.mention = text("STET_MENTION") ?? service.mention
    service.workers = text("STET_WORKERS").flatMap(Int.init) ?? service.workers
    if let seconds = text("STET_GRACE").flatMap(Int.init) { service.grace = .seconds(seconds) }
    if let days = text("STET_KEEP_DAYS").flatMap(Int.init) {
      service.keep = .seconds(days * 86_400)
    }
    service.logFormat =
      text("STET_LOG_FORMAT").flatMap { .init(rawValue: $0.lowercased()) } ?? service.logFormat
    service.logLevel = text("STET_LOG_LEVEL")?.lowercased() ?? service.logLevel
    service.requestsPerMinute =
      text("STET_REQUESTS_PER_MINUTE").flatMap(Int.init) ?? service.requestsPerMinute
    if let days = text("STET_LIKENESS_DAYS").flatMap(Int.init) {
      service.keepReviewers = .seconds(days * 86_400)
    }
    service.examplesForAdapter =
      text("STET_LIKENESS_EXAMPLES").flatMap(Int.init) ?? service.examplesForAdapter
    service.commandsPerHour =
      text("STET_COMMANDS_PER_HOUR").flatMap(Int.init) ?? service.commandsPerHour
    let sessions = text("STET_REPL_SESSIONS").flatMap(Int.init) ?? service.repl.sessions
    service.repl = ReplSessions.Bounds(
      sessions: sessions, ofOne: max(1, sessions / 4),
      idle: text("STET_REPL_IDLE").flatMap(Int.init).map { .seconds($0) } ?? service.repl.idle)
    service.enrichRetries =
      text("STET_ENRICH_RETRIES").flatMap(Self.delays) ?? service.enrichRetries
    func number(_ name: String) -> Int? { text("STET_GENERATE_" + name).flatMap(Int.init) }
    service.generation = GenerationLimits(
      rounds: number("ROUNDS") ?? service.generation.rounds,
      candidates: number("CANDIDATES") ?? service.generation.candidates,
      time: number("SECONDS").map(Double.init) ?? service.generation.time,
      tokens: number("TOKENS"), cost: number("CENTS").map { Double($0) / 100 })
    // Settings that cannot be read were refused before.
    service.criteria =
      text("STET_CRITERIA").flatMap { try? EvaluateCode.criteria(json: $0) } ?? service.criteria
    service.upkeep = text("STET_UPKEEP") ?? service.upkeep
    service.reports = text("STET_REPORTS") ?? service.reports
    service.sweep = text("STET_SWEEP") ?? service.sweep
    service.redeliver = text("STET_REDELIVER") ?? service.redeliver
    service.timeZone = text("STET_TIME_ZONE") ?? service.timeZone
    service.connections =
      text("STET_DATABASE_CONNECTIONS").flatMap(Int.init) ?? service.connections
    service.limits = WorkLimits(
      reviewsPerRepository: text("STET_REPOSITORY_JOBS").flatMap(Int.init)
        ?? service.limits.reviewsPerRepository,
      forgeJobsPerMinute: text("STET_FORGE_JOBS_PER_MINUTE").flatMap(Int.init),
      modelJobs: text("STET_MODEL_JOBS").flatMap(Int.init),
      modelJobsPerMinute: text("STET_MODEL_JOBS_PER_MINUTE").flatMap(Int.init))
    service.tokensPerDay = text("STET_TOKENS_PER_DAY").flatMap(Int.init)
    return service
  }

  mutating func readGitHub(home: String, folder: String) -> GitHubSettings {
    var github = GitHubSettings()
    github.apiURL = text("GITHUB_API_URL").map(Self.withoutSlash) ?? github.apiURL
    github.webURL = text("GITHUB_WEB_URL").map(Self.withoutSlash) ?? github.webURL
    github.webhookSecret = text("GITHUB_WEBHOOK_SECRET").map { Secret($0) }
    github.credentials = readCredentials(home: home, folder: folder)
    github.signIn = readSignIn()
    checkCredentials(github)
    return github
  }

  private mutating func readSignIn() -> GitHubSettings.SignIn? {
    let (idName, secretName) = ("GITHUB_OAUTH_CLIENT_ID", "GITHUB_OAUTH_CLIENT_SECRET")
    switch (text(idName), text(secretName)) {
    case (nil, nil): return nil
    case (_?, nil):
      refuse(idName, "it needs \(secretName) beside it.")
      return nil
    case (nil, _?):
      refuse(secretName, "it needs \(idName) beside it.")
      return nil
    case (let id?, let secret?):
      guard id.utf8.count <= 100, id.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        refuse(idName, "it is no client id; the settings page of the App shows it.")
        return nil
      }
      if text("STET_PUBLIC_URL") == nil {
        warnings.append(
          "STET_PUBLIC_URL is not set, so people who sign in on GitHub are sent back to the "
            + "listening address, which only this machine may reach.")
      }
      return GitHubSettings.SignIn(clientID: id, clientSecret: Secret(secret))
    }
  }

  private mutating func readCredentials(
    home: String, folder: String
  ) -> GitHubSettings.Credentials? {
    switch (text("GITHUB_APP_ID"), text("GITHUB_APP_PRIVATE_KEY")) {
    case (let id?, let key?):
      guard let pem = privateKey(key, home: home, folder: folder) else { return nil }
      if text("GITHUB_TOKEN") != nil {
        warnings.append("GITHUB_TOKEN is not used, because a GitHub App is set.")
      }
      return .app(id: id, privateKey: Secret(pem))
    case (_?, nil):
      refuse("GITHUB_APP_ID", "it needs GITHUB_APP_PRIVATE_KEY beside it.")
    case (nil, _?):
      refuse("GITHUB_APP_PRIVATE_KEY", "it needs GITHUB_APP_ID beside it.")
    case (nil, nil): break
    }
    return text("GITHUB_TOKEN").map { .token(Secret($0)) }
  }

  /// The PEM text itself, or that of the file which is named.
  private mutating func privateKey(_ value: String, home: String, folder: String) -> String? {
    let name = "GITHUB_APP_PRIVATE_KEY"
    var text = value
    // One line in a .env file often writes its line breaks like this.
    if text.hasPrefix("-----"), !text.contains("\n") {
      text = text.replacingOccurrences(of: "\\n", with: "\n")
    }
    if !text.hasPrefix("-----") {
      let file = path(text, home: home, folder: folder)
      do {
        text = try SettingsFiles.text(file)
      } catch {
        switch error {
        case .missing: refuse(name, "there is no such file, and it is no PEM text either.")
        case .refused(let why): refuse(name, "the file cannot be read: \(why).")
        }
        return nil
      }
      if SettingsFiles.isOpenToOthers(file) {
        warnings.append("The file of \(name) may be read by other users; run chmod 600 on it.")
      }
    }
    guard text.contains("PRIVATE KEY-----") else {
      refuse(name, "it holds no private key in PEM; download the App's key from its settings page.")
      return nil
    }
    return text
  }

  private mutating func checkCredentials(_ github: GitHubSettings) {
    guard github.credentials != nil, let parts = WebAddress.parts(github.apiURL),
      parts.scheme == "http", !WebAddress.isLoopback(parts.host)
    else { return }
    warnings.append(
      "GitHub's credentials go to \(parts.host) over http, where others on the way can read them; "
        + "use https.")
  }

  private static func withoutSlash(_ text: String) -> String {
    var text = text
    while text.hasSuffix("/") { text.removeLast() }
    return text
  }
}
