import Domain
import Foundation

/// Lets an adapter speak only where it knows the person better than the base model does, and better
/// than another person's adapter, on later comments that none of them saw.
struct AdapterGate: Sendable {
  let adapters: any AdapterServer
  let reviewers: any ReviewerStore
  let base: String

  struct Verdict: Sendable {
    var passes: Bool
    var heldOut: TrainedAdapter.HeldOut?
    /// For everybody who reads the pull request.
    var sentence: String
    /// For whoever runs Stet, where a server failed.
    var detail: String?
  }

  /// Held-out comments that are measured by, the latest; fewer than the least say nothing.
  private static let most = 60
  private static let least = 5

  func judge(
    _ outcome: LoRAOutcome, _ heldOut: [ReviewExample], _ chat: ReviewChat,
    of reviewer: LearnedReviewer
  ) async throws -> Verdict {
    let comments = heldOut.filter { $0.comment != nil }.suffix(Self.most)
    guard comments.count >= Self.least else {
      return Verdict(
        passes: false, heldOut: nil,
        sentence: "The adapter is not used: \(comments.count) held-out comments are too few to "
          + "judge it by.")
    }
    do {
      let adapter = StoredAdapter(
        name: outcome.name, base: base, folder: outcome.folder, gguf: outcome.gguf)
      try await adapters.load(adapter)
      let turns = comments.map { chat.turns(of: $0) }
      let own = try await loss(turns, outcome.name)
      let plain = try await loss(turns, nil)
      let other = try await rivalLoss(turns, of: reviewer)
      let heldOut = TrainedAdapter.HeldOut(
        comments: comments.count, adapter: own, base: plain, other: other)
      return Verdict(
        passes: heldOut.passes, heldOut: heldOut, sentence: Self.sentence(heldOut))
    } catch let error as AdapterError {
      if error.code == .cancelled { throw CancellationError() }
      return Verdict(
        passes: false, heldOut: nil,
        sentence: "The adapter is not used (\(error.code.rawValue)): \(Self.reason(error.code)), "
          + "see `stet audit list`.",
        detail: SecretMask.masked(error.detail).text)
    }
  }

  private static func reason(_ code: AdapterError.Code) -> String {
    switch code {
    case .unsupported: "the server of adapters cannot serve it, or knows no adapters"
    case .unreachable: "the server of adapters does not answer"
    case .notLoaded: "the server of adapters does not have it"
    case .corrupt: "its files are not what was made"
    case .withoutEffect: "the server answers with it as it does without it"
    case .mixedUp: "the server answers for one person with another's adapter"
    case .cancelled: "it was stopped"
    }
  }

  /// Mean negative log-probability of a token.
  private func loss(
    _ dialogues: [[ModelRequest.Turn]], _ adapter: AdapterName?
  ) async throws -> Double {
    var sum = 0.0
    for turns in dialogues {
      try Task.checkCancellation()
      sum -= try await adapters.logProbability(of: turns, with: adapter)
    }
    return sum / Double(dialogues.count)
  }

  /// - Returns: `nil` where there is none, or none that the server can still serve.
  private func rivalLoss(
    _ turns: [[ModelRequest.Turn]], of reviewer: LearnedReviewer
  ) async throws -> Double? {
    guard let rival = try await rival(of: reviewer) else { return nil }
    do { return try await loss(turns, rival) } catch let error as AdapterError {
      guard [.notLoaded, .corrupt, .unsupported].contains(error.code) else { throw error }
      return nil
    }
  }

  /// Another person's that speaks, of the same base.
  private func rival(of reviewer: LearnedReviewer) async throws -> AdapterName? {
    try await reviewers.reviewers(of: nil).first { other in
      other.identity.user.id != reviewer.identity.user.id
        && other.trainings.contains { $0.name == other.adapter && $0.base == base }
    }?.adapter
  }

  private static func sentence(_ heldOut: TrainedAdapter.HeldOut) -> String {
    func text(_ loss: Double) -> String { "\((loss * 1_000).rounded() / 1_000)" }
    let other = heldOut.other.map { ", another reviewer's adapter \(text($0))" } ?? ""
    let figures =
      "on \(heldOut.comments) later comments its loss is \(text(heldOut.adapter)), the bare "
      + "model's \(text(heldOut.base))\(other)"
    return heldOut.passes
      ? "The adapter is used: \(figures)." : "The adapter is not used: \(figures)."
  }
}
