import Domain
import Foundation

/// What is to be said of an issue, and out of what.
struct EnrichmentRequest: Sendable {
  var id: String?
  var title: String
  var description: String
  /// What may be chosen; the usual tags, or labels of the repository.
  var tags = IssuePrompt.usualTags
  /// What the repository's policy asks for.
  var instructions = ""
  /// Tags that are not given again, such as those that a person removed.
  var without: Set<String> = []
  var most = IssuePrompt.most
  /// Whether the tags are labels of a repository: one is enough then, and none may fit.
  var areLabels = false
}

/// Says what an issue is about: tags by what was learned of the place where that is sure, else by a
/// model, else by the issue's own words; duplicates among those that were found first.
struct IssueEnricher: Sendable {
  /// `nil`: the issue's own words at once.
  var model: (any LanguageModel)?
  var cache: (any ResponseCache)?
  var random: @Sendable () -> UInt64
  var callDeadline: Duration

  /// Candidates that a model is shown, from which score on, and those that are shown without one.
  private static let mostCandidates = 5
  private static let leastForModel = 0.25
  private static let leastShown = 0.5

  /// Without a model, in far less than 100 ms.
  static func fromWords(
    _ request: EnrichmentRequest, _ knowledge: IssueKnowledge = .nothing
  ) -> IssueEnrichment {
    var enrichment = IssueEnrichment(
      summary: KeywordEnrichment.summary(
        title: request.title, description: request.description),
      tags: KeywordEnrichment.tags(title: request.title, description: request.description),
      source: .fallback, duplicates: candidates(request, knowledge, least: leastShown))
    if request.areLabels {
      enrichment.tags = LabelNames.labels(for: enrichment.tags, among: request.tags)
    }
    enrichment.tags = enrichment.tags.filter { !request.without.contains($0) }
    if let learned = learned(request, knowledge) {
      enrichment.tags = learned
      enrichment.source = .classifier
    }
    if request.areLabels { enrichment.tags = Array(enrichment.tags.prefix(request.most)) }
    return enrichment
  }

  /// - Throws: where the model fails; `fromWords` works then.
  func enrichment(
    _ request: EnrichmentRequest, _ knowledge: IssueKnowledge, attempt: Int,
    _ work: inout EnrichmentWork
  ) async throws(ModelError) -> IssueEnrichment {
    guard let model else { return Self.fromWords(request, knowledge) }
    let candidates = Self.candidates(request, knowledge, least: Self.leastForModel)
    var prompt = IssuePrompt()
    prompt.tags = request.tags.filter {
      !request.without.contains($0) && knowledge.silenced[$0] == nil
    }
    prompt.instructions = request.instructions
    prompt.areLabels = request.areLabels
    prompt.candidates = candidates.map {
      .init(id: $0.id, title: work.clean(knowledge.titles[$0.id] ?? ""))
    }
    var reading = try await ask(model, prompt, request, attempt, &work)
    reading.tags = Array(reading.tags.prefix(request.most))
    let learned = Self.learned(request, knowledge)
    return IssueEnrichment(
      summary: reading.summary, tags: learned ?? reading.tags, source: .model,
      duplicates: candidates.filter { reading.duplicates.contains($0.id) })
  }

  private static func learned(
    _ request: EnrichmentRequest, _ knowledge: IssueKnowledge
  ) -> [String]? {
    guard let classifier = knowledge.classifier else { return nil }
    let labels = classifier.labels(
      title: request.title, description: request.description, most: request.most * 2
    ).map(\.label).filter { label in
      !request.without.contains(label) && knowledge.silenced[label] == nil
        && (!request.areLabels || request.tags.contains(label))
    }
    // It abstains: others may know.
    return labels.isEmpty ? nil : Array(labels.prefix(request.most))
  }

  private static func candidates(
    _ request: EnrichmentRequest, _ knowledge: IssueKnowledge, least: Double
  ) -> [TrackedIssue.Duplicate] {
    knowledge.search.candidates(
      title: request.title, description: request.description, except: request.id,
      most: mostCandidates, least: least
    ).map { TrackedIssue.Duplicate(id: $0.id, score: $0.score) }
  }

  // MARK: The model

  private func ask(
    _ model: any LanguageModel, _ prompt: IssuePrompt, _ asked: EnrichmentRequest, _ attempt: Int,
    _ work: inout EnrichmentWork
  ) async throws(ModelError) -> IssuePrompt.Reading {
    let key = key(model, prompt, asked)
    if let known = await remembered(key) {
      var reading = prompt.reading(of: known.json)
      if isEnough(&reading, prompt, asked) {
        work.remember(hit: known)
        return reading
      }
    }
    let end = ContinuousClock.now + callDeadline
    var request = ModelRequest(
      turns: prompt.turns(
        title: work.clean(asked.title),
        description: work.clean(Self.shortened(asked.description, for: model)), random: random),
      answer: .json(name: "issue_summary", prompt.schema), maxOutput: 400,
      // A later try at the same temperature would say the same.
      temperature: attempt > 1 ? 0.4 : 0, deadline: callDeadline)
    let reply = try await work.ask(model, request)
    var reading = prompt.reading(of: reply.json)
    if isEnough(&reading, prompt, asked) {
      await remember(reply, key)
      return reading
    }
    request.turns += [.init(.assistant, reply.text), .init(.user, prompt.repair)]
    request.answer = .json(name: "issue_summary", prompt.repairSchema)
    request.deadline = end - .now
    let second = prompt.reading(of: try await work.ask(model, request).json)
    reading = IssuePrompt.Reading(
      summary: second.summary.isEmpty ? reading.summary : second.summary,
      tags: Array(
        (second.tags + reading.tags.filter { !second.tags.contains($0) }).prefix(IssuePrompt.most)),
      duplicates: reading.duplicates)
    guard isEnough(&reading, prompt, asked) else {
      throw ModelError(
        code: .malformedAnswer,
        detail: "\(model.name) gave no summary, or fewer than \(prompt.fewest) tags")
    }
    return reading
  }

  /// Tags that the issue's own words bear out fill up a list that is too short.
  private func isEnough(
    _ reading: inout IssuePrompt.Reading, _ prompt: IssuePrompt, _ asked: EnrichmentRequest
  ) -> Bool {
    if !prompt.areLabels {
      for topic in KeywordEnrichment.topics(title: asked.title, description: asked.description)
      where reading.tags.count < prompt.fewest && !reading.tags.contains(topic)
        && prompt.tags.contains(topic)
      {
        reading.tags.append(topic)
      }
    }
    return !reading.summary.isEmpty && reading.tags.count >= prompt.fewest
  }

  // MARK: Similar issues

  /// Issues whose words are the same, whatever their numbers, signs and capitals, are one question.
  private func key(
    _ model: any LanguageModel, _ prompt: IssuePrompt, _ asked: EnrichmentRequest
  ) -> String {
    let words = [asked.title, asked.description].map { text in
      IssueWords.hashes(of: text).map { String($0, radix: 36) }.joined(separator: " ")
    }
    // Beyond what is looked at, a text is only like itself.
    let rest = ContentHash.of(
      Array(asked.description.utf8.dropFirst(IssueWords.mostBytes)))
    return ContentHash.of(
      parts: ["enrich 2", model.cacheIdentity] + words + [rest, prompt.instructions]
        + prompt.tags + prompt.candidates.map { "\($0.id) \($0.title)" })
  }

  private func remembered(_ key: String) async -> ModelReply? {
    guard let cache else { return nil }
    return (try? await cache.reply(for: key)) ?? nil
  }

  /// Losing it costs a call, no more.
  private func remember(_ reply: ModelReply, _ key: String) async {
    try? await cache?.store(reply, for: key)
  }

  /// The beginning of a long description, where reports say what they are about.
  private static func shortened(_ text: String, for model: any LanguageModel) -> String {
    let room = max(1_000, (model.profile.contextWindow.value - 1_500) * 2)
    let limit = min(room, 24_000)
    guard text.utf8.count > limit else { return text }
    return String(decoding: text.utf8.prefix(limit), as: UTF8.self) + "\n(cut here)"
  }
}
