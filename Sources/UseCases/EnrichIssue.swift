public import Domain
public import Foundation
public import Jobs

/// Gives an issue of Stet's own tracker its summary and tags: by a model, tried again later when it
/// fails, and in the end by the issue's own words, so that no issue stays pending.
public struct EnrichIssue: Sendable {
  public struct Ports: Sendable {
    /// `nil`: the issue's own words at once.
    public var model: (any LanguageModel)?
    public var issues: any IssueStore
    public var runs: (any RunStore)?
    /// What models answered to issues of the same words; `nil`: none is kept.
    public var cache: (any ResponseCache)?
    /// In which words those issues were put; `nil`: only the same words are found.
    public var similar: (any SimilarAnswers)?
    /// `nil`: duplicates are found by their words alone.
    public var vectors: IssueVectors?
    /// What was learned of earlier issues.
    public var known: KnownIssues
    public var now: @Sendable () -> Date
    /// 64 random bits, for the fences around what others wrote.
    public var random: @Sendable () -> UInt64

    public init(
      model: (any LanguageModel)?, issues: any IssueStore, runs: (any RunStore)?,
      cache: (any ResponseCache)? = nil, similar: (any SimilarAnswers)? = nil,
      vectors: IssueVectors? = nil, known: KnownIssues = KnownIssues(),
      now: @escaping @Sendable () -> Date = { Date() },
      random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    ) {
      self.model = model
      self.issues = issues
      self.runs = runs
      self.cache = cache
      self.similar = similar
      self.vectors = vectors
      self.known = known
      self.now = now
      self.random = random
    }
  }

  /// Seconds after a job's making in which its issue may still be stored.
  private static let timeToBeStored = 60.0
  /// Earlier issues that are looked at.
  private static let mostKnown = 2_000
  public static let usualRetryDelays: [Duration] = [.seconds(60), .seconds(120), .seconds(180)]

  let ports: Ports
  let retryDelays: [Duration]
  let callDeadline: Duration

  /// - Parameters:
  ///   - retryDelays: how long to wait after each try that failed; after the last of them the
  ///     issue's own words are used.
  ///   - callDeadline: for one try, a second turn included.
  public init(
    ports: Ports, retryDelays: [Duration] = usualRetryDelays, callDeadline: Duration = .seconds(60)
  ) {
    self.ports = ports
    self.retryDelays = retryDelays
    self.callDeadline = callDeadline
  }

  /// One try of the job, which remembers what the model answered: a try after it only stores that.
  /// - Throws: as `run`.
  public func handle(_ context: JobContext) async throws -> JobOutcome {
    try await run(Work.EnrichIssue(of: context.job), job: context.job, context)
  }

  /// One try of the job. - Throws: `JobFailure` with the time of the next, which is also the issue's
  /// `lastError`; `StoreError`; `CancellationError` where the worker stops.
  public func run(
    _ arguments: Work.EnrichIssue, job: Job, _ context: JobContext? = nil
  ) async throws -> JobOutcome {
    guard let issue = try await load(arguments.issue) else {
      // The job is stored first, the issue right after it.
      if ports.now().timeIntervalSince(job.createdAt) < Self.timeToBeStored {
        return .snoozed(.seconds(2), because: "its issue is about to be stored.")
      }
      return .cancelled(reason: "issue \(arguments.issue) is no longer there")
    }
    if let named = issue.job, named != job.id {
      if named > job.id { return .cancelled(reason: "the job \(named) was asked for later") }
      // Who asked for this one is about to write its name into the issue.
      if ports.now().timeIntervalSince(job.createdAt) < Self.timeToBeStored {
        return .snoozed(.seconds(1), because: "its issue is about to be marked.")
      }
    }
    let earlier = try await ports.runs?.run(id: arguments.run)
    // The job was done, and only the note of it was lost.
    if issue.status == .enriched, earlier?.outcome == .completed { return .completed }

    var work = EnrichmentWork(
      started: ports.now(), run: arguments.run, subject: "issue \(arguments.issue)",
      askedBy: "job:\(job.id)", job: job, earlier: earlier)
    let knowledge = try await knowledge(before: issue.id, &work)
    var request = EnrichmentRequest(
      id: issue.id, place: "tracker", title: issue.title, description: issue.description,
      without: Set(issue.removedTags))
    request.vector = await ports.vectors?.vector(of: request, knowledge, &work)
    let enrichment: IssueEnrichment
    if ports.model != nil {
      do {
        enrichment = try await remembered(request, knowledge, context, job, &work)
      } catch let error as ModelError {
        if Task.isCancelled || error.code == .cancelled { throw CancellationError() }
        let message = "\(error.code.rawValue): \(error.detail)"
        guard isLast(job) else {
          try await retryLater(
            arguments, message, work, after: retryDelays[max(0, job.attempt - 1)])
        }
        work.failure = message
        enrichment = IssueEnricher.fromWords(request, knowledge)
      }
    } else {
      enrichment = IssueEnricher.fromWords(request, knowledge)
    }
    return try await save(enrichment, of: issue, work)
  }

  private func isLast(_ job: Job) -> Bool {
    job.attempt > retryDelays.count || job.attempt >= job.maxAttempts
  }

  // MARK: The model

  /// What an earlier try of the job was answered, or what the model answers now.
  private func remembered(
    _ request: EnrichmentRequest, _ knowledge: IssueKnowledge, _ context: JobContext?, _ job: Job,
    _ work: inout EnrichmentWork
  ) async throws -> IssueEnrichment {
    let enricher = IssueEnricher(
      model: ports.model, answers: SimilarReply(cache: ports.cache, similar: ports.similar),
      random: ports.random, callDeadline: callDeadline)
    guard let context else {
      return try await enricher.enrichment(request, knowledge, attempt: job.attempt, &work)
    }
    // A text that was changed meanwhile is another question.
    let step =
      "enrichment \(ContentHash.of(parts: [request.title, request.description]).prefix(16))"
    var asked: EnrichmentWork?
    let answered: AnsweredEnrichment
    do {
      answered = try await context.step(step) { [work] in
        var own = work
        defer { asked = own }
        let enrichment = try await enricher.enrichment(
          request, knowledge, attempt: job.attempt, &own)
        return AnsweredEnrichment(enrichment: enrichment, calls: own.calls)
      }
    } catch {
      // The calls were made all the same.
      if let asked { work = asked }
      throw error
    }
    if let asked { work = asked } else { work.remember(answered.calls) }
    return answered.enrichment
  }

  /// Of the tracker's last issues. Those that a person has not looked at teach nothing.
  private func knowledge(
    before id: String, _ work: inout EnrichmentWork
  ) async throws -> IssueKnowledge {
    let log = VectorLog()
    let knowledge = try await ports.known.of("tracker", at: ports.now()) {
      [issues = ports.issues, vectors = ports.vectors] in
      let known = try await issues.issues(limit: Self.mostKnown, before: nil)
      var history = IssueKnowledge.History(
        issues: known.reversed().map { issue in
          KnownIssue(
            id: issue.id, title: issue.title, description: issue.description,
            labels: issue.areTagsConfirmed ? Set(issue.tags) : nil,
            suggested: issue.areTagsConfirmed ? issue.suggestedTags : [],
            removed: issue.removedTags)
        })
      await history.find(by: vectors, log)
      return history
    }
    for found in log.found { work.add(found) }
    return knowledge
  }

  // MARK: The stores

  private func load(_ id: String) async throws(StoreError) -> TrackedIssue? {
    do {
      return try await ports.issues.issue(id: id)
    } catch {
      throw StoreError(code: error.code, detail: "issue \(id) cannot be read: \(error.detail)")
    }
  }

  private func retryLater(
    _ arguments: Work.EnrichIssue, _ message: String, _ work: EnrichmentWork, after delay: Duration
  ) async throws -> Never {
    let now = ports.now()
    try await ports.issues.change(id: arguments.issue) { issue in
      issue.lastError = message
      issue.updatedAt = now
    }
    try await ports.runs?.save(work.record(nil, failure: message, now: ports.now()))
    throw JobFailure(message, retryAfter: delay)
  }

  /// A person may have changed the issue while the model thought: what they said stays, and another
  /// text is looked at again.
  private func save(
    _ enrichment: IssueEnrichment, of asked: TrackedIssue, _ work: EnrichmentWork
  ) async throws -> JobOutcome {
    let now = ports.now()
    let issue = try await ports.issues.change(id: asked.id) { issue in
      guard issue.title == asked.title, issue.description == asked.description else { return }
      issue.summary = enrichment.summary
      issue.suggestedTags = enrichment.tags
      if !issue.areTagsConfirmed {
        issue.tags = enrichment.tags.filter { !issue.removedTags.contains($0) }
      }
      issue.source = enrichment.source
      issue.duplicates = enrichment.duplicates
      issue.status = .enriched
      issue.updatedAt = now
      issue.lastError = work.failure
    }
    guard let issue else { return .cancelled(reason: "issue \(asked.id) is no longer there") }
    guard issue.title == asked.title, issue.description == asked.description else {
      return .snoozed(.seconds(1), because: "the issue was changed meanwhile.")
    }
    try await ports.runs?.save(work.record(enrichment, failure: nil, now: now))
    return .completed
  }
}
