import Foundation
import Jobs
import Logging
import ServiceLifecycle
import Synchronization
import Testing

/// When a scheduler asks its store. That each time fires once is the store's to show.
@Suite struct SchedulerTests {
  /// Answers as told, and keeps when it was asked.
  private final class ToldStore: ScheduleStore {
    typealias Answer = @Sendable (Int) throws -> (added: [EnqueuedJob], untilNext: Duration?)
    private let asked = Mutex<[ContinuousClock.Instant]>([])
    private let names = Mutex<[String]>([])
    private let answer: Answer

    init(_ answer: @escaping Answer) { self.answer = answer }
    var times: [ContinuousClock.Instant] { asked.withLock { $0 } }
    var lastNames: [String] { names.withLock { $0 } }

    func fireDue(
      _ schedules: [JobSchedule]
    ) async throws -> (added: [EnqueuedJob], untilNext: Duration?) {
      names.withLock { $0 = schedules.map { "\($0.name) \($0.cron)" } }
      let count = asked.withLock { asked in
        asked.append(.now)
        return asked.count
      }
      return try answer(count)
    }

    func schedules() async throws -> [ScheduleState] { [] }
  }

  private func schedule(_ name: String, _ cron: String = "* * * * *") throws -> JobSchedule {
    JobSchedule(
      name: name, cron: try CronExpression(cron), zone: try CronTests.zone("UTC"),
      job: NewJob(kind: "k", arguments: "{}"))
  }

  private func run(
    _ store: ToldStore, _ schedules: [JobSchedule], _ signal: JobSignal = JobSignal(),
    _ body: () async throws -> Void
  ) async throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let scheduler = Scheduler(
      store: store, schedules: schedules, signal: signal, logger: logger, describe: { "\($0)" })
    let group = ServiceGroup(services: [scheduler], logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      var failure: (any Error)?
      do { try await body() } catch { failure = error }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
      if let failure { throw failure }
    }
  }

  @Test func asksAgainWhenTheNextIsDueAndRingsForWhatIsNew() async throws {
    let (signal, rings) = (JobSignal(), Seen())
    let listener = signal.add { rings.add("ring") }
    let store = ToldStore { count in
      switch count {
      case 1: (added: [], untilNext: .milliseconds(80))
      case 2: (added: [EnqueuedJob(id: "a", isNew: false)], untilNext: .milliseconds(80))
      case 3: (added: [EnqueuedJob(id: "b", isNew: true)], untilNext: .seconds(3_600))
      default: (added: [], untilNext: nil)
      }
    }
    let schedules = [try schedule("a"), try schedule("b"), try schedule("a", "@daily")]
    let began = ContinuousClock.now
    try await run(store, schedules, signal) {
      _ = try await eventually { rings.all.isEmpty ? nil : true }
      #expect(store.lastNames == ["a @daily", "b * * * * *"])
      let times = store.times
      #expect(times.count == 3)
      for (one, next) in zip(times, times.dropFirst()) {
        #expect(next - one >= .milliseconds(80))
      }
      #expect(rings.all == ["ring"])
    }
    // A stop does not wait for what is due in an hour.
    #expect(ContinuousClock.now - began < .seconds(20))
    signal.remove(listener)
  }

  @Test func aStoreThatFailsIsAskedEverMoreSlowly() async throws {
    let store = ToldStore { count in
      if count < 4 { throw Broken(text: "down") }
      return (added: [], untilNext: nil)
    }
    try await run(store, [try schedule("a")]) {
      _ = try await eventually { store.times.count == 4 ? true : nil }
      let times = store.times
      #expect(times[1] - times[0] >= .milliseconds(75))
      #expect(times[2] - times[1] >= .milliseconds(150))
      #expect(times[3] - times[2] >= .milliseconds(300))
    }
  }

  @Test func withoutSchedulesItAsksNothingAndEndsWhenAsked() async throws {
    let store = ToldStore { _ in (added: [], untilNext: .zero) }
    try await run(store, []) { try await Task.sleep(for: .milliseconds(50)) }
    #expect(store.times.isEmpty)
  }

  @Test func neverInATightCircle() async throws {
    let store = ToldStore { _ in (added: [], untilNext: .zero) }
    try await run(store, [try schedule("a")]) { try await Task.sleep(for: .milliseconds(200)) }
    #expect((2...21).contains(store.times.count))
  }
}
