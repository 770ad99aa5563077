import Domain
import Foundation
import Jobs
import Logging
import Storage
import Testing

/// A real worker on a real SQLite file.
@Suite struct WorkerTests {
  private func job(
    _ kind: String = "k", key: String? = nil, delay: Duration = .zero, tries: Int = 8
  ) -> NewJob {
    NewJob(kind: kind, arguments: "{}", supersedeKey: key, delay: delay, maxAttempts: tries)
  }

  @Test func aJobIsPickedUpAtOnce() async throws {
    try await withWorker([JobHandler("k") { _ in .completed }]) { bench in
      // A look at the poll alone would take a minute.
      let asked = ContinuousClock.now
      let id = try await bench.add(job())
      try await bench.until(id, .completed)
      #expect(ContinuousClock.now - asked < .seconds(5))
      let done = try #require(try await bench.store.job(id: id))
      #expect(done.attempt == 1 && done.errors.isEmpty)
    }
  }

  @Test func aScheduledJobIsRunWhenItIsDue() async throws {
    try await withWorker([JobHandler("k") { _ in .completed }]) { bench in
      let id = try await bench.add(job(delay: .milliseconds(150)))
      try await bench.until(id, .completed)
      let done = try #require(try await bench.store.job(id: id))
      #expect(try #require(done.attemptedAt) >= done.scheduledAt)
    }
  }

  @Test func aFailureIsRetriedAndMasked() async throws {
    let handler = JobHandler("k") { context in
      if context.job.attempt < 3 { throw Broken(text: "hidden word \(context.job.attempt)") }
      return .completed
    }
    try await withWorker([handler]) { bench in
      let id = try await bench.add(job())
      try await bench.until(id, .completed)
      let done = try #require(try await bench.store.job(id: id))
      #expect(done.attempt == 3)
      #expect(done.errors.map(\.message) == ["***** word 1", "***** word 2"])
    }
  }

  @Test func aPoisonJobIsGivenUpAndItsLastTryKnowsIt() async throws {
    let lasts = Seen()
    let handler = JobHandler("k") { context in
      lasts.add("\(context.isLastAttempt)")
      throw Broken(text: "always")
    }
    try await withWorker([handler]) { bench in
      let id = try await bench.add(job(tries: 3))
      try await bench.until(id, .discarded)
      #expect(lasts.all == ["false", "false", "true"])
    }
  }

  @Test func aFinalFailureIsNotTriedAgain() async throws {
    let handler = JobHandler("k") { _ in
      throw JobFailure("the arguments of k cannot be read", isFinal: true)
    }
    try await withWorker([handler]) { bench in
      let id = try await bench.add(job())
      try await bench.until(id, .discarded)
      let done = try #require(try await bench.store.job(id: id))
      #expect(done.attempt == 1)
      #expect(done.errors.first?.message.contains("arguments of k") == true)
    }
  }

  @Test func theHandlersOwnTimeForARetryCounts() async throws {
    let handler = JobHandler("k") { _ in
      throw JobFailure("rate limited", retryAfter: .seconds(1_000))
    }
    try await withWorker([handler]) { bench in
      let id = try await bench.add(job())
      try await bench.until(id, .retryable)
      let next = try #require(try await bench.store.untilNext(kinds: ["k"]))
      #expect(next > .seconds(900))
    }
  }

  @Test func aSnoozeCostsNoTry() async throws {
    let count = Seen()
    let handler = JobHandler("k") { _ in
      count.add("x")
      return count.all.count < 4 ? .snoozed(.milliseconds(10)) : .completed
    }
    try await withWorker([handler]) { bench in
      let id = try await bench.add(job(tries: 1))
      try await bench.until(id, .completed)
      #expect(try await bench.store.job(id: id)?.attempt == 1)
      #expect(count.all.count == 4)
    }
  }

  @Test func aRunningJobIsStoppedByWhoeverAsks() async throws {
    let ended = Seen()
    let handler = JobHandler("k") { _ in
      do { try await Task.sleep(for: .seconds(60)) } catch {
        ended.add("cancelled")
        throw error
      }
      return .completed
    }
    try await withWorker([handler], lease: .milliseconds(300)) { bench in
      let cancelled = try await bench.add(job())
      try await bench.until(cancelled, .running)
      _ = try await bench.store.cancel(id: cancelled, reason: "not wanted")
      try await bench.until(cancelled, .cancelled)
      #expect(
        try await bench.store.job(id: cancelled)?.errors.map(\.message) == ["not wanted"])
      // Superseded is asked too.
      let older = try await bench.add(job(key: "s"))
      try await bench.until(older, .running)
      let newer = try await bench.add(job(key: "s"))
      try await bench.until(older, .cancelled)
      try await bench.until(newer, .running)
      #expect(ended.all.count == 2)
    }
  }

  @Test func aLostLeaseCancelsTheTryAndNothingIsWritten() async throws {
    let started = Seen()
    let handler = JobHandler("k") { context in
      started.add("\(context.job.attempt)")
      if context.job.attempt > 1 { return .completed }
      do { try await Task.sleep(for: .seconds(60)) } catch { throw Broken(text: "too late") }
      return .completed
    }
    try await withWorker([handler], lease: .milliseconds(600)) { bench in
      let id = try await bench.add(job())
      try await bench.until(id, .running)
      // As if the machine had slept, and the rescuer of another had found the lease run out.
      try await bench.database.change([
        SQLStatement("UPDATE jobs SET leased_until = 1")
      ])
      _ = try await bench.store.rescueLost().count
      try await bench.until(id, .completed)
      let done = try #require(try await bench.store.job(id: id))
      #expect(done.attempt == 2)
      #expect(!done.errors.contains { $0.message == "too late" })
      #expect(started.all == ["1", "2"])
    }
  }

  @Test func aLongJobKeepsItsLease() async throws {
    let runs = Seen()
    let handler = JobHandler("k") { _ in
      runs.add("x")
      try await Task.sleep(for: .milliseconds(1_500))
      return .completed
    }
    try await withWorker([handler], lease: .milliseconds(300)) { bench in
      let id = try await bench.add(job())
      try await bench.until(id, .completed)
      #expect(runs.all.count == 1)
    }
  }

  @Test func aGentleStopLetsRunningJobsFinish() async throws {
    let started = Seen()
    let handler = JobHandler("k") { _ in
      started.add("x")
      try await Task.sleep(for: .milliseconds(300))
      return .completed
    }
    try await withWorker([handler], concurrency: 1) { bench in
      let first = try await bench.add(job())
      let second = try await bench.add(job())
      try await bench.until(first, .running)
      await bench.stop()
      #expect(try await bench.store.job(id: first)?.state == .completed)
      #expect(try await bench.store.job(id: second)?.state == .available)
      #expect(started.all.count == 1)
    }
  }

  @Test func aStopHandsBackWhatDoesNotFinish() async throws {
    let handler = JobHandler("k") { _ in
      try await Task.sleep(for: .seconds(60))
      return .completed
    }
    try await withWorker([handler], grace: .milliseconds(100)) { bench in
      let id = try await bench.add(job(tries: 1))
      try await bench.until(id, .running)
      await bench.stop()
      let job = try #require(try await bench.store.job(id: id))
      #expect(job.state == .available && job.attempt == 0 && job.errors.isEmpty)
    }
  }

  @Test func aHandlerThatNeverEndsKeepsNobody() async throws {
    let release = Seen()
    let handler = JobHandler("k", limit: .milliseconds(200)) { context in
      if context.job.attempt > 1 { return .completed }
      // Does not heed its cancellation, until the test is over.
      while release.all.isEmpty { await Self.rest() }
      return .completed
    }
    try await withWorker([handler], concurrency: 1, lease: .milliseconds(300)) { bench in
      let id = try await bench.add(job())
      try await bench.until(id, .completed)
      let job = try #require(try await bench.store.job(id: id))
      #expect(job.attempt == 2)
      #expect(job.errors.first?.message.contains("took longer") == true)
      release.add("x")
    }
  }

  /// Sleeps in a cancelled task too.
  private static func rest() async {
    await withCheckedContinuation { done in
      DispatchQueue.global().asyncAfter(deadline: .now() + 0.02) { done.resume() }
    }
  }

  @Test func atMostSoManyOfAKindAndInAllAtOnce() async throws {
    let high = HighWater()
    func handler(_ kind: String, _ most: Int?) -> JobHandler {
      JobHandler(kind, concurrency: most) { context in
        high.enter(context.job.kind)
        try await Task.sleep(for: .milliseconds(15))
        high.leave(context.job.kind)
        return .completed
      }
    }
    try await withWorker([handler("a", 1), handler("b", nil)], concurrency: 3) { bench in
      _ = try await bench.store.enqueue((0..<24).map { job($0 % 2 == 0 ? "a" : "b") })
      _ = try await eventually {
        try await bench.store.counts()[.completed] == 24 ? true : nil
      }
      #expect(high.most("a") == 1)
      #expect(high.most("b") >= 2)
      #expect(high.most("") <= 3)
    }
  }

  @Test func anUnknownKindIsKept() async throws {
    try await withWorker([JobHandler("k") { _ in .completed }]) { bench in
      let unknown = try await bench.add(job("of-the-future"))
      let known = try await bench.add(job())
      try await bench.until(known, .completed)
      #expect(try await bench.store.job(id: unknown)?.state == .available)
    }
  }

  @Test func aStoreThatFailsForAWhileEndsNothing() async throws {
    let handler = JobHandler("k") { _ in .completed }
    try await withWorker([handler]) { bench in
      try await bench.database.change([SQLStatement("ALTER TABLE jobs RENAME TO gone")])
      bench.signal.ring()
      // Long enough for several tries of every loop.
      try await Task.sleep(for: .milliseconds(500))
      try await bench.database.change([SQLStatement("ALTER TABLE gone RENAME TO jobs")])
      let id = try await bench.add(job())
      try await bench.until(id, .completed)
    }
  }

  @Test func watchersSeeStatesAndProgress() async throws {
    let handler = JobHandler("k") { context in
      context.progress("read the hidden diff")
      return .completed
    }
    try await withWorker([handler]) { bench in
      let events = bench.events.events(of: "run-1")
      var new = job()
      new.run = "run-1"
      _ = try await bench.add(job())
      _ = try await bench.add(new)
      var seen: [JobEvent.Change] = []
      for await event in events {
        seen.append(event.change)
        if event.change == .state(.completed) { break }
      }
      #expect(
        seen == [.state(.running), .progress("read the ***** diff"), .state(.completed)])
    }
  }
}

/// An error whose text has something to hide.
struct Broken: Error, CustomStringConvertible {
  var text: String
  var description: String { text }
}
