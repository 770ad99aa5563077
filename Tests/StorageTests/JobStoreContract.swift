import Foundation
import Jobs
import Synchronization
import Testing

/// What every `JobStore` must do, in parts that each begin with an empty one.
struct JobStoreContract: Sendable, CustomTestStringConvertible {
  var name: String
  var check: @Sendable (any JobStore) async throws -> Void
  var testDescription: String { name }

  static let parts = [
    JobStoreContract(name: "a job comes back whole", check: whole),
    JobStoreContract(name: "claims go by priority, then age, and only once", check: order),
    JobStoreContract(name: "a job waits for its time", check: waits),
    JobStoreContract(name: "a unique job is added once", check: unique),
    JobStoreContract(name: "a newer job supersedes older ones", check: supersedes),
    JobStoreContract(name: "an old token writes nothing", check: fencing),
    JobStoreContract(name: "lost jobs are rescued, counted, and given up", check: rescues),
    JobStoreContract(name: "an ended process hands its jobs back", check: rescuesAll),
    JobStoreContract(name: "a job that ends every process is given up", check: interruptions),
    JobStoreContract(name: "jobs are cancelled at once or asked to stop", check: cancels),
    JobStoreContract(name: "who was asked to stop ends cancelled", check: stops),
    JobStoreContract(name: "jobs are retried afresh", check: retries),
    JobStoreContract(name: "errors are bounded", check: errors),
    JobStoreContract(name: "lists go by pages, newest first", check: pages),
    JobStoreContract(name: "nothing asked is nothing done", check: nothing),
  ]

  static func claimOne(_ store: any JobStore, kind: String = "k") async throws -> ClaimedJob {
    let claimed = try await store.claim(
      kinds: [kind], limit: 1, worker: "w", lease: .seconds(60))
    return try #require(claimed.first)
  }

  static func add(
    _ store: any JobStore, _ job: NewJob = NewJob(kind: "k", arguments: "{}")
  ) async throws -> String {
    try #require(try await store.enqueue([job]).first).id
  }

  @Sendable static func whole(_ store: any JobStore) async throws {
    let before = Date()
    let new = NewJob(
      kind: "k", arguments: #"{"a":"ü\u0000"}"#, uniqueKey: "u", supersedeKey: "s", priority: -3,
      maxAttempts: 5, run: "r")
    let added = try #require(try await store.enqueue([new]).first)
    #expect(added.isNew)
    let job = try #require(try await store.job(id: added.id))
    #expect(job.kind == "k" && job.arguments == new.arguments && job.state == .available)
    #expect(job.uniqueKey == "u" && job.supersedeKey == "s" && job.priority == -3)
    #expect(job.attempt == 0 && job.maxAttempts == 5 && job.run == "r")
    #expect(abs(job.createdAt.timeIntervalSince(before)) < 5)
    #expect(job.scheduledAt == job.createdAt)
    #expect(job.attemptedAt == nil && job.finishedAt == nil && job.errors.isEmpty)

    let claimed = try await claimOne(store)
    #expect(claimed.job.id == added.id && claimed.job.state == .running)
    #expect(claimed.job.attempt == 1 && claimed.job.attemptedAt != nil)
    #expect(claimed.lease.worker == "w")
    #expect(try await store.finish(claimed.lease, .completed))
    let done = try #require(try await store.job(id: added.id))
    #expect(done.state == .completed && done.finishedAt != nil && done.attempt == 1)
    #expect(try await store.counts() == [.completed: 1])
    #expect(try await store.job(id: "none") == nil)
  }

  @Sendable static func order(_ store: any JobStore) async throws {
    var ids: [String] = []
    for added in try await store.enqueue(
      [5, 0, 5, -1, 0].map { NewJob(kind: "k", arguments: "{}", priority: $0) })
    { ids.append(added.id) }
    _ = try await add(store, NewJob(kind: "other", arguments: "{}", priority: -9))
    let first = try await store.claim(kinds: ["k"], limit: 3, worker: "a", lease: .seconds(60))
    #expect(first.map(\.job.id) == [ids[3], ids[1], ids[4]])
    let rest = try await store.claim(kinds: ["k"], limit: 9, worker: "b", lease: .seconds(60))
    #expect(rest.map(\.job.id) == [ids[0], ids[2]])
    #expect(
      try await store.claim(kinds: ["k"], limit: 9, worker: "c", lease: .seconds(60)).isEmpty)
    #expect(
      try await store.claim(kinds: ["x", "other"], limit: 9, worker: "c", lease: .seconds(60)).count
        == 1)
  }

  @Sendable static func waits(_ store: any JobStore) async throws {
    let id = try await add(store, NewJob(kind: "k", arguments: "{}", delay: .seconds(100)))
    #expect(try await store.job(id: id)?.state == .scheduled)
    #expect(
      try await store.claim(kinds: ["k"], limit: 1, worker: "w", lease: .seconds(1)).isEmpty)
    let next = try #require(try await store.untilNext(kinds: ["k", "other"]))
    #expect(next > .seconds(90) && next <= .seconds(100))
    #expect(try await store.untilNext(kinds: ["other"]) == nil)
    #expect(try await store.oldestDue() == nil)

    let short = try await add(store, NewJob(kind: "k", arguments: "{}", delay: .milliseconds(30)))
    let claimed = try await eventually {
      try await store.claim(kinds: ["k"], limit: 1, worker: "w", lease: .seconds(60)).first
    }
    #expect(claimed.job.id == short)
    // Snoozed: not counted, and later.
    #expect(try await store.finish(claimed.lease, .snoozed(.seconds(50))))
    let snoozed = try #require(try await store.job(id: short))
    #expect(snoozed.state == .scheduled && snoozed.attempt == 0)
    #expect(snoozed.errors.isEmpty && snoozed.finishedAt == nil)
    _ = try await add(store)
    #expect(try await store.untilNext(kinds: ["k"]) == .zero)
    #expect(try await store.oldestDue() != nil)
  }

  @Sendable static func unique(_ store: any JobStore) async throws {
    let new = NewJob(kind: "k", arguments: "{}", uniqueKey: "u")
    let twice = try await store.enqueue([new, new])
    #expect(twice.map(\.isNew) == [true, false])
    #expect(twice[0].id == twice[1].id)
    var other = new
    other.kind = "other"
    #expect(try await store.enqueue([other]).map(\.isNew) == [true])
    // Also while it runs, is retried, or is snoozed.
    for result in [JobResult.failed(message: "m", retryAfter: .zero), .snoozed(.zero)] {
      let claimed = try await eventually {
        try await store.claim(kinds: ["k"], limit: 1, worker: "w", lease: .seconds(60)).first
      }
      #expect(try await store.enqueue([new]) == [EnqueuedJob(id: twice[0].id, isNew: false)])
      #expect(try await store.finish(claimed.lease, result))
      #expect(try await store.enqueue([new]) == [EnqueuedJob(id: twice[0].id, isNew: false)])
    }
    let last = try await eventually {
      try await store.claim(kinds: ["k"], limit: 1, worker: "w", lease: .seconds(60)).first
    }
    #expect(try await store.finish(last.lease, .completed))
    #expect(try await store.enqueue([new]).map(\.isNew) == [true])
    // One that runs and was asked to stop is in nobody's way.
    let running = try await claimOne(store)
    _ = try await store.cancel(id: running.job.id, reason: "r")
    #expect(try await store.enqueue([new]).map(\.isNew) == [true])
    #expect(try await store.finish(running.lease, .handedBack))
    #expect(try await store.job(id: running.job.id)?.state == .cancelled)
  }

  @Sendable static func supersedes(_ store: any JobStore) async throws {
    func new(_ key: String, delay: Duration = .zero) -> NewJob {
      NewJob(kind: "k", arguments: "{}", supersedeKey: key, delay: delay)
    }
    let first = try await add(store, new("s"))
    let running = try await claimOne(store)
    #expect(running.job.id == first)
    let waiting = try await add(store, new("s", delay: .seconds(9)))
    let elsewhere = try await add(store, new("t"))
    #expect(try await store.job(id: first)?.cancelRequested == true)
    #expect(try await store.extend([running.lease], by: .seconds(60)) == [.cancelRequested])
    let last = try await add(store, new("s"))
    let gone = try #require(try await store.job(id: waiting))
    #expect(gone.state == .cancelled && gone.finishedAt != nil)
    #expect(gone.errors.last?.message.contains(last) == true)
    #expect(try await store.job(id: elsewhere)?.state == .available)
    #expect(try await store.job(id: first)?.state == .running)
    // Its reason is that of who came first.
    #expect(try await store.finish(running.lease, .cancelled(reason: "x")))
    #expect(
      try await store.job(id: first)?.errors.map(\.message) == ["superseded by the job \(waiting)."]
    )
    // One that was not added, since it is there, supersedes nothing: not itself either.
    var same = new("s")
    same.uniqueKey = "u"
    let original = try await add(store, same)
    #expect(try await store.job(id: last)?.state == .cancelled)
    #expect(try await store.enqueue([same]) == [EnqueuedJob(id: original, isNew: false)])
    #expect(try await store.job(id: original)?.state == .available)
  }

  @Sendable static func fencing(_ store: any JobStore) async throws {
    let id = try await add(store)
    let old = try #require(
      try await store.claim(kinds: ["k"], limit: 1, worker: "a", lease: .seconds(-1)).first)
    #expect(try await eventually { try await store.rescueLost().count == 1 ? true : nil })
    #expect(try await store.extend([old.lease], by: .seconds(60)) == [.lost])
    let new = try await claimOne(store)
    #expect(new.lease.token > old.lease.token)
    for result in [
      JobResult.completed, .snoozed(.zero), .cancelled(reason: "r"), .handedBack,
      .failed(message: "m", retryAfter: .zero), .discarded(message: "m"),
    ] {
      let before = try await store.job(id: id)
      #expect(try await store.finish(old.lease, result) == false)
      #expect(try await store.job(id: id) == before)
    }
    #expect(
      try await store.extend([old.lease, new.lease, old.lease], by: .seconds(60))
        == [.lost, .held, .lost])
    #expect(try await store.finish(new.lease, .completed))
    #expect(try await store.finish(new.lease, .completed) == false)
    #expect(try await store.extend([new.lease], by: .seconds(1)) == [.lost])
  }

  @Sendable static func rescues(_ store: any JobStore) async throws {
    let ids = try await store.enqueue(
      (0..<250).map { _ in NewJob(kind: "k", arguments: "{}", maxAttempts: 2) }
    ).map(\.id)
    let held = try await store.claim(kinds: ["k"], limit: 1, worker: "h", lease: .seconds(60))
    for round in 1...2 {
      let lost = try await store.claim(
        kinds: ["k"], limit: 300, worker: "gone", lease: .seconds(-1))
      #expect(lost.count == 249)
      #expect(lost.allSatisfy { $0.job.attempt == round })
      let rescued = try await store.rescueLost()
      #expect(rescued.count == 249)
      #expect(rescued.givenUp.count == (round == 2 ? 249 : 0))
      #expect(rescued.givenUp.allSatisfy { $0.state == .discarded && $0.errors.count == 2 })
    }
    #expect(try await store.counts() == [.discarded: 249, .running: 1])
    let given = try #require(try await store.job(id: ids[7]))
    #expect(given.errors.count == 2 && given.errors[1].message.contains("gone"))
    #expect(try await store.extend(held.map(\.lease), by: .seconds(1)) == [.held])
  }

  @Sendable static func rescuesAll(_ store: any JobStore) async throws {
    let ids = try await store.enqueue(
      (0..<3).map { _ in NewJob(kind: "k", arguments: "{}", maxAttempts: 1) }
    ).map(\.id)
    let claimed = try await store.claim(kinds: ["k"], limit: 2, worker: "w", lease: .seconds(60))
    _ = try await store.cancel(id: claimed[1].job.id, reason: "no longer wanted")
    #expect(try await store.rescueAll() == 2)
    #expect(try await store.rescueAll() == 0)
    let first = try #require(try await store.job(id: ids[0]))
    #expect(first.state == .available && first.attempt == 0 && first.errors.isEmpty)
    let second = try #require(try await store.job(id: ids[1]))
    #expect(second.state == .cancelled && second.errors.map(\.message) == ["no longer wanted"])
    #expect(try await store.finish(claimed[0].lease, .completed) == false)
    #expect(try await claimOne(store).lease.token > claimed[0].lease.token)
  }

  @Sendable static func interruptions(_ store: any JobStore) async throws {
    let id = try await add(store)
    for _ in 0..<JobTransition.mostInterruptions {
      _ = try await claimOne(store)
      #expect(try await store.rescueAll() == 1)
    }
    #expect(try await store.job(id: id)?.attempt == 0)
    _ = try await claimOne(store)
    #expect(try await store.rescueAll() == 1)
    let job = try #require(try await store.job(id: id))
    #expect(job.state == .discarded && job.errors.count == 1)
  }

  @Sendable static func cancels(_ store: any JobStore) async throws {
    #expect(try await store.cancel(id: "none", reason: "r") == nil)
    let waiting = try await add(store)
    let cancelled = try #require(try await store.cancel(id: waiting, reason: "not needed"))
    #expect(cancelled.state == .cancelled && cancelled.finishedAt != nil)
    #expect(cancelled.errors.map(\.message) == ["not needed"])
    // Again changes nothing.
    #expect(try await store.cancel(id: waiting, reason: "other") == cancelled)
    _ = try await add(store)
    let running = try await claimOne(store)
    let asked = try #require(try await store.cancel(id: running.job.id, reason: "a"))
    #expect(asked.state == .running && asked.cancelRequested)
    #expect(try await store.extend([running.lease], by: .seconds(60)) == [.cancelRequested])
    #expect(try await store.finish(running.lease, .completed))
    #expect(try await store.job(id: running.job.id)?.state == .completed)
  }

  @Sendable static func stops(_ store: any JobStore) async throws {
    for result in [
      JobResult.snoozed(.seconds(1)), .cancelled(reason: "own"), .handedBack,
      .failed(message: "m", retryAfter: .zero), .discarded(message: "m"),
    ] {
      let id = try await add(store)
      let running = try await claimOne(store)
      _ = try await store.cancel(id: id, reason: "first")
      _ = try await store.cancel(id: id, reason: "second")
      #expect(try await store.finish(running.lease, result))
      let job = try #require(try await store.job(id: id))
      #expect(job.state == .cancelled && job.errors.map(\.message) == ["first"])
    }
  }

  @Sendable static func retries(_ store: any JobStore) async throws {
    #expect(try await store.retry(id: "none") == nil)
    let id = try await add(
      store, NewJob(kind: "k", arguments: "{}", uniqueKey: "u", maxAttempts: 2))
    let first = try await claimOne(store)
    #expect(
      try await store.finish(first.lease, .failed(message: "one", retryAfter: .seconds(500))))
    let waiting = try #require(try await store.job(id: id))
    #expect(waiting.state == .retryable && waiting.attempt == 1)
    #expect(waiting.errors.map(\.message) == ["one"])
    #expect(try #require(try await store.untilNext(kinds: ["k"])) > .seconds(400))
    #expect(try await store.retry(id: id)?.state == .available)
    let again = try await claimOne(store)
    #expect(again.job.attempt == 1)
    // One that runs is left alone.
    #expect(try await store.retry(id: id)?.state == .running)
    #expect(try await store.finish(again.lease, .discarded(message: "two")))
    let discarded = try #require(try await store.job(id: id))
    #expect(discarded.state == .discarded && discarded.errors.map(\.message) == ["one", "two"])
    let revived = try #require(try await store.retry(id: id))
    #expect(revived.state == .available && revived.attempt == 0 && revived.finishedAt == nil)
    let third = try await claimOne(store)
    #expect(try await store.finish(third.lease, .failed(message: "three", retryAfter: .zero)))
    let fourth = try await eventually {
      try await store.claim(kinds: ["k"], limit: 1, worker: "w", lease: .seconds(60)).first
    }
    #expect(fourth.job.attempt == 2)
    #expect(try await store.finish(fourth.lease, .failed(message: "four", retryAfter: .zero)))
    #expect(try await store.job(id: id)?.state == .discarded)
    // Another has taken its place.
    let other = try await add(store, NewJob(kind: "k", arguments: "{}", uniqueKey: "u"))
    await #expect(throws: (any Error).self) { try await store.retry(id: id) }
    _ = try await store.cancel(id: other, reason: "r")
    #expect(try await store.retry(id: id)?.state == .available)
    #expect(try await store.job(id: id)?.cancelRequested == false)
  }

  @Sendable static func errors(_ store: any JobStore) async throws {
    let id = try await add(store, NewJob(kind: "k", arguments: "{}", maxAttempts: 30))
    for number in 1...25 {
      let claimed = try await eventually {
        try await store.claim(kinds: ["k"], limit: 1, worker: "w", lease: .seconds(60)).first
      }
      let message = number == 25 ? String(repeating: "x", count: 100_000) : "error \(number)"
      #expect(
        try await store.finish(claimed.lease, .failed(message: message, retryAfter: .zero)))
    }
    let errors = try #require(try await store.job(id: id)).errors
    #expect(errors.count == 20)
    #expect(errors.first?.message == "error 6" && errors.first?.attempt == 6)
    #expect(try #require(errors.last).message.count < 3_000)
  }

  @Sendable static func pages(_ store: any JobStore) async throws {
    var ids: [String] = []
    for number in 0..<7 {
      ids.append(try await add(store, NewJob(kind: number < 5 ? "k" : "l", arguments: "{}")))
      // Identifiers are in order of milliseconds.
      try await Task.sleep(for: .milliseconds(3))
    }
    ids.reverse()
    #expect(try await store.jobs(JobFilter()).map(\.id) == ids)
    let page = try await store.jobs(JobFilter(limit: 3))
    #expect(page.map(\.id) == Array(ids[..<3]))
    #expect(
      try await store.jobs(JobFilter(before: page.last?.id, limit: 3)).map(\.id)
        == Array(ids[3..<6]))
    #expect(try await store.jobs(JobFilter(kind: "l")).map(\.id) == Array(ids[..<2]))
    _ = try await store.cancel(id: ids[0], reason: "r")
    #expect(try await store.jobs(JobFilter(states: [.cancelled])).map(\.id) == [ids[0]])
    #expect(
      try await store.jobs(JobFilter(states: [.cancelled, .available], kind: "l")).count == 2)
    #expect(try await store.jobs(JobFilter(limit: 0)).isEmpty)
    #expect(try await store.jobs(JobFilter(limit: -5)).isEmpty)
    #expect(try await store.counts() == [.available: 6, .cancelled: 1])
  }

  @Sendable static func nothing(_ store: any JobStore) async throws {
    #expect(try await store.enqueue([]).isEmpty)
    #expect(try await store.claim(kinds: [], limit: 5, worker: "w", lease: .seconds(1)).isEmpty)
    _ = try await add(store)
    #expect(try await store.claim(kinds: ["k"], limit: 0, worker: "w", lease: .seconds(1)).isEmpty)
    #expect(try await store.extend([], by: .seconds(1)).isEmpty)
    #expect(try await store.rescueLost().count == 0)
    #expect(try await store.rescueAll() == 0)
    #expect(try await store.untilNext(kinds: []) == nil)
    let never = Lease(job: "none", token: 1, worker: "w")
    #expect(try await store.finish(never, .completed) == false)
    #expect(try await store.finish(never, .handedBack) == false)
  }
}

/// Asks until there is an answer, for ten seconds.
func eventually<T>(_ body: () async throws -> T?) async throws -> T {
  let deadline = ContinuousClock.now + .seconds(10)
  while ContinuousClock.now < deadline {
    if let answer = try await body() { return answer }
    try await Task.sleep(for: .milliseconds(5))
  }
  return try #require(try await body())
}

/// What many tasks put together.
final class Gathered: Sendable {
  private let items = Mutex<[String]>([])
  func add(_ new: [String]) { items.withLock { $0 += new } }
  var all: [String] { items.withLock { $0 } }
}
