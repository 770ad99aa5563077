import Logging
import Synchronization

extension Worker {
  /// Tells the handler where a job that ran here will not be done. The store is asked how it ended:
  /// a request to stop may have come that this worker has not heard of.
  func tellIfGivenUp(_ job: Job) {
    tellGivenUp(job.kind) {
      do { return try await self.store.job(id: job.id) } catch {
        self.note("whether a job was given up could not be asked", error)
        return nil
      }
    }
  }

  /// Tells the handler of a job that the store gave up.
  func tellGivenUp(_ job: Job) { tellGivenUp(job.kind) { job } }

  private func tellGivenUp(_ kind: String, _ ended: @escaping @Sendable () async -> Job?) {
    guard let onGivenUp = handlers[kind]?.onGivenUp else { return }
    farewell {
      guard let job = await ended(), job.state == .discarded || job.state == .cancelled else {
        return
      }
      await self.bounded(job) {
        await onGivenUp(job, job.errors.last?.message ?? "no reason is known.")
      }
    }
  }

  /// Tells the handler of a try whose lease was lost.
  func tellLeaseLost(_ running: RunningJob) {
    guard let onLeaseLost = running.handler.onLeaseLost else { return }
    farewell { await self.bounded(running.job) { await onLeaseLost(running.job) } }
  }

  /// Nobody waits for it but the end of the worker, so it holds no place of a running job.
  private func farewell(_ body: @escaping @Sendable () async -> Void) {
    farewells.withLock { $0 += 1 }
    // A task of its own: that of the try may be cancelled.
    Task {
      await body()
      self.farewells.withLock { $0 -= 1 }
      self.bell.ring()
    }
  }

  private func bounded(_ job: Job, _ body: @escaping @Sendable () async -> Void) async {
    let telling = Task { await body() }
    let watch = Task {
      do { try await Task.sleep(for: settings.farewell) } catch { return }
      logger.of(job).error("a handler took too long to hear how its job ended")
      telling.cancel()
    }
    await telling.value
    watch.cancel()
  }
}
