import Foundation
import Jobs
import Storage
import Synchronization
import Testing

/// Claims and ends go to the store many at a time.
@Suite struct BatchTests {
  private func jobs(_ count: Int, kind: String = "k") -> [NewJob] {
    (0..<count).map { NewJob(kind: kind, arguments: "\($0)") }
  }

  @Test func fastHandlersAreClaimedAndWrittenInBatches() async throws {
    let watched = Box<WatchedStore>()
    try await withWorker(
      [JobHandler("k") { _ in .completed }], concurrency: 100,
      over: { watched.set(WatchedStore($0)) }
    ) { bench in
      _ = try await bench.store.enqueue(jobs(2_000))
      _ = try await eventually {
        try await bench.store.counts()[.completed] == 2_000 ? true : nil
      }
      let seen = try #require(watched.value).seen
      let claims = seen.claims.filter { $0 > 0 }
      #expect(claims.reduce(0, +) == 2_000 && claims.allSatisfy { $0 <= 100 })
      #expect(claims.count <= 50, "\(claims)")
      #expect(seen.finishes.reduce(0, +) == 2_000)
      #expect(seen.finishes.allSatisfy { $0 <= 256 })
      #expect(seen.finishes.count <= 100, "\(seen.finishes)")
    }
  }

  /// How many empty jobs a second, for whoever asks: `STET_WORKER_RATE=1`.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["STET_WORKER_RATE"] != nil))
  func rate() async throws {
    let watched = Box<WatchedStore>()
    try await withWorker(
      [JobHandler("k") { _ in .completed }], concurrency: 100,
      over: { watched.set(WatchedStore($0)) }
    ) { bench in
      var later = jobs(10_000)
      for index in later.indices { later[index].delay = .seconds(2) }
      for start in stride(from: 0, to: later.count, by: 1_000) {
        _ = try await bench.store.enqueue(Array(later[start..<start + 1_000]))
      }
      _ = try await eventually {
        try await bench.store.counts()[.completed, default: 0] > 0 ? true : nil
      }
      let began = ContinuousClock.now
      let first = try await bench.store.counts()[.completed, default: 0]
      while try await bench.store.counts()[.completed, default: 0] < 10_000 {
        try await Task.sleep(for: .milliseconds(50))
      }
      let took = ContinuousClock.now - began
      let seen = try #require(watched.value).seen
      print(
        "jobs/s \(Double(10_000 - first) / (took / .seconds(1))), claims \(seen.claims.count),",
        "finishes \(seen.finishes.count)")
    }
  }

  @Test func onePlaceIsFilledWhileTheOthersAreBusy() async throws {
    let release = Seen()
    let handler = JobHandler("k") { context in
      if Int(context.job.arguments) ?? 0 < 19 {
        while release.all.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
      }
      return .completed
    }
    try await withWorker([handler], concurrency: 20) { bench in
      // 19 places are taken for as long as the test likes; the rest go through the one left.
      _ = try await bench.store.enqueue(jobs(60))
      _ = try await eventually {
        try await bench.store.counts()[.completed] == 41 ? true : nil
      }
      release.add("x")
    }
  }

  @Test func aCallThatFailsKeepsTheEndsAndIsMadeAgain() async throws {
    let calls = Mutex(0)
    let watched = Box<WatchedStore>()
    try await withWorker(
      [JobHandler("k") { _ in .completed }], concurrency: 10,
      over: { store in
        watched.set(
          WatchedStore(store) { _ in
            calls.withLock { calls in
              calls += 1
              return calls <= 2 ? .fails : calls == 3 ? .answerIsLost : .none
            }
          })
      }
    ) { bench in
      let events = bench.events.events(buffer: 1_000)
      _ = try await bench.store.enqueue(jobs(30))
      _ = try await eventually {
        try await bench.store.counts()[.completed] == 30 ? true : nil
      }
      // Every one is told of as done, also those whose answer was lost.
      var done = Set<String>()
      for await event in events where event.change == .state(.completed) {
        done.insert(event.job)
        if done.count == 30 { break }
      }
      for job in try await bench.store.jobs(JobFilter(limit: 100)) {
        #expect(job.attempt == 1 && done.contains(job.id))
      }
    }
  }

  @Test func anEndThatTheStoreRefusesHoldsNoOtherUp() async throws {
    try await withWorker(
      [JobHandler("k") { _ in .completed }], concurrency: 10,
      over: { store in
        let poison = Mutex<String?>(nil)
        return WatchedStore(store) { ended in
          let bad = poison.withLock { poison in
            poison = poison ?? ended.first?.lease.job
            return poison
          }
          return ended.contains { $0.lease.job == bad } ? .fails : .none
        }
      }
    ) { bench in
      _ = try await bench.store.enqueue(jobs(10))
      _ = try await eventually {
        try await bench.store.counts()[.completed] == 9 ? true : nil
      }
    }
  }

  @Test func aStopWritesWhatEnded() async throws {
    let open = Seen()
    try await withWorker(
      [JobHandler("k") { _ in .completed }], concurrency: 10,
      over: { store in
        WatchedStore(store) { _ in
          while open.all.isEmpty { try? await Task.sleep(for: .milliseconds(5)) }
          return .none
        }
      }
    ) { bench in
      let ids = try await bench.store.enqueue(jobs(10)).map(\.id)
      try await bench.until(ids[9], .running)
      async let stop: Void = bench.stop()
      try await Task.sleep(for: .milliseconds(100))
      #expect(bench.ended.all.isEmpty)
      open.add("x")
      await stop
      #expect(try await bench.store.counts() == [.completed: 10])
    }
  }

  @Test func aStopDoesNotWaitForAStoreThatIsDown() async throws {
    try await withWorker(
      [JobHandler("k") { _ in .completed }], concurrency: 10,
      over: { store in WatchedStore(store) { _ in .fails } }
    ) { bench in
      let ids = try await bench.store.enqueue(jobs(3)).map(\.id)
      try await bench.until(ids[2], .running)
      let asked = ContinuousClock.now
      await bench.stop()
      #expect(bench.ended.all == ["ended"])
      #expect(ContinuousClock.now - asked < .seconds(9))
      #expect(try await bench.store.counts() == [.running: 3])
    }
  }

  /// The place of a kind with a limit is free once the end is written, and not before.
  @Test func theLimitOfAKindCountsEndsThatAreNotWritten() async throws {
    let open = Seen()
    let ran = Seen()
    let handler = JobHandler("k", concurrency: 1) { _ in
      ran.add("x")
      return .completed
    }
    try await withWorker(
      [handler, JobHandler("other") { _ in .completed }], concurrency: 4,
      over: { store in
        WatchedStore(store) { ended in
          while open.all.isEmpty { try? await Task.sleep(for: .milliseconds(5)) }
          return .none
        }
      }
    ) { bench in
      _ = try await bench.store.enqueue(jobs(3) + jobs(6, kind: "other"))
      // Others are claimed meanwhile, twice as many as there are places in all.
      _ = try await eventually {
        try await bench.store.counts()[.running, default: 0] >= 7 ? true : nil
      }
      #expect(ran.all.count == 1)
      open.add("x")
      _ = try await eventually {
        try await bench.store.counts()[.completed] == 9 ? true : nil
      }
    }
  }

  /// Leases of ends that wait for their write are held.
  @Test func anEndThatWaitsKeepsItsLease() async throws {
    let open = Seen()
    let runs = Seen()
    let handler = JobHandler("k") { _ in
      runs.add("x")
      return .completed
    }
    try await withWorker(
      [handler], lease: .milliseconds(600),
      over: { store in
        WatchedStore(store) { _ in
          while open.all.isEmpty { try? await Task.sleep(for: .milliseconds(5)) }
          return .none
        }
      }
    ) { bench in
      let id = try await bench.add(NewJob(kind: "k", arguments: "{}"))
      try await bench.until(id, .running)
      // Three leases long, with the worker's own rescue at work.
      try await Task.sleep(for: .milliseconds(1_800))
      open.add("x")
      try await bench.until(id, .completed)
      #expect(runs.all.count == 1)
    }
  }
}

/// Takes a thing out of a closure.
final class Box<Value: Sendable>: Sendable {
  private let content = Mutex<Value?>(nil)
  var value: Value? { content.withLock { $0 } }

  func set(_ value: Value) -> Value {
    content.withLock { $0 = value }
    return value
  }
}
