import Logging
import Synchronization

/// How one try ended, until it is written.
struct EndOfTry: Sendable {
  var running: RunningJob
  var result: JobResult
  /// Where the job goes by it.
  var state: JobState
  var took: Duration
  /// Whether a call failed that may have written it all the same.
  var mayBeWritten = false
}

/// Ends that wait for the call that is under way.
struct WaitingEnds: Sendable {
  var waiting: [EndOfTry] = []
  var isWriting = false
}

extension Worker {
  /// Of one call.
  private static let mostEnds = 256

  /// Has it written: at once where nothing is being written, or else with all that gather until
  /// that is done. Its lease is held until then.
  func acknowledge(_ end: EndOfTry) {
    let isFirst = ends.withLock { ends in
      ends.waiting.append(end)
      defer { ends.isWriting = true }
      return !ends.isWriting
    }
    // A task of its own: that of the try may be cancelled, and the store would not be asked.
    if isFirst { Task { await self.writeEnds() } }
  }

  /// Asks the store until it answers. Who stops does not wait for a store that is down: the leases
  /// run out, and the jobs run again.
  private func writeEnds() async {
    var failures = 0
    var most = Self.mostEnds
    while let batch = nextEnds(most) {
      do {
        let held = try await store.finish(
          batch.map { EndedTry($0.running.claimed.lease, $0.result) })
        failures = 0
        most = min(Self.mostEnds, most * 2)
        await settle(batch, held)
      } catch {
        failures += 1
        note("the ends of \(batch.count) jobs could not be written", error)
        if isStopping, failures > 3 { return giveUpEnds(batch) }
        // To the back, and fewer at a time: one that the store does not take must not keep the
        // others.
        most = max(1, batch.count / 2)
        ends.withLock { ends in
          ends.waiting += batch.map { end in
            var end = end
            end.mayBeWritten = true
            return end
          }
        }
        let delay = Self.storePolicy.delay(after: failures)
        try? await Task.sleep(for: isStopping ? min(delay, .milliseconds(200)) : delay)
      }
    }
  }

  private func nextEnds(_ most: Int) -> [EndOfTry]? {
    ends.withLock { ends in
      guard !ends.waiting.isEmpty else {
        ends.isWriting = false
        return nil
      }
      if ends.waiting.count <= most {
        defer { ends.waiting = [] }
        return ends.waiting
      }
      defer { ends.waiting.removeFirst(most) }
      return Array(ends.waiting.prefix(most))
    }
  }

  private func giveUpEnds(_ batch: [EndOfTry]) {
    let rest = ends.withLock { ends in
      defer { ends = WaitingEnds() }
      return batch + ends.waiting
    }
    logger.error(
      "ends of jobs were not written before the stop; the jobs run again",
      metadata: ["count": "\(rest.count)"])
    running.remove(rest.map(\.running))
    bell.ring()
  }

  /// - Parameter held: false where the lease was lost, and nothing was written.
  private func settle(_ batch: [EndOfTry], _ held: [Bool]) async {
    var mayFree = false
    for (end, isHeld) in zip(batch, held) {
      var isWritten = isHeld
      if !isWritten, end.mayBeWritten { isWritten = await wasWritten(end) }
      let job = end.running.job
      guard isWritten else {
        leaseWasLost(end.running)
        mayFree = true
        continue
      }
      // Before it is removed: a worker that stops waits for both.
      if end.result != .completed { tellIfGivenUp(job) }
      tell(end)
      // What runs again before long, what a limit held back, and what needs this one.
      mayFree =
        mayFree || end.result != .completed || !job.limits.isEmpty || job.group != nil
        || job.run != nil || end.running.handler.concurrency != nil
    }
    running.remove(batch.map(\.running))
    metrics.running(running.activeCount)
    // Asked after the removal: a worker that stops looks at what is left after it was asked to.
    if mayFree || isStopping || isBehind.load(ordering: .sequentiallyConsistent) { bell.ring() }
  }

  /// Whether a call wrote it whose answer did not come.
  private func wasWritten(_ end: EndOfTry) async -> Bool {
    let before = end.running.job
    guard let job = try? await store.job(id: before.id) else { return false }
    if end.state.isFinal { return job.state == end.state && job.attempt == before.attempt }
    // It goes on from there, and may have come far. Whoever rescued it has written so.
    let lost = JobTransition.lost(
      worker: settings.name, attempt: before.attempt, maxAttempts: before.maxAttempts,
      cancelReason: nil)
    return !job.errors.contains { $0.attempt == before.attempt && $0.message == lost.note }
  }

  /// Another may have run it meanwhile, so nothing is written.
  func leaseWasLost(_ running: RunningJob) {
    metrics.leaseLost()
    logger.of(running.job).warning("the lease was lost, so another runs this job")
    // Before it is removed: a worker that stops waits for both.
    tellLeaseLost(running)
    self.running.remove([running])
    bell.ring()
  }
}
