import Foundation
import Jobs
import Logging
import Storage
import Testing

/// What a step gave is not done again.
@Suite struct StepTests {
  private struct Answer: Codable, Sendable, Equatable {
    var text: String
    var tokens: Int
  }

  private let new = NewJob(kind: "k", arguments: "{}")

  @Test func aStepIsDoneOnceOverAllTries() async throws {
    let (calls, watched) = (Seen(), Box<WatchedStore>())
    let handler = JobHandler("k") { context in
      let answer = try await context.step("ask") {
        calls.add("ask \(context.job.attempt)")
        return Answer(text: "é\u{0}\"", tokens: 7)
      }
      let number = try await context.step("count") {
        calls.add("count \(context.job.attempt)")
        return context.job.attempt
      }
      // The same name within one try, too.
      let again = try await context.step("ask") { Answer(text: "never", tokens: 0) }
      if context.job.attempt < 3 { throw Broken(text: "later") }
      calls.add("\(answer == Answer(text: "é\u{0}\"", tokens: 7)) \(number) \(again == answer)")
      return .completed
    }
    try await withWorker([handler], over: { watched.set(WatchedStore($0)) }) { bench in
      let id = try await bench.add(new)
      try await bench.until(id, .completed)
      #expect(calls.all == ["ask 1", "count 1", "true 1 true"])
      // Once for each try.
      #expect(watched.value?.seen.stepReads == 3)
    }
  }

  @Test func stepsAreReadOnlyWhereOneIsAskedFor() async throws {
    let watched = Box<WatchedStore>()
    try await withWorker(
      [JobHandler("k") { _ in .completed }], over: { watched.set(WatchedStore($0)) }
    ) { bench in
      try await bench.until(try await bench.add(new), .completed)
      #expect(watched.value?.seen.stepReads == 0)
    }
  }

  @Test func aStepThatFailsIsDoneAgainAndOneOfAnOlderFormToo() async throws {
    let calls = Seen()
    let handler = JobHandler("k") { context in
      if context.job.attempt == 1 {
        _ = try await context.step("changed") { "a text" }
        _ = try await context.step("fails") { () async throws -> Int in throw Broken(text: "once") }
      }
      calls.add("\(try await context.step("changed") { 5 })")
      calls.add("\(try await context.step("fails") { 6 })")
      return .completed
    }
    try await withWorker([handler]) { bench in
      try await bench.until(try await bench.add(new), .completed)
      #expect(calls.all == ["5", "6"])
    }
  }

  @Test func aStepWhoseLeaseIsLostEndsTheHandlerAndKeepsNothing() async throws {
    let ended = Seen()
    let handler = JobHandler("k") { context in
      if context.job.attempt > 1 {
        ended.add(try await context.step("ask") { "second" })
        return .completed
      }
      do {
        _ = try await context.step("ask") {
          while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(5)) }
          return "first"
        }
      } catch is LeaseLost {
        ended.add("lost")
        // Nor does it begin another.
        do {
          _ = try await context.step("next") { () -> Int in
            ended.add("begun")
            return 1
          }
        } catch is LeaseLost {
          ended.add("lost again")
        }
        throw LeaseLost()
      }
      return .completed
    } onLeaseLost: { job in
      ended.add("told of \(job.attempt)")
    }
    try await withWorker([handler], lease: .milliseconds(600)) { bench in
      let id = try await bench.add(new)
      try await bench.until(id, .running)
      try await bench.database.change([SQLStatement("UPDATE jobs SET leased_until = 1")])
      _ = try await bench.store.rescueLost()
      try await bench.until(id, .completed)
      _ = try await eventually { ended.all.count == 4 ? true : nil }
      #expect(Set(ended.all) == ["lost", "lost again", "told of 1", "second"])
    }
  }

  @Test func whatIsTooLargeIsRefused() async throws {
    let handler = JobHandler("k") { context in
      _ = try await context.step("read") {
        String(repeating: "a", count: JobContext.largestStep - 1)
      }
      return .completed
    }
    try await withWorker([handler]) { bench in
      let id = try await bench.add(new)
      try await bench.until(id, .discarded)
      let message = try #require(try await bench.store.job(id: id)?.errors.first?.message)
      #expect(message.contains("the step read gave 1048577 bytes, and 1048576 are the most"))
    }
  }

  @Test func withoutAQueueAStepIsJustDone() async throws {
    let job = Job(
      id: "j", kind: "k", arguments: "{}", state: .running, uniqueKey: nil, supersedeKey: nil,
      priority: 0, attempt: 1, maxAttempts: 1, createdAt: .now, scheduledAt: .now,
      attemptedAt: nil, finishedAt: nil, errors: [], cancelRequested: false, run: nil)
    let context = JobContext(job: job, logger: Logger(label: "test"))
    #expect(try await context.step("a") { 1 } == 1)
    #expect(try await context.step("a") { 2 } == 2)
  }
}
