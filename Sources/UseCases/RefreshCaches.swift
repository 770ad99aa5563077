public import Foundation
public import Jobs
import Logging

/// Renews what this process learned of issues before it is old, so that nobody waits for it. What was
/// known serves until the new is there; a place that nobody asked about for a day is forgotten.
public struct RefreshCaches: Sendable {
  let known: KnownIssues
  let now: @Sendable () -> Date

  public init(known: KnownIssues, now: @escaping @Sendable () -> Date = { Date() }) {
    self.known = known
    self.now = now
  }

  public func handle(_ context: JobContext) async throws -> JobOutcome {
    let (renewed, failed) = try await known.refresh(at: now())
    for (place, error) in failed {
      context.logger.notice(
        "what is known of a repository's issues could not be renewed",
        metadata: ["repo": "\(place)", "error": "\(error)"])
    }
    if renewed == 0, failed.isEmpty { return .cancelled(reason: "nothing is old") }
    context.progress("what is known of \(renewed) repositories was renewed")
    return .completed
  }
}
