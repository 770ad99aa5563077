import Logging

extension Worker {
  /// Keeps leases alive, also those of tries that ended and are not written yet.
  func holdLeases() async {
    let beat = settings.lease / 3
    var last = ContinuousClock.now
    while !Task.isCancelled {
      try? await Task.sleep(for: min(.seconds(1), beat))
      guard ContinuousClock.now - last >= beat else { continue }
      // Those claimed while this is under way have a full lease.
      last = .now
      if await !extendAll() { last -= beat }
    }
  }

  /// - Returns: false where not all could be, and it is to be tried again soon.
  private func extendAll() async -> Bool {
    let held = running.held
    guard !held.isEmpty else { return true }
    do {
      let asked = ContinuousClock.now
      let states = try await store.extend(held.map(\.claimed.lease), by: settings.lease)
      var isDone = true
      for (job, state) in zip(held, states) {
        switch state {
        case .held: job.extendedAt = asked
        case .cancelRequested:
          job.extendedAt = asked
          if job.stopReason == nil { job.stop(.cancelRequested) }
        case .notExtended: isDone = false
        case .lost: job.stop(.leaseLost)
        }
      }
      return isDone
    } catch {
      note("leases could not be extended", error)
      return false
    }
  }

  /// Ends what shall end. A loop of its own, since a store that hangs must not keep tries alive.
  func watchTimes() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: min(.seconds(1), settings.lease / 3))
      let present = ContinuousClock.now
      for job in running.active {
        if present - job.extendedAt > settings.lease { job.stop(.leaseUncertain) }
        if present - job.startedAt > job.handler.limit { job.stop(.tooLong) }
        if let stopped = job.stoppedAt, present - stopped > settings.patience { abandon(job) }
      }
    }
  }
}
