public import Domain
import Foundation
public import Jobs

/// Takes the merge queue of one branch as far as it goes now: trial branches, their checks, merges.
/// It comes back by itself while anything waits.
public struct AdvanceMergeQueue: Sendable {
  /// What is kept of a queue between tries.
  struct State: Codable, Sendable {
    var queue: MergeQueue
    /// When each batch's trial was made, by the batch.
    var since: [Int: Date] = [:]
    /// What happened and was not told yet.
    var untold: [MergeQueue.Notice] = []
    /// Since when the merge that is next waits for what may never come.
    var held: Held?

    struct Held: Codable, Sendable, Equatable {
      var number: Int
      var head: String
      var since: Date
    }

    /// - Parameter isFrozen: whether it waits for the end of a freeze, as long as that takes.
    /// - Returns: whether that is news.
    mutating func hold(_ entry: MergeQueue.Entry, isFrozen: Bool, at now: Date) -> Bool {
      let before = held
      if isFrozen {
        held = nil
      } else if held?.number != entry.number || held?.head != entry.head {
        held = Held(number: entry.number, head: entry.head, since: now)
      }
      return held != before
    }

    init(queue: MergeQueue) { self.queue = queue }

    mutating func handle(_ event: MergeQueue.Event) {
      for notice in queue.handle(event) {
        if case .discarded(let batch) = notice { since[batch] = nil }
        untold.append(notice)
      }
    }
  }

  let ports: ShepherdPullRequest.Ports

  public init(ports: ShepherdPullRequest.Ports) { self.ports = ports }

  /// Between two looks at what is waited for.
  static let pause = Duration.seconds(30)
  /// A call whose answer was lost has ended on the forge by then.
  static let lostCall = Duration.seconds(90)
  /// A branch without required checks: how long one may take to appear.
  private static let appearance: TimeInterval = 120
  /// Before a policy that is broken, or a forge that does not let Stet in, is looked at again.
  static let mending = Duration.seconds(300)
  private static let mostRounds = 100

  static func key(_ forge: String, _ repository: String, _ branch: String) -> String {
    "queue \("\(forge):\(repository)".lowercased()) \(branch)"
  }

  /// One for each that waits, so that none is forgotten while another's is about to end; one at a
  /// time for each queue.
  static func job(_ access: ForgeAccess, branch: String, number: Int) throws -> NewJob {
    let key = key(access.forge, "\(access.repository)", branch)
    return NewJob(
      kind: Work.AdvanceMergeQueue.kind,
      arguments: try Work.AdvanceMergeQueue(access: access, branch: branch, number: number).json(),
      uniqueKey: "\(key) \(TimeOrderedID.next(Date()))", group: WorkLimits.group(access),
      limits: [JobLimit(key, concurrency: 1)])
  }

  /// A look at once, because a check of a trial has ended; `nil` where the branch is no trial's.
  static func look(
    _ access: ForgeAccess, trial: String, commit: String, check: String
  ) -> NewJob? {
    guard let branch = QueueRound.base(ofTrial: trial) else { return nil }
    // A queue that has it under way already will see the check as well.
    return look(access, branch: branch, because: "\(commit) \(check)")
  }

  private static func look(
    _ access: ForgeAccess, branch: String, because reason: String
  ) -> NewJob? {
    let key = key(access.forge, "\(access.repository)", branch)
    let work = Work.AdvanceMergeQueue(access: access, branch: branch, number: nil)
    guard let json = try? work.json() else { return nil }
    return NewJob(
      kind: Work.AdvanceMergeQueue.kind, arguments: json, uniqueKey: "\(key) look \(reason)",
      group: WorkLimits.group(access), limits: [JobLimit(key, concurrency: 1)])
  }

  // MARK: All queues of a repository

  private static func branches(
    _ forge: String, _ repository: String, _ notes: any PolicyNotes
  ) async throws(StoreError) -> PolicyMemory<[String]> {
    try await PolicyMemory("queues \("\(forge):\(repository)".lowercased())", in: notes, new: [])
  }

  /// Looks at every queue of a repository that has entries: should their own jobs be lost, a queue
  /// does not stand still for ever.
  static func looks(
    _ access: ForgeAccess, notes: any PolicyNotes
  ) async throws(StoreError) -> [NewJob] {
    let repository = "\(access.repository)"
    var jobs: [NewJob] = []
    for branch in try await branches(access.forge, repository, notes).value {
      let memory = try await PolicyMemory(
        key(access.forge, repository, branch), in: notes,
        new: State(queue: MergeQueue(branch: branch)))
      let isAtWork = !memory.value.queue.entries.isEmpty || !memory.value.untold.isEmpty
      if isAtWork, let job = look(access, branch: branch, because: "sweep") { jobs.append(job) }
    }
    return jobs
  }

  /// Puts a pull request into the queue of its base.
  static func enqueue(
    _ facts: PolicyFacts, _ priority: MergePriority, _ policy: ShepherdPolicy,
    notes: any PolicyNotes, forge: String
  ) async throws(StoreError) {
    var tries = 0
    while true {
      var known = try await branches(forge, facts.repository, notes)
      var memory = try await PolicyMemory(
        key(forge, facts.repository, facts.base), in: notes,
        new: State(queue: MergeQueue(branch: facts.base, policy: policy.queue)))
      memory.value.handle(.enqueued(number: facts.number, head: facts.headCommit, priority))
      do throws(StoreError) {
        if !known.value.contains(facts.base) {
          known.value.append(facts.base)
          try await known.save()
        }
        try await memory.save()
        return
      } catch {
        tries += 1
        guard error.code == .conflict, tries < 5 else { throw error }
      }
    }
  }

  /// Takes a pull request out of a queue. Its trial branch is removed by the job that comes by.
  static func remove(
    _ number: Int, because reason: String, access: ForgeAccess, branch: String,
    notes: any PolicyNotes
  ) async throws(StoreError) {
    var tries = 0
    while true {
      var memory = try await PolicyMemory(
        key(access.forge, "\(access.repository)", branch), in: notes,
        new: State(queue: MergeQueue(branch: branch)))
      memory.value.handle(.removed(number: number, reason: reason))
      do throws(StoreError) {
        try await memory.save()
        return
      } catch {
        tries += 1
        guard error.code == .conflict, tries < 5 else { throw error }
      }
    }
  }

  /// Why a pull request is not merging, in one sentence; `nil` where there is no queue.
  public static func why(
    _ number: Int, forge: String, repository: RepositoryName, branch: String,
    notes: any PolicyNotes
  ) async throws(StoreError) -> String? {
    let key = key(forge, "\(repository)", branch)
    guard try await notes.note(key) != nil else { return nil }
    let memory = try await PolicyMemory(
      key, in: notes, new: State(queue: MergeQueue(branch: branch)))
    return memory.value.queue.why(number)
  }

  public func handle(_ job: Job) async throws -> JobOutcome {
    try await run(
      Work.AdvanceMergeQueue(of: job), age: ForgeFailure.age(of: job, at: ports.now()), job: job.id)
  }

  /// - Throws: `JobFailure`, or `CancellationError`.
  public func run(
    _ arguments: Work.AdvanceMergeQueue, age: Duration? = nil, job: String? = nil
  ) async throws -> JobOutcome {
    let repository = arguments.access.repository
    let place = "\(arguments.access.forge):\(repository)"
    // Somebody waits for an entry as long as it is there: no age of its job, such as that of a long
    // freeze, ends it.
    let isWaitedFor = arguments.number != nil
    let waiting: JobOutcome =
      !isWaitedFor
      ? .completed
      : .snoozed(Self.pause, because: "\(place): the queue of \(arguments.branch) waits")
    do {
      let forge = try await ports.openForge(arguments.access)
      let policy = try await policy(repository, forge)
      for _ in 0..<Self.mostRounds {
        try Task.checkCancellation()
        var memory = try await PolicyMemory(
          Self.key(arguments.access.forge, "\(repository)", arguments.branch), in: ports.notes,
          new: State(queue: MergeQueue(branch: arguments.branch, policy: policy.queue)))
        while let notice = memory.value.untold.first {
          try await tell(notice, arguments, forge, job: job)
          memory.value.untold.removeFirst()
          try await memory.save()
        }
        memory.value.queue.batchSize = policy.queue.batch
        memory.value.queue.speculation = policy.queue.speculation
        let queue = memory.value.queue
        let isWanted =
          arguments.number.map { queue.entry($0) != nil || queue.merging?.number == $0 }
          ?? !queue.orders.isEmpty
        guard isWanted else { return .completed }
        var round = QueueRound(
          forge: forge, repository: repository, policy: policy, state: memory.value,
          now: ports.now, appearance: Self.appearance, reviews: ports.ownReviews,
          forgeName: arguments.access.forge)
        guard let order = try await round.next() else { return waiting }
        // Written before the merge too: another worker at it finds out by the version.
        if case .merge = order { try await memory.save() }
        let event = try await round.event(of: order)
        guard let event else {
          if case .merge(let entry, _) = order,
            memory.value.hold(entry, isFrozen: round.isFrozen, at: ports.now())
          {
            try await memory.save()
          }
          return waiting
        }
        if case .merge = order { memory.value.held = nil }
        if case .built(let batch, _, _) = event { memory.value.since[batch] = ports.now() }
        memory.value.handle(event)
        try await memory.save()
      }
      return .snoozed(Self.pause, because: "\(place): there is more to do")
    } catch let error as ForgeError {
      let because = "\(place): \(SecretMask.masked(error.detail).text)"
      if error.code == .unreachable || error.code == .malformed {
        return .snoozed(Self.lostCall, because: because)
      }
      if isWaitedFor, !error.isPassing { return .snoozed(Self.mending, because: because) }
      return try ForgeFailure.outcome(error, at: place, age: isWaitedFor ? .zero : age)
    } catch let error as StoreError {
      if error.code == .conflict {
        return try ForgeFailure.takenOver(at: place, age: isWaitedFor ? .zero : age)
      }
      throw ForgeFailure.failure(error, isQueued: age != nil)
    } catch let error as NoPolicy {
      guard isWaitedFor else { throw JobFailure(error.description, isFinal: true) }
      return .snoozed(Self.mending, because: error.description)
    }
  }

  /// Without a policy nothing is merged. Whoever mends it does not queue everything anew.
  private struct NoPolicy: Error, CustomStringConvertible {
    var description: String
  }

  private func policy(
    _ repository: RepositoryName, _ forge: any Forge
  ) async throws -> ShepherdPolicy {
    let branch = try await forge.defaultBranch(of: repository)
    guard let bytes = try await forge.file(BasePolicies.file, in: repository, at: branch) else {
      throw NoPolicy(description: "\(repository) has no policy any more; its queue stands still")
    }
    do {
      return try PolicyReader.read(bytes).shepherd
    } catch {
      throw NoPolicy(description: "the policy of \(repository) has mistakes: \(error)")
    }
  }

  /// Told once: what a try before this one has said is looked for. What the forge does not let Stet
  /// say is recorded, and stands in nobody's way.
  private func tell(
    _ notice: MergeQueue.Notice, _ arguments: Work.AdvanceMergeQueue, _ forge: any Forge,
    job: String?
  ) async throws {
    let repository = arguments.access.repository
    func note(_ action: String, _ number: Int, _ facts: [String: String]) async throws(StoreError) {
      try await ports.audit.append(
        AuditEvent(
          actor: "queue:\(arguments.branch)", action: action,
          place: "\(arguments.access.forge):\(repository)#\(number)", decidedBy: "queue", job: job,
          facts: facts))
    }
    func said(
      _ number: Int, _ words: () async throws(ForgeError) -> Void
    ) async throws {
      do throws(ForgeError) { try await words() } catch {
        if error.isPassing { throw error }
        let because = String(SecretMask.masked(error.detail).text.prefix(500))
        try await note(
          "queue.untold", number, ["reason": "the forge does not allow it", "because": because])
      }
    }
    switch notice {
    case .merged(let number):
      try await ports.notify?(
        PullRequestNotice.merged(
          PullRequestReference(repository, number), title: nil, url: nil,
          forge: arguments.access.forge, by: "the queue of \(arguments.branch)", at: ports.now()),
        arguments.access)
      try await note(
        "queue.merged", number,
        [
          "branch": arguments.branch,
          "reason": "its trial passed and nothing stood in the way at its head",
        ])
    case .left(let number, let reason):
      let reference = PullRequestReference(repository, number)
      let body =
        HiddenMarker.rule("queue-left").text
        + "\nTaken out of the merge queue of `\(arguments.branch)`: "
        + "\(Defanged.message(reason, limit: 500))."
      try await said(number) { () async throws(ForgeError) in
        let last = try await forge.comments(on: reference).last?.body
        if last != body { _ = try await forge.comment(body, on: reference) }
      }
      try await ports.notify?(
        PullRequestNotice.leftQueue(
          reference, reason: String(reason.prefix(500)), branch: arguments.branch,
          forge: arguments.access.forge, entry: job ?? "\(ports.now())", at: ports.now()),
        arguments.access)
      try await note("queue.left", number, ["reason": String(reason.prefix(500))])
    case .discarded(let batch):
      let trial = QueueRound.branch(arguments.branch, batch)
      do throws(ForgeError) { try await forge.removeBranch(trial, in: repository) } catch {
        if error.isPassing { throw error }
        try await ports.audit.append(
          AuditEvent(
            actor: "queue:\(arguments.branch)", action: "queue.untold",
            place: "\(arguments.access.forge):\(repository)", decidedBy: "queue", job: job,
            facts: [
              "reason": "the trial branch \(trial) cannot be removed",
              "because": String(SecretMask.masked(error.detail).text.prefix(500)),
            ]))
      }
    }
  }
}
