import Jobs

/// Whether a try still has its job, asked of the store, and whether the one before it lost it.
enum LostTry {
  /// The process that ran the last try was never heard of again: it may be stopped or cut off, and
  /// still send something.
  static func precedes(_ job: Job) -> Bool {
    guard job.attempt > 1, let last = job.errors.last else { return false }
    return last.attempt == job.attempt - 1 && last.message.contains("was lost while it ran")
  }

  /// - Returns: true where another has the job by now, or it has ended. A job that no store knows,
  ///   such as one run by hand, is nobody else's.
  static func hasLost(_ job: Job?, in jobs: any JobRecords) async throws -> Bool {
    guard let job, let present = try await jobs.job(id: job.id) else { return false }
    return present.state != .running || present.attempt != job.attempt
      || present.attemptedAt != job.attemptedAt
  }
}
