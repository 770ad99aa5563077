public import Logging
public import Metrics
public import ServiceLifecycle
import Synchronization

/// Runs jobs: claims what is due, up to its concurrency, keeps the leases alive, and writes how each
/// try ended. A store that fails is asked again, ever more slowly; it never ends the worker.
///
/// Claims and ends go to the store in batches, side by side: while one is under way the next
/// gathers, so the faster the handlers, the larger the batches.
///
/// Asked to stop, it claims no more, gives what runs some time, then cancels it and hands it back
/// without counting the try.
public final class Worker: Service {
  let store: any JobStore
  let handlers: [String: JobHandler]
  let handlersInOrder: [JobHandler]
  let settings: WorkerSettings
  let events: JobEvents
  let logger: Logger
  let running = RunningJobs()
  let metrics: JobMetrics
  /// Rung when there may be something to claim, when jobs ended that this waits for, and when the
  /// worker shall stop.
  let bell = Bell()
  /// Whether jobs may be due that there is no place for, or that a limit holds back: then every end
  /// is worth a look.
  let isBehind = Atomic(true)
  let ends = Mutex(WaitingEnds())
  /// Calls of `JobHandler.onGivenUp` and `onLeaseLost` under way.
  let farewells = Mutex(0)
  private let signal: JobSignal
  private let stopping = Mutex(Stopping.no)

  private enum Stopping: Int { case no, gently, now }

  /// - Parameters:
  ///   - handlers: one for each kind; of two of the same kind the last counts. Other kinds are never
  ///     claimed.
  ///   - signal: the one that the stores ring.
  ///   - metrics: those of the process where none are given.
  public init(
    store: any JobStore, handlers: [JobHandler], signal: JobSignal, events: JobEvents,
    settings: WorkerSettings, logger: Logger, metrics: (any MetricsFactory)? = nil
  ) {
    self.store = store
    self.handlers = Dictionary(handlers.map { ($0.kind, $0) }) { $1 }
    handlersInOrder = self.handlers.values.sorted { $0.kind < $1.kind }
    self.signal = signal
    self.events = events
    self.settings = settings
    self.metrics = JobMetrics(
      kinds: Set(handlers.map(\.kind)), metrics ?? MetricsSystem.factory)
    var logger = logger
    logger[metadataKey: "worker"] = "\(settings.name)"
    self.logger = logger
  }

  public func run() async throws {
    let listener = signal.add { [bell] in bell.ring() }
    defer { signal.remove(listener) }
    // A task of its own, so that what runs is brought to its end in order even when this one is
    // cancelled.
    let work = Task { await self.work() }
    await withTaskCancellationHandler {
      await withGracefulShutdownHandler {
        await work.value
      } onGracefulShutdown: {
        self.stop(.gently)
      }
    } onCancel: {
      self.stop(.now)
    }
  }

  private func stop(_ how: Stopping) {
    stopping.withLock { if how.rawValue > $0.rawValue { $0 = how } }
    bell.ring()
  }

  var isStopping: Bool { stopping.withLock { $0 != .no } }

  private func work() async {
    // Loops of their own: none of them waits for a busy one.
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.holdLeases() }
      group.addTask { await self.watchTimes() }
      group.addTask { await self.rescue() }
      group.addTask { await self.measure() }
      await claimUntilStopped()
      await drain()
      group.cancelAll()
    }
  }

  // MARK: - Stopping

  private func drain() async {
    await wait(atMost: settings.grace) {
      self.running.activeCount > 0 && self.stopping.withLock { $0 != .now }
    }
    for job in running.active { job.stop(.shutdown) }
    await wait(atMost: settings.patience) { self.running.activeCount > 0 }
    for job in running.active { abandon(job) }
    // Their leases are held meanwhile. A store that does not answer is not waited for: the leases
    // run out, and the jobs run again.
    await wait(atMost: max(settings.lease, .seconds(10))) { self.running.heldCount > 0 }
    await wait(atMost: settings.patience) { self.farewells.withLock { $0 > 0 } }
  }

  private func wait(
    atMost limit: Duration, while goesOn: @escaping @Sendable () -> Bool
  ) async {
    let end = ContinuousClock.now + limit
    while goesOn() {
      let seen = bell.count
      let left = end - .now
      // Asked again: the answer may have changed before the bell was read.
      if left <= .zero || !goesOn() { return }
      await bell.wait(past: seen, atMost: left)
    }
  }

  // MARK: - Beside the claiming

  private func rescue() async {
    while !Task.isCancelled {
      do {
        let rescued = try await store.rescueLost()
        if rescued.count > 0 {
          logger.warning(
            "a worker was lost; its jobs run again where a try is left",
            metadata: ["count": "\(rescued.count)", "given-up": "\(rescued.givenUp.count)"])
          bell.ring()
        }
        for job in rescued.givenUp {
          if job.state == .discarded { metrics.discarded(kind: job.kind) }
          tellGivenUp(job)
        }
      } catch { note("lost jobs could not be looked for", error) }
      // With the lease it adds up to less than 30 s for lost jobs to run elsewhere.
      try? await Task.sleep(for: settings.lease / 4)
    }
  }

  private func measure() async {
    while !Task.isCancelled {
      do {
        metrics.stored(try await store.counts(), oldestDue: try await store.oldestDue())
      } catch { note("jobs could not be counted", error) }
      try? await Task.sleep(for: .seconds(15))
    }
  }

  func note(_ what: Logger.Message, _ error: any Error) {
    logger.error(
      what, metadata: ["error": "\(settings.mask(settings.describe(error)))"])
  }

  /// After failures of the store.
  static let storePolicy = JobRetryPolicy(first: .milliseconds(100), cap: .seconds(5))
}
