import Foundation
import Testing

@testable import Jobs

@Suite struct JobPartsTests {
  // MARK: - When to try again

  @Test func delaysDoubleUpToTheCap() {
    let policy = JobRetryPolicy(first: .seconds(5), cap: .seconds(60), jitter: 0)
    #expect(
      [1, 2, 3, 4, 5, 6, 1_000_000_000].map { policy.delay(after: $0) }
        == [5, 10, 20, 40, 60, 60, 60].map { .seconds($0) })
    #expect(policy.delay(after: 0) == .seconds(5))
  }

  @Test func jitterOnlyTakesOffItsShare() {
    let policy = JobRetryPolicy(first: .seconds(8), jitter: 0.25)
    #expect(policy.delay(after: 1, chance: 0) == .seconds(8))
    #expect(policy.delay(after: 1, chance: 1) == .seconds(6))
    for _ in 0..<100 {
      let delay = policy.delay(after: 1)
      #expect(delay <= .seconds(8) && delay >= .seconds(6))
    }
  }

  // MARK: - Bells

  @Test func aRingBeforeTheWaitEndsIt() async {
    let bell = Bell()
    let seen = bell.count
    bell.ring()
    let began = ContinuousClock.now
    await bell.wait(past: seen, atMost: .seconds(30))
    #expect(ContinuousClock.now - began < .seconds(10))
  }

  @Test func aWaitEndsByRingByTimeAndByCancellation() async {
    let bell = Bell()
    let began = ContinuousClock.now
    await bell.wait(past: bell.count, atMost: .milliseconds(20))
    #expect(ContinuousClock.now - began >= .milliseconds(20))
    await withTaskGroup(of: Void.self) { group in
      let seen = bell.count
      for _ in 0..<50 { group.addTask { await bell.wait(past: seen, atMost: .seconds(60)) } }
      bell.ring()
      await group.waitForAll()
      group.addTask { await bell.wait(past: bell.count, atMost: .seconds(60)) }
      group.cancelAll()
    }
    #expect(ContinuousClock.now - began < .seconds(20))
  }

  // MARK: - Events

  private func event(_ number: Int, job: String = "j", run: String? = nil) -> JobEvent {
    JobEvent(job: job, kind: "k", run: run, attempt: 1, change: .progress("\(number)"))
  }

  @Test func aSlowReaderLosesTheOldestAndHoldsNobodyUp() async {
    let events = JobEvents()
    let stream = events.events(of: "j", buffer: 3)
    for number in 0..<1_000 { events.publish(event(number)) }
    var seen: [JobEvent.Change] = []
    for await event in stream {
      seen.append(event.change)
      if seen.count == 3 { break }
    }
    #expect(seen == [.progress("997"), .progress("998"), .progress("999")])
  }

  @Test func aWatcherSeesItsJobOrRunOnlyAndIsForgottenWhenItGoes() async throws {
    let events = JobEvents(mostWatchers: 2)
    do {
      let stream = events.events(of: "r")
      events.publish(event(1))
      events.publish(event(2, job: "other", run: "r"))
      for await event in stream {
        #expect(event.change == .progress("2"))
        break
      }
    }
    _ = try await eventually { events.watchers == 0 ? true : nil }
    let (one, two) = (events.events(), events.events())
    var refused = 0
    for await _ in events.events() { refused += 1 }
    #expect(refused == 0 && events.watchers == 2)
    _ = (one, two)
  }

  // MARK: - The lease protocol

  /// Every result at every count: a job ends after its tries and never before, and is never held by
  /// a state that nobody takes it from.
  @Test func everyEndOfATryLeadsSomewhereSensible() {
    let results: [JobResult] = [
      .completed, .snoozed(.seconds(1)), .cancelled(reason: "r"), .handedBack,
      .failed(message: "m", retryAfter: .seconds(1)), .discarded(message: "m"),
    ]
    for attempt in 1...4 {
      for most in 1...4 {
        for result in results {
          for reason in [nil, "asked"] {
            let after = JobTransition.finished(
              result, attempt: attempt, maxAttempts: most, cancelReason: reason)
            #expect(after.state != .running)
            if result == .completed {
              #expect(after.state == .completed)
            } else if reason != nil {
              #expect(after.state == .cancelled && after.note == "asked")
            } else if case .failed = result {
              #expect(after.state == (attempt < most ? .retryable : .discarded))
            } else {
              #expect(after.state != .retryable)
            }
            // A try is taken back only where the job goes on.
            #expect(after.isCounted || !after.state.isFinal)
          }
        }
      }
    }
  }
}
