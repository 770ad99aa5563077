public import Domain
import Foundation
import Jobs

/// What an issue is given.
struct IssueEnrichment: Sendable, Equatable, Codable {
  var summary: String
  var tags: [String]
  var source: TrackedIssue.Source
  var duplicates: [TrackedIssue.Duplicate] = []
  /// How like the issue was whose answer this is, where it came from the cache.
  var cached: Double?
}

extension TrackedIssue.Duplicate {
  /// As runs keep it and answers give it.
  public var document: JSONValue {
    .object([
      "id": .string(id), "score": .number(score),
      "words": words.map(JSONValue.number) ?? .null,
      "meaning": meaning.map(JSONValue.number) ?? .null,
    ])
  }

  init?(document: JSONValue) {
    guard let id = document["id"]?.string else { return nil }
    func number(_ name: String) -> Double? {
      switch document[name] {
      case .number(let value)?: value
      case .integer(let value)?: Double(value)
      default: nil
      }
    }
    self.init(id: id, words: number("words"), meaning: number("meaning"))
    // As older versions have it.
    if words == nil, meaning == nil { words = number("score") }
  }
}

/// What the model answered, and the calls that it took.
struct AnsweredEnrichment: Sendable, Codable {
  var enrichment: IssueEnrichment
  var calls: [Run.ModelCall]
}

/// One try of an enrichment, for its record: the calls of earlier tries stand before its own.
struct EnrichmentWork: Sendable {
  let started: Date
  let run: String
  /// Of what, in words.
  let subject: String
  let askedBy: String
  /// `nil` where no queue runs it.
  let job: Job?
  let earlier: Run?

  /// The model's last failure, where the issue's own words stand in for it.
  var failure: String?
  /// Why likeness in meaning was not looked at, or not of all.
  private var vectorFailure: String?
  private var vectorCalls: [Run.ModelCall] = []
  private var spending = ModelSpending()
  private var remembered: [Run.ModelCall] = []
  private var masked: [String: Int] = [:]

  init(
    started: Date, run: String, subject: String, askedBy: String, job: Job?, earlier: Run? = nil
  ) {
    self.started = started
    self.run = run
    self.subject = subject
    self.askedBy = askedBy
    self.job = job
    self.earlier = earlier
  }

  /// Of this try, and of an earlier one whose answer is used.
  var calls: [Run.ModelCall] { remembered + spending.calls }

  mutating func remember(_ calls: [Run.ModelCall]) { remembered = calls }

  mutating func add(_ found: IssueVectors.Found) {
    vectorCalls += found.calls
    if let failure = found.failure { vectorFailure = failure }
  }

  mutating func remember(hit reply: ModelReply) { spending.addHit(reply) }

  /// Without hidden text and secrets.
  mutating func clean(_ text: String) -> String {
    let hidden = HiddenText.stripped(text)
    if hidden.removed > 0 { masked["hidden-text", default: 0] += hidden.removed }
    let secrets = SecretMask.masked(hidden.text)
    for (kind, count) in secrets.counts { masked[kind, default: 0] += count }
    return secrets.text
  }

  mutating func ask(
    _ model: any LanguageModel, _ request: ModelRequest
  ) async throws(ModelError) -> ModelReply {
    let began = ContinuousClock.now
    do throws(ModelError) {
      let reply = try await model.reply(to: request)
      spending.add(reply)
      return reply
    } catch {
      spending.add(error, model: model.name, seconds: (ContinuousClock.now - began).seconds)
      throw error
    }
  }

  /// - Parameters:
  ///   - further: what the result says beside the enrichment.
  ///   - actions: what was changed outside.
  func record(
    _ enrichment: IssueEnrichment?, failure: String?, now: Date,
    further: [String: JSONValue] = [:], actions: [Run.Action]? = nil
  ) -> Run {
    let began = earlier?.startedAt ?? started
    let result = enrichment.map { enrichment in
      JSONValue.object(
        [
          "ai_summary": .string(SecretMask.masked(enrichment.summary).text),
          "tags": .string(enrichment.tags.joined(separator: ",")),
          "source": .string(enrichment.source.rawValue),
          "duplicates": .array(enrichment.duplicates.map(\.document)),
          "cached": enrichment.cached.map(JSONValue.number) ?? .null,
          "embedding_failure": vectorFailure.map(JSONValue.string) ?? .null,
          "model_failure": self.failure.map(JSONValue.string) ?? .null,
        ].merging(further) { $1 })
    }
    return Run(
      id: run, kind: .enrich, startedAt: began,
      seconds: now.timeIntervalSince(began), outcome: failure == nil ? .completed : .failed,
      askedBy: earlier?.askedBy ?? askedBy, subject: subject,
      inputs: earlier?.inputs ?? [:],
      modelCalls: (earlier?.modelCalls ?? []) + vectorCalls + calls,
      claims: (earlier?.claims ?? 0) + calls.count { $0.failure == nil },
      masked: masked, review: nil, failure: failure, job: job?.id, actions: actions,
      result: result)
  }
}
