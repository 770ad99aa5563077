import Domain

/// What is to be said of an issue, and out of what.
struct EnrichmentRequest: Sendable {
  var id: String?
  /// What is answered for one place is never given to another: `tracker`, `github:owner/name`, `text`.
  var place: String
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
  /// What it means, where a model of vectors said so.
  var vector: [Float]?
}

/// Says what an issue is about: tags by what was learned of the place where that is sure, else by a
/// model, else by the issue's own words; duplicates among those that were found first.
struct IssueEnricher: Sendable {
  /// `nil`: the issue's own words at once.
  var model: (any LanguageModel)?
  var answers = SimilarReply()
  var random: @Sendable () -> UInt64
  var callDeadline: Duration

  /// From which cosines on an earlier issue is a candidate: of the words, and of the meaning.
  private struct Least {
    var words: Double
    var meaning: Double
  }
  private static let mostCandidates = 5
  /// What a model is shown to choose from, what is shown without one, and what is the same question.
  private static let leastForModel = Least(words: 0.25, meaning: 0.5)
  private static let leastShown = Least(words: 0.5, meaning: 0.85)
  private static let leastSame = Least(words: 0.75, meaning: 0.95)

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
    var answer = try await ask(model, prompt, request, attempt, &work)
    answer.reading.tags = Array(answer.reading.tags.prefix(request.most))
    let learned = Self.learned(request, knowledge)
    let chosen = candidates.filter { candidate in
      // Who was answered from the cache had other candidates, or was one of these.
      answer.likeness != nil && Self.isSame(candidate)
        || answer.reading.duplicates.contains(candidate.id)
    }
    return IssueEnrichment(
      summary: answer.reading.summary, tags: learned ?? answer.reading.tags, source: .model,
      duplicates: chosen, cached: answer.likeness)
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

  /// Found by their words and by their meaning, each way its likeliest first; what both found stands
  /// before what one did, as in reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009).
  private static func candidates(
    _ request: EnrichmentRequest, _ knowledge: IssueKnowledge, least: Least
  ) -> [TrackedIssue.Duplicate] {
    let words = knowledge.search.candidates(
      title: request.title, description: request.description, except: request.id,
      most: mostCandidates, least: least.words)
    let meaning =
      request.vector.map {
        knowledge.meaning.candidates(
          to: $0, except: request.id, most: mostCandidates, least: least.meaning)
      } ?? []
    var found: [String: (duplicate: TrackedIssue.Duplicate, rank: Double)] = [:]
    for (place, candidate) in words.enumerated() {
      found[candidate.id] = (
        TrackedIssue.Duplicate(id: candidate.id, words: candidate.score), 1 / Double(60 + place)
      )
    }
    for (place, candidate) in meaning.enumerated() {
      var known = found[candidate.id] ?? (TrackedIssue.Duplicate(id: candidate.id), 0)
      known.duplicate.meaning = candidate.score
      known.rank += 1 / Double(60 + place)
      found[candidate.id] = known
    }
    return found.values.sorted {
      ($1.rank, $1.duplicate.score, $0.duplicate.id) < (
        $0.rank, $0.duplicate.score, $1.duplicate.id
      )
    }.prefix(mostCandidates).map(\.duplicate)
  }

  private static func isSame(_ duplicate: TrackedIssue.Duplicate) -> Bool {
    duplicate.words ?? 0 >= leastSame.words || duplicate.meaning ?? 0 >= leastSame.meaning
  }

  // MARK: The model

  private struct Answer {
    var reading: IssuePrompt.Reading
    /// Of the issue whose answer this was; `nil` where the model was asked.
    var likeness: Double?
  }

  private func ask(
    _ model: any LanguageModel, _ prompt: IssuePrompt, _ asked: EnrichmentRequest, _ attempt: Int,
    _ work: inout EnrichmentWork
  ) async throws(ModelError) -> Answer {
    // The candidates for duplicates are left out: they change with every issue that comes.
    let question = SimilarReply.Question(
      shape: [model.cacheIdentity, asked.place, prompt.instructions, "\(prompt.areLabels)"]
        + prompt.tags,
      title: asked.title, description: asked.description)
    if let known = await answers.known(question) {
      var reading = prompt.reading(of: known.reply.json)
      if isEnough(&reading, prompt, asked) {
        work.remember(hit: known.reply)
        return Answer(reading: reading, likeness: known.likeness)
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
      await answers.remember(reply, question)
      return Answer(reading: reading)
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
    return Answer(reading: reading)
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

  /// The beginning of a long description, where reports say what they are about.
  private static func shortened(_ text: String, for model: any LanguageModel) -> String {
    let room = max(1_000, (model.profile.contextWindow.value - 1_500) * 2)
    let limit = min(room, 24_000)
    guard text.utf8.count > limit else { return text }
    return String(decoding: text.utf8.prefix(limit), as: UTF8.self) + "\n(cut here)"
  }
}
