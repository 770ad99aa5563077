import Foundation
import Jobs
import Storage
import Testing

/// Handlers hear of tries that lost their lease, and newer jobs are left to others.
@Suite struct LeaseLostTests {
  private let new = NewJob(kind: "k", arguments: "{}")

  private func lose(_ id: String, _ bench: WorkerBench) async throws {
    try await bench.database.change([SQLStatement("UPDATE jobs SET leased_until = 1")])
    _ = try await bench.store.rescueLost()
  }

  @Test func toldOnceAfterTheHandlerEnded() async throws {
    let seen = Seen()
    let handler = JobHandler("k") { context in
      if context.job.attempt > 1 { return .completed }
      do { try await Task.sleep(for: .seconds(60)) } catch { seen.add("ended") }
      return .completed
    } onLeaseLost: { job in
      seen.add("told of \(job.attempt)")
    }
    try await withWorker([handler], lease: .milliseconds(600)) { bench in
      let id = try await bench.add(new)
      try await bench.until(id, .running)
      try await lose(id, bench)
      try await bench.until(id, .completed)
      _ = try await eventually { seen.all.count > 1 ? true : nil }
      await bench.stop()
      #expect(seen.all == ["ended", "told of 1"])
    }
  }

  /// No heartbeat came between: the end of the try finds it out.
  @Test func theWriteOfItsEndFindsOutToo() async throws {
    let seen = Seen()
    let release = Seen()
    let handler = JobHandler("k") { context in
      if context.job.attempt == 1 {
        while release.all.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
      }
      return .completed
    } onLeaseLost: { job in
      seen.add("told of \(job.attempt)")
    }
    try await withWorker([handler]) { bench in
      let id = try await bench.add(new)
      try await bench.until(id, .running)
      try await lose(id, bench)
      try await bench.until(id, .completed)
      #expect(seen.all.isEmpty)
      release.add("x")
      _ = try await eventually { seen.all.isEmpty ? nil : true }
      await bench.stop()
      #expect(seen.all == ["told of 1"])
      #expect(try await bench.store.job(id: id)?.attempt == 2)
    }
  }

  /// It is gone on without, and told again when it ends after all. What it does then is not heard.
  @Test func aHandlerThatWasGoneOnWithoutWritesNothing() async throws {
    let seen = Seen()
    let release = Seen()
    let handler = JobHandler("k", limit: .milliseconds(100)) { context in
      if context.job.attempt > 1 { return .completed }
      while release.all.isEmpty { await Self.rest() }
      context.progress("late")
      do { _ = try await context.step("late") { 1 } } catch is LeaseLost { seen.add("refused") }
      throw Broken(text: "late")
    } onLeaseLost: { job in
      seen.add("told of \(job.attempt)")
    }
    try await withWorker([handler], lease: .milliseconds(300)) { bench in
      let events = bench.events.events()
      let id = try await bench.add(new)
      try await bench.until(id, .completed)
      release.add("x")
      _ = try await eventually { seen.all.count == 2 ? true : nil }
      #expect(seen.all == ["refused", "told of 1"])
      let job = try #require(try await bench.store.job(id: id))
      #expect(job.attempt == 2 && job.errors.count == 1)
      #expect(job.errors.first?.message.contains("took longer") == true)
      var lines: [String] = []
      for await event in events {
        if case .progress(let line) = event.change { lines.append(line) }
        if event.change == .state(.completed) { break }
      }
      #expect(lines.isEmpty)
    }
  }

  /// Sleeps in a cancelled task too.
  private static func rest() async {
    await withCheckedContinuation { done in
      DispatchQueue.global().asyncAfter(deadline: .now() + 0.02) { done.resume() }
    }
  }

  @Test func whatANewerProgramWroteIsLeftToIt() async throws {
    let ran = Seen()
    let handler = JobHandler("k", version: 2) { context in
      ran.add("\(context.job.version)")
      return .completed
    }
    try await withWorker(
      [handler],
      over: { store in
        WatchedStore(
          store,
          changed: { claimed in
            var claimed = claimed
            claimed.job.version = Int(claimed.job.arguments) ?? 1
            return claimed
          })
      }
    ) { bench in
      let ids = try await bench.store.enqueue(
        ["1", "2", "3"].map { NewJob(kind: "k", arguments: $0, maxAttempts: 1) }
      ).map(\.id)
      try await bench.until(ids[0], .completed)
      try await bench.until(ids[1], .completed)
      try await bench.until(ids[2], .scheduled)
      #expect(ran.all.sorted() == ["1", "2"])
      let left = try #require(try await bench.store.job(id: ids[2]))
      #expect(left.attempt == 0)
      let wait = left.scheduledAt.timeIntervalSince(left.attemptedAt ?? .distantPast)
      #expect((59...70).contains(wait))
      let reason = "arguments of version 3; this one knows 2"
      let said = [left.note] + left.errors.map { $0.message }
      #expect(said.contains { $0?.contains(reason) == true }, "\(said)")
    }
  }
}
