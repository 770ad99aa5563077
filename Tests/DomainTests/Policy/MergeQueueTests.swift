import Domain
import Testing

/// The queue over every order of events of a small forge, and over many long random histories.
@Suite struct MergeQueueTests {
  private typealias Rules = QueueModel.Rules

  @Test(arguments: [
    (pulls: 2, disturbances: 3, batch: 2, speculation: 2),
    (pulls: 3, disturbances: 2, batch: 2, speculation: 2),
    (pulls: 4, disturbances: 1, batch: 3, speculation: 1),
    (pulls: 4, disturbances: 1, batch: 1, speculation: 3),
  ])
  func neverMergesWhatItShouldNotAndNeverStops(
    pulls: Int, disturbances: Int, batch: Int, speculation: Int
  ) throws {
    for culprits in [[], [1], [2]] as [Set<Int>] {
      var model = QueueModel(culprits: culprits)
      try model.explore(
        pulls: pulls, disturbances: disturbances, batch: batch, speculation: speculation)
      #expect(model.states > 100)
      #expect(model.merges > 0)
    }
  }

  @Test func twoThatOnlyFailTogetherAreFound() throws {
    var model = QueueModel(quarrel: [2, 4])
    try model.explore(pulls: 4, disturbances: 1, batch: 3, speculation: 1)
    #expect(model.merges > 0)
  }

  @Test func aForgeWithoutConditionsOfItsOwnIsNotAskedToMergeWhatTheGateHolds() throws {
    var model = QueueModel(rules: Rules(forgeProtects: false))
    try model.explore(pulls: 2, disturbances: 2)
    #expect(model.merges > 0)
  }

  @Test func withoutTheGateTheWalkFindsAMergeOnRed() {
    var model = QueueModel(rules: Rules(judgesGate: false, forgeProtects: false))
    let violation = #expect(throws: QueueModel.Violation.self) {
      try model.explore(pulls: 2, disturbances: 1)
    }
    #expect(violation?.description.contains("on red or unapproved") == true)
  }

  @Test func withoutTheExpectedHeadTheWalkFindsAMergeOfAnother() {
    var model = QueueModel(rules: Rules(sendsHead: false, forgeProtects: false))
    let violation = #expect(throws: QueueModel.Violation.self) {
      try model.explore(pulls: 2, disturbances: 1)
    }
    #expect(violation?.description.contains("at a head that moved") == true)
  }

  @Test func withoutWaitingForLostCallsTheWalkFindsTwoMergesAtOnce() {
    var model = QueueModel(rules: Rules(waitsForLostCalls: false))
    let violation = #expect(throws: QueueModel.Violation.self) {
      try model.explore(pulls: 2, disturbances: 2)
    }
    #expect(violation?.description.contains("two merges at once") == true)
  }

  @Test func withoutForgettingWhatLeftTheWalkFindsItMerged() {
    var model = QueueModel(rules: Rules(forgetsWhatLeft: false))
    let violation = #expect(throws: QueueModel.Violation.self) {
      try model.explore(pulls: 2, disturbances: 1)
    }
    let found = violation?.description ?? ""
    #expect(found.contains("though it left") || found.contains("without a trial"), "\(found)")
  }

  // MARK: By hand

  private func queue(
    _ numbers: [Int], batch: Int = 4, speculation: Int = 1
  ) -> (MergeQueue, [MergeQueue.Notice]) {
    var queue = MergeQueue(
      branch: "main", policy: QueuePolicy(batch: batch, speculation: speculation))
    var notices: [MergeQueue.Notice] = []
    for number in numbers {
      notices += queue.handle(.enqueued(number: number, head: "h\(number)", .normal))
    }
    return (queue, notices)
  }

  @Test func prioritiesGoFirst() {
    var (queue, _) = queue([1, 2, 3])
    _ = queue.handle(.enqueued(number: 4, head: "h4", .urgent))
    #expect(queue.waiting.map(\.number) == [4, 2, 3])
    _ = queue.handle(.enqueued(number: 3, head: "h3", .high))
    #expect(queue.waiting.map(\.number) == [4, 3, 2])
  }

  @Test func aFailingBatchIsHalvedUntilTheCulpritStandsAlone() {
    var (queue, _) = queue([1, 2, 3, 4, 5])
    var left: [Int] = []
    var merged: [Int] = []
    var trials = 0
    for _ in 0..<200 {
      guard let order = queue.orders.first else { break }
      let event: MergeQueue.Event
      switch order {
      case .build(let batch, _, _):
        trials += 1
        event = .built(batch: batch, base: "b\(merged.count)", trial: "t\(batch)")
      case .test(let batch, _, let entries):
        event =
          entries.contains { $0.number == 4 }
          ? .failed(batch: batch, reason: "red") : .passed(batch: batch)
      case .merge(let entry, _):
        event = .merged(number: entry.number, base: "b\(merged.count + 1)")
      }
      for notice in queue.handle(event) {
        switch notice {
        case .merged(let number): merged.append(number)
        case .left(let number, let reason):
          left.append(number)
          #expect(reason == "red")
        case .discarded: break
        }
      }
    }
    #expect(left == [4])
    #expect(merged == [1, 2, 3, 5])
    #expect(queue.entries.isEmpty)
    #expect(trials <= 7)
  }

  @Test func aFreezeStopsMergesAndSaysWhy() {
    var (queue, _) = queue([1])
    _ = queue.handle(.frozen(reason: "release week"))
    _ = queue.handle(.built(batch: 1, base: "b", trial: "t"))
    _ = queue.handle(.passed(batch: 1))
    #expect(queue.merging == nil)
    #expect(
      queue.why(1) == "#1 passed its trial and waits: merges into main are frozen: release week.")
    _ = queue.handle(.thawed)
    #expect(queue.merging?.number == 1)
  }

  /// While a merge waits, for the end of a freeze or for a check.
  @Test(
    arguments: [
      [.removed(number: 1, reason: "asked to")],
      [.enqueued(number: 1, head: "new", .normal)],
      [.removed(number: 1, reason: "asked to"), .enqueued(number: 1, head: "h1", .normal)],
      // It passed together with the other alone.
      [.removed(number: 2, reason: "asked to")],
    ] as [[MergeQueue.Event]])
  func whatLeavesWhileItsMergeWaitsIsNotMerged(_ events: [MergeQueue.Event]) {
    var (queue, _) = queue([9, 1, 2])
    _ = queue.handle(.removed(number: 9, reason: "makes room"))
    _ = queue.handle(.built(batch: 2, base: "b", trial: "t"))
    _ = queue.handle(.passed(batch: 2))
    guard case .merge(let entry, let together)? = queue.orders.first else {
      Issue.record("nothing is merged: \(queue.orders)")
      return
    }
    #expect(entry.head == "h1")
    #expect(together.map(\.number) == [1, 2])
    for event in events { _ = queue.handle(event) }
    guard case .merge(let same, let none)? = queue.orders.first else {
      Issue.record("the forge is not asked what became of it: \(queue.orders)")
      return
    }
    #expect(same.number == 1)
    #expect(same.head == "h1")
    #expect(none.isEmpty)
    _ = queue.handle(.notMerged(number: 1, base: "b"))
    #expect(queue.merging == nil)
    guard case .build(_, nil, let entries)? = queue.orders.first else {
      Issue.record("what is left is not tried again: \(queue.orders)")
      return
    }
    #expect(entries == queue.entries)
  }

  @Test func whyIsOneSentence() {
    var (queue, _) = queue([1, 2, 3])
    #expect(queue.why(9) == "#9 is not in the queue of main.")
    #expect(queue.why(3) == "#3 waits in the queue of main with priority normal, 2 before it.")
    #expect(queue.why(1) == "#1 is being put on a trial branch.")
    _ = queue.handle(.built(batch: 1, base: "b", trial: "t"))
    #expect(queue.why(1) == "#1 waits for the checks of its trial branch.")
    _ = queue.handle(.passed(batch: 1))
    #expect(queue.why(1) == "#1 is being merged into main.")
  }

  /// However many urgent ones come, one of low priority is overtaken so often and no more.
  @Test(arguments: [MergePriority.low, .normal, .high], [1, 4])
  func aLowPriorityDoesNotStarve(_ priority: MergePriority, _ batch: Int) {
    var queue = MergeQueue(branch: "main", policy: QueuePolicy(batch: batch, speculation: 1))
    var next = 1
    func arrive(_ count: Int) {
      for _ in 0..<count {
        next += 1
        _ = queue.handle(.enqueued(number: next, head: "h", .urgent))
      }
    }
    arrive(batch)
    _ = queue.handle(.enqueued(number: 1, head: "h", priority))
    var merged: [Int] = []
    var reasons: Set<String> = []
    for _ in 0..<1_000 where !merged.contains(1) {
      arrive(batch * 4)
      for _ in 0..<(batch * 4) {
        guard let order = queue.orders.first, !merged.contains(1) else { break }
        if queue.waiting.contains(where: { $0.number == 1 }) { reasons.insert(queue.why(1)) }
        let event: MergeQueue.Event
        switch order {
        case .build(let id, _, _):
          event = .built(batch: id, base: queue.base ?? "b0", trial: "t\(id)")
        case .test(let id, _, _): event = .passed(batch: id)
        case .merge(let entry, _):
          merged.append(entry.number)
          event = .merged(number: entry.number, base: "b\(merged.count)")
        }
        _ = queue.handle(event)
      }
    }
    let steps = MergePriority.allCases.count { $0 > priority }
    let place = merged.firstIndex(of: 1) ?? .max
    #expect(place >= MergeQueue.patience * steps, "it did not wait at all")
    #expect(place <= (MergeQueue.patience + batch) * steps + batch * 4, "\(place)")
    #expect(
      reasons.contains { $0.contains("which counts as") && $0.contains("later ones went before") }
        || steps == 1,
      "\(reasons)")
  }

  @Test func lateAndDoubledEventsChangeNothing() {
    var (queue, _) = queue([1, 2])
    _ = queue.handle(.built(batch: 1, base: "b", trial: "t"))
    let before = queue
    for event in [
      .built(batch: 1, base: "other", trial: "u"), .passed(batch: 7),
      .refused(number: 2, reason: ""),
      .notMerged(number: 1, base: "x"), .headMoved(number: 1, head: "h1"),
      .removed(number: 9, reason: ""), .conflicted(batch: 9, number: 1),
    ] as [MergeQueue.Event] {
      #expect(queue.handle(event) == [])
      #expect(queue == before)
    }
  }

  @Test func aPushOfAnotherBeginsTheTrialAgain() {
    var (queue, _) = queue([1])
    _ = queue.handle(.built(batch: 1, base: "b", trial: "t"))
    #expect(queue.handle(.baseMoved("c")) == [.discarded(batch: 1)])
    guard case .build(let batch, nil, let entries)? = queue.orders.first else {
      Issue.record("nothing is built: \(queue.orders)")
      return
    }
    #expect(batch == 2)
    #expect(entries.map(\.number) == [1])
  }

  // MARK: At random

  /// Whatever comes in whatever order: one merge at most, only of entries at their own head, and no
  /// number in two places.
  @Test(arguments: 0..<40)
  func holdsItsShape(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    var queue = MergeQueue(
      branch: "main",
      policy: QueuePolicy(
        batch: Int.random(in: 1...4, using: &random),
        speculation: Int.random(in: 1...3, using: &random)))
    for _ in 0..<400 {
      _ = queue.handle(event(&random, queue))
      let tried = queue.batches.flatMap(\.numbers) + queue.parts.flatMap { $0 }
      #expect(Set(tried).count == tried.count)
      #expect(Set(queue.entries.map(\.number)).count == queue.entries.count)
      #expect(Set(tried).isSubset(of: queue.entries.map(\.number)))
      #expect(queue.batches.count <= queue.speculation)
      #expect(queue.batches.allSatisfy { !$0.numbers.isEmpty })
      #expect(queue.batches.first?.parent == nil)
      let merges = queue.orders.filter { if case .merge = $0 { true } else { false } }
      #expect(merges.count == (queue.merging == nil ? 0 : 1))
      if queue.freeze == nil, !queue.entries.isEmpty { #expect(!queue.orders.isEmpty) }
    }
  }

  private func event(
    _ random: inout SeededGenerator, _ queue: MergeQueue
  ) -> MergeQueue.Event {
    let number = Int.random(in: 1...6, using: &random)
    let batch = queue.batches.randomElement(using: &random)?.id ?? 1
    let base = "b\(Int.random(in: 0...3, using: &random))"
    let known = queue.base ?? base
    return switch Int.random(in: 0...13, using: &random) {
    case 0, 1: .enqueued(number: number, head: "h\(Int.random(in: 0...1, using: &random))", .normal)
    case 2: .enqueued(number: number, head: "h0", .urgent)
    case 3: .removed(number: number, reason: "asked to")
    case 4: .headMoved(number: number, head: "h1")
    case 5: .baseMoved(base)
    case 6, 7: .built(batch: batch, base: known, trial: "t\(batch)")
    case 8: .conflicted(batch: batch, number: number)
    case 9: .passed(batch: batch)
    case 10: .failed(batch: batch, reason: "red")
    case 11: .merged(number: queue.merging?.number ?? number, base: base)
    case 12: .refused(number: queue.merging?.number ?? number, reason: "its gate closed")
    default: .notMerged(number: number, base: base)
    }
  }
}
