import Foundation
import Jobs
import Storage
import Synchronization
import Testing

/// What a worker makes of a store that fails now and then, or answers late.
@Suite struct TroubleTests {
  private let new = NewJob(kind: "k", arguments: "{}")

  /// Others may have what comes later than its lease lasts.
  @Test func whatIsClaimedTooLateIsHandedBack() async throws {
    let (claims, ran) = (Mutex(0), Seen())
    let handler = JobHandler("k") { context in
      ran.add("try \(context.job.attempt)")
      return .completed
    }
    try await withWorker(
      [handler], lease: .milliseconds(300),
      over: { store in
        WatchedStore(
          store,
          answering: { _ in
            let isFirst =
              try await store.counts()[.running] == 1
              && claims.withLock { claims in
                claims += 1
                return claims == 1
              }
            if isFirst { try await Task.sleep(for: .milliseconds(320)) }
          })
      }
    ) { bench in
      let id = try await bench.add(new)
      try await bench.until(id, .completed)
      await bench.stop()
      // Once, whether it was handed back in time or rescued before.
      #expect(ran.all.count == 1)
      #expect(claims.withLock { $0 } >= 2)
    }
  }

  @Test func aQuestionThatFailsKeepsNoOtherKindWaiting() async throws {
    let isDown = Atomic(true)
    let handlers = [
      JobHandler("a", concurrency: 1) { _ in .completed },
      JobHandler("k", concurrency: 1) { _ in .completed },
      JobHandler("z", concurrency: 1) { _ in .completed },
    ]
    let broken: @Sendable ([String]) throws -> Void = { kinds in
      if kinds == ["k"], isDown.load(ordering: .relaxed) { throw Broken(text: "down") }
    }
    try await withWorker(handlers, over: { WatchedStore($0, asked: broken) }) { bench in
      let waiting = try await bench.add(new)
      for kind in ["a", "z", "z", "a"] {
        let id = try await bench.add(NewJob(kind: kind, arguments: "{}"))
        try await bench.until(id, .completed)
      }
      #expect(try await bench.store.job(id: waiting)?.state == .available)
      isDown.store(false, ordering: .relaxed)
      try await bench.until(waiting, .completed)
    }
  }

  /// The answer to the write of an end was lost, and the job has gone on since.
  @Test(arguments: [JobOutcome.snoozed(.zero), .completed])
  func anEndWhoseAnswerIsLostIsNoLostLease(_ first: JobOutcome) async throws {
    let (told, writes) = (Seen(), Mutex(0))
    let handler = JobHandler("k") { context in
      if context.job.errors.isEmpty, context.job.note == nil { told.add("ran") }
      if told.all.filter({ $0 == "ran" }).count > 1 { return .completed }
      return first
    } onLeaseLost: { _ in
      told.add("lost")
    }
    try await withWorker(
      [handler],
      over: { store in
        WatchedStore(
          store,
          trouble: { _ in
            writes.withLock { writes in
              writes += 1
              return writes == 1 ? .answerIsLost : .none
            }
          })
      }
    ) { bench in
      let id = try await bench.add(new)
      try await bench.until(id, .completed)
      _ = try await eventually { writes.withLock { $0 } > 1 ? true : nil }
      await bench.stop()
      #expect(!told.all.contains("lost"))
    }
  }

  @Test func aLostLeaseIsSeenAlsoWhereTheWriteFailedBefore() async throws {
    let (told, writes) = (Seen(), Mutex(0))
    let handler = JobHandler("k") { context in
      context.job.attempt == 1 ? .snoozed(.seconds(60)) : .completed
    } onLeaseLost: { job in
      told.add("lost \(job.attempt)")
    }
    try await withWorker(
      [handler],
      over: { store in
        WatchedStore(
          store,
          trouble: { ended in
            let isFirst = writes.withLock { writes in
              writes += 1
              return writes == 1
            }
            guard isFirst else { return .none }
            return .fails
          })
      }
    ) { bench in
      let id = try await bench.add(new)
      _ = try await eventually { writes.withLock { $0 } > 0 ? true : nil }
      // Before it is written again.
      try await bench.database.change([SQLStatement("UPDATE jobs SET leased_until = 1")])
      _ = try await bench.store.rescueLost()
      try await bench.until(id, .completed)
      _ = try await eventually { told.all.isEmpty ? nil : true }
      await bench.stop()
      #expect(told.all == ["lost 1"])
    }
  }
}
