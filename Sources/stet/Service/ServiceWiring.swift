import Domain
import Forges
import Foundation
import Jobs
import Logging
import Server
import ServiceLifecycle
import Storage
import UseCases

/// Everything that `stet serve` is made of, on one page: the handler of each kind of job, the worker
/// that runs them, and the server in front.
struct ServiceWiring: Sendable {
  let wiring: Wiring
  let model: (any LanguageModel)?
  private let metrics: PrometheusMetrics?
  private let logger: Logger

  init(_ wiring: Wiring, metrics: PrometheusMetrics?, logger: Logger) throws {
    self.wiring = wiring
    self.metrics = metrics
    self.logger = logger
    model = try wiring.model()
  }

  // MARK: Work in the background

  /// What calls a model has places of its own, so that a push or a closed pull request is heard
  /// while every one of them is taken.
  private static func places(_ workers: Int) -> (reviews: Int, others: Int, all: Int) {
    let others = max(1, workers / 2)
    return (workers, others, workers + 10 * others + 15)
  }

  func worker(named name: String? = nil) -> Worker {
    let places = Self.places(wiring.settings.service.workers)
    return Worker(
      store: wiring.jobs,
      handlers: complete([
        // Few, so that a burst is stored first and looked at after: storing it is what must not wait.
        JobHandler(Work.HandleDelivery.kind, concurrency: 2, limit: .seconds(60)) {
          try await handleEvent.handle($0.job)
        },
        JobHandler(
          Work.ReviewPullRequest.kind, concurrency: places.reviews,
          run: { try await reviewPullRequest.handle($0.job) },
          onGivenUp: { await reviewPullRequest.givenUp($0, reason: $1) },
          onLeaseLost: { await reconcilePublication.enqueueAfterLoss($0) }),
        JobHandler(
          Work.AnswerCommand.kind, concurrency: places.others, limit: .seconds(600),
          run: { try await answerCommand.handle($0) },
          onLeaseLost: { await reconcilePublication.enqueueAfterLoss($0) }),
        JobHandler(
          Work.FixPullRequest.kind, concurrency: places.others, limit: .seconds(3_600),
          run: { try await fixPullRequest.handle($0) },
          onGivenUp: { await fixPullRequest.givenUp($0, reason: $1) },
          onLeaseLost: { await reconcilePublication.enqueueAfterLoss($0) }),
        JobHandler(Work.ReconcilePublication.kind, concurrency: 2, limit: .seconds(300)) {
          try await reconcilePublication.handle($0.job)
        },
        JobHandler(Work.ReviewDiff.kind, concurrency: places.others) {
          try await reviewDiff.handle($0.job)
        },
        JobHandler(Work.Evaluate.kind, concurrency: places.others, limit: .seconds(300)) {
          try await evaluate.handle($0)
        },
        JobHandler(Work.EnrichIssue.kind, concurrency: places.others, limit: .seconds(600)) {
          try await enrichIssue.handle($0)
        },
        JobHandler(
          Work.EnrichForgeIssue.kind, concurrency: places.others, limit: .seconds(600)
        ) { try await enrichForgeIssue.handle($0) },
        JobHandler(Work.ConfirmIssueLabels.kind, concurrency: 2, limit: .seconds(120)) {
          try await confirmIssueLabels.handle($0.job)
        },
        JobHandler(
          Work.GenerateCode.kind, concurrency: places.others, limit: Self.longestGeneration
        ) { try await generation.generate($0) },
        JobHandler(
          Work.RefactorCode.kind, concurrency: places.others, limit: Self.longestGeneration
        ) { try await generation.refactor($0) },
        JobHandler(Work.ShepherdPullRequest.kind, concurrency: places.others, limit: .seconds(300))
        {
          try await ShepherdPullRequest(ports: shepherding).handle($0.job)
        },
        JobHandler(Work.ShepherdCommit.kind, concurrency: 1, limit: .seconds(120)) {
          try await ShepherdPullRequest(ports: shepherding).handleCommit($0.job)
        },
        JobHandler(Work.AdvanceMergeQueue.kind, concurrency: 2, limit: .seconds(600)) {
          try await AdvanceMergeQueue(ports: shepherding).handle($0.job)
        },
        JobHandler(Work.NotifyPeople.kind, concurrency: 2, limit: .seconds(120)) {
          try await notifyPeople.route($0)
        },
        JobHandler(Work.DeliverNotice.kind, concurrency: places.others, limit: .seconds(120)) {
          try await notifyPeople.deliver($0)
        },
        JobHandler(Work.DeliverDigest.kind, concurrency: 2, limit: .seconds(120)) {
          try await notifyPeople.deliverDigest($0)
        },
        JobHandler(Work.WeeklyReport.kind, concurrency: 1, limit: .seconds(3_600)) {
          try await wiring.weeklyReport.handle($0)
        },
        JobHandler(Work.Upkeep.kind, concurrency: 1, limit: .seconds(3_600)) {
          try await upkeep.handle($0)
        },
      ]),
      signal: wiring.signal, events: wiring.jobEvents,
      settings: WorkerSettings(
        name: name, concurrency: places.all, grace: wiring.settings.service.grace,
        outage: Self.outage, describe: Self.sentence(for:), mask: { SecretMask.masked($0).text }),
      logger: Logger.service("stet.worker", wiring.settings))
  }

  /// The worker with what runs beside it.
  func background(_ worker: Worker) -> [any Service] {
    [worker, scheduler] + (wiring.signals.map { [$0] } ?? [])
  }

  /// What recurs. Every process looks; each time fires once.
  private var scheduler: Scheduler {
    Scheduler(
      store: wiring.schedules, schedules: wiring.recurring, signal: wiring.signal,
      logger: Logger.service("stet.schedules", wiring.settings),
      describe: { SecretMask.masked(Self.sentence(for: $0)).text })
  }

  private var upkeep: UpkeepHandler {
    UpkeepHandler(
      pruning: wiring.pruning, keep: wiring.settings.service.keep,
      forgetting: wiring.forgetReviewer, keepReviewers: wiring.settings.service.keepReviewers)
  }

  private var handleEvent: HandleEvent {
    HandleEvent(
      ports: .init(
        inbox: wiring.inbox, readers: webhooks, jobs: wiring.jobs, isOwn: wiring.isOwn,
        handle: wiring.settings.service.mention, limits: wiring.workLimits,
        followsPolicies: true, notes: wiring.policyNotes, register: wiring.register,
        notices: wiring.noticeQueue))
  }

  var shepherding: ShepherdPullRequest.Ports {
    var ports = ShepherdPullRequest.Ports(
      openForge: wiring.openForge, notes: wiring.policyNotes, audit: wiring.audit,
      publications: wiring.publications, runs: wiring.runs, jobs: wiring.jobs,
      limits: wiring.workLimits)
    if let queue = wiring.noticeQueue {
      ports.notify = { notice, access in try await queue.tell(notice, access: access) }
    }
    return ports
  }

  private var reviewPullRequest: ReviewPullRequest {
    wiring.reviewPullRequest(model: model, followsPolicies: true)
  }

  private var fixPullRequest: FixPullRequest { wiring.fixPullRequest(model: model) }

  private var answerCommand: AnswerCommand {
    AnswerCommand(
      ports: .init(
        openForge: wiring.openForge, publications: wiring.publications, runs: wiring.runs,
        audit: wiring.audit, jobs: wiring.jobs, limiter: wiring.limiter, model: model,
        tokenBudget: wiring.tokenBudget, limits: wiring.workLimits,
        callDeadline: wiring.callDeadline, handle: wiring.settings.service.mention,
        hourlyLimit: wiring.settings.service.commandsPerHour, notes: wiring.policyNotes,
        reviewers: wiring.reviewerAsking))
  }

  private var reconcilePublication: ReconcilePublication {
    ReconcilePublication(
      ports: .init(
        openForge: wiring.openForge, publications: wiring.publications, audit: wiring.audit,
        jobs: wiring.jobs))
  }

  private var notifyPeople: NotifyPeople { wiring.notifyPeople }

  private var reviewDiff: ReviewDiff {
    ReviewDiff(review: wiring.review(model: model), callDeadline: wiring.callDeadline)
  }

  /// The time of a loop, and some for what was under way when it was up.
  private static let longestGeneration = Duration.seconds(GenerationLimits.longest + 300)

  private var generation: GenerationJobs { GenerationJobs(ports: wiring.generation(model: model)) }

  private var evaluate: EvaluateWork { EvaluateWork(ports: wiring.evaluate) }

  private var enrichIssue: EnrichIssue { wiring.enrichTracked(model: model) }

  private var enrichForgeIssue: EnrichForgeIssue {
    EnrichForgeIssue(ports: wiring.enrichment(model: model))
  }

  private var confirmIssueLabels: ConfirmIssueLabels {
    ConfirmIssueLabels(ports: wiring.enrichment(model: model))
  }

  // MARK: The server

  /// - Parameter place: serves the figures of a worker there and nothing else; `nil`: all that a
  ///   server does, where the settings say.
  func server(
    figuresAt place: ListenAddress? = nil,
    onListening: @escaping @Sendable (ListeningAddress) async -> Void
  ) -> StetServer {
    let settings = wiring.settings.service
    var limits = ServerLimits()
    limits.requestsPerMinute = settings.requestsPerMinute
    return StetServer(
      ports: ServerPorts(
        inbox: wiring.inbox, jobs: wiring.jobs, schedules: wiring.schedules,
        workLimits: wiring.workLimits, runs: wiring.runs, issues: wiring.issues,
        storeIssues: wiring.storeIssues,
        tokens: wiring.tokens, audit: wiring.audit, webhooks: webhooks,
        events: wiring.jobEvents,
        readiness: [
          ReadinessCheck(name: "database") { [wiring] in
            do {
              _ = try await wiring.schemaVersion()
              return nil
            } catch { return Self.sentence(for: error) }
          },
          ReadinessCheck(name: "queue") { [wiring] in
            do {
              _ = try await wiring.jobs.untilNext(kinds: [Work.HandleDelivery.kind])
              return nil
            } catch { return Self.sentence(for: error) }
          },
        ],
        fix: fix, generation: settings.generation, criteria: settings.criteria,
        forge: wiring.settings.github.credentials == nil ? nil : "github",
        dashboard: wiring.dashboard, signIns: wiring.signIns, repl: wiring.repl,
        metrics: metrics),
      configuration: ServerConfiguration(
        host: (place ?? settings.listen).host, port: (place ?? settings.listen).port,
        publicURL: place == nil ? settings.publicURL : nil, version: Version.number,
        limits: limits, servesFiguresOnly: place != nil),
      logger: Logger.service("stet.server", wiring.settings), onListening: onListening)
  }

  private var webhooks: [any WebhookReader] {
    [GitHubWebhooks(secret: wiring.settings.github.webhookSecret?.reveal())]
  }

  @Sendable private func fix(
    _ request: FixCode.Request
  ) async throws(FixError) -> FixCode.Answer {
    try await FixCode(
      ports: .init(
        model: model, runs: wiring.runs, syntax: wiring.syntax, sandbox: wiring.sandbox,
        logger: logger)
    ).run(request)
  }

  /// A day of outages at most: what fails for longer is told as a failure.
  @Sendable private static func outage(_ error: any Error, _ job: Job) -> Duration? {
    guard let error = error as? StoreError, error.isOutage,
      abs(job.createdAt.timeIntervalSinceNow) < 86_400
    else { return nil }
    return .seconds(5)
  }

  /// What a person reads of an error in a job's list of failures.
  static func sentence(for error: any Error) -> String {
    switch error {
    case let error as JobFailure: error.message
    case let error as ForgeError: error.detail
    case let error as ModelError: error.detail
    case let error as StoreError: error.detail
    case is CancellationError: "it was stopped"
    default: "\(error)"
    }
  }
}
