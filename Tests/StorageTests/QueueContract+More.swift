import Domain
import Foundation
import Jobs
import Testing

@testable import Storage

extension QueueContract {
  @Sendable static func periods(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let new = NewJob(kind: "k", arguments: "{}", uniqueKey: "u", uniquePeriod: .seconds(3_600))
    let first = try #require(try await store.enqueue([new]).first)
    #expect(first.isNew)
    let again = EnqueuedJob(id: first.id, isNew: false)
    #expect(try await store.enqueue([new, new]) == [again, again])
    let held = try #require(try await claim(store).first)
    #expect(try await store.finish(held.lease, .completed))
    #expect(try await store.enqueue([new]) == [again])
    // Another kind, another key, and no period are other things.
    var plain = new
    plain.uniquePeriod = nil
    var other = new
    other.kind = "other"
    #expect(try await store.enqueue([plain, other]).map(\.isNew) == [true, true])
    // One that was added without a period is in the way, and begins none.
    let present = try #require(try await store.enqueue([plain]).first)
    try await database.change([SQLStatement("UPDATE job_periods SET until_at = 1")])
    #expect(try await store.enqueue([new]) == [present])
    let second = try #require(try await claim(store).first)
    #expect(try await store.finish(second.lease, .completed))
    #expect(try await store.enqueue([new]).map(\.isNew) == [true])
    #expect(try await store.enqueue([new]).map(\.isNew) == [false])
  }

  @Sendable static func retryAll(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    var jobs = (0..<250).map { NewJob(kind: "k", arguments: "\($0)", uniqueKey: "u\($0)") }
    jobs += (0..<5).map { NewJob(kind: "l", arguments: "\($0)") }
    _ = try await store.enqueue(jobs)
    let claimed = try await claim(store, ["k", "l"], 255)
    let ended = claimed.map { EndedTry($0.lease, .discarded(message: "m")) }
    #expect(try await store.finish(ended) == Array(repeating: true, count: 255))
    // Two of the same key: one of them goes, and the one whose key another has is passed over.
    _ = try await store.enqueue([NewJob(kind: "k", arguments: "{}", uniqueKey: "u7")])
    try await database.change([
      SQLStatement(
        "UPDATE jobs SET unique_key = $1 WHERE unique_key = $2", [.text("u8"), .text("u9")])
    ])
    #expect(
      try await store.retryAll(JobFilter(states: [.discarded, .running], kind: "k", limit: 3))
        == 248)
    #expect(try await store.counts() == [.available: 249, .discarded: 7])
    #expect(try await store.retryAll(JobFilter(states: [.completed])) == 0)
    #expect(try await store.retryAll(JobFilter()) == 5)
  }

  @Sendable static func unknownKinds(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let ids = try await add(store, job("known"), job("strange"), job("odd"))
    #expect(try await claim(store, ["known"], 9).map(\.job.id) == [ids[0]])
    let unknown = try await store.jobs(JobFilter(kindsNotIn: ["known", "other"]))
    #expect(Set(unknown.map(\.id)) == Set(ids[1...]))
    #expect(unknown.allSatisfy { $0.state == .available })
  }

  @Sendable static func oldest(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    #expect(try await store.oldestDue() == nil)
    let ids = try await add(
      store, job(), job(priority: 3), job("l", group: "g"), job("l", group: "h", priority: 2),
      NewJob(kind: "m", arguments: "{}", delay: .seconds(99)))
    for (index, id) in ids.enumerated() {
      let age = Double(index + 1) * 100
      try await database.change([
        SQLStatement(
          "UPDATE jobs SET scheduled_at = scheduled_at - $1 WHERE id = $2", [.real(age), .text(id)])
      ])
      let oldest = try #require(try await store.oldestDue()).inSeconds
      let expected = index == 4 ? age - 99 : age
      #expect(abs(oldest - expected) < 30, "\(index)")
    }
  }

  @Sendable static func manyClaimers(_ database: any SQLDatabase) async throws {
    let stores = [SQLJobStore(database), SQLJobStore(database)]
    let jobs = (0..<2_000).map { number in
      number.isMultiple(of: 4)
        ? job(["k", "l"][number % 2], group: "g\(number % 3)")
        : job(["k", "l"][number % 2], priority: number % 3)
    }
    _ = try await stores[0].enqueue(jobs)
    let seen = Gathered()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for claimer in 0..<8 {
        let store = stores[claimer % 2]
        group.addTask {
          while try await store.counts()[.completed, default: 0] < 2_000 {
            let claimed = try await store.claim(
              kinds: ["k", "l"], limit: 40 + claimer, worker: "\(claimer)", lease: .seconds(60))
            seen.add(claimed.map(\.job.id))
            let held = try await store.finish(claimed.map { EndedTry($0.lease, .completed) })
            #expect(held.allSatisfy { $0 })
            if claimed.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(seen.all.count == 2_000)
    #expect(Set(seen.all).count == 2_000)
    #expect(try await stores[0].counts() == [.completed: 2_000])
  }

  @Sendable static func manyAdders(_ database: any SQLDatabase) async throws {
    let stores = [SQLJobStore(database), SQLJobStore(database)]
    let new = Gathered()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for adder in 0..<12 {
        group.addTask {
          // In either direction, so that those who wait for each other would.
          var jobs = (0..<10).map { NewJob(kind: "k", arguments: "\($0)", uniqueKey: "u\($0)") }
          if adder.isMultiple(of: 2) { jobs.reverse() }
          let added = try await stores[adder % 2].enqueue(jobs)
          new.add(added.filter(\.isNew).map(\.id))
        }
      }
      try await group.waitForAll()
    }
    #expect(new.all.count == 10)
    #expect(try await stores[0].counts() == [.available: 10])
  }

  @Sendable static func manySuperseding(_ database: any SQLDatabase) async throws {
    let stores = [SQLJobStore(database), SQLJobStore(database)]
    try await withThrowingTaskGroup(of: Void.self) { group in
      for adder in 0..<12 {
        group.addTask {
          _ = try await stores[adder % 2].enqueue([
            NewJob(kind: "k", arguments: "\(adder)", supersedeKey: "s")
          ])
        }
      }
      try await group.waitForAll()
    }
    #expect(try await stores[0].counts() == [.available: 1, .cancelled: 11])
  }
}
