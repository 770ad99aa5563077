import Domain
import Foundation
import Jobs
import Storage
import Testing

/// Handlers hear of jobs that will not be done.
@Suite struct GivenUpTests {
  private let new = NewJob(kind: "k", arguments: "{}", maxAttempts: 2)

  private func told(_ seen: Seen) async throws -> [String] {
    try await eventually { seen.all.isEmpty ? nil : seen.all }
  }

  @Test func aDiscardedJobIsToldOnceWithItsReason() async throws {
    let seen = Seen()
    let handler = JobHandler("k") { context in
      throw Broken(text: "hidden word \(context.job.attempt)")
    } onGivenUp: { job, reason in
      seen.add("\(job.id) \(job.state.rawValue) \(reason)")
    }
    try await withWorker([handler]) { bench in
      let id = try await bench.add(new)
      try await bench.until(id, .discarded)
      _ = try await told(seen)
      // The end of the worker waits for what is under way, so no second call is missed.
      await bench.stop()
      #expect(seen.all == ["\(id) discarded ***** word 2"])
    }
  }

  @Test func aJobThatIsDoneInTheEndIsNotTold() async throws {
    let seen = Seen()
    let handler = JobHandler("k") { context in
      if context.job.attempt == 1 { throw Broken(text: "once") }
      return .completed
    } onGivenUp: { _, reason in
      seen.add(reason)
    }
    try await withWorker([handler]) { bench in
      let id = try await bench.add(new)
      try await bench.until(id, .completed)
      await bench.stop()
      #expect(seen.all == [])
    }
  }

  @Test func aJobCancelledWhileItRunsIsToldAndOneThatWaitsIsNot() async throws {
    let seen = Seen()
    let handler = JobHandler("k") { _ in
      try await Task.sleep(for: .seconds(60))
      return .completed
    } onGivenUp: { job, reason in
      seen.add("\(job.id) \(job.state.rawValue) \(reason)")
    }
    try await withWorker([handler], lease: .milliseconds(300)) { bench in
      var later = new
      later.delay = .seconds(900)
      let waiting = try await bench.add(later)
      _ = try await bench.store.cancel(id: waiting, reason: "not wanted")
      let id = try await bench.add(new)
      try await bench.until(id, .running)
      _ = try await bench.store.cancel(id: id, reason: "not wanted")
      try await bench.until(id, .cancelled)
      _ = try await told(seen)
      await bench.stop()
      #expect(seen.all == ["\(id) cancelled not wanted"])
    }
  }

  @Test func whoRescuesALostJobAtItsLastTryTells() async throws {
    let seen = Seen()
    let handler = JobHandler("k") { _ in
      .completed
    } onGivenUp: { job, reason in
      seen.add("\(job.state.rawValue) \(reason)")
    }
    try await withWorker([handler], lease: .milliseconds(300)) { bench in
      var later = new
      later.delay = .seconds(900)
      let id = try await bench.add(later)
      // As a worker of another process leaves it that is killed.
      try await bench.database.change([
        SQLStatement(
          """
          UPDATE jobs SET state = 'running', attempt = 2, lease_token = 1, leased_until = 1,
            worker = 'gone' WHERE id = $1
          """, [.text(id)])
      ])
      try await bench.until(id, .discarded)
      #expect(
        try await told(seen) == ["discarded the worker gone was lost while it ran this."])
    }
  }

  @Test func aCallThatTakesTooLongIsCancelledAndHoldsNoPlace() async throws {
    let seen = Seen()
    let handler = JobHandler("k", concurrency: 1) { context in
      if context.job.arguments == "{}" { throw JobFailure("no", isFinal: true) }
      return .completed
    } onGivenUp: { _, _ in
      do { try await Task.sleep(for: .seconds(60)) } catch { seen.add("cancelled") }
    }
    try await withWorker([handler], concurrency: 1, farewell: .seconds(3)) { bench in
      let id = try await bench.add(new)
      try await bench.until(id, .discarded)
      var other = new
      other.arguments = "[]"
      let next = try await bench.add(other)
      try await bench.until(next, .completed)
      #expect(seen.all == [])
      #expect(try await told(seen) == ["cancelled"])
    }
  }
}
