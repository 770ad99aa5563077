public import Domain
public import Foundation
public import Jobs
public import UseCases

/// Everything that the server asks of the rest of Stet. `Wiring` fills it; the server names no
/// adapter.
public struct ServerPorts: Sendable {
  public var inbox: any Inbox
  public var jobs: any JobStore
  /// `nil` where none are kept.
  public var schedules: (any ScheduleStore)?
  /// What new jobs are given.
  public var workLimits: WorkLimits
  public var runs: any RunStore
  public var issues: any IssueStore
  public var storeIssues: IssueIntake
  public var tokens: any TokenStore
  public var audit: any AuditTrail
  /// One for each forge; its `forge` is the last part of the route `/webhooks/FORGE`.
  public var webhooks: [any WebhookReader]
  /// What happens to jobs in this process. What happens in another is seen a little later.
  public var events: JobEvents
  /// What `GET /readyz` asks, in order.
  public var readiness: [ReadinessCheck]
  /// `POST /fix`; `nil` where it is not served.
  public var fix: (@Sendable (FixCode.Request) async throws(FixError) -> FixCode.Answer)?
  /// What one generation or refactoring may take where the request does not say less.
  public var generation: GenerationLimits
  /// What code has to hold to where the request does not say it.
  public var criteria: EvaluationCriteria
  /// The forge that `pull_request` of `POST /v1/review` names a place on, such as `github`.
  public var forge: String?
  /// What the pages for people ask for beside the rest.
  public var dashboard: DashboardPorts
  /// `/oauth/FORGE/callback`; `nil` where signing in on a forge is not set up.
  public var signIns: SignIns?
  /// `/v1/repl`; `nil` where no code is run.
  public var repl: ReplSessions?
  /// The text of `GET /metrics`; `nil` where none are kept.
  public var metrics: PrometheusMetrics?
  public var now: @Sendable () -> Date

  public init(
    inbox: any Inbox, jobs: any JobStore, schedules: (any ScheduleStore)? = nil,
    workLimits: WorkLimits = WorkLimits(), runs: any RunStore, issues: any IssueStore,
    storeIssues: @escaping IssueIntake,
    tokens: any TokenStore, audit: any AuditTrail, webhooks: [any WebhookReader] = [],
    events: JobEvents = JobEvents(), readiness: [ReadinessCheck] = [],
    fix: (@Sendable (FixCode.Request) async throws(FixError) -> FixCode.Answer)? = nil,
    generation: GenerationLimits = GenerationLimits(),
    criteria: EvaluationCriteria = EvaluationCriteria(), forge: String? = nil,
    dashboard: DashboardPorts = DashboardPorts(), signIns: SignIns? = nil,
    repl: ReplSessions? = nil, metrics: PrometheusMetrics? = nil,
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.inbox = inbox
    self.jobs = jobs
    self.schedules = schedules
    self.workLimits = workLimits
    self.runs = runs
    self.issues = issues
    self.storeIssues = storeIssues
    self.tokens = tokens
    self.audit = audit
    self.webhooks = webhooks
    self.events = events
    self.readiness = readiness
    self.fix = fix
    self.generation = generation
    self.criteria = criteria
    self.forge = forge
    self.dashboard = dashboard
    self.signIns = signIns
    self.repl = repl
    self.metrics = metrics
    self.now = now
  }
}

/// What the dashboard shows beside jobs, runs and the audit trail. What is not there is left out.
public struct DashboardPorts: Sendable {
  /// Proposals of labels are read there.
  public var publications: (any PublicationStore)?
  /// Merge queues are read there.
  public var notes: (any PolicyNotes)?
  /// `nil` where no repository has a limit.
  public var budget: BudgetReading?
  /// Of a repository and so many days.
  public var report: (@Sendable (RepositoryName, Int) async throws -> RepositoryReport)?
  /// The forge's pages, such as `https://github.com`.
  public var webURL: String?
  /// What sessions are authenticated with, the same in every process; `nil`: they end with this one.
  public var secret: [UInt8]?

  public init(
    publications: (any PublicationStore)? = nil, notes: (any PolicyNotes)? = nil,
    budget: BudgetReading? = nil,
    report: (@Sendable (RepositoryName, Int) async throws -> RepositoryReport)? = nil,
    webURL: String? = nil, secret: [UInt8]? = nil
  ) {
    self.publications = publications
    self.notes = notes
    self.budget = budget
    self.report = report
    self.webURL = webURL
    self.secret = secret
  }
}

/// Stores new issues, each with the job that will enrich it, in one transaction or not at all, and
/// gives them back in their order with the ids of their jobs.
public typealias IssueIntake =
  @Sendable ([(issue: TrackedIssue, job: NewJob)]) async throws(StoreError) -> [TrackedIssue]

/// One part that must work before the server can do its own, such as the database.
public struct ReadinessCheck: Sendable {
  public var name: String
  /// - Returns: `nil` where it works, else one sentence that says what to do.
  public var problem: @Sendable () async -> String?

  public init(name: String, problem: @escaping @Sendable () async -> String?) {
    self.name = name
    self.problem = problem
  }
}
