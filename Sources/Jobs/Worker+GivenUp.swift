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

  /// Nobody waits for it but the end of the worker, so it holds no place of a running job.
  private func tellGivenUp(_ kind: String, _ ended: @escaping @Sendable () async -> Job?) {
    guard let onGivenUp = handlers[kind]?.onGivenUp else { return }
    farewells.withLock { $0 += 1 }
    // A task of its own: that of the try may be cancelled.
    Task {
      if let job = await ended(), job.state == .discarded || job.state == .cancelled {
        await self.bounded(job) {
          await onGivenUp(job, job.errors.last?.message ?? "no reason is known.")
        }
      }
      self.farewells.withLock { $0 -= 1 }
      self.bell.ring()
    }
  }

  private func bounded(_ job: Job, _ body: @escaping @Sendable () async -> Void) async {
    let telling = Task { await body() }
    let watch = Task {
      do { try await Task.sleep(for: settings.farewell) } catch { return }
      logger(for: job).error("a handler took too long to hear that its job was given up")
      telling.cancel()
    }
    await telling.value
    watch.cancel()
  }
}
