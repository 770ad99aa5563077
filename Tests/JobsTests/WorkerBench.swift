import Foundation
import Jobs
import Logging
import Metrics
import ServiceLifecycle
import Storage
import Synchronization
import Testing

/// A worker that runs, and what stands around it.
struct WorkerBench: Sendable {
  var database: SQLiteDatabase
  var store: SQLJobStore
  var signal: JobSignal
  var events: JobEvents
  var group: ServiceGroup
  let ended: Seen

  func add(_ job: NewJob) async throws -> String {
    try #require(try await store.enqueue([job]).first).id
  }

  func until(
    _ id: String, _ state: JobState, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let store = store
    let reached = try? await eventually {
      try await store.job(id: id)?.state == state ? true : nil
    }
    let job = try await store.job(id: id)
    #expect(reached == true, "\(String(describing: job))", sourceLocation: sourceLocation)
  }

  /// Asks it to end, and waits until it has.
  func stop() async {
    await group.triggerGracefulShutdown()
    _ = try? await eventually { ended.all.isEmpty ? nil : true }
  }
}

func withWorker(
  _ handlers: [JobHandler], concurrency: Int = 4, lease: Duration = .seconds(20),
  grace: Duration = .seconds(10), farewell: Duration = .seconds(30),
  metrics: (any MetricsFactory)? = nil,
  over wrap: (SQLJobStore) -> any JobStore = { $0 },
  _ body: (WorkerBench) async throws -> Void
) async throws {
  let folder = FileManager.default.temporaryDirectory.path + "/stet-jobs-\(UUID().uuidString)"
  defer { try? FileManager.default.removeItem(atPath: folder) }
  let database = SQLiteDatabase(path: folder + "/a.db")
  let (signal, events) = (JobSignal(), JobEvents())
  let store = SQLJobStore(database, signal: signal)
  var logger = Logger(label: "test")
  logger.logLevel = .critical
  let settings = WorkerSettings(
    concurrency: concurrency, lease: lease, grace: grace, patience: .milliseconds(300),
    poll: .seconds(60), farewell: farewell,
    retry: JobRetryPolicy(first: .milliseconds(10), cap: .milliseconds(40)),
    mask: { $0.replacingOccurrences(of: "hidden", with: "*****") })
  let worker = Worker(
    store: wrap(store), handlers: handlers, signal: signal, events: events, settings: settings,
    logger: logger, metrics: metrics)
  let group = ServiceGroup(services: [worker], logger: logger)
  let ended = Seen()
  let bench = WorkerBench(
    database: database, store: store, signal: signal, events: events, group: group, ended: ended)
  try await withThrowingTaskGroup(of: Void.self) { tasks in
    tasks.addTask {
      try await group.run()
      ended.add("ended")
    }
    var failure: (any Error)?
    do { try await body(bench) } catch { failure = error }
    await group.triggerGracefulShutdown()
    // What still runs has the grace; no test leaves more than it.
    try await tasks.waitForAll()
    if let failure { throw failure }
  }
  await database.close()
}

/// What handlers and tests saw, in order.
final class Seen: Sendable {
  private let items = Mutex<[String]>([])
  func add(_ item: String) { items.withLock { $0.append(item) } }
  var all: [String] { items.withLock { $0 } }
}

/// The most that ran at once, by kind; under the empty name of all kinds.
final class HighWater: Sendable {
  private struct State {
    var now: [String: Int] = [:]
    var most: [String: Int] = [:]
  }

  private let state = Mutex(State())

  func enter(_ kind: String) {
    state.withLock { state in
      for name in [kind, ""] {
        state.now[name, default: 0] += 1
        state.most[name] = max(state.most[name, default: 0], state.now[name, default: 0])
      }
    }
  }

  func leave(_ kind: String) {
    state.withLock { state in for name in [kind, ""] { state.now[name, default: 0] -= 1 } }
  }

  func most(_ kind: String) -> Int { state.withLock { $0.most[kind, default: 0] } }
}

/// Asks until there is an answer, for half a minute: a busy machine is no failure.
func eventually<T>(_ body: () async throws -> T?) async throws -> T {
  let deadline = ContinuousClock.now + .seconds(30)
  while ContinuousClock.now < deadline {
    if let answer = try await body() { return answer }
    try await Task.sleep(for: .milliseconds(5))
  }
  return try #require(try await body())
}
