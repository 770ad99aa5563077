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

  func attempt(_ running: RunningJob) async {
    let job = running.job
    metrics.started(
      kind: job.kind,
      pickup: job.attemptedAt?.timeIntervalSince(max(job.scheduledAt, job.createdAt)))
    publish(job, .state(.running))
    let context = JobContext(job: job, logger: logger, steps: JobSteps(store, running)) { line in
      // What was gone on without is not heard any more.
      if !running.isClosed { self.publish(job, .progress(self.settings.mask(line))) }
    }
    let ending: Ending
    do { ending = .outcome(try await running.handler.run(context)) } catch {
      ending = .threw(error)
    }
    conclude(running, ending)
  }

  /// Goes on without a handler that does not end: its job is free for others.
  func abandon(_ running: RunningJob) { conclude(running, .abandoned) }

  /// How long what a newer program wrote waits for it.
  private static let untilNewer = Duration.seconds(60)

  /// Leaves a job to a newer program.
  func putOff(_ running: RunningJob) {
    guard running.close() else { return }
    let (wrote, knows) = (running.job.version, running.handler.version)
    let why =
      "it was written by a newer Stet (arguments of version \(wrote); this one knows \(knows))."
    end(running, .snoozed(Self.untilNewer, because: why))
  }

  /// Leaves a job to whoever asks next.
  func handBack(_ running: RunningJob) {
    guard running.close() else { return }
    end(running, .handedBack)
  }

  private func conclude(_ running: RunningJob, _ ending: Ending) {
    guard running.close() else {
      // It ended after all, while another may have run its job.
      if case .abandoned = ending { return }
      return tellLeaseLost(running)
    }
    let stop = running.stopReason
    if case .abandoned = ending {
      logger.of(running.job).error("a handler did not end when it was asked to")
    }
    end(running, result(of: ending, running, stop), stop)
  }

  /// Frees its place, and has its end written.
  private func end(
    _ running: RunningJob, _ result: JobResult?, _ stop: RunningJob.Stop? = nil
  ) {
    let active = self.running.end(running)
    if let result {
      let job = running.job
      let after = JobTransition.finished(
        result, attempt: job.attempt, maxAttempts: job.maxAttempts,
        cancelReason: stop == .cancelRequested ? "" : nil)
      acknowledge(
        EndOfTry(
          running: running, result: result, state: after.state,
          took: ContinuousClock.now - running.startedAt))
    } else {
      leaseWasLost(running)
    }
    ringForPlaces(active: active)
  }

  /// - Returns: `nil` where nothing may be written any more.
  private func result(
    of ending: Ending, _ running: RunningJob, _ stop: RunningJob.Stop?
  ) -> JobResult? {
    let job = running.job
    if stop == .leaseLost { return nil }
    switch ending {
    case .outcome(.completed): return .completed
    case .outcome(.snoozed(let delay, let why)):
      return .snoozed(delay, because: why.map(storable))
    case .outcome(.cancelled(let reason)): return .cancelled(reason: storable(reason))
    case .threw, .abandoned: break
    }
    switch stop {
    case .shutdown, .leaseUncertain: return .handedBack
    case .cancelRequested: return .cancelled(reason: "it was asked to stop.")
    case .tooLong:
      let limit = running.handler.limit.components.seconds
      return failed(job, "it took longer than \(limit) s.", after: nil)
    case .leaseLost, nil: break
    }
    guard case .threw(let error) = ending else { return .handedBack }
    let failure = error as? JobFailure
    let message = storable(failure?.message ?? settings.describe(error))
    if failure?.isFinal == true { return .discarded(message: message) }
    if let wait = settings.outage(error, job) { return .snoozed(wait, because: message) }
    return failed(job, message, after: failure?.retryAfter)
  }

  private func failed(_ job: Job, _ message: String, after: Duration?) -> JobResult {
    .failed(message: message, retryAfter: after ?? settings.retry.delay(after: job.attempt))
  }

  /// Without secrets, and without what PostgreSQL does not take in a text.
  private func storable(_ text: String) -> String {
    let masked = settings.mask(text)
    guard masked.utf8.contains(0) else { return masked }
    return String(String.UnicodeScalarView(masked.unicodeScalars.filter { $0 != "\0" }))
  }

  // MARK: - Telling

  private func publish(_ job: Job, _ change: JobEvent.Change) {
    events.publish(
      JobEvent(job: job.id, kind: job.kind, run: job.run, attempt: job.attempt, change: change))
  }

  /// Tells how a try ended, after it was written.
  func tell(_ end: EndOfTry) {
    let job = end.running.job
    metrics.finished(kind: job.kind, Self.outcome(end.result, end.state), after: end.took)
    publish(job, .state(end.state))
    if end.result == .completed {
      // The usual thing, of which there may be thousands a second.
      if logger.logLevel <= .debug { logger.of(job).debug("a job is done") }
      return
    }
    let logger = logger.of(job)
    switch end.result {
    case .completed: break
    case .snoozed(let delay, let why):
      logger.info("a job waits", metadata: ["for": "\(delay)", "why": "\(why ?? "")"])
    case .cancelled(let reason): logger.info("a job was cancelled", metadata: ["why": "\(reason)"])
    case .handedBack: logger.info("a job was handed back")
    case .failed(let message, _), .discarded(let message):
      if end.state == .discarded {
        logger.error("a job was given up", metadata: ["error": "\(message)"])
      } else {
        logger.warning("a job failed and is tried again", metadata: ["error": "\(message)"])
      }
    }
  }

  private static func outcome(_ result: JobResult, _ state: JobState) -> JobMetrics.Outcome {
    if state == .cancelled { return .cancelled }
    return switch result {
    case .completed: .completed
    case .snoozed: .snoozed
    case .handedBack: .handedBack
    case .cancelled: .cancelled
    case .failed, .discarded: state == .retryable ? .failed : .discarded
    }
  }
}
