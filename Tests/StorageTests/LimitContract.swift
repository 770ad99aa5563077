import Domain
import Foundation
import Jobs
import Testing

@testable import Storage

/// Limits, groups and fairness, over two stores of one database.
extension QueueContract {
  static let limitParts = [
    QueueContract(name: "a limit holds over two stores", check: concurrency),
    QueueContract(name: "each of several limits holds", check: severalLimits),
    QueueContract(name: "a limit never broken by many claimers", check: manyUnderOneLimit),
    QueueContract(name: "groups take turns", check: turns),
    QueueContract(name: "the group with the fewest running goes first", check: fewestRunning),
    QueueContract(name: "priority goes before turns", check: priorityFirst),
    QueueContract(name: "who is held back does not hold up others", check: passesOver),
    QueueContract(name: "groups and others take turns too", check: alternates),
    QueueContract(name: "a rate allows a burst and then waits", check: rates),
    QueueContract(name: "no window has more than its rate", check: strictRates),
    QueueContract(name: "who has no limits passes all that are held back", check: freeBehind),
    QueueContract(name: "a busy group slows no other", check: busyGroup),
  ]

  @Sendable static func concurrency(_ database: any SQLDatabase) async throws {
    let (one, two) = (SQLJobStore(database), SQLJobStore(database))
    let limits = [JobLimit("model", concurrency: 2)]
    _ = try await one.enqueue((0..<5).map { _ in job(limits: limits) })
    let first = try await claim(one, ["k"], 1)
    let second = try await claim(two, ["k"], 9)
    #expect(first.count == 1 && second.count == 1)
    #expect(try await claim(one, ["k"], 9).isEmpty)
    // Not for ever now, and not never.
    let wait = try #require(try await one.untilNext(kinds: ["k"]))
    #expect(wait > .zero && wait <= .seconds(1))
    #expect(try await two.finish(first[0].lease, .completed))
    #expect(try await claim(one, ["k"], 9).count == 1)
    #expect(try await two.finish(second[0].lease, .handedBack))
    #expect(try await claim(two, ["k"], 9).map(\.job.id) == [second[0].job.id])
    #expect(try await one.counts() == [.available: 2, .running: 2, .completed: 1])
  }

  @Sendable static func severalLimits(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    func new(_ repository: String) -> NewJob {
      job(
        group: repository,
        limits: [JobLimit(repository, concurrency: 2), JobLimit("model", concurrency: 3)])
    }
    _ = try await store.enqueue(
      (0..<4).map { _ in new("a") } + (0..<4).map { _ in new("b") } + [new("c")])
    let claimed = try await claim(store, ["k"], 9)
    #expect(claimed.map(\.job.group).compactMap(\.self).sorted() == ["a", "b", "c"])
    let ofA = try #require(claimed.first { $0.job.group == "a" })
    #expect(try await store.finish(ofA.lease, .completed))
    #expect(try await claim(store, ["k"], 9).count == 1)
  }

  @Sendable static func manyUnderOneLimit(_ database: any SQLDatabase) async throws {
    let stores = [SQLJobStore(database), SQLJobStore(database)]
    let limits = [JobLimit("model", concurrency: 3)]
    _ = try await stores[0].enqueue(
      (0..<60).map { job(group: "g\($0 % 7)", limits: limits) })
    let seen = Gathered()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for claimer in 0..<6 {
        let store = stores[claimer % 2]
        group.addTask {
          while try await store.counts()[.completed, default: 0] < 60 {
            let claimed = try await claim(store, ["k"], 2)
            let running = try await store.counts()[.running, default: 0]
            #expect(running <= 3)
            seen.add(claimed.map(\.job.id))
            for job in claimed {
              let held = try await store.finish(job.lease, .completed)
              #expect(held)
            }
            if claimed.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(seen.all.count == 60 && Set(seen.all).count == 60)
  }

  @Sendable static func turns(_ database: any SQLDatabase) async throws {
    let (one, two) = (SQLJobStore(database), SQLJobStore(database))
    for group in ["a", "a", "a", "a", "b", "b", "c"] {
      _ = try await one.enqueue([job(group: group)])
    }
    var order: [String] = []
    for number in 0..<7 {
      let claimed = try await claim(number.isMultiple(of: 2) ? one : two)
      let job = try #require(claimed.first)
      order.append(job.job.group ?? "")
      // None runs when the next is chosen, so that only the turn decides.
      #expect(try await two.finish(job.lease, .completed))
    }
    #expect(order == ["a", "b", "c", "a", "b", "a", "a"])
  }

  @Sendable static func fewestRunning(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    for group in ["a", "a", "a", "b", "b"] { _ = try await store.enqueue([job(group: group)]) }
    let first = try await claim(store, ["k"], 3)
    #expect(first.map(\.job.group).compactMap(\.self).sorted() == ["a", "a", "b"])
    let ofB = try #require(first.first { $0.job.group == "b" })
    #expect(try await store.finish(ofB.lease, .completed))
    // None of b runs, and two of a.
    #expect(try await claim(store).first?.job.group == "b")
  }

  @Sendable static func priorityFirst(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    _ = try await store.enqueue([
      job(group: "a", priority: 1), job(group: "a", priority: -1), job(group: "a", priority: -1),
      job(group: "b"), job(group: "c", priority: 2),
    ])
    var order: [String] = []
    while let job = try await claim(store).first { order.append(job.job.group ?? "") }
    #expect(order == ["a", "a", "b", "a", "c"])
  }

  @Sendable static func passesOver(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let held = [JobLimit("slow", concurrency: 1)]
    _ = try await store.enqueue((0..<6).map { _ in job(group: "a", limits: held) })
    let free = try await add(store, job(group: "a"), job(group: "b"))
    #expect(try await claim(store, ["k"], 9).count == 3)
    #expect(try await store.job(id: free[0])?.state == .running)
    #expect(try await store.job(id: free[1])?.state == .running)
    #expect(try await claim(store, ["k"], 9).isEmpty)
  }

  @Sendable static func alternates(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    _ = try await store.enqueue((0..<40).map { _ in job() })
    _ = try await store.enqueue((0..<40).map { _ in job(group: "g") })
    var groups = 0
    for _ in 0..<20 {
      if try await claim(store).first?.job.group != nil { groups += 1 }
    }
    #expect(groups >= 5 && groups <= 15)
  }

  @Sendable static func rates(_ database: any SQLDatabase) async throws {
    let (one, two) = (SQLJobStore(database), SQLJobStore(database))
    let limits = [JobLimit("api", rate: 3, per: 30)]
    _ = try await one.enqueue((0..<6).map { _ in job(limits: limits) })
    #expect(try await claim(one, ["k"], 2).count == 2)
    #expect(try await claim(two, ["k"], 9).count == 1)
    #expect(try await claim(one, ["k"], 9).isEmpty)
    let wait = try #require(try await one.untilNext(kinds: ["k"])).inSeconds
    #expect(wait > 27 && wait <= 30)
    // Ten seconds on, nothing has left the window yet.
    try await pass(10.5, database)
    #expect(try await claim(one, ["k"], 9).isEmpty)
    try await pass(20, database)
    #expect(try await claim(two, ["k"], 9).count == 3)
    // What counts no longer is thrown away.
    let kept = try await database.query(SQLStatement("SELECT sum(starts) FROM job_rates"))
    #expect(kept.first?.integer(0) == 3)
  }

  /// As if so many seconds had gone by since everything began.
  private static func pass(_ seconds: Double, _ database: any SQLDatabase) async throws {
    try await database.change([
      SQLStatement("UPDATE job_rates SET at = at - $1, until_at = until_at - $1", [.real(seconds)])
    ])
  }

  /// Some of the allowance is used now and then: what comes back is only what is over.
  @Sendable static func strictRates(_ database: any SQLDatabase) async throws {
    let (one, two) = (SQLJobStore(database), SQLJobStore(database))
    let limits = [JobLimit("api", rate: 4, per: 60)]
    _ = try await one.enqueue((0..<40).map { _ in job(limits: limits) })
    var clock = 0.0
    var begun: [Double] = []
    for (pause, most) in [(0, 1), (20, 2), (25, 9), (10, 9), (10, 9), (25, 9), (30, 1), (31, 9)] {
      clock += Double(pause)
      try await pass(Double(pause), database)
      for job in try await claim(begun.count.isMultiple(of: 2) ? one : two, ["k"], most) {
        begun.append(clock)
        #expect(try await one.finish(job.lease, .completed))
      }
    }
    #expect(begun == [0, 20, 20, 45, 65, 90, 90, 120, 151, 151, 151])
    for start in begun {
      #expect(begun.count { $0 > start - 59 && $0 <= start } <= 4)
    }
  }

  /// However many of the same kind and group stand before it.
  @Sendable static func freeBehind(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let held = [JobLimit("slow", concurrency: 1)]
    let before = try await add(store, job(group: "a"))
    _ = try await store.enqueue((0..<50).map { _ in job(group: "a", limits: held) })
    var free: [String] = []
    for _ in 0..<20 { free += try await add(store, job(group: "a")) }
    _ = try await store.enqueue((0..<50).map { _ in job(group: "a", limits: held) })
    _ = try await store.enqueue((0..<50).map { _ in job(group: "b", limits: held) })
    let other = try await add(store, job(group: "b"))
    let claimed = try await claim(store, ["k"], 12).map(\.job)
    #expect(claimed.count == 12)
    #expect(claimed.count { !$0.limits.isEmpty } == 1)
    let rest = try await claim(store, ["k"], 99).map(\.job)
    #expect(Set((claimed + rest).filter(\.limits.isEmpty).map(\.id)) == Set(before + free + other))
    #expect(claimed.count + rest.count == 23)
    #expect(try await claim(store, ["k"], 9).isEmpty)
  }

  @Sendable static func busyGroup(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let limits = [JobLimit("busy", concurrency: 1)]
    _ = try await store.enqueue((0..<10_000).map { _ in job(group: "busy", limits: limits) })
    #expect(try await claim(store).first?.job.group == "busy")
    _ = try await store.enqueue((0..<20).map { job(group: "quiet\($0)") })
    let began = ContinuousClock.now
    var claimed = 0
    while try await claim(store).first != nil { claimed += 1 }
    #expect(claimed == 20)
    // 21 claims; each would take longer than this if it went through ten thousand jobs.
    let each = began.duration(to: .now).inSeconds / 21
    #expect(each < 0.1, "\(each) s for each claim")
  }
}
