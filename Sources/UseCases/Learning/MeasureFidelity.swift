public import Domain
import Foundation
import Jobs

/// Measures how near a likeness comes to the person, on later comments of other pull requests than
/// those it is asked with.
public struct MeasureFidelity: Sendable {
  public struct Request: Sendable {
    public var reviewer: LearnedReviewer
    /// Held-out hunks that a model is asked about; 0: nobody is asked.
    public var questions: Int
    public var tone: ReviewTone
    /// False: the bare model, without examples and without an adapter, to compare with.
    public var isLearned: Bool

    public init(
      reviewer: LearnedReviewer, questions: Int, tone: ReviewTone = .learned,
      isLearned: Bool = true
    ) {
      self.reviewer = reviewer
      self.questions = questions
      self.tone = tone
      self.isLearned = isLearned
    }
  }

  let ports: LearningPorts

  public init(ports: LearningPorts) { self.ports = ports }

  /// Hunks whose neighbours are looked at without asking anybody.
  private static let mostForeseen = 500

  /// - Throws: a final `JobFailure` where questions are to be asked and no model is set.
  public func run(
    _ request: Request, progress: @Sendable (String) -> Void = { _ in }
  ) async throws -> Fidelity {
    var reviewer = request.reviewer
    let examples = try await ports.reviewers.examples(of: reviewer.id)
    let split = ExampleSplit(examples)
    let training = Set(split.training.map(\.id))
    // Fitted anew without what is measured by.
    reviewer.calibration = try await LikenessFitting.calibration(
      of: split.training, ExampleSearch(reviewer, examples, ports))
    if !request.isLearned {
      reviewer.adapter = nil
      // Nothing that was learned keeps it silent.
      reviewer.calibration = SilenceCalibration(slope: 0, offset: 0, threshold: 0, hunks: 0)
    }
    var fidelity = Fidelity(
      reviewer: reviewer.identity.user.login, repository: reviewer.identity.repository,
      model: nil, adapter: reviewer.adapter.map { "\($0)" }, training: split.training.count,
      heldOut: split.heldOut.count)
    fidelity.theirManner = Fidelity.Manner(of: split.heldOut.compactMap(\.comment))
    guard !split.heldOut.isEmpty else { return fidelity }

    let opened = try await opened(reviewer, request, training)
    fidelity.model = opened.model?.name
    if case .examples = opened.voice { fidelity.adapter = nil }
    let foreseen = Self.spread(split.heldOut, over: Self.mostForeseen)
    let asked = Set(Self.spread(foreseen, over: request.questions).map(\.id))
    let questions = foreseen.map { Likeness.Question(path: $0.path, hunk: $0.hunk) }
    let vectors: [[Float]]
    do throws(ModelError) { vectors = try await opened.likeness.vectors(of: questions) } catch {
      throw JobFailureText.failure(error)
    }
    let silent = try await bare(reviewer, request, training)
    var nearest: [Double] = []
    for (place, example) in foreseen.enumerated() {
      try Task.checkCancellation()
      let isAsked = asked.contains(example.id) && opened.model != nil
      let likeness = isAsked ? opened.likeness : silent
      let answer = try await likeness.answer(
        questions[place], vector: vectors[place], budget: FailureBudget())
      if let near = answer.nearest { nearest.append(near) }
      fidelity.foreseen.count(
        person: example.comment != nil, likeness: likeness.speaks(answer))
      guard isAsked else { continue }
      if case .failure(let error)? = answer.result { throw JobFailureText.asked(error) }
      fidelity.measured += 1
      progress("\(fidelity.measured) of \(asked.count) held-out hunks were put to it")
      fidelity.places.count(person: example.comment != nil, likeness: answer.comment != nil)
      fidelity.pairs.append(
        Fidelity.Pair(
          pullRequest: example.pullRequest, path: example.path, line: example.line,
          hunk: ReviewChat.shown(example.hunk, endsAtComment: true), theirs: example.comment,
          said: answer.comment, likeness: nil, confidence: answer.probability))
    }
    fidelity.nearest = Self.mean(nearest)
    fidelity.itsManner = Fidelity.Manner(of: fidelity.pairs.compactMap(\.said))
    await compare(&fidelity)
    return fidelity
  }

  // MARK: Whom to ask

  private struct Opened {
    var likeness: Likeness
    var model: (any LanguageModel)?
    var voice: LikenessOpening.Voice
  }

  private func opened(
    _ reviewer: LearnedReviewer, _ request: Request, _ training: Set<String>
  ) async throws -> Opened {
    guard request.questions > 0 else {
      return Opened(
        likeness: try await bare(reviewer, request, training), model: nil, voice: .examples)
    }
    var asking = ports
    // The bare model sees the hunk and the person's name, and no example.
    if !request.isLearned { asking.settings.shots = 0 }
    let opened = try await LikenessOpening(ports: asking).open(
      reviewer, tone: request.tone, access: nil
    ) { training.contains($0.id) }
    return Opened(likeness: opened.likeness, model: opened.model, voice: opened.voice)
  }

  /// Foresees by the neighbours, and asks nobody.
  private func bare(
    _ reviewer: LearnedReviewer, _ request: Request, _ training: Set<String>
  ) async throws -> Likeness {
    let examples = try await ports.reviewers.examples(of: reviewer.id)
    return Likeness(
      reviewer, examples: examples.filter { training.contains($0.id) },
      search: ExampleSearch(reviewer, examples, ports), model: nil, tone: request.tone,
      ports: ports)
  }

  // MARK: Comparing

  /// How near what it says comes to what they said, in meaning where a model of vectors is set, else
  /// in words.
  private func compare(_ fidelity: inout Fidelity) async {
    let both = fidelity.pairs.indices.filter {
      fidelity.pairs[$0].theirs != nil && fidelity.pairs[$0].said != nil
    }
    guard !both.isEmpty else { return }
    let texts = both.flatMap {
      [fidelity.pairs[$0].theirs ?? "", fidelity.pairs[$0].said ?? ""]
    }
    var vectors = texts.map(HashedWords.vector)
    if let embedder = ports.embedder,
      let embedded = try? await embedder.embed(texts, deadline: .seconds(120)).vectors,
      embedded.count == texts.count
    {
      vectors = embedded
    }
    for (place, pair) in both.enumerated() {
      var product = 0.0
      for (a, b) in zip(vectors[place * 2], vectors[place * 2 + 1]) { product += Double(a * b) }
      fidelity.pairs[pair].likeness = product
    }
    fidelity.about = Self.mean(both.compactMap { fidelity.pairs[$0].likeness })
  }

  private static func mean(_ numbers: [Double]) -> Double? {
    numbers.isEmpty ? nil : numbers.reduce(0, +) / Double(numbers.count)
  }

  /// So many of them, from all of their time.
  private static func spread(_ examples: [ReviewExample], over count: Int) -> [ReviewExample] {
    guard count > 0 else { return [] }
    guard examples.count > count else { return examples }
    return (0..<count).map { examples[$0 * examples.count / count] }
  }
}

enum JobFailureText {
  /// An outage is no silence: figures with it would tell of the server.
  static func asked(_ error: ModelError) -> JobFailure {
    JobFailure(
      "the model failed (\(error.code.rawValue)), so that nothing was measured: "
        + SecretMask.masked(error.detail).text)
  }

  static func failure(_ error: ModelError) -> JobFailure {
    JobFailure(
      "the model of vectors failed (\(error.code.rawValue)): "
        + SecretMask.masked(error.detail).text)
  }
}
