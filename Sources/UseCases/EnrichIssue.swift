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
    public var now: @Sendable () -> Date
    /// 64 random bits, for the fences around what others wrote.
    public var random: @Sendable () -> UInt64

    public init(
      model: (any LanguageModel)?, issues: any IssueStore, runs: (any RunStore)?,
      now: @escaping @Sendable () -> Date = { Date() },
      random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    ) {
      self.model = model
      self.issues = issues
      self.runs = runs
      self.now = now
      self.random = random
    }
  }

  /// Seconds after a job's making in which its issue may still be stored.
  private static let timeToBeStored = 60.0
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
    let earlier = try await ports.runs?.run(id: arguments.run)
    // The job was done, and only the note of it was lost.
    if issue.status == .enriched, earlier?.outcome == .completed { return .completed }

    var work = EnrichmentWork(
      started: ports.now(), arguments: arguments, job: job, earlier: earlier)
    let enrichment: IssueEnrichment
    if let model = ports.model {
      do {
        enrichment = try await remembered(model, about: issue, context, job, &work)
      } catch let error as ModelError {
        if Task.isCancelled || error.code == .cancelled { throw CancellationError() }
        let message = "\(error.code.rawValue): \(error.detail)"
        guard isLast(job) else {
          try await retryLater(
            arguments, message, work, after: retryDelays[max(0, job.attempt - 1)])
        }
        work.failure = message
        enrichment = .fromWords(of: issue)
      }
    } else {
      enrichment = .fromWords(of: issue)
    }
    try await save(enrichment, of: arguments.issue, work)
    return .completed
  }

  private func isLast(_ job: Job) -> Bool {
    job.attempt > retryDelays.count || job.attempt >= job.maxAttempts
  }

  // MARK: The model

  /// What an earlier try of the job was answered, or what the model answers now.
  private func remembered(
    _ model: any LanguageModel, about issue: TrackedIssue, _ context: JobContext?, _ job: Job,
    _ work: inout EnrichmentWork
  ) async throws -> IssueEnrichment {
    guard let context else {
      return try await ask(model, about: issue, attempt: job.attempt, &work)
    }
    var asked: EnrichmentWork?
    let answered: AnsweredEnrichment
    do {
      answered = try await context.step("enrichment") { [work] in
        var own = work
        defer { asked = own }
        let enrichment = try await ask(model, about: issue, attempt: job.attempt, &own)
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

  private func ask(
    _ model: any LanguageModel, about issue: TrackedIssue, attempt: Int,
    _ work: inout EnrichmentWork
  ) async throws(ModelError) -> IssueEnrichment {
    let prompt = IssuePrompt()
    let title = work.clean(issue.title)
    let description = work.clean(Self.shortened(issue.description, for: model))
    let end = ContinuousClock.now + callDeadline
    var request = ModelRequest(
      turns: prompt.turns(title: title, description: description, random: ports.random),
      answer: .json(name: "issue_summary", prompt.schema), maxOutput: 400,
      // A later try at the same temperature would say the same.
      temperature: attempt > 1 ? 0.4 : 0, deadline: callDeadline)
    let reply = try await work.ask(model, request)
    var reading = prompt.reading(of: reply.json)
    if !isEnough(&reading, issue) {
      request.turns += [.init(.assistant, reply.text), .init(.user, IssuePrompt.repair)]
      request.answer = .json(name: "issue_summary", prompt.repairSchema)
      request.deadline = end - .now
      let second = prompt.reading(of: try await work.ask(model, request).json)
      reading = IssuePrompt.Reading(
        summary: second.summary.isEmpty ? reading.summary : second.summary,
        tags: Array(
          (second.tags + reading.tags.filter { !second.tags.contains($0) })
            .prefix(IssuePrompt.most)))
      guard isEnough(&reading, issue) else {
        throw ModelError(
          code: .malformedAnswer,
          detail: "\(model.name) gave no summary, or fewer than \(IssuePrompt.fewest) tags")
      }
    }
    return IssueEnrichment(summary: reading.summary, tags: reading.tags, source: .model)
  }

  /// Tags that the issue's own words bear out fill up a list that is too short.
  private func isEnough(_ reading: inout IssuePrompt.Reading, _ issue: TrackedIssue) -> Bool {
    for topic in KeywordEnrichment.topics(title: issue.title, description: issue.description)
    where reading.tags.count < IssuePrompt.fewest && !reading.tags.contains(topic) {
      reading.tags.append(topic)
    }
    return !reading.summary.isEmpty && reading.tags.count >= IssuePrompt.fewest
  }

  /// The beginning of a long description, where reports say what they are about.
  private static func shortened(_ text: String, for model: any LanguageModel) -> String {
    let room = max(1_000, (model.profile.contextWindow.value - 1_500) * 2)
    let limit = min(room, 24_000)
    guard text.utf8.count > limit else { return text }
    return String(decoding: text.utf8.prefix(limit), as: UTF8.self) + "\n(cut here)"
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
    if var issue = try await load(arguments.issue) {
      issue.lastError = message
      issue.updatedAt = ports.now()
      try await ports.issues.save(issue)
    }
    try await ports.runs?.save(work.record(nil, failure: message, now: ports.now()))
    throw JobFailure(message, retryAfter: delay)
  }

  /// Read again first: a person may have changed the issue while the model thought.
  private func save(
    _ enrichment: IssueEnrichment, of id: String, _ work: EnrichmentWork
  ) async throws {
    guard var issue = try await load(id) else { return }
    issue.summary = enrichment.summary
    issue.tags = enrichment.tags
    issue.source = enrichment.source
    issue.status = .enriched
    issue.updatedAt = ports.now()
    issue.lastError = work.failure
    try await ports.issues.save(issue)
    try await ports.runs?.save(work.record(enrichment, failure: nil, now: ports.now()))
  }
}
