import Domain
import Foundation
import Jobs
import Testing

@testable import Storage

/// What the queue must do on every database, in parts that each begin with an empty one. Several
/// stores over one database stand for several processes.
struct QueueContract: Sendable, CustomTestStringConvertible {
  var name: String
  var check: @Sendable (any SQLDatabase) async throws -> Void
  var testDescription: String { name }

  static let parts = [
    QueueContract(name: "a job with all it may have comes back whole", check: whole),
    QueueContract(name: "what waits comes due and keeps its place", check: comesDue),
    QueueContract(name: "what was handed back is found before the mark", check: handedBack),
    QueueContract(name: "what is more urgent is found before the mark", check: urgent),
    QueueContract(name: "kinds are merged by priority and age", check: kinds),
    QueueContract(name: "a reason to snooze is kept while the job waits", check: notes),
    QueueContract(name: "steps are kept under the lease only", check: steps),
    QueueContract(name: "batches end each try by itself", check: batches),
    QueueContract(name: "many are added, extended and completed at once", check: many),
    QueueContract(name: "what cannot be stored is refused with its batch", check: refuses),
    QueueContract(name: "equal arguments are one job", check: uniqueByArguments),
    QueueContract(name: "long keys are as good as short ones", check: longKeys),
    QueueContract(name: "a unique job is not added again in its period", check: periods),
    QueueContract(name: "bulk retry goes through every page", check: retryAll),
    QueueContract(name: "jobs of unknown kinds are kept and listed", check: unknownKinds),
    QueueContract(name: "the age of the oldest counts groups too", check: oldest),
    QueueContract(name: "many claimers never get the same job", check: manyClaimers),
    QueueContract(name: "many that add the same add one", check: manyAdders),
    QueueContract(name: "of many that supersede each other one is left", check: manySuperseding),
  ]

  static func claim(
    _ store: SQLJobStore, _ kinds: [String] = ["k"], _ limit: Int = 1
  ) async throws -> [ClaimedJob] {
    try await store.claim(kinds: kinds, limit: limit, worker: "w", lease: .seconds(60))
  }

  static func add(_ store: SQLJobStore, _ jobs: NewJob...) async throws -> [String] {
    try await store.enqueue(jobs).map(\.id)
  }

  static func job(
    _ kind: String = "k", group: String? = nil, limits: [JobLimit] = [], priority: Int = 0
  ) -> NewJob {
    NewJob(kind: kind, arguments: "{}", group: group, limits: limits, priority: priority)
  }

  @Sendable static func whole(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let limits = [JobLimit("model:x", concurrency: 3), JobLimit("repo", rate: 5, per: 2.5)]
    let new = NewJob(
      kind: "k", arguments: "[1]", version: 7, group: "g", limits: limits, priority: 2)
    let id = try #require(try await add(store, new).first)
    let job = try #require(try await store.job(id: id))
    #expect(job.version == 7 && job.group == "g" && job.limits == limits)
    #expect(job.blockers == 0 && job.note == nil)
    let claimed = try #require(try await claim(store).first)
    #expect(claimed.job.version == 7 && claimed.job.limits == limits && claimed.job.group == "g")
    // Without a group, the first limit's key is one.
    let other = try await add(store, Self.job(limits: limits))
    #expect(try await store.job(id: other[0])?.group == "model:x")
  }

  @Sendable static func comesDue(_ database: any SQLDatabase) async throws {
    let (store, other) = (SQLJobStore(database), SQLJobStore(database))
    let waiting = try await add(
      store, NewJob(kind: "k", arguments: "{}", delay: .milliseconds(20)))
    try await Task.sleep(for: .milliseconds(40))
    let younger = try await add(store, job())
    #expect(try await store.job(id: waiting[0])?.state == .scheduled)
    // Whoever looks makes it available, and no claim has to be for its kind.
    _ = try await claim(other, ["other"])
    #expect(try await store.job(id: waiting[0])?.state == .available)
    let both = try await claim(store, ["k"], 5)
    #expect(both.map(\.job.id) == waiting + younger)
  }

  /// Claims that come back full go on from where the last ended.
  @Sendable static func handedBack(_ database: any SQLDatabase) async throws {
    let (store, other) = (SQLJobStore(database), SQLJobStore(database))
    let ids = try await store.enqueue((0..<9).map { _ in job() }).map(\.id)
    let first = try await claim(store, ["k"], 3)
    let second = try await claim(store, ["k"], 3)
    #expect(first.map(\.job.id) == Array(ids[..<3]))
    #expect(second.map(\.job.id) == Array(ids[3..<6]))
    // Another process hands one back: this one cannot know.
    #expect(try await other.finish(first[0].lease, .handedBack))
    let rest = try await claim(store, ["k"], 4)
    #expect(Set(rest.map(\.job.id)) == Set(ids[6...] + [ids[0]]))
    // Here it is known at once.
    #expect(try await store.finish(rest[0].lease, .handedBack))
    #expect(try await claim(store).map(\.job.id) == [rest[0].job.id])
  }

  @Sendable static func urgent(_ database: any SQLDatabase) async throws {
    let (store, other) = (SQLJobStore(database), SQLJobStore(database))
    _ = try await store.enqueue((0..<200).map { _ in job(priority: 5) })
    _ = try await claim(store, ["k"], 2)
    _ = try await claim(store, ["k"], 2)
    let own = try await add(store, job(priority: 1))
    #expect(try await claim(store).map(\.job.id) == own)
    // What another process added is found within a second, claims being full all the while.
    let theirs = try await add(other, job(priority: 1))
    let found = try await eventually {
      let claimed = try await claim(store)
      return claimed.first?.job.id == theirs[0] ? true : nil
    }
    #expect(found)
  }

  @Sendable static func kinds(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let ids = try await add(
      store, job("a", priority: 1), job("b"), job("a"), job("c", priority: -1), job("b"),
      job("d", priority: -5))
    let first = try await claim(store, ["c", "a", "b", "a"], 3)
    #expect(first.map(\.job.id) == [ids[3], ids[1], ids[2]])
    #expect(try await claim(store, ["a", "b", "c"], 9).map(\.job.id) == [ids[4], ids[0]])
    #expect(try await store.counts() == [.available: 1, .running: 5])
  }

  @Sendable static func notes(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let id = try await add(store, job())[0]
    let first = try #require(try await claim(store).first)
    let why = "the model rests."
    #expect(try await store.finish(first.lease, .snoozed(.milliseconds(10), because: why)))
    let snoozed = try #require(try await store.job(id: id))
    #expect(snoozed.note == why && snoozed.errors.isEmpty && snoozed.state == .scheduled)
    let second = try await eventually { try await claim(store).first }
    #expect(second.job.note == nil && second.job.attempt == 1)
    #expect(try await store.finish(second.lease, .completed))
    #expect(try await store.job(id: id)?.note == nil)
  }

  @Sendable static func steps(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let id = try await add(store, job())[0]
    let old = try #require(
      try await store.claim(kinds: ["k"], limit: 1, worker: "a", lease: .seconds(-1)).first)
    #expect(try await store.remember("ask", #"{"a":1}"#, under: old.lease))
    #expect(try await store.remember("ask", "2", under: old.lease))
    #expect(try await store.rescueLost().count == 1)
    #expect(try await store.remember("ask", "3", under: old.lease) == false)
    let new = try #require(try await claim(store).first)
    #expect(try await store.remember("ask", "4", under: old.lease) == false)
    #expect(try await store.steps(of: id) == ["ask": "2"])
    #expect(try await store.remember("tell", "[]", under: new.lease))
    #expect(try await store.steps(of: id) == ["ask": "2", "tell": "[]"])
    #expect(try await store.finish(new.lease, .completed))
    #expect(try await store.remember("late", "1", under: new.lease) == false)
    #expect(try await store.steps(of: "none") == [:])
    try await database.change([SQLStatement("DELETE FROM jobs")])
    #expect(try await store.steps(of: id) == [:])
  }

  @Sendable static func batches(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    _ = try await store.enqueue((0..<6).map { _ in job() })
    let held = try await claim(store, ["k"], 6).map(\.lease)
    var stale = held[1]
    stale.token -= 1
    let answers = try await store.finish([
      EndedTry(held[5], .completed), EndedTry(stale, .completed), EndedTry(held[1], .completed),
      EndedTry(held[2], .failed(message: "m", retryAfter: .seconds(9))),
      EndedTry(held[3], .discarded(message: "m")), EndedTry(held[5], .completed),
      EndedTry(held[0], .handedBack), EndedTry(stale, .discarded(message: "m")),
    ])
    #expect(answers == [true, false, true, true, true, false, true, false])
    #expect(
      try await store.counts()
        == [.completed: 2, .retryable: 1, .discarded: 1, .available: 1, .running: 1])
    #expect(try await store.extend([held[5], held[4]], by: .seconds(9)) == [.lost, .held])
  }

  @Sendable static func many(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let added = try await store.enqueue((0..<300).map { NewJob(kind: "k", arguments: "\($0)") })
    #expect(added.allSatisfy(\.isNew) && Set(added.map(\.id)).count == 300)
    let claimed = try await claim(store, ["k"], 400)
    #expect(claimed.map(\.job.id) == added.map(\.id))
    #expect(claimed.map(\.job.arguments) == (0..<300).map { "\($0)" })
    let states = try await store.extend(claimed.map(\.lease), by: .seconds(60))
    #expect(states.count == 300 && states.allSatisfy { $0 == .held })
    let held = try await store.finish(claimed.map { EndedTry($0.lease, .completed) })
    #expect(held.count == 300 && held.allSatisfy { $0 })
    #expect(try await store.counts() == [.completed: 300])
  }

  @Sendable static func refuses(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    let large = NewJob(
      kind: "k", arguments: "\"" + String(repeating: "x", count: NewJob.largestArguments) + "\"")
    let error = await #expect(throws: StoreError.self) {
      try await store.enqueue([job(), large])
    }
    #expect(error?.code == .tooLarge)
    #expect(error?.detail.contains("\(NewJob.largestArguments + 2) bytes") == true)
    for wrong in [
      NewJob(kind: "k", arguments: "{"), NewJob(kind: "k", arguments: ""),
      NewJob(kind: "k", arguments: "\"\0\""), NewJob(kind: "", arguments: "{}"),
      NewJob(kind: String(repeating: "k", count: 300), arguments: "{}"),
      job(limits: [JobLimit("l", concurrency: 0)]),
      job(limits: [JobLimit("l", rate: 1, per: 0)]),
      job(limits: [JobLimit("l", rate: 1, per: .infinity)]),
    ] {
      let error = await #expect(throws: StoreError.self) {
        try await store.enqueue([job(), wrong])
      }
      #expect(error?.detail.hasSuffix(".") == true)
    }
    #expect(try await store.counts() == [:])
  }

  @Sendable static func uniqueByArguments(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    func new(_ arguments: String) -> NewJob {
      NewJob(kind: "k", arguments: arguments, isUniqueByArguments: true)
    }
    let added = try await store.enqueue([
      new(#"{"a":1,"b":[2,"x"]}"#), new(#"{ "b": [2, "x"], "a": 1 }"#),
      new(#"{"a":1,"b":["x",2]}"#),
    ])
    #expect(added.map(\.isNew) == [true, false, true])
    #expect(added[0].id == added[1].id)
  }

  @Sendable static func longKeys(_ database: any SQLDatabase) async throws {
    let store = SQLJobStore(database)
    // Too varied to be compressed into an index.
    let long = (0..<2_000).map { _ in "\(UInt64.random(in: 0...UInt64.max))" }.joined()
    var new = NewJob(
      kind: "k", arguments: "{}", uniqueKey: long, supersedeKey: long, group: long,
      limits: [JobLimit(long, concurrency: 1, rate: 9)])
    #expect(try await store.enqueue([new, new]).map(\.isNew) == [true, false])
    new.uniqueKey = long + "2"
    #expect(try await store.enqueue([new]).map(\.isNew) == [true])
    #expect(try await store.counts() == [.available: 1, .cancelled: 1])
    #expect(try await claim(store).count == 1)
  }
}
