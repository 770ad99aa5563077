public import Domain
import Foundation

/// Holds any change before a learned reviewer, and says nothing on a forge.
public struct ReviewDiffAs: Sendable {
  public struct Request: Sendable {
    public var reviewer: LearnedReviewer
    /// Any text that `Diff(parsing:)` reads.
    public var diff: [UInt8]
    public var subject: String
    public var askedBy: String
    public var tone: ReviewTone
    public var policy: ReviewPolicy

    public init(
      reviewer: LearnedReviewer, diff: [UInt8], subject: String, askedBy: String,
      tone: ReviewTone, policy: ReviewPolicy
    ) {
      self.reviewer = reviewer
      self.diff = diff
      self.subject = subject
      self.askedBy = askedBy
      self.tone = tone
      self.policy = policy
    }
  }

  let ports: LearningPorts
  let syntax: any SyntaxChecker

  public init(ports: LearningPorts, syntax: any SyntaxChecker) {
    self.ports = ports
    self.syntax = syntax
  }

  /// - Throws: `DiffError`, and a final `JobFailure` where no model is set.
  public func run(_ request: Request) async throws -> ReviewChange.Outcome {
    let began = ports.now()
    let diff = try Diff(parsing: request.diff)
    let opened = try await LikenessOpening(ports: ports).open(
      request.reviewer, tone: request.tone, access: nil)
    let outcome = try await LikenessReview(
      likeness: opened.likeness, diff: diff, policy: request.policy, settings: ports.settings,
      concurrency: opened.model.profile.concurrency, syntax: syntax
    ).run()
    let hunks = diff.files.reduce(0) { $0 + $1.hunks.count }
    let selection = ReviewSelection(diff, policy: request.policy)
    var coverage = selection.coverage(diff, [:])
    coverage.hunksReviewed = outcome.hunks - outcome.failedHunks.count
    coverage.hunks = hunks
    let login = request.reviewer.identity.user.login
    var summary =
      "A likeness of \(login) looked at \(ReviewSummary.count(outcome.hunks, "hunk")): "
      + "\(ReviewSummary.count(outcome.findings.count, "comment")), silence at \(outcome.silent)."
    if let note = opened.note { summary += " \(note)" }
    let review = Review(
      verdict: .comment, summary: summary, findings: outcome.findings, dropped: outcome.dropped,
      coverage: coverage, usage: outcome.spending.usage, run: TimeOrderedID.next(began))
    var stored: StoreError?
    do { try await record(review, request, outcome, began) } catch { stored = error }
    return ReviewChange.Outcome(
      review: review, modelFailure: outcome.failure, storeFailure: stored)
  }

  /// Without its words: the person may have them forgotten.
  private func record(
    _ review: Review, _ request: Request, _ outcome: LikenessReview.Outcome, _ began: Date
  ) async throws(StoreError) {
    try await ports.runs.save(
      Run(
        id: review.run, kind: .review, startedAt: began,
        seconds: ports.now().timeIntervalSince(began),
        outcome: outcome.failure == nil ? .completed : .failed, askedBy: request.askedBy,
        subject: "\(request.subject) as a learned reviewer",
        inputs: ["diff": ContentHash.of(request.diff)], modelCalls: outcome.spending.calls,
        claims: review.findings.count, masked: [:], review: nil,
        failure: outcome.failure.map {
          "\($0.code.rawValue): \(SecretMask.masked($0.detail).text)"
        },
        result: .object([
          "reviewer": .string(request.reviewer.id), "looked": .integer(outcome.looked),
          "silent": .integer(outcome.silent), "findings": .integer(review.findings.count),
        ])))
  }
}
