import Domain
import Foundation
import Jobs
import Storage
import UseCases

/// Takes away, in small batches, what has been over for longer than the settings keep it.
struct UpkeepHandler: Sendable {
  let pruning: SQLPruning
  let keep: Duration
  let forgetting: ForgetReviewer
  let keepReviewers: Duration

  func handle(_ context: JobContext) async throws -> JobOutcome {
    // Others write between two batches.
    let removed = try await pruning.prune(
      olderThan: keep, batch: 200, pause: .milliseconds(50))
    try Task.checkCancellation()
    context.progress("\(removed) old records were removed")
    if removed > 0 {
      context.logger.info("old records were removed", metadata: ["count": "\(removed)"])
    }
    try Task.checkCancellation()
    let forgotten = try await forgetting.prune(olderThan: keepReviewers, now: Date())
    if forgotten > 0 {
      context.logger.info(
        "learned reviewers were forgotten that nobody asked for",
        metadata: ["count": "\(forgotten)"])
    }
    return .completed
  }
}
