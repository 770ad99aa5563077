public import Domain
public import Foundation
public import Jobs

/// Looks at an issue on a forge, and does what its repository's policy lets it do: nothing, record
/// it, propose labels, or set them. It says so in one comment.
public struct EnrichForgeIssue: Sendable {
  public struct Ports: Sendable {
    public var openForge: ForgeOpener
    /// `nil`: the issue's own words at once.
    public var model: (any LanguageModel)?
    public var cache: (any ResponseCache)?
    /// In which words issues were put that models answered to; `nil`: only the same words are found.
    public var similar: (any SimilarAnswers)?
    /// `nil`: duplicates are found by their words alone.
    public var vectors: IssueVectors?
    public var known: KnownIssues
    public var publications: any PublicationStore
    public var runs: any RunStore
    public var audit: any AuditTrail
    public var jobs: any JobStore
    /// What a repository may spend on the model in a day; `nil`: anything.
    public var tokenBudget: (any TokenBudget)?
    public var limits: WorkLimits
    public var callDeadline: Duration
    /// How long to wait after each try of the model that failed.
    public var retryDelays: [Duration]
    /// Whom commands address, without `@`.
    public var handle: String
    public var now: @Sendable () -> Date
    /// 64 random bits, for the fences around what others wrote.
    public var random: @Sendable () -> UInt64

    public init(
      openForge: @escaping ForgeOpener, model: (any LanguageModel)?,
      cache: (any ResponseCache)? = nil, similar: (any SimilarAnswers)? = nil,
      vectors: IssueVectors? = nil, known: KnownIssues = KnownIssues(),
      publications: any PublicationStore, runs: any RunStore, audit: any AuditTrail,
      jobs: any JobStore, tokenBudget: (any TokenBudget)? = nil, limits: WorkLimits = WorkLimits(),
      callDeadline: Duration = .seconds(60),
      retryDelays: [Duration] = EnrichIssue.usualRetryDelays, handle: String = "stet",
      now: @escaping @Sendable () -> Date = { Date() },
      random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    ) {
      self.openForge = openForge
      self.model = model
      self.cache = cache
      self.similar = similar
      self.vectors = vectors
      self.known = known
      self.publications = publications
      self.runs = runs
      self.audit = audit
      self.jobs = jobs
      self.tokenBudget = tokenBudget
      self.limits = limits
      self.callDeadline = callDeadline
      self.retryDelays = retryDelays
      self.handle = handle
      self.now = now
      self.random = random
    }
  }

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  /// - Throws: `JobFailure`, or `CancellationError`.
  public func handle(_ context: JobContext) async throws -> JobOutcome {
    try await run(Work.EnrichForgeIssue(of: context.job), job: context.job, context)
  }

  /// - Parameter job: `nil` where no queue runs it: a model that fails is not asked again then.
  public func run(
    _ arguments: Work.EnrichForgeIssue, job: Job?, _ context: JobContext? = nil
  ) async throws -> JobOutcome {
    let place = "\(arguments.access.forge):\(arguments.reference)"
    let age = job.map { ForgeFailure.age(of: $0, at: ports.now()) }
    do {
      let forge = try await ports.openForge(arguments.access)
      let look = IssueLook(
        ports: ports, arguments: arguments, place: place, forge: forge, job: job,
        context: context,
        trail: ActionTrail(
          ports.audit, actor: arguments.askedBy, place: place,
          decidedBy: Work.EnrichForgeIssue.kind,
          reason: "the cause of this look: \(arguments.cause.rawValue)", run: arguments.run,
          job: job?.id))
      return try await look.run()
    } catch let error as ForgeError {
      if error.code == .notFound { return .cancelled(reason: "the issue is gone") }
      return try ForgeFailure.outcome(error, at: place, age: age)
    } catch is PublicationClaim.TakenOver {
      return try ForgeFailure.takenOver(at: place, age: age)
    } catch let error as StoreError {
      throw ForgeFailure.failure(error, isQueued: job != nil)
    }
  }
}
