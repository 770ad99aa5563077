public import Domain
public import Foundation
public import Jobs

/// Everything that the server asks of the rest of Stet. `Wiring` fills it; the server names no
/// adapter.
public struct ServerPorts: Sendable {
  public var inbox: any Inbox
  public var jobs: any JobStore
  public var runs: any RunStore
  public var issues: any IssueStore
  public var tokens: any TokenStore
  public var audit: any AuditTrail
  /// One for each forge; its `forge` is the last part of the route `/webhooks/FORGE`.
  public var webhooks: [any WebhookReader]
  /// What happens to a job, by its id or its run's, as long as somebody listens. Missing something
  /// costs a short delay only.
  public var jobChanges: @Sendable (_ id: String) -> AsyncStream<JobChange>
  /// Called after jobs were stored, so that an idle worker in this process looks at once.
  public var wakeWorkers: @Sendable () -> Void
  /// What `GET /readyz` asks, in order.
  public var readiness: [ReadinessCheck]
  /// `POST /fix`; `nil` where it is not served. Throws `FixFailure`.
  public var fix: (@Sendable (FixRequest) async throws -> FixAnswer)?
  /// The forge that `pull_request` of `POST /v1/review` names a place on, such as `github`.
  public var forge: String?
  /// The text of `GET /metrics`; `nil` where none are kept.
  public var metrics: PrometheusMetrics?
  public var now: @Sendable () -> Date

  public init(
    inbox: any Inbox, jobs: any JobStore, runs: any RunStore, issues: any IssueStore,
    tokens: any TokenStore, audit: any AuditTrail, webhooks: [any WebhookReader] = [],
    jobChanges: @escaping @Sendable (_ id: String) -> AsyncStream<JobChange> = { _ in
      AsyncStream { _ in }
    },
    wakeWorkers: @escaping @Sendable () -> Void = {}, readiness: [ReadinessCheck] = [],
    fix: (@Sendable (FixRequest) async throws -> FixAnswer)? = nil, forge: String? = nil,
    metrics: PrometheusMetrics? = nil, now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.inbox = inbox
    self.jobs = jobs
    self.runs = runs
    self.issues = issues
    self.tokens = tokens
    self.audit = audit
    self.webhooks = webhooks
    self.jobChanges = jobChanges
    self.wakeWorkers = wakeWorkers
    self.readiness = readiness
    self.fix = fix
    self.forge = forge
    self.metrics = metrics
    self.now = now
  }
}

/// A job's state has changed, or it has something to tell.
public struct JobChange: Sendable, Hashable {
  /// One line for people; `nil` where the state has changed.
  public var progress: String?

  public init(progress: String? = nil) { self.progress = progress }
}

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

/// Code to be fixed, as `POST /fix` received it.
public struct FixRequest: Sendable, Hashable {
  public var code: String
  public var diff: String?
  public var context: String?
  public var path: String?
  /// As `AuditEvent.actor`.
  public var askedBy: String
  /// Until then an answer is of use.
  public var deadline: Duration

  public init(
    code: String, diff: String? = nil, context: String? = nil, path: String? = nil,
    askedBy: String, deadline: Duration = .seconds(30)
  ) {
    self.code = code
    self.diff = diff
    self.context = context
    self.path = path
    self.askedBy = askedBy
    self.deadline = deadline
  }
}

/// What `POST /fix` answers.
public struct FixAnswer: Sendable {
  public var fixedCode: String
  public var changed: Bool
  /// One sentence: what was changed, or why nothing was.
  public var reason: String?
  /// What was proved of `fixedCode`, such as `parses`.
  public var verified: [String]
  public var usage: ModelUsage
  public var run: String

  public init(
    fixedCode: String, changed: Bool, reason: String?, verified: [String], usage: ModelUsage,
    run: String
  ) {
    self.fixedCode = fixedCode
    self.changed = changed
    self.reason = reason
    self.verified = verified
    self.usage = usage
    self.run = run
  }
}

/// Why no fix came back.
public struct FixFailure: Error, Sendable, Hashable {
  public enum Code: String, Sendable {
    case timedOut = "timed_out"
    /// The code is longer than the model can be shown.
    case tooLong = "too_long"
    case modelFailed = "model_failed"
    case storeFailed = "store_failed"
  }
  public var code: Code
  /// What is wrong and what to do, secrets masked.
  public var detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }
}
