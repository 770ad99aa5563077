import Domain
import Foundation

/// A small forge, the real queue and the real gate, and one worker that may die at any step. Every
/// order of their steps is walked through.
struct QueueModel {
  /// What can be left out to see that the walk would find it.
  struct Rules: Sendable {
    var judgesGate = true
    var sendsHead = true
    /// A call whose answer was lost is waited out before the forge is asked.
    var waitsForLostCalls = true
    /// The forge holds merges against its own conditions as well.
    var forgeProtects = true
    var ejectsCulprits = true
    /// What left the queue, or lost its trial, while its merge waited is not merged.
    var forgetsWhatLeft = true
  }

  struct Violation: Error, CustomStringConvertible {
    var description: String
  }

  struct Pull: Hashable {
    var head = 0
    var isMerged = false
    var isApproved = true
    var check: PolicyFacts.Check.Conclusion? = .success
  }

  struct Call: Hashable {
    var number: Int
    /// `nil`: whatever the head is.
    var head: Int?
    /// Whether the gate let it through, by what it read.
    var wasLetThrough: Bool
  }

  enum Mode: Hashable {
    case idle
    case letThrough(Call)
    case calling(Call)
    case answered(number: Int, isMerged: Bool)
  }

  struct World: Hashable {
    var pulls: [Int: Pull]
    var base = 0
    var queue: MergeQueue
    var mode = Mode.idle
    /// Calls on their way to the forge.
    var calls: [Call] = []
    /// How many more times something from outside happens.
    var disturbances: Int
  }

  let rules: Rules
  let culprits: Set<Int>
  /// Fail together and pass alone.
  let quarrel: Set<Int>
  private(set) var states = 0
  private(set) var merges = 0

  init(rules: Rules = Rules(), culprits: Set<Int> = [], quarrel: Set<Int> = []) {
    self.rules = rules
    self.culprits = culprits
    self.quarrel = quarrel
  }

  /// Breadth first, so that a counterexample is a shortest one.
  mutating func explore(
    pulls: Int, disturbances: Int, batch: Int = 2, speculation: Int = 2
  ) throws {
    var queue = MergeQueue(
      branch: "main", policy: QueuePolicy(batch: batch, speculation: speculation))
    for number in 1...pulls {
      _ = queue.handle(.enqueued(number: number, head: "h0", .normal))
    }
    let start = World(
      pulls: Dictionary(uniqueKeysWithValues: (1...pulls).map { ($0, Pull()) }), queue: queue,
      disturbances: disturbances)
    var numbers = [start: 0]
    var worlds = [start]
    var before: [[Int]] = [[]]
    var index = 0
    while index < worlds.count {
      for (world, isOwn) in try steps(worlds[index]) {
        if let known = numbers[world] {
          if isOwn { before[known].append(index) }
          continue
        }
        numbers[world] = worlds.count
        worlds.append(world)
        before.append(isOwn ? [index] : [])
      }
      index += 1
    }
    states = worlds.count
    try checkProgress(worlds, before)
  }

  /// From everywhere the queue can still become empty, by steps of its own alone.
  private func checkProgress(_ worlds: [World], _ before: [[Int]]) throws {
    var open = worlds.indices.filter { worlds[$0].queue.entries.isEmpty }
    var safe = Set(open)
    while let index = open.popLast() {
      for one in before[index] where safe.insert(one).inserted { open.append(one) }
    }
    if let stuck = worlds.indices.first(where: { !safe.contains($0) }) {
      throw Violation(description: "the queue is stuck: \(worlds[stuck])")
    }
  }

  // MARK: Steps

  private mutating func steps(_ world: World) throws -> [(World, isOwn: Bool)] {
    var after: [(World, isOwn: Bool)] = []
    func outside(_ change: (inout World) -> Void) {
      guard world.disturbances > 0 else { return }
      var next = world
      next.disturbances -= 1
      change(&next)
      after.append((next, false))
    }
    for (number, pull) in world.pulls where !pull.isMerged {
      outside {
        $0.pulls[number]?.head += 1
        $0.pulls[number]?.check = nil
        $0.pulls[number]?.isApproved = false
      }
      if pull.isApproved { outside { $0.pulls[number]?.isApproved = false } }
      if pull.check == .success {
        outside { $0.pulls[number]?.check = .failure }
        outside { $0.pulls[number]?.check = nil }
      }
      if world.queue.entries.contains(where: { $0.number == number && $0.head != "h\(pull.head)" })
      {
        after.append((handled(world, .headMoved(number: number, head: "h\(pull.head)")), true))
      }
    }
    for (number, pull) in world.pulls {
      if world.queue.entry(number) == nil {
        guard !pull.isMerged else { continue }
        outside { $0 = handled($0, .enqueued(number: number, head: "h\(pull.head)", .normal)) }
      } else {
        outside { $0 = handled($0, .removed(number: number, reason: "asked to")) }
      }
    }
    outside { $0.base += 1 }
    if world.mode != .idle { outside { $0.mode = .idle } }
    if let base = world.queue.base, base != "b\(world.base)" {
      after.append((handled(world, .baseMoved("b\(world.base)")), true))
    }
    for index in world.calls.indices { after.append((try arrived(world, index), true)) }
    after += try work(world).map { ($0, true) }
    return after
  }

  private func handled(_ world: World, _ event: MergeQueue.Event) -> World {
    var world = world
    _ = world.queue.handle(event)
    return world
  }

  /// What the forge makes of a call.
  private mutating func arrived(_ world: World, _ index: Int) throws -> World {
    var next = world
    let call = next.calls.remove(at: index)
    var isMerged = false
    if var pull = next.pulls[call.number], !pull.isMerged,
      call.head.map({ $0 == pull.head }) ?? true,
      !rules.forgeProtects || (pull.isApproved && pull.check == .success)
    {
      isMerged = true
      pull.isMerged = true
      next.pulls[call.number] = pull
      next.base += 1
      merges += 1
      try checkMerge(call, world)
    }
    if case .calling(let own) = next.mode, own == call {
      next.mode = .answered(number: call.number, isMerged: isMerged)
    }
    return next
  }

  private func checkMerge(_ call: Call, _ world: World) throws {
    guard call.wasLetThrough else {
      throw Violation(description: "#\(call.number) is merged on red or unapproved: \(world)")
    }
    if let merging = world.queue.merging, merging.number == call.number,
      merging.head != "h\(world.pulls[call.number]?.head ?? -1)"
    {
      throw Violation(description: "#\(call.number) is merged at a head that moved: \(world)")
    }
    if rules.forgeProtects, let pull = world.pulls[call.number],
      !pull.isApproved || pull.check != .success
    {
      throw Violation(description: "#\(call.number) is merged after it changed: \(world)")
    }
  }

  private func work(_ world: World) throws -> [World] {
    switch world.mode {
    case .idle: return try world.queue.orders.compactMap { try carriedOut($0, world) }
    case .letThrough(let call):
      var next = world
      next.calls.append(call)
      next.mode = .calling(call)
      if Set(next.calls.map(\.number)).count > 1 {
        throw Violation(description: "two merges at once: \(next)")
      }
      return [next]
    case .calling: return []
    case .answered(let number, let isMerged):
      var next = world
      next.mode = .idle
      return [
        handled(
          next,
          isMerged
            ? .merged(number: number, base: "b\(world.base)")
            : .notMerged(number: number, base: "b\(world.base)"))
      ]
    }
  }

  private func carriedOut(_ order: MergeQueue.Order, _ world: World) throws -> World? {
    switch order {
    case .build(let batch, let trial, let entries):
      if let moved = entries.first(where: { $0.head != head($0.number, world) }) {
        return handled(
          world, .headMoved(number: moved.number, head: head(moved.number, world)))
      }
      let parts = entries.map { "\($0.number)" }.joined(separator: "+")
      return handled(
        world,
        .built(
          batch: batch, base: "b\(world.base)", trial: "\(trial ?? "b\(world.base)")+\(parts)"))
    case .test(let batch, let commit, _):
      let numbers = Set(commit.split(separator: "+").dropFirst().compactMap { Int($0) })
      let isRed =
        !culprits.isDisjoint(with: numbers) || (!quarrel.isEmpty && quarrel.isSubset(of: numbers))
      return handled(world, isRed ? .failed(batch: batch, reason: "red") : .passed(batch: batch))
    case .merge(let entry, let together): return try merge(entry, together, world)
    }
  }

  private func head(_ number: Int, _ world: World) -> String {
    "h\(world.pulls[number]?.head ?? -1)"
  }

  private func merge(
    _ entry: MergeQueue.Entry, _ together: [MergeQueue.Entry], _ world: World
  ) throws -> World? {
    // One whose answer was lost may still be on its way.
    if rules.waitsForLostCalls, !world.calls.isEmpty { return nil }
    if world.pulls[entry.number]?.isMerged == true {
      return handled(world, .merged(number: entry.number, base: "b\(world.base)"))
    }
    if world.queue.base != "b\(world.base)" || (rules.forgetsWhatLeft && together.isEmpty) {
      return handled(world, .notMerged(number: entry.number, base: "b\(world.base)"))
    }
    guard world.queue.entry(entry.number)?.head == entry.head else {
      throw Violation(description: "#\(entry.number) is merged though it left: \(world)")
    }
    guard world.queue.batches.first?.numbers.first == entry.number else {
      throw Violation(description: "#\(entry.number) is merged without a trial: \(world)")
    }
    var isLetThrough = true
    let gate = MergeGate(policy: MergePolicy(approvals: 1, checks: [NameGlob("build")]))
    for one in together {
      let blockers = gate.blockers(facts(one.number, world), expectedHead: one.head)
      guard let first = blockers.first else { continue }
      if rules.judgesGate {
        return handled(
          world,
          one.number == entry.number
            ? .refused(number: one.number, reason: first.detail)
            : .removed(number: one.number, reason: first.detail))
      }
      if one.number == entry.number { isLetThrough = false }
    }
    var next = world
    next.mode = .letThrough(
      Call(
        number: entry.number,
        head: rules.sendsHead ? Int(entry.head.dropFirst()) : nil, wasLetThrough: isLetThrough))
    return next
  }

  private func facts(_ number: Int, _ world: World) -> PolicyFacts {
    let pull = world.pulls[number] ?? Pull()
    let head = "h\(pull.head)"
    let moment = Date(timeIntervalSince1970: 0)
    var facts = PolicyFacts(
      event: .checks, repository: "o/r", number: number, title: "t",
      author: .init(login: "author"), state: pull.isMerged ? .merged : .open, base: "main",
      head: "topic", baseCommit: "b\(world.base)", headCommit: head, createdAt: moment,
      updatedAt: moment, now: moment)
    facts.mergeability = .clean
    facts.protection = PolicyFacts.Protection()
    facts.dependencies = []
    facts.checks = pull.check.map { [.init(name: "build", conclusion: $0, commit: head)] } ?? []
    facts.reviews = [
      .init(
        id: 1, author: .init(login: "ann", permission: .write),
        state: pull.isApproved ? .approved : .dismissed, commit: head)
    ]
    return facts
  }
}
