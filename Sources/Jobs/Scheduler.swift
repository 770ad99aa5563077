public import Logging
public import ServiceLifecycle
import Synchronization

/// Adds jobs when their schedules are due. Every process runs one; the store makes each time fire
/// once, by the database's clock.
///
/// A time that passed while no process ran is missed. However many were: with `.runOnce` one job is
/// added for all of them as soon as a process looks, and the schedule goes on with its next time;
/// with `.skip` none is. A store that fails is asked again, ever more slowly, and what was due then
/// fires late.
public final class Scheduler: Service {
  private let store: any ScheduleStore
  private let schedules: [JobSchedule]
  private let signal: JobSignal
  private let logger: Logger
  private let describe: @Sendable (any Error) -> String
  private let bell = Bell()
  private let isStopping = Atomic(false)

  /// The longest time between two looks, for what another process changed.
  private static let longest = Duration.seconds(30)

  /// - Parameters:
  ///   - schedules: of two of the same name the last counts.
  ///   - signal: rung when a job was added.
  ///   - describe: makes one sentence of what the store threw, without secrets.
  public init(
    store: any ScheduleStore, schedules: [JobSchedule], signal: JobSignal, logger: Logger,
    describe: @escaping @Sendable (any Error) -> String
  ) {
    self.store = store
    self.schedules = Dictionary(schedules.map { ($0.name, $0) }) { $1 }
      .values.sorted { $0.name < $1.name }
    self.signal = signal
    self.logger = logger
    self.describe = describe
  }

  public func run() async throws {
    await withTaskCancellationHandler {
      await withGracefulShutdownHandler {
        await work()
      } onGracefulShutdown: {
        self.stop()
      }
    } onCancel: {
      self.stop()
    }
  }

  private func stop() {
    isStopping.store(true, ordering: .sequentiallyConsistent)
    bell.ring()
  }

  private func work() async {
    var failures = 0
    while true {
      // Read first: a stop from here on ends the wait below.
      let seen = bell.count
      if isStopping.load(ordering: .sequentiallyConsistent) { return }
      var wait = Self.longest
      // A service that ended would end the program.
      if !schedules.isEmpty {
        do {
          wait = min(Self.longest, try await fire() ?? Self.longest)
          failures = 0
        } catch {
          failures += 1
          wait = Worker.storePolicy.delay(after: failures)
          logger.error(
            "schedules could not be looked at", metadata: ["error": "\(describe(error))"])
        }
      }
      // The database's clock may be a little behind: never in a tight circle.
      await bell.wait(past: seen, atMost: max(wait, .milliseconds(10)))
    }
  }

  /// - Returns: the time until the next is due.
  private func fire() async throws -> Duration? {
    let (added, untilNext) = try await store.fireDue(schedules)
    for job in added where job.isNew {
      logger.info("a schedule added a job", metadata: ["job": "\(job.id)"])
    }
    if added.contains(where: \.isNew) { signal.ring() }
    return untilNext
  }
}
