import Domain
import Forges
import Jobs
import LanguageModels
import Logging
import Sandbox
import Storage
import UseCases
import WebClient

/// Builds every adapter from the settings; the only place that names them. Nothing is opened, sent
/// or started before it is used.
struct Wiring: Sendable {
  let settings: Settings
  let web: WebClient
  let database: any SQLDatabase
  private let served: LocalModel?
  /// Who serves adapters of learned reviewers, and how it is ended; `nil` where nobody trains any.
  let adapters: (server: any AdapterServer, stop: @Sendable () async -> Void)?
  /// The provider whose limits hold: the first of those that are asked; `nil` where none is.
  private let askedFirst: ModelProvider?
  let logger: Logger
  private let github: Result<GitHubConnection, ForgeError>?
  /// The same, which keeps no answers: what is read by it is to be gone afterwards.
  private let githubHistory: Result<GitHubConnection, ForgeError>?
  /// Rung when a job was stored in this process.
  let signal = JobSignal()
  let jobEvents = JobEvents()
  /// The `.stet.yml` of bases that were read already.
  let policies = BasePolicies()
  /// What was learned of earlier issues.
  let knownIssues = KnownIssues()
  /// The one place where this process runs what nobody vouches for. Nothing starts before it is
  /// used.
  let sandbox: IsolatedSandbox
  /// The interpreters that callers of the API hold open.
  let repl: ReplSessions

  /// - Parameter withoutSandbox: runs programs bare, which only a person at the machine may ask for.
  init(
    _ settings: Settings, withoutSandbox: Bool = false, logger: Logger = .notes(label: "stet")
  ) {
    self.settings = settings
    self.logger = logger
    sandbox = IsolatedSandbox(
      images: ImageStore(folder: settings.dataFolder + "/images"),
      environment: settings.environment,
      mode: withoutSandbox
        ? .bare : settings.value("STET_SANDBOX").flatMap(SandboxMode.init) ?? .automatic,
      bounds: .init(sessions: settings.service.repl.sessions + 8), logger: logger)
    repl = ReplSessions(sandbox: sandbox, bounds: settings.service.repl)
    web = WebClient(
      configuration: WebClientConfiguration(
        userAgent: "stet/\(Version.number)",
        proxy: ProxySettings(environment: settings.networkEnvironment), idleTimeout: nil))
    database = Self.database(settings.database, connections: settings.service.connections)
    served =
      settings.providers.contains(.local)
      ? Self.localModel(settings, web: web) : nil
    adapters = Self.adapterServer(settings, web: web)
    askedFirst = (try? Self.usable(settings, served, web))?.first?.provider
    github = Self.connection(settings, web, SQLValidatorStore(database))
    githubHistory = Self.connection(settings, web, nil)
  }

  /// - Returns: `nil` where Stet has no credentials.
  private static func connection(
    _ settings: Settings, _ web: WebClient, _ validators: (any ValidatorStore)?
  ) -> Result<GitHubConnection, ForgeError>? {
    settings.github.credentials.map { given in
      Result { () throws(ForgeError) in
        try GitHubConnection(
          GitHubConfiguration(
            apiURL: settings.github.apiURL, webURL: settings.github.ownWebURL,
            credentials: Self.credentials(given), client: web, validators: validators))
      }
    }
  }

  /// Ends what was started: sandboxed programs, the local model's server, connections, the database.
  func close() async {
    await repl.shutDown()
    await sandbox.shutDown()
    await served?.stop()
    await adapters?.stop()
    await web.shutdown()
    await database.close()
  }

  // MARK: Stores

  var runs: any RunStore { SQLRunStore(database) }
  var jobs: any JobStore { SQLJobStore(database, signal: signal) }
  var inbox: any Inbox { SQLInbox(database, signal: signal) }
  var publications: any PublicationStore { SQLPublicationStore(database) }
  var audit: any AuditTrail { SQLAuditTrail(database) }
  var limiter: any UsageLimiter { SQLUsageLimiter(database) }
  var issues: any IssueStore { SQLIssueStore(database) }
  var policyNotes: any PolicyNotes { SQLPolicyNotes(database) }
  var tokens: any TokenStore { SQLTokenStore(database) }

  var jobFigures: SQLJobFigures { SQLJobFigures(database) }
  var keyRegister: SQLKeyRegister { SQLKeyRegister(database) }
  var pruning: SQLPruning { SQLPruning(database) }

  static func database(_ setting: DatabaseSetting, connections: Int) -> any SQLDatabase {
    switch setting {
    case .sqlite(let path): SQLiteDatabase(path: path)
    case .postgres(let address):
      PostgresDatabase(
        address: address, settings: PostgresSettings(connections: connections))
    }
  }

  /// Opens the database, brings it up to date where it is older, and says its schema's number.
  func schemaVersion() async throws(StoreError) -> Int { try await database.schemaVersion() }

  var responseCache: any ResponseCache { SQLResponseCache(database) }
  var syntax: any SyntaxChecker {
    EveryParser(parsers: [
      DataSyntaxChecker(), BubblewrapSyntaxChecker(environment: settings.environment),
    ])
  }

  // MARK: Forges

  /// - Throws: where the credentials can never be used, such as a key that is none. Nobody is asked.
  func checkCredentials() throws(ForgeError) { _ = try github?.get() }

  /// Opens a forge for one repository.
  var openForge: ForgeOpener { Self.opener(github) }

  /// Opens a forge of which no answer is kept, in Stet's own name.
  var openHistory: ForgeOpener { Self.opener(githubHistory) }

  private static func opener(_ github: Result<GitHubConnection, ForgeError>?) -> ForgeOpener {
    { access throws(ForgeError) in
      guard access.forge == "github" else {
        throw ForgeError(code: .rejected, detail: "\(access.forge) is no forge that Stet knows.")
      }
      guard let github else {
        throw ForgeError(
          code: .unauthorized,
          detail: "Stet has no leave to ask GitHub: set GITHUB_TOKEN, or GITHUB_APP_ID and "
            + "GITHUB_APP_PRIVATE_KEY.")
      }
      return try github.get().forge(
        for: access.repository, installation: access.installation)
    }
  }

  /// What the forge remembers of the webhooks that it sent; `nil` where it is not asked.
  var deliveryLog: (any DeliveryLog)? {
    guard case .success(let connection)? = github else { return nil }
    return connection.deliveryLog
  }

  /// What a repository's pull requests went through, for reports.
  var pullRequestsSince: MakeReport.Listing {
    { [github] repository, date async throws(ForgeError) in
      guard let github else {
        throw ForgeError(
          code: .unauthorized,
          detail: "Stet has no leave to ask GitHub: set GITHUB_TOKEN, or GITHUB_APP_ID and "
            + "GITHUB_APP_PRIVATE_KEY.")
      }
      return try await github.get().forge(for: repository)
        .pullRequests(in: repository, changedSince: date)
    }
  }

  /// Whether Stet itself acts as this account, as far as it has been told. It is known once anything
  /// has been published.
  @Sendable func isOwn(_ forge: String, _ account: ForgeAccount) -> Bool {
    guard forge == "github", case .success(let connection)? = github else { return false }
    return connection.knownOwnLogin?.lowercased() == account.login.lowercased()
  }

  private static func credentials(_ settings: GitHubSettings.Credentials) -> GitHubCredentials {
    switch settings {
    case .token(let token): .token(token.reveal())
    case .app(let id, let key): .app(id: id, privateKeyPEM: key.reveal())
    }
  }

  // MARK: Use cases

  /// What new jobs are given.
  var workLimits: WorkLimits {
    var limits = settings.service.limits
    limits.model = askedFirst?.rawValue
    return limits
  }

  func review(model: (any LanguageModel)?, usesCache: Bool = true) -> ReviewChange.Ports {
    ReviewChange.Ports(
      model: model, cache: usesCache ? responseCache : nil, runs: runs, syntax: syntax)
  }

  var evaluate: EvaluateCode.Ports {
    EvaluateCode.Ports(sandbox: sandbox, runs: runs, logger: logger)
  }

  func reviewPullRequest(
    model: (any LanguageModel)?, usesCache: Bool = true, callDeadline: Duration? = nil,
    followsPolicies: Bool = false
  ) -> ReviewPullRequest {
    ReviewPullRequest(
      ports: .init(
        openForge: openForge, review: review(model: model, usesCache: usesCache),
        publications: publications, audit: audit, policies: policies, jobs: jobs,
        tokenBudget: tokenBudget,
        callDeadline: callDeadline ?? self.callDeadline, handle: settings.service.mention,
        notices: noticeQueue, filters: filters, followsPolicies: followsPolicies,
        limits: workLimits))
  }

  /// Heads of pull requests, fetched by git into the data folder. Nothing of them runs outside the
  /// sandbox.
  var checkouts: GitCheckouts {
    GitCheckouts(
      folder: settings.dataFolder + "/checkouts", environment: settings.networkEnvironment,
      run: { [sandbox] task, folder async throws(SandboxError) in
        try await sandbox.run(task, in: folder)
      }, logger: logger)
  }

  /// - Parameter queued: whether a worker runs it, which has a job to lose.
  func fixPullRequest(model: (any LanguageModel)?, queued: Bool = true) -> FixPullRequest {
    FixPullRequest(
      ports: .init(
        openForge: openForge, workspaces: checkouts.opener, model: model, syntax: syntax,
        sandbox: sandbox, runs: runs, publications: publications, audit: audit,
        jobs: queued ? jobs : nil, tokenBudget: tokenBudget,
        notices: queued ? noticeQueue : nil))
  }

  // MARK: Models

  /// The providers in their order behind one breaker each; `nil` where none is set. One whose key
  /// is missing is left out: the settings have warned of it, and the review works without.
  func model() throws -> (any LanguageModel)? {
    ModelChain(try Self.usable(settings, served, web).map(\.model))
  }

  private static func usable(
    _ settings: Settings, _ served: LocalModel?, _ web: WebClient
  ) throws -> [(provider: ModelProvider, model: any LanguageModel)] {
    var models: [(provider: ModelProvider, model: any LanguageModel)] = []
    for (place, provider) in settings.providers.enumerated() {
      if let kind = ProviderKind(rawValue: provider.rawValue) {
        do {
          let named = try ProviderSettings(kind: kind, place: place, value: settings.value)
          models.append((provider, named.model(client: web)))
        } catch ProviderError.missingKey {
          continue
        } catch {
          throw CommandFailure.misuse("\(error)")
        }
      } else if let served {
        models.append((provider, served))
      } else {
        throw CommandFailure.misuse(unknownLocalModel(settings))
      }
    }
    return models
  }

  /// A machine of one's own may take minutes over a prompt; a vendor's does not.
  var callDeadline: Duration {
    settings.providers.allSatisfy(\.isVendor) ? .seconds(60) : .seconds(300)
  }

  var modelStore: ModelStore {
    ModelStore(
      dataFolder: settings.dataFolder, environment: settings.networkEnvironment, web: web)
  }

  func localServer(_ model: String) throws(LocalModelError) -> LlamaServer {
    try Self.server(model, settings, web: web)
  }

  private static func unknownLocalModel(_ settings: Settings) -> String {
    let names = ModelCatalogue.standard.entries.map(\.name).joined(separator: ", ")
    return "LLM_MODEL \(settings.value("LLM_MODEL") ?? "") is no local model; known are \(names)."
  }

  private static func localModel(_ settings: Settings, web: WebClient) -> LocalModel? {
    let place = settings.providers.firstIndex(of: .local) ?? 0
    let named = (settings.value("LLM_MODEL") ?? "")
      .split(separator: ",", omittingEmptySubsequences: false).dropFirst(place).first
    let written = (named ?? "").filter { !$0.isWhitespace }
    let name = written.isEmpty ? ModelCatalogue.standard.defaultName : written
    guard let server = try? server(name, settings, web: web) else { return nil }
    return LocalModel(server: server, client: web)
  }

  private static func server(_ model: String, _ settings: Settings, web: WebClient)
    throws(LocalModelError) -> LlamaServer
  {
    try LlamaServer(
      model: model,
      store: ModelStore(
        dataFolder: settings.dataFolder, environment: settings.networkEnvironment, web: web),
      environment: settings.networkEnvironment, logger: .notes(label: "stet.model"))
  }
}

/// Asks each parser in turn until one knows the language.
struct EveryParser: SyntaxChecker {
  let parsers: [any SyntaxChecker]

  func check(_ text: [UInt8], language: Language, path: SourcePath) async -> SyntaxVerdict {
    for parser in parsers {
      let verdict = await parser.check(text, language: language, path: path)
      if verdict != .unknown { return verdict }
    }
    return .unknown
  }
}

extension Wiring {
  /// Whether a provider answers a GET of its list of models within a few seconds. No text is sent.
  func reach(_ provider: ModelProvider, at place: Int) async -> DoctorFinding {
    guard let kind = ProviderKind(rawValue: provider.rawValue) else { return .ok("not asked") }
    do {
      let named = try ProviderSettings(kind: kind, place: place, value: settings.value)
      let listing = named.listing
      var headers = WebHeaders([])
      for header in listing.headers { headers.add(header.name, header.value) }
      let answer = try await web.send(
        WebRequest(
          method: "GET", url: listing.url, headers: headers,
          carriesSecret: named.apiKey != nil, deadline: .seconds(5), maxResponseBytes: 4 << 20,
          acceptsErrorStatus: true))
      switch answer.status {
      case 401, 403:
        return .broken("\(named) refuses the key (\(answer.status))", "check the key")
      case 500...:
        return .broken("\(named) answers \(answer.status)", "try again later")
      default: return .ok("\(named)")
      }
    } catch let error as WebError {
      return .broken(error.detail, "check the address, the network and the proxy settings")
    } catch {
      return .broken("\(error)", "set what is missing")
    }
  }
}
