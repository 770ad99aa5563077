import Domain
import Jobs
import Storage

/// Takes away, in small batches, what has been over for longer than the settings keep it.
struct UpkeepHandler: Sendable {
  let pruning: SQLPruning
  let keep: Duration

  func handle(_ context: JobContext) async throws -> JobOutcome {
    // Others write between two batches.
    let removed = try await pruning.prune(
      olderThan: keep, batch: 200, pause: .milliseconds(50))
    try Task.checkCancellation()
    context.progress("\(removed) old records were removed")
    if removed > 0 {
      context.logger.info("old records were removed", metadata: ["count": "\(removed)"])
    }
    return .completed
  }
}
