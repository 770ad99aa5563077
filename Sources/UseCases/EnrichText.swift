public import Domain
public import Foundation

/// Says what a text is about, such as an issue that lies in a file: once, without a queue.
public struct EnrichText: Sendable {
  public struct Ports: Sendable {
    /// `nil`: the text's own words.
    public var model: (any LanguageModel)?
    public var cache: (any ResponseCache)?
    /// In which words texts were put that models answered to; `nil`: only the same words are found.
    public var similar: (any SimilarAnswers)?
    public var runs: (any RunStore)?
    public var callDeadline: Duration
    public var now: @Sendable () -> Date
    /// 64 random bits, for the fences around what others wrote.
    public var random: @Sendable () -> UInt64

    public init(
      model: (any LanguageModel)?, cache: (any ResponseCache)? = nil,
      similar: (any SimilarAnswers)? = nil, runs: (any RunStore)? = nil,
      callDeadline: Duration = .seconds(60), now: @escaping @Sendable () -> Date = { Date() },
      random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    ) {
      self.model = model
      self.cache = cache
      self.similar = similar
      self.runs = runs
      self.callDeadline = callDeadline
      self.now = now
      self.random = random
    }
  }

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  /// - Parameter subject: what it is, in words.
  /// - Returns: the run, whose `result` holds `ai_summary`, `tags`, `source`, `model_failure`.
  /// - Throws: `StoreError`; `CancellationError`.
  public func run(
    title: String, description: String, subject: String, askedBy: String
  ) async throws -> Run {
    let now = ports.now()
    var work = EnrichmentWork(
      started: now, run: TimeOrderedID.next(now), subject: subject, askedBy: askedBy, job: nil)
    let request = EnrichmentRequest(place: "text", title: title, description: description)
    let enricher = IssueEnricher(
      model: ports.model, answers: SimilarReply(cache: ports.cache, similar: ports.similar),
      random: ports.random, callDeadline: ports.callDeadline)
    let enrichment: IssueEnrichment
    do throws(ModelError) {
      enrichment = try await enricher.enrichment(request, .nothing, attempt: 1, &work)
    } catch {
      if Task.isCancelled || error.code == .cancelled { throw CancellationError() }
      work.failure = "\(error.code.rawValue): \(error.detail)"
      enrichment = IssueEnricher.fromWords(request)
    }
    let run = work.record(enrichment, failure: nil, now: ports.now())
    try await ports.runs?.save(run)
    return run
  }
}
