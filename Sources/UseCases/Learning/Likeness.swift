import Domain
import Foundation

/// A learned reviewer ready to be asked about hunks.
struct Likeness: Sendable {
  struct Question: Sendable {
    var path: String
    /// As a unified diff prints it, its header first.
    var hunk: String
  }

  struct Answer: Sendable {
    /// That the person would say something, 0 to 1.
    var probability: Double
    /// Cosine of the nearest example; `nil` where there is none.
    var nearest: Double?
    /// One line; `nil`: silence.
    var comment: String?
    /// `nil` where the neighbours alone foresaw silence, or no model was asked.
    var result: Result<ModelReply, ModelError>?
  }

  let reviewer: LearnedReviewer
  private let chat: ReviewChat
  private let examples: [String: ReviewExample]
  private let search: ExampleSearch
  private let calibration: SilenceCalibration
  private let model: (any LanguageModel)?
  private let shots: Int
  private let deadline: Duration
  private let random: @Sendable () -> UInt64

  /// Neighbours that vote on whether something is said.
  static let voters = 15
  /// Tokens of an answer: one line.
  private static let longestAnswer: TokenCount = 160

  /// - Parameters:
  ///   - examples: those that it may be asked with.
  ///   - model: the adapter's where the reviewer has one; `nil`: only foresees where they speak.
  init(
    _ reviewer: LearnedReviewer, examples: [ReviewExample], search: ExampleSearch,
    model: (any LanguageModel)?, tone: ReviewTone, ports: LearningPorts
  ) {
    self.reviewer = reviewer
    self.search = search
    self.model = model
    self.examples = Dictionary(examples.map { ($0.id, $0) }) { first, _ in first }
    chat = ReviewChat(
      repository: reviewer.identity.repository, persona: reviewer.identity.user.login, tone: tone)
    calibration = reviewer.calibration ?? .usual
    // An adapter was trained on bare questions: examples before them would be new to it.
    shots = reviewer.adapter != nil && tone == .learned ? 0 : ports.settings.shots
    deadline = ports.callDeadline
    random = ports.random
  }

  /// Vectors of the questions, all at once. - Throws: where the model of vectors fails.
  func vectors(of questions: [Question]) async throws(ModelError) -> [[Float]] {
    try await search.vectors(
      of: questions.map { ExampleSearch.text(path: $0.path, hunk: $0.hunk) }, deadline: deadline)
  }

  /// - Parameter vector: of the question.
  func answer(
    _ question: Question, vector: [Float], budget: FailureBudget
  ) async throws(StoreError) -> Answer {
    let neighbours = try await search.nearest(to: vector, count: max(Self.voters, shots * 4)) {
      examples[$0] != nil
    }
    let candidates = neighbours.compactMap { neighbour in
      examples[neighbour.id].map {
        ExampleChoice.Candidate(example: $0, score: neighbour.score)
      }
    }
    let vote = SilenceCalibration.vote(
      candidates.prefix(Self.voters).map { ($0.score, $0.example.comment != nil) })
    var answer = Answer(
      probability: vote.map(calibration.probability) ?? 0,
      nearest: candidates.first.map { Double($0.score) }, comment: nil, result: nil)
    guard answer.probability >= calibration.threshold, let model else { return answer }
    let request = ModelRequest(
      turns: turns(question, candidates, room: model.profile), answer: .text,
      maxOutput: min(Self.longestAnswer, model.profile.maxOutput), deadline: deadline,
      budget: budget)
    do throws(ModelError) {
      let reply = try await model.reply(to: request)
      answer.comment = ReviewChat.comment(in: reply.text)
      answer.result = .success(reply)
    } catch {
      answer.result = .failure(error)
    }
    return answer
  }

  /// Whether the neighbours let it speak.
  func speaks(_ answer: Answer) -> Bool { answer.probability >= calibration.threshold }

  private func turns(
    _ question: Question, _ candidates: [ExampleChoice.Candidate], room: ModelProfile
  ) -> [ModelRequest.Turn] {
    let hunk = ReviewChat.shown(question.hunk)
    var generator = RandomBits(bits: random)
    let fence =
      shots == 0 ? "" : UntrustedFence([("hunk", hunk)], using: &generator).nonce
    let asked = [
      ModelRequest.Turn(.system, chat.system(path: question.path)),
      ModelRequest.Turn(.user, chat.user(path: question.path, hunk: hunk, fence: fence)),
    ]
    // What a small model's window holds, at three bytes a token.
    var left =
      (room.contextWindow.value - Self.longestAnswer.value - 200) * 3
      - asked.reduce(0) { $0 + $1.text.utf8.count }
    var shown: [[ModelRequest.Turn]] = []
    for choice in ExampleChoice.choose(candidates, count: shots).reversed() {
      let exchange = chat.exchange(of: choice.example)
      left -= exchange.reduce(0) { $0 + $1.text.utf8.count }
      guard left > 0 else { break }
      shown.append(exchange)
    }
    return [asked[0]] + shown.reversed().flatMap { $0 } + [asked[1]]
  }
}

/// Fits when a likeness speaks, by what its neighbours did about later hunks.
enum LikenessFitting {
  /// So many of the held-out hunks are looked at.
  private static let mostLooked = 300

  static func calibration(
    of examples: [ReviewExample], _ search: ExampleSearch
  ) async throws -> SilenceCalibration {
    let split = ExampleSplit(examples)
    let training = Dictionary(split.training.map { ($0.id, $0) }) { first, _ in first }
    guard !training.isEmpty, !split.heldOut.isEmpty else { return .usual }
    let step = max(1, split.heldOut.count / mostLooked)
    let looked = stride(from: 0, to: split.heldOut.count, by: step).map { split.heldOut[$0] }
    let vectors: [[Float]]
    do {
      vectors = try await search.vectors(
        of: looked.map { ExampleSearch.text(path: $0.path, hunk: $0.hunk) },
        deadline: .seconds(120))
    } catch { return .usual }
    var samples: [(vote: Double, spoke: Bool)] = []
    for (example, vector) in zip(looked, vectors) {
      try Task.checkCancellation()
      let near = try await search.nearest(to: vector, count: Likeness.voters) {
        training[$0] != nil
      }
      let vote = SilenceCalibration.vote(near.map { ($0.score, training[$0.id]?.comment != nil) })
      if let vote { samples.append((vote, example.comment != nil)) }
    }
    return SilenceCalibration.fitted(to: samples)
  }
}
