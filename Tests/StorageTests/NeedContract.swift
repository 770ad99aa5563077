import Domain
import Foundation
import Jobs
import Testing

@testable import Storage

/// Jobs that need others.
extension QueueContract {
  static let needParts = [
    QueueContract(name: "a job waits until all it needs is completed", check: waitsForNeeds),
    QueueContract(name: "a job waits for its time too", check: waitsForItsTime),
    QueueContract(name: "what was completed holds nothing up", check: completedNeeds),
    QueueContract(name: "what ended otherwise cancels all that need it", check: cascades),
    QueueContract(name: "a need that is gone or cancelled is told", check: impossibleNeeds),
    QueueContract(name: "what was cancelled with its need is retried", check: retriesNeeds),
    QueueContract(name: "needs end while others are added", check: needsAtOnce),
  ]

  static func needing(_ ids: [String], delay: Duration = .zero) -> NewJob {
    NewJob(kind: "last", arguments: "{}", needs: ids, delay: delay)
  }

  static func end(
    _ store: SQLJobStore, _ kind: String = "k", _ result: JobResult = .completed
  ) async throws {
    let claimed = try #require(try await claim(store, [kind]).first)
    #expect(try await store.finish(claimed.lease, result))
  }

  @Sendable static func waitsForNeeds(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let needed = try await add(store, job(), job())
    let last = try await add(store, needing(needed + needed))[0]
    let waiting = try #require(try await store.job(id: last))
    #expect(waiting.state == .scheduled && waiting.blockers == 2)
    #expect(try await claim(store, ["last"]).isEmpty)
    #expect(try await store.untilNext(kinds: ["last"]) == nil)
    #expect(try await store.oldestDue() != nil)
    #expect(try await store.counts() == [.available: 2, .scheduled: 1])
    try await end(store)
    #expect(try await store.job(id: last)?.blockers == 1)
    // It does not jump the line when somebody asks.
    #expect(try await store.retry(id: last)?.state == .scheduled)
    #expect(try await store.retryAll(JobFilter()) == 0)
    try await end(store)
    let free = try #require(try await store.job(id: last))
    #expect(free.state == .available && free.blockers == 0)
    try await end(store, "last")
  }

  @Sendable static func waitsForItsTime(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let needed = try await add(store, job())
    let last = try await add(store, needing(needed, delay: .seconds(90)))[0]
    #expect(try await store.untilNext(kinds: ["last"]) == nil)
    try await end(store)
    #expect(try await store.job(id: last)?.state == .scheduled)
    #expect(try #require(try await store.untilNext(kinds: ["last"])) > .seconds(60))
  }

  @Sendable static func completedNeeds(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let needed = try await add(store, job(), job())
    try await end(store)
    let both = try await add(store, needing(needed), needing([needed[0]]))
    #expect(try await store.job(id: both[0])?.blockers == 1)
    #expect(try await store.job(id: both[1])?.state == .available)
  }

  @Sendable static func cascades(_ database: any SQLDatabase) async throws {
    for how in ["discarded", "cancelled", "lost"] {
      try await database.change([SQLStatement("DELETE FROM jobs")])
      let store = SQLJobStore(database)
      let first = try await store.enqueue([
        NewJob(kind: "k", arguments: "{}", maxAttempts: 1)
      ]).map(\.id)
      let second = try await add(store, needing(first), needing(first))
      let third = try await add(store, needing(second))[0]
      switch how {
      case "cancelled": _ = try await store.cancel(id: first[0], reason: "r")
      case "discarded": try await end(store, "k", .discarded(message: "m"))
      default:
        _ = try await store.claim(kinds: ["k"], limit: 1, worker: "w", lease: .seconds(-1))
        #expect(try await store.rescueLost().count == 1)
      }
      for id in second {
        let job = try #require(try await store.job(id: id))
        #expect(job.state == .cancelled && job.finishedAt != nil, "\(how)")
        #expect(job.errors.last?.message.contains(first[0]) == true)
      }
      let last = try #require(try await store.job(id: third))
      #expect(last.state == .cancelled && last.errors.count == 1)
      #expect(second.contains { last.errors[0].message.contains($0) })
    }
  }

  @Sendable static func impossibleNeeds(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let gone = try await add(store, job())
    _ = try await store.cancel(id: gone[0], reason: "r")
    for need in [gone[0], "none"] {
      let id = try await add(store, needing([need]))[0]
      let job = try #require(try await store.job(id: id))
      #expect(job.state == .cancelled && job.errors[0].message.contains(need))
      let error = await #expect(throws: StoreError.self) { try await store.retry(id: id) }
      #expect(error?.code == .conflict && error?.detail.contains(need) == true)
    }
    #expect(try await store.retryAll(JobFilter(kind: "last")) == 0)
  }

  @Sendable static func retriesNeeds(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let first = try await add(store, job())
    let last = try await add(store, needing(first))[0]
    try await end(store, "k", .discarded(message: "m"))
    #expect(try await store.job(id: last)?.state == .cancelled)
    // That alone brings nothing back.
    #expect(try await store.retry(id: first[0])?.state == .available)
    #expect(try await store.job(id: last)?.state == .cancelled)
    let waiting = try #require(try await store.retry(id: last))
    #expect(waiting.state == .scheduled && waiting.blockers == 1)
    try await end(store)
    #expect(try await store.job(id: last)?.state == .available)
    // Cancelled by hand, with all that it needs completed.
    _ = try await store.cancel(id: last, reason: "r")
    #expect(try await store.retry(id: last)?.state == .available)
  }

  @Sendable static func needsAtOnce(_ database: any SQLDatabase) async throws {
    let stores = [SQLJobStore(database), SQLJobStore(database)]
    let needed = try await stores[0].enqueue((0..<40).map { _ in job() }).map(\.id)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        while true {
          let claimed = try await claim(stores[1], ["k"], 3)
          if claimed.isEmpty { return }
          _ = try await stores[1].finish(claimed.map { EndedTry($0.lease, .completed) })
        }
      }
      for piece in needed.pieces(of: 10) {
        group.addTask {
          for id in piece { _ = try await stores[0].enqueue([needing([id])]) }
        }
      }
      try await group.waitForAll()
    }
    #expect(try await stores[0].counts() == [.completed: 40, .available: 40])
  }
}
