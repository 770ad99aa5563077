import Domain
import Foundation
import Jobs

/// Holds a change before a likeness: one line or silence for each hunk, proved as every finding is.
struct LikenessReview: Sendable {
  struct Outcome: Sendable {
    var findings: [Finding] = []
    var dropped: [DroppedClaim] = []
    var spending = ModelSpending()
    /// Hunks that were looked at whole, the long ones in parts.
    var hunks = 0
    /// Parts that were put to it, and at how many of them it would say nothing.
    var looked = 0
    var silent = 0
    /// Parts that the model did not answer for, and the hunks that they are of.
    var failed = 0
    var failedHunks: Set<HunkID> = []
    /// Hunks beyond the bound, with those that were looked at in part alone, or set aside as no code
    /// of people.
    var left = 0
    var failure: ModelError?
    var masked = 0
  }

  let likeness: Likeness
  let diff: Diff
  let policy: ReviewPolicy
  let settings: LearningSettings
  let concurrency: Int
  let syntax: any SyntaxChecker

  private struct Place: Sendable {
    var id: HunkID
    var lines: [DiffLine]
    var question: Likeness.Question
  }

  /// What a likeness says has this category, and the person's number: another person may say
  /// something of the same code.
  static func category(_ reviewer: LearnedReviewer) -> String {
    "likeness-\(reviewer.identity.user.id)"
  }

  func run() async throws -> Outcome {
    var outcome = Outcome()
    let places = places(&outcome)
    outcome.looked = places.count
    guard !places.isEmpty else { return outcome }
    let vectors: [[Float]]
    do throws(ModelError) {
      vectors = try await likeness.vectors(of: places.map(\.question))
    } catch {
      (outcome.failure, outcome.failed) = (error, places.count)
      outcome.failedHunks = Set(places.map(\.id))
      return outcome
    }
    let budget = FailureBudget()
    var answers: [(place: Int, answer: Likeness.Answer)] = []
    var waiting = Array(places.indices)[...]
    try await withThrowingTaskGroup(of: (Int, Likeness.Answer).self) { group in
      func fill() {
        guard let next = waiting.popFirst() else { return }
        group.addTask {
          let question = places[next].question
          return (
            next,
            try await likeness.answer(question, vector: vectors[next], budget: budget)
          )
        }
      }
      for _ in 0..<max(1, concurrency) { fill() }
      while let answer = try await group.next() {
        answers.append(answer)
        fill()
      }
    }
    var claims: [Finding] = []
    for (index, answer) in answers.sorted(by: { $0.place < $1.place }) {
      take(answer, places[index], &claims, &outcome)
    }
    let proved = await ProveFindings(
      diff: diff,
      suggestions: ProveSuggestion(sources: { _, _ in nil }, syntax: syntax)
    ).prove(claims)
    outcome.findings = identified(
      Array(proved.findings.prefix(max(0, policy.maxFindings))))
    outcome.dropped = proved.dropped
    return outcome
  }

  // MARK: Hunks

  /// The riskiest first, as every review has them, up to the bound.
  private func places(_ outcome: inout Outcome) -> [Place] {
    let selection = ReviewSelection(diff, policy: policy)
    let plan = ReviewPlan(
      diff, files: selection.kept, budget: TokenCount(policy.maxInputTokens), overhead: 80)
    let parts = plan.chosen.prefix(settings.hunks).map { candidate in
      let file = diff.files[candidate.id.file]
      return HunkPart.parts(of: file.hunks[candidate.id.hunk - 1]).map { part in
        Place(
          id: candidate.id, lines: part.lines,
          question: Likeness.Question(path: file.path.description, hunk: part.text))
      }
    }
    // The first part of each before the second of any: one long hunk leaves room for the others.
    var kept: [Place] = []
    for number in 0..<(parts.map(\.count).max() ?? 0) {
      for hunk in parts where hunk.indices.contains(number) { kept.append(hunk[number]) }
    }
    let cut = Set(kept.dropFirst(settings.hunks).map(\.id))
    kept = Array(kept.prefix(settings.hunks))
    outcome.hunks = Set(kept.map(\.id)).subtracting(cut).count
    outcome.left = diff.files.reduce(0) { $0 + $1.hunks.count } - outcome.hunks
    return kept
  }

  // MARK: Answers

  private func take(
    _ answer: Likeness.Answer, _ place: Place, _ claims: inout [Finding],
    _ outcome: inout Outcome
  ) {
    let model: String
    switch answer.result {
    case .success(let reply):
      outcome.spending.add(reply)
      model = reply.model
    case .failure(let error):
      outcome.spending.add(error, model: "likeness", seconds: 0)
      outcome.failure = outcome.failure ?? error
      outcome.failed += 1
      outcome.failedHunks.insert(place.id)
      return
    case nil:
      outcome.silent += 1
      return
    }
    guard let comment = answer.comment else {
      outcome.silent += 1
      return
    }
    let masked = SecretMask.masked(comment)
    outcome.masked += masked.counts.values.reduce(0, +)
    let message = Defanged.message(masked.text, limit: ReviewChat.longestAnswer)
    let isRepeated = claims.contains { $0.message.lowercased() == message.lowercased() }
    guard !message.isEmpty, !isRepeated,
      let finding = finding(message, place, answer.probability, model)
    else {
      outcome.silent += 1
      return
    }
    claims.append(finding)
  }

  /// At the line that it is about, on the new side where the hunk has one.
  private func finding(
    _ message: String, _ place: Place, _ confidence: Double, _ model: String
  ) -> Finding? {
    let file = diff.files[place.id.file]
    let all = place.lines
    let hasNew = all.contains { $0.kind == .added }
    let lines = all.filter { hasNew ? $0.newNumber != nil : $0.kind == .removed }
    let choice = LineChoice.best(
      for: message,
      in: lines.map {
        LineChoice.Line(text: $0.text.withoutFinalCR, isAdded: $0.kind != .context)
      })
    guard let choice else { return nil }
    let side: Side = hasNew ? .new : .old
    guard let number = lines[choice].number(on: side) else { return nil }
    return Finding(
      path: file.path.description, side: side, startLine: number, line: number, severity: .note,
      category: Self.category(likeness.reviewer), message: message,
      quote: lines[choice].text.withoutFinalCR, confidence: confidence, source: .model(model))
  }

  /// A fingerprint knows the code of the hunk and not the words, by which the line is chosen: an
  /// adapter that was trained anew does not say again what an earlier one said on the same code.
  private func identified(_ findings: [Finding]) -> [Finding] {
    var seen: Set<String> = []
    return findings.compactMap { finding in
      var finding = finding
      finding.fingerprint = Fingerprint.of(
        path: finding.path, side: finding.side, category: finding.category,
        code: changed(around: finding))
      finding.id = String(finding.fingerprint.prefix(12))
      return seen.insert(finding.fingerprint).inserted ? finding : nil
    }
  }

  /// What the finding's part of a hunk adds, or takes away where it adds nothing.
  private func changed(around finding: Finding) -> String {
    let file = diff.files.first { $0.path.description == finding.path }
    let parts = file?.hunks.lazy.flatMap { HunkPart.parts(of: $0) }
    let part = parts?.first { part in
      part.lines.contains { $0.number(on: finding.side) == finding.line }
    }
    guard let part else { return finding.quote }
    return part.lines.filter { $0.kind != .context && $0.number(on: finding.side) != nil }
      .map(\.text.withoutFinalCR).joined(separator: "\n")
  }
}

/// Puts together what a likeness is asked with.
struct LikenessOpening: Sendable {
  let ports: LearningPorts

  enum Voice: Sendable {
    case examples, adapter(AdapterName)
  }

  struct Opened: Sendable {
    var likeness: Likeness
    var model: any LanguageModel
    var voice: Voice
    /// Why it is not the adapter that speaks, where one should.
    var note: String?
  }

  /// - Parameters:
  ///   - access: whose tokens are spent; `nil` for a command.
  ///   - isAllowed: the examples that may be shown; `nil`: all.
  /// - Throws: a final `JobFailure` where nobody can write a comment.
  func open(
    _ reviewer: LearnedReviewer, tone: ReviewTone, access: ForgeAccess?,
    isAllowed: (@Sendable (ReviewExample) -> Bool)? = nil
  ) async throws -> Opened {
    let examples = try await ports.reviewers.examples(of: reviewer.id)
    var speaking = reviewer
    var note = reviewer.note
    var chosen = ports.model
    var voice = Voice.examples
    if let name = reviewer.adapter, tone == .learned {
      switch await adapted(name, reviewer) {
      case .success(let adapted): (chosen, voice, note) = (adapted, .adapter(name), nil)
      case .failure(let error):
        note =
          "Its adapter cannot be asked now (\(error.code.rawValue)), so that it speaks by examples."
      }
    }
    // It is the tone, and nothing that went wrong, for which an adapter that passed does not speak.
    if reviewer.adapter != nil, tone != .learned { note = nil }
    if case .examples = voice { speaking.adapter = nil }
    guard var model = chosen else {
      throw JobFailure(
        "No model is set that could write for a likeness: set LLM_PROVIDER, such as local.",
        isFinal: true)
    }
    if let access { model = model.within(ports.tokenBudget, of: access) }
    let search = ExampleSearch(reviewer, examples, ports)
    return Opened(
      likeness: Likeness(
        speaking, examples: isAllowed.map { examples.filter($0) } ?? examples, search: search,
        model: model, tone: tone, ports: ports),
      model: model, voice: voice, note: note)
  }

  private func adapted(
    _ name: AdapterName, _ reviewer: LearnedReviewer
  ) async -> Result<any LanguageModel, AdapterError> {
    guard let adapters = ports.adapters else {
      return .failure(AdapterError(code: .unsupported, detail: "no server of adapters is set."))
    }
    do throws(AdapterError) {
      // A server that was started anew since may have forgotten it.
      if let training = reviewer.trainings.last(where: { $0.name == name }),
        let folder = training.folder
      {
        try await adapters.load(
          StoredAdapter(name: name, base: training.base, folder: folder, gguf: training.gguf))
      }
      return .success(try await adapters.model(with: name))
    } catch { return .failure(error) }
  }
}
