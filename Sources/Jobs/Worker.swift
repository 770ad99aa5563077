public import Logging
public import ServiceLifecycle
import Synchronization

/// Runs jobs: claims what is due, up to its concurrency, keeps the leases alive, and writes how each
/// try ended. A store that fails is asked again, ever more slowly; it never ends the worker.
///
/// Asked to stop, it claims no more, gives what runs some time, then cancels it and hands it back
/// without counting the try.
public final class Worker: Service {
  let store: any JobStore
  let handlers: [String: JobHandler]
  let settings: WorkerSettings
  let events: JobEvents
  let logger: Logger
  let running = RunningJobs()
  let metrics = JobMetrics()
  /// Rung when there may be something to claim, when a job ended, and when the worker shall stop.
  let bell = Bell()
  /// Calls of `JobHandler.onGivenUp` under way.
  let farewells = Mutex(0)
  private let signal: JobSignal
  private let stopping = Mutex(Stopping.no)

  private enum Stopping: Int { case no, gently, now }

  /// - Parameters:
  ///   - handlers: one for each kind; of two of the same kind the last counts. Other kinds are never
  ///     claimed.
  ///   - signal: the one that the stores ring.
  public init(
    store: any JobStore, handlers: [JobHandler], signal: JobSignal, events: JobEvents,
    settings: WorkerSettings, logger: Logger
  ) {
    self.store = store
    self.handlers = Dictionary(handlers.map { ($0.kind, $0) }) { $1 }
    self.signal = signal
    self.events = events
    self.settings = settings
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
      group.addTask { await self.tend() }
      group.addTask { await self.rescue() }
      group.addTask { await self.measure() }
      await claimUntilStopped()
      await drain()
      group.cancelAll()
    }
  }

  // MARK: - Claiming

  /// One question to the store.
  private struct Want {
    var kinds: [String]
    var limit: Int
  }

  private func claimUntilStopped() async {
    var failures = 0
    var round = 0
    while !isStopping {
      // Read first: what happens from here on ends the wait below.
      let seen = bell.count
      let wants = wants(round)
      round += 1
      if wants.isEmpty {
        await bell.wait(past: seen, atMost: settings.poll)
        continue
      }
      do {
        if try await claim(wants) { continue }
        let next = try await store.untilNext(kinds: wants.flatMap(\.kinds))
        failures = 0
        // Due, and yet not ours: another is about to take it.
        let wait = max(.milliseconds(20), min(next ?? settings.poll, settings.poll))
        await bell.wait(past: seen, atMost: wait)
      } catch {
        failures += 1
        note("jobs could not be claimed", error)
        // The bell ends it only to stop: a failing store is not asked for every new job.
        let until = ContinuousClock.now + Self.storePolicy.delay(after: failures)
        await stopped(before: until)
      }
    }
  }

  private func stopped(before until: ContinuousClock.Instant) async {
    while !isStopping, ContinuousClock.now < until {
      let seen = bell.count
      if isStopping { return }
      await bell.wait(past: seen, atMost: until - .now)
    }
  }

  /// Kinds without a limit share one question; those with a limit are asked for one by one, in
  /// turn, so that none of them starves another.
  private func wants(_ round: Int) -> [Want] {
    let free = settings.concurrency - running.count
    guard free > 0 else { return [] }
    var open: [String] = []
    var wants: [Want] = []
    for handler in handlers.values.sorted(by: { $0.kind < $1.kind }) {
      guard let most = handler.concurrency, most < settings.concurrency else {
        open.append(handler.kind)
        continue
      }
      let left = min(free, most - running.count(of: handler.kind))
      if left > 0 { wants.append(Want(kinds: [handler.kind], limit: left)) }
    }
    if !open.isEmpty { wants.append(Want(kinds: open, limit: free)) }
    guard wants.count > 1 else { return wants }
    let first = round % wants.count
    return Array(wants[first...] + wants[..<first])
  }

  /// - Returns: true where there may be more to claim at once.
  private func claim(_ wants: [Want]) async throws -> Bool {
    var mayHaveMore = false
    for want in wants {
      let limit = min(want.limit, settings.concurrency - running.count)
      guard limit > 0, !isStopping else { break }
      let asked = ContinuousClock.now
      let claimed = try await store.claim(
        kinds: want.kinds, limit: limit, worker: settings.name, lease: settings.lease)
      for job in claimed { begin(job, asked: asked) }
      if claimed.count == limit { mayHaveMore = true }
    }
    return mayHaveMore
  }

  private func begin(_ claimed: ClaimedJob, asked: ContinuousClock.Instant) {
    guard let handler = handlers[claimed.job.kind] else { return }
    let job = RunningJob(claimed, limit: handler.limit, askedAt: asked)
    running.add(job)
    metrics.running(running.count)
    // Not a child of the loop's task: it is cancelled by itself, and a handler that does not heed
    // that must not keep the process from ending.
    job.begin { await self.attempt(job, handler) }
  }

  // MARK: - Stopping

  private func drain() async {
    await wait(atMost: settings.grace) {
      self.running.count > 0 && self.stopping.withLock { $0 != .now }
    }
    for job in running.all { job.stop(.shutdown) }
    await wait(atMost: settings.patience) { self.running.count > 0 }
    await withTaskGroup(of: Void.self) { group in
      for job in running.all { group.addTask { await self.abandon(job) } }
    }
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
        for job in rescued.givenUp { tellGivenUp(job) }
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
