public import Domain
public import Foundation

/// Reviews one change: select, plan, claim, prove, decide. What it returns was checked against the
/// change itself, and what was not looked at is in the ledger.
public struct ReviewChange: Sendable {
  /// What a review needs from outside. `model` may be absent: the built-in rules work alone.
  public struct Ports: Sendable {
    public var model: (any LanguageModel)?
    public var cache: (any ResponseCache)?
    public var runs: (any RunStore)?
    public var syntax: any SyntaxChecker
    public var now: @Sendable () -> Date
    /// 64 random bits, for the fences around what others wrote.
    public var random: @Sendable () -> UInt64

    public init(
      model: (any LanguageModel)?, cache: (any ResponseCache)?, runs: (any RunStore)?,
      syntax: any SyntaxChecker, now: @escaping @Sendable () -> Date = { Date() },
      random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    ) {
      self.model = model
      self.cache = cache
      self.runs = runs
      self.syntax = syntax
      self.now = now
      self.random = random
    }
  }

  public struct Request: Sendable {
    /// Any text that `Diff(parsing:)` reads.
    public var diff: [UInt8]
    /// For the run record: a range, a file's name.
    public var subject: String
    public var askedBy: String
    public var policy: ReviewPolicy
    /// What other tools found; kept only on changed lines.
    public var imported: [Finding]
    public var sources: SourceReader
    /// False where `sources` is dear: it is asked then only for files that a suggestion needs, and
    /// hunks are shown with the headings of the diff.
    public var readsSurroundings: Bool
    /// Files of the change that `diff` does not hold; they go to the ledger as too large.
    public var leftOut: [String]
    /// Total time for one model call.
    public var callDeadline: Duration
    /// The run's id where one was promised to somebody; else a new one.
    public var run: String?
    public var job: String?
    public var progress: @Sendable (Progress) -> Void

    public init(
      diff: [UInt8], subject: String, askedBy: String, policy: ReviewPolicy = ReviewPolicy(),
      imported: [Finding] = [], sources: @escaping SourceReader = { _, _ in nil },
      readsSurroundings: Bool = true, leftOut: [String] = [],
      callDeadline: Duration = .seconds(120), run: String? = nil, job: String? = nil,
      progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) {
      self.diff = diff
      self.subject = subject
      self.askedBy = askedBy
      self.policy = policy
      self.imported = imported
      self.sources = sources
      self.readsSurroundings = readsSurroundings
      self.leftOut = leftOut
      self.callDeadline = callDeadline
      self.run = run
      self.job = job
      self.progress = progress
    }
  }

  public struct Progress: Sendable, Equatable {
    public var hunksDone: Int
    public var hunksToDo: Int
  }

  public struct Outcome: Sendable {
    public var review: Review
    /// The first failure of the model; the review above is still proved, its ledger complete.
    public var modelFailure: ModelError?
    /// The run record could not be kept.
    public var storeFailure: StoreError?

    public init(review: Review, modelFailure: ModelError?, storeFailure: StoreError?) {
      self.review = review
      self.modelFailure = modelFailure
      self.storeFailure = storeFailure
    }
  }

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  /// - Throws: `DiffError` where the input is no diff that can be read whole.
  public func run(_ request: Request) async throws -> Outcome {
    let started = ports.now()
    let diff = try Diff(parsing: request.diff)

    let selection = ReviewSelection(diff, policy: request.policy)
    let suggestions = ProveSuggestion(sources: request.sources, syntax: ports.syntax)
    let stated = await ProveFindings(diff: diff, suggestions: suggestions)
      .prove(selection.builtInFindings(diff) + request.imported)
    let claimed = await askModel(diff, selection, suggestions, request)

    let decision = ReviewDecision(policy: request.policy)
      .decide(stated.findings + claimed.findings, dropped: stated.dropped + claimed.dropped)
    let coverage = selection.coverage(diff, claimed.ledger).adding(leftOut: request.leftOut)
    var review = Review(
      verdict: decision.verdict(coverage), summary: "", findings: decision.findings,
      dropped: decision.dropped, coverage: coverage, usage: claimed.usage,
      run: request.run ?? TimeOrderedID.next(started))
    review.summary = ReviewSummary.sentence(
      for: review, model: claimed.answeredBy ?? ports.model?.name, failure: claimed.failure)

    let stored = await record(review, claimed, request, started)
    return Outcome(review: review, modelFailure: claimed.failure, storeFailure: stored)
  }

  private func askModel(
    _ diff: Diff, _ selection: ReviewSelection, _ suggestions: ProveSuggestion, _ request: Request
  ) async -> ClaimedReview {
    guard let model = ports.model else { return ClaimedReview(seen: selection.hunks(diff)) }
    let prompt = ReviewPrompt(
      style: model.profile.promptStyle, language: request.policy.language)
    return await AskModel(
      model: model, prompt: prompt,
      cache: ports.cache.map {
        ClaimCache(
          store: $0, model: model.name, identity: model.cacheIdentity, prompt: prompt)
      },
      random: ports.random, diff: diff,
      prove: ProveClaims(diff: diff, suggestions: suggestions),
      request: request
    ).ask(about: selection.kept)
  }

  private func record(
    _ review: Review, _ claimed: ClaimedReview, _ request: Request, _ started: Date
  ) async -> StoreError? {
    guard let runs = ports.runs else { return nil }
    let run = Run(
      id: review.run, kind: .review, startedAt: started,
      seconds: ports.now().timeIntervalSince(started),
      outcome: claimed.failure == nil ? .completed : .failed, askedBy: request.askedBy,
      subject: request.subject, inputs: ["diff": ContentHash.of(request.diff)],
      modelCalls: claimed.calls, claims: claimed.claims, masked: claimed.masked, review: review,
      failure: claimed.failure.map { "\($0.code.rawValue): \($0.detail)" }, job: request.job)
    do {
      try await runs.save(run)
      return nil
    } catch {
      return error
    }
  }
}
