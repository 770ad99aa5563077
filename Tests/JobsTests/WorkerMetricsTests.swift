import Foundation
import Jobs
import Metrics
import Storage
import Synchronization
import Testing

/// What a worker tells the metrics system.
@Suite struct WorkerMetricsTests {
  @Test func triesTheirEndsAndWhatIsStoredAreTold() async throws {
    let metrics = KeptMetrics()
    let handler = JobHandler("k") { context in
      switch context.job.arguments.filter({ $0 != "\"" }) {
      case "retry" where context.job.attempt == 1: throw Broken(text: "once")
      case "bad": throw JobFailure("no", isFinal: true)
      case "stop": return .cancelled(reason: "not wanted")
      case "wait" where context.job.note == nil && context.job.errors.isEmpty:
        return .snoozed(.seconds(900), because: "later")
      default: return .completed
      }
    }
    try await withWorker([handler], metrics: metrics) { bench in
      let ids = try await bench.store.enqueue(
        ["a", "b", "retry", "bad", "stop", "wait"].map {
          NewJob(kind: "k", arguments: "\"\($0)\"", maxAttempts: 3)
        }
      ).map(\.id)
      let states: [JobState] = [
        .completed, .completed, .completed, .discarded, .cancelled, .scheduled,
      ]
      for (id, state) in zip(ids, states) { try await bench.until(id, state) }
      await bench.stop()
    }
    let attempts = metrics.value("stet_jobs_attempts_total", ["kind": "k"])
    #expect(attempts == 7)
    func ended(_ outcome: String) -> Double? {
      metrics.value("stet_jobs_finished_total", ["kind": "k", "outcome": outcome])
    }
    #expect(ended("completed") == 3 && ended("failed") == 1 && ended("discarded") == 1)
    #expect(ended("cancelled") == 1 && ended("snoozed") == 1 && ended("handed_back") == 0)
    #expect(metrics.value("stet_jobs_discarded_total", ["kind": "k"]) == 1)
    #expect(metrics.records("stet_jobs_attempt_seconds", ["kind": "k"]).count == 7)
    let pickups = metrics.records("stet_jobs_pickup_seconds", [:])
    #expect(pickups.count == 7 && pickups.allSatisfy { $0 >= 0 && $0 < 30e9 })
    #expect(metrics.value("stet_jobs_lease_lost_total", [:]) == 0)
    #expect(metrics.value("stet_jobs_running", [:]) == 0)
  }

  @Test func depthAndAgeAreMeasured() async throws {
    let metrics = KeptMetrics()
    let (folder, signal) = (temporaryFolder(), JobSignal())
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let database = SQLiteDatabase(path: folder + "/a.db")
    let store = SQLJobStore(database, signal: signal)
    _ = try await store.enqueue(
      (0..<3).map { NewJob(kind: "nobody-knows", arguments: "\($0)") }
        + [NewJob(kind: "k", arguments: "{}", delay: .seconds(900))])
    try await database.change([
      SQLStatement("UPDATE jobs SET scheduled_at = scheduled_at - 100 WHERE state = 'available'")
    ])
    try await withWorker(
      [JobHandler("k") { _ in .completed }], metrics: metrics, over: { _ in store }
    ) { _ in
      _ = try await eventually { metrics.value("stet_jobs_oldest_due_seconds", [:]) }
    }
    #expect(metrics.value("stet_jobs", ["state": "available"]) == 3)
    #expect(metrics.value("stet_jobs", ["state": "scheduled"]) == 1)
    #expect(metrics.value("stet_jobs", ["state": "running"]) == 0)
    let age = try #require(metrics.value("stet_jobs_oldest_due_seconds", [:]))
    #expect(age >= 100 && age < 160)
    await database.close()
  }

  @Test func lostLeasesAndDiscardsByRescueAreCounted() async throws {
    let metrics = KeptMetrics()
    let release = Seen()
    let handler = JobHandler("k") { context in
      if context.job.attempt == 1 {
        while release.all.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
      }
      return .completed
    }
    try await withWorker([handler], metrics: metrics) { bench in
      let id = try await bench.add(NewJob(kind: "k", arguments: "{}", maxAttempts: 2))
      try await bench.until(id, .running)
      try await bench.database.change([SQLStatement("UPDATE jobs SET leased_until = 1")])
      _ = try await bench.store.rescueLost()
      try await bench.until(id, .completed)
      release.add("x")
      _ = try await eventually {
        metrics.value("stet_jobs_lease_lost_total", [:]) == 1 ? true : nil
      }
    }
    #expect(metrics.value("stet_jobs_discarded_total", ["kind": "k"]) == 0)

    let others = KeptMetrics()
    try await withWorker([handler], lease: .milliseconds(300), metrics: others) { bench in
      let id = try await bench.add(
        NewJob(kind: "k", arguments: "{}", delay: .seconds(900), maxAttempts: 1))
      try await bench.database.change([
        SQLStatement(
          """
          UPDATE jobs SET state = 'running', attempt = 1, lease_token = 1, leased_until = 1,
            worker = 'gone' WHERE id = $1
          """, [.text(id)])
      ])
      try await bench.until(id, .discarded)
      _ = try await eventually {
        others.value("stet_jobs_discarded_total", ["kind": "k"]) == 1 ? true : nil
      }
    }
  }
}

func temporaryFolder() -> String {
  FileManager.default.temporaryDirectory.path + "/stet-jobs-\(UUID().uuidString)"
}

/// Keeps every value by name and labels.
final class KeptMetrics: MetricsFactory {
  final class Series: CounterHandler, RecorderHandler, TimerHandler {
    private let kept = Mutex<[Double]>([])
    private let adds: Bool
    init(adds: Bool) { self.adds = adds }

    var all: [Double] { kept.withLock { $0 } }
    var value: Double? { adds ? all.reduce(0, +) : all.last }

    func increment(by amount: Int64) { record(Double(amount)) }
    func reset() { kept.withLock { $0 = [] } }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) { kept.withLock { $0.append(value) } }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration)) }
  }

  private struct Key: Hashable {
    var name: String
    var labels: [String: String]
  }

  private let series = Mutex<[Key: Series]>([:])

  private func made(_ name: String, _ labels: [(String, String)], adds: Bool) -> Series {
    let key = Key(name: name, labels: Dictionary(labels) { $1 })
    return series.withLock { series in
      if let found = series[key] { return found }
      let new = Series(adds: adds)
      series[key] = new
      return new
    }
  }

  private func found(_ name: String, _ labels: [String: String]) -> Series? {
    series.withLock { $0[Key(name: name, labels: labels)] }
  }

  func value(_ name: String, _ labels: [String: String]) -> Double? { found(name, labels)?.value }
  func records(_ name: String, _ labels: [String: String]) -> [Double] {
    found(name, labels)?.all ?? []
  }

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    made(label, dimensions, adds: true)
  }
  func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler { made(label, dimensions, adds: false) }
  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    made(label, dimensions, adds: false)
  }
  func destroyCounter(_ handler: any CounterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {}
  func destroyTimer(_ handler: any TimerHandler) {}
}
