import Domain
public import Jobs

/// Reviews a diff that came through the API. The run record is the answer.
public struct ReviewDiff: Sendable {
  private let review: ReviewChange.Ports
  private let callDeadline: Duration

  public init(review: ReviewChange.Ports, callDeadline: Duration) {
    self.review = review
    self.callDeadline = callDeadline
  }

  public func handle(_ job: Job) async throws -> JobOutcome {
    let arguments = try Work.ReviewDiff(of: job)
    let outcome: ReviewChange.Outcome
    do {
      outcome = try await ReviewChange(ports: review).run(
        .init(
          diff: Array(arguments.diff.utf8), subject: "diff", askedBy: arguments.askedBy,
          callDeadline: callDeadline, run: arguments.run, job: job.id))
    } catch let error as DiffError {
      throw JobFailure("byte \(error.offset) of the diff: \(error.detail)", isFinal: true)
    }
    try Task.checkCancellation()
    // Without its record the review is lost to whoever asked.
    if let failure = outcome.storeFailure { throw failure }
    // What the model did not see is in the ledger; a later try may do better.
    if let failure = outcome.modelFailure, job.attempt < min(ModelPatience.tries, job.maxAttempts),
      ModelPatience.waits(for: failure)
    {
      throw JobFailure(failure.detail, retryAfter: failure.retryAfter)
    }
    return .completed
  }
}
