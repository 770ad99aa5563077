import Foundation
import Logging

extension Worker {
  /// How a handler ended.
  private enum Ending {
    case outcome(JobOutcome)
    case threw(any Error)
    /// It did not end in time after its task was cancelled.
    case abandoned
  }

  // MARK: - One try

  func attempt(_ running: RunningJob, _ handler: JobHandler) async {
    let job = running.claimed.job
    if let attempted = job.attemptedAt {
      metrics.started(pickup: attempted.timeIntervalSince(max(job.scheduledAt, job.createdAt)))
    }
    publish(job, .state(.running))
    let context = JobContext(job: job, logger: logger(for: job)) { line in
      self.publish(job, .progress(self.settings.mask(line)))
    }
    let ending: Ending
    do { ending = .outcome(try await handler.run(context)) } catch { ending = .threw(error) }
    await conclude(running, ending)
  }

  /// Goes on without a handler that does not end: its job is free for others.
  func abandon(_ running: RunningJob) async {
    await conclude(running, .abandoned)
  }

  private func conclude(_ running: RunningJob, _ ending: Ending) async {
    guard running.close() else { return }
    let job = running.claimed.job
    let stop = running.stopReason
    if case .abandoned = ending {
      logger(for: job).error("a handler did not end when it was asked to")
    }
    var result = result(of: ending, job, stop)
    if let wanted = result {
      // A task of its own: this one may be cancelled, and the store would not be asked.
      let writing = Task { await self.write(wanted, running) }
      if await !writing.value { result = nil }
    }
    // Before it is removed: a worker that stops waits for both.
    if let result, result != .completed { tellIfGivenUp(job) }
    self.running.remove(running)
    metrics.running(self.running.count)
    if let result {
      let after = JobTransition.finished(
        result, attempt: job.attempt, maxAttempts: job.maxAttempts,
        cancelReason: stop == .cancelRequested ? "" : nil)
      metrics.finished(
        kind: job.kind, outcome: Self.outcome(result, after.state),
        after: ContinuousClock.now - running.startedAt)
      tell(job, result, after.state)
      publish(job, .state(after.state))
    } else {
      metrics.leaseLost()
      logger(for: job).warning("the lease was lost, so another runs this job")
    }
    bell.ring()
  }

  /// - Returns: `nil` where nothing may be written any more.
  private func result(
    of ending: Ending, _ job: Job, _ stop: RunningJob.Stop?
  ) -> JobResult? {
    if stop == .leaseLost { return nil }
    switch ending {
    case .outcome(.completed): return .completed
    case .outcome(.snoozed(let delay, let why)):
      return .snoozed(delay, because: why.map(settings.mask))
    case .outcome(.cancelled(let reason)): return .cancelled(reason: settings.mask(reason))
    case .threw, .abandoned: break
    }
    switch stop {
    case .shutdown, .leaseUncertain: return .handedBack
    case .cancelRequested: return .cancelled(reason: "it was asked to stop.")
    case .tooLong:
      let limit = handlers[job.kind]?.limit.components.seconds ?? 0
      return failed(job, "it took longer than \(limit) s.", after: nil)
    case .leaseLost, nil: break
    }
    guard case .threw(let error) = ending else { return .handedBack }
    let failure = error as? JobFailure
    let message = settings.mask(failure?.message ?? settings.describe(error))
    if failure?.isFinal == true { return .discarded(message: message) }
    return failed(job, message, after: failure?.retryAfter)
  }

  private func failed(_ job: Job, _ message: String, after: Duration?) -> JobResult {
    .failed(message: message, retryAfter: after ?? settings.retry.delay(after: job.attempt))
  }

  /// Asks the store until it answers; the heartbeat goes on meanwhile. Who stops does not wait for
  /// a store that is down: the lease runs out, and the job runs again.
  private func write(_ result: JobResult, _ running: RunningJob) async -> Bool {
    var failures = 0
    while true {
      do { return try await store.finish(running.claimed.lease, result) } catch {
        failures += 1
        note("the end of a job could not be written", error)
        if isStopping, failures > 3 { return false }
        try? await Task.sleep(for: Self.storePolicy.delay(after: failures))
      }
    }
  }

  // MARK: - All that run

  /// Keeps leases alive, and ends what shall end.
  func tend() async {
    let beat = settings.lease / 3
    var last = ContinuousClock.now
    while !Task.isCancelled {
      try? await Task.sleep(for: min(.seconds(1), beat))
      if ContinuousClock.now - last >= beat {
        // Those claimed while this is under way have a full lease.
        last = .now
        if await !extendAll() { last -= beat }
      }
      await endOverdue()
    }
  }

  /// - Returns: false where the store could not be asked.
  private func extendAll() async -> Bool {
    let held = running.all
    guard !held.isEmpty else { return true }
    do {
      let asked = ContinuousClock.now
      let states = try await store.extend(held.map(\.claimed.lease), by: settings.lease)
      for (job, state) in zip(held, states) {
        switch state {
        case .held: job.extendedAt = asked
        case .cancelRequested:
          job.extendedAt = asked
          if job.stopReason == nil { job.stop(.cancelRequested) }
        case .lost: job.stop(.leaseLost)
        }
      }
      return true
    } catch {
      note("leases could not be extended", error)
      return false
    }
  }

  private func endOverdue() async {
    let present = ContinuousClock.now
    for job in running.all {
      if present - job.extendedAt > settings.lease { job.stop(.leaseUncertain) }
      if present - job.startedAt > job.limit { job.stop(.tooLong) }
    }
    // At once, since each may have to wait for the store, and leases must not.
    let overdue = running.all.filter { job in
      job.stoppedAt.map { present - $0 > settings.patience } ?? false
    }
    for job in overdue { Task { await self.abandon(job) } }
  }

  // MARK: - Telling

  private func publish(_ job: Job, _ change: JobEvent.Change) {
    events.publish(
      JobEvent(job: job.id, kind: job.kind, run: job.run, attempt: job.attempt, change: change))
  }

  func logger(for job: Job) -> Logger {
    var logger = logger
    logger[metadataKey: "job"] = "\(job.id)"
    logger[metadataKey: "kind"] = "\(job.kind)"
    logger[metadataKey: "attempt"] = "\(job.attempt)/\(job.maxAttempts)"
    if let run = job.run { logger[metadataKey: "run"] = "\(run)" }
    return logger
  }

  private func tell(_ job: Job, _ result: JobResult, _ state: JobState) {
    let logger = logger(for: job)
    switch result {
    case .completed: logger.info("a job is done")
    case .snoozed(let delay, let why):
      logger.info("a job waits", metadata: ["for": "\(delay)", "why": "\(why ?? "")"])
    case .cancelled(let reason): logger.info("a job was cancelled", metadata: ["why": "\(reason)"])
    case .handedBack: logger.info("a job was handed back")
    case .failed(let message, _), .discarded(let message):
      if state == .discarded {
        logger.error("a job was given up", metadata: ["error": "\(message)"])
      } else {
        logger.warning("a job failed and is tried again", metadata: ["error": "\(message)"])
      }
    }
  }

  private static func outcome(_ result: JobResult, _ state: JobState) -> String {
    switch result {
    case .completed: "completed"
    case .snoozed: state == .cancelled ? "cancelled" : "snoozed"
    case .handedBack: state == .cancelled ? "cancelled" : "handed_back"
    case .cancelled, .failed, .discarded: state == .retryable ? "failed" : state.rawValue
    }
  }
}
