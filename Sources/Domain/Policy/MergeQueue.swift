/// The queue of one base branch, as a value: what happened goes in, what is to be done can be read
/// off it. It holds all that a process needs to go on after a crash.
///
/// Pull requests are tried in batches on a trial branch, several batches at once, each upon the one
/// before. A batch that passes is merged, one pull request after the other; one that fails is
/// halved until the culprit stands alone. One merge is under way at most.
public struct MergeQueue: Sendable, Hashable, Codable {
  public struct Entry: Sendable, Hashable, Codable {
    public var number: Int
    /// The commit that may be merged, and no other.
    public var head: String
    public var priority: MergePriority
    /// Rises with every entry.
    public var order: Int
    /// How many that were queued after it were tried before it; counted no further than it matters.
    public var overtaken: Int

    public init(
      number: Int, head: String, priority: MergePriority, order: Int, overtaken: Int = 0
    ) {
      self.number = number
      self.head = head
      self.priority = priority
      self.order = order
      self.overtaken = overtaken
    }

    /// As it counts by now: every `MergeQueue.patience` that overtook it raise it by one.
    public var raised: MergePriority {
      let all = MergePriority.allCases
      let own = all.firstIndex(of: priority) ?? 0
      return all[min(all.count - 1, own + overtaken / MergeQueue.patience)]
    }

    fileprivate mutating func count(overtaking: Int) {
      let most = MergeQueue.patience * (MergePriority.allCases.count - 1)
      overtaken = min(most, overtaken + overtaking)
    }
  }

  /// So many later ones go before one of a lower priority; then it counts one priority higher. No
  /// clock is asked: whatever comes in, an entry is overtaken at most three times as often.
  public static let patience = 10

  public struct Batch: Sendable, Hashable, Codable {
    public enum State: Sendable, Hashable, Codable {
      case building
      /// The trial commit whose checks are waited for.
      case testing(String)
      case passed(String)
      /// A batch upon another keeps its failure until the other is merged: it may be the other's.
      case failed(String)
    }
    public var id: Int
    /// Those not merged yet, in their order.
    public var numbers: [Int]
    /// The batch that it stands on; `nil`: on the branch itself.
    public var parent: Int?
    /// The branch's commit on which the trial stands, or its first ancestor's.
    public var base: String?
    public var state: State

    var trial: String? {
      switch state {
      case .testing(let commit), .passed(let commit): commit
      case .building, .failed: nil
      }
    }
  }

  /// The merge that is under way.
  public struct Merging: Sendable, Hashable, Codable {
    public var number: Int
    public var head: String
    public var batch: Int
  }

  /// What is to be done outside; each may be done again without harm.
  public enum Order: Sendable, Hashable {
    /// Puts the heads together on a trial branch: upon a trial commit, or upon the branch itself.
    case build(batch: Int, upon: String?, entries: [Entry])
    /// Looks at the checks of a trial commit.
    case test(batch: Int, commit: String, entries: [Entry])
    /// Merges one, if the gate lets it and all of `together` through, each at its head. Without any
    /// together it is not to be merged any more: the forge has to say what became of it.
    case merge(Entry, together: [Entry])
  }

  public enum Event: Sendable, Hashable, Codable {
    case enqueued(number: Int, head: String, MergePriority)
    /// It leaves: closed, asked to, or its gate has closed.
    case removed(number: Int, reason: String)
    case headMoved(number: Int, head: String)
    /// Where the branch stands now, as told by a push.
    case baseMoved(String)
    case built(batch: Int, base: String, trial: String)
    case conflicted(batch: Int, number: Int)
    case passed(batch: Int)
    case failed(batch: Int, reason: String)
    case merged(number: Int, base: String)
    case refused(number: Int, reason: String)
    /// The forge was asked whether a merge was made, and it was not; it may be tried again, upon
    /// what the branch holds now.
    case notMerged(number: Int, base: String)
    case frozen(reason: String)
    case thawed
  }

  /// What somebody should be told.
  public enum Notice: Sendable, Hashable, Codable {
    case merged(number: Int)
    case left(number: Int, reason: String)
    /// A trial branch that is of no use any more.
    case discarded(batch: Int)
  }

  /// The branch's name.
  public let branch: String
  public private(set) var entries: [Entry] = []
  public private(set) var batches: [Batch] = []
  /// Parts of failed batches, tried by themselves and before all others.
  public private(set) var parts: [[Int]] = []
  public private(set) var merging: Merging?
  /// The branch's commit as far as known.
  public private(set) var base: String?
  public private(set) var freeze: String?
  public var batchSize: Int
  public var speculation: Int
  private var lastOrder = 0
  private var lastBatch = 0

  public init(branch: String, policy: QueuePolicy = QueuePolicy()) {
    self.branch = branch
    batchSize = max(1, policy.batch)
    speculation = max(1, policy.speculation)
  }

  // MARK: Orders

  /// All that is to be done now, read off the state alone.
  public var orders: [Order] {
    var orders: [Order] = []
    if let merging, let entry = entry(merging.number), entry.head == merging.head,
      let batch = batches.first(where: { $0.id == merging.batch })
    {
      orders.append(.merge(entry, together: batch.numbers.compactMap { self.entry($0) }))
    } else if let merging {
      // It has left while its merge was under way, is there anew, or what was tried with it is gone.
      let entry = Entry(number: merging.number, head: merging.head, priority: .normal, order: 0)
      orders.append(.merge(entry, together: []))
    }
    for batch in batches {
      let entries = batch.numbers.compactMap { entry($0) }
      switch batch.state {
      case .building:
        guard let parent = batch.parent else {
          orders.append(.build(batch: batch.id, upon: nil, entries: entries))
          continue
        }
        if let trial = batches.first(where: { $0.id == parent })?.trial {
          orders.append(.build(batch: batch.id, upon: trial, entries: entries))
        }
      case .testing(let commit):
        orders.append(.test(batch: batch.id, commit: commit, entries: entries))
      case .passed, .failed: break
      }
    }
    return orders
  }

  public func entry(_ number: Int) -> Entry? { entries.first { $0.number == number } }

  /// As they are tried, the first first.
  public var waiting: [Entry] {
    let tried = Set(batches.flatMap(\.numbers) + parts.flatMap { $0 })
    return entries.filter { !tried.contains($0.number) }.sorted {
      $0.raised != $1.raised ? $0.raised > $1.raised : $0.order < $1.order
    }
  }

  // MARK: Events

  /// Takes in what happened. An event that is late, or comes twice, changes nothing.
  public mutating func handle(_ event: Event) -> [Notice] {
    var notices: [Notice] = []
    switch event {
    case .enqueued(let number, let head, let priority):
      enqueue(number, head, priority, &notices)
    case .removed(let number, let reason): leave(number, reason, &notices)
    case .headMoved(let number, let head):
      if let entry = entry(number), entry.head != head {
        leave(number, "its head moved to \(head.prefix(8)); queue it again", &notices)
      }
    case .baseMoved(let commit):
      // While a merge is under way the branch moves by it; its answer tells the rest.
      if merging == nil { move(to: commit, &notices) }
    case .built(let id, let base, let trial): built(id, base, trial, &notices)
    case .conflicted(let id, let number): fail(id, culprit: number, "it conflicts", &notices)
    case .passed(let id):
      if let index = index(id), case .testing(let trial) = batches[index].state {
        batches[index].state = .passed(trial)
      }
    case .failed(let id, let reason): fail(id, culprit: nil, reason, &notices)
    case .merged(let number, let commit): merged(number, commit, &notices)
    case .refused(let number, let reason):
      guard merging?.number == number else { break }
      merging = nil
      leave(number, reason, &notices)
    case .notMerged(let number, let commit):
      guard merging?.number == number else { break }
      merging = nil
      move(to: commit, &notices)
    case .frozen(let reason): freeze = reason
    case .thawed: freeze = nil
    }
    advance(&notices)
    return notices
  }

  private func index(_ id: Int) -> Int? { batches.firstIndex { $0.id == id } }

  private mutating func enqueue(
    _ number: Int, _ head: String, _ priority: MergePriority, _ notices: inout [Notice]
  ) {
    if let index = entries.firstIndex(where: { $0.number == number }) {
      if entries[index].head == head {
        entries[index].priority = priority
        return
      }
      leave(number, "its head moved to \(head.prefix(8)) and it is queued again", &notices)
    }
    lastOrder += 1
    entries.append(Entry(number: number, head: head, priority: priority, order: lastOrder))
  }

  private mutating func leave(_ number: Int, _ reason: String, _ notices: inout [Notice]) {
    guard entry(number) != nil else { return }
    entries.removeAll { $0.number == number }
    for index in parts.indices { parts[index].removeAll { $0 == number } }
    parts.removeAll { $0.isEmpty }
    notices.append(.left(number: number, reason: reason))
    if let index = batches.firstIndex(where: { $0.numbers.contains(number) }) {
      discard(from: index, &notices)
    }
  }

  /// What was tried together with something that is gone was not tried.
  private mutating func discard(from index: Int, _ notices: inout [Notice]) {
    for batch in batches[index...] { notices.append(.discarded(batch: batch.id)) }
    batches.removeSubrange(index...)
  }

  private mutating func move(to commit: String, _ notices: inout [Notice]) {
    base = commit
    if batches.contains(where: { $0.base != nil && $0.base != commit }) {
      discard(from: 0, &notices)
    }
  }

  private mutating func built(
    _ id: Int, _ base: String, _ trial: String, _ notices: inout [Notice]
  ) {
    guard let index = index(id), batches[index].state == .building else { return }
    if let parent = batches[index].parent, let under = batches.first(where: { $0.id == parent }) {
      batches[index].base = under.base
    } else {
      batches[index].base = base
      if merging == nil { self.base = base }
    }
    batches[index].state = .testing(trial)
  }

  private mutating func fail(
    _ id: Int, culprit: Int?, _ reason: String, _ notices: inout [Notice]
  ) {
    guard let index = index(id) else { return }
    switch batches[index].state {
    case .building where culprit != nil, .testing: break
    default: return
    }
    let batch = batches[index]
    guard index == 0, batch.parent == nil else {
      batches[index].state = .failed(reason)
      // Those upon it can never be merged as they are.
      if index + 1 < batches.count { discard(from: index + 1, &notices) }
      return
    }
    discard(from: 0, &notices)
    if batch.numbers.count == 1, let number = batch.numbers.first {
      leave(number, reason, &notices)
    } else if let culprit, batch.numbers.contains(culprit) {
      parts.insert(contentsOf: [batch.numbers.filter { $0 != culprit }, [culprit]], at: 0)
    } else {
      let half = batch.numbers.count / 2
      parts.insert(
        contentsOf: [Array(batch.numbers[..<half]), Array(batch.numbers[half...])], at: 0)
    }
  }

  private mutating func merged(_ number: Int, _ commit: String, _ notices: inout [Notice]) {
    let own = merging?.number == number ? merging : nil
    if own != nil { merging = nil }
    let isKnown = entry(number) != nil
    entries.removeAll { $0.number == number }
    for index in parts.indices { parts[index].removeAll { $0 == number } }
    parts.removeAll { $0.isEmpty }
    base = commit
    if isKnown || own != nil { notices.append(.merged(number: number)) }
    guard let own, let first = batches.first, first.id == own.batch,
      first.numbers.first == number
    else {
      // Merged by another's hand, or after its batch was given up.
      if isKnown || own != nil, !batches.isEmpty { discard(from: 0, &notices) }
      return
    }
    batches[0].numbers.removeFirst()
    batches[0].base = commit
    guard batches[0].numbers.isEmpty else { return }
    notices.append(.discarded(batch: first.id))
    batches.removeFirst()
    // The next one's trial stands on what the branch holds now.
    if !batches.isEmpty {
      batches[0].parent = nil
      batches[0].base = commit
    }
  }

  /// The next that are tried; those that they go before take note of it.
  private mutating func overtaking() -> [Int] {
    let waiting = waiting
    let chosen = waiting.prefix(batchSize)
    let left = Set(waiting.dropFirst(batchSize).map(\.number))
    for index in entries.indices where left.contains(entries[index].number) {
      entries[index].count(
        overtaking: chosen.count { $0.order > entries[index].order })
    }
    return chosen.map(\.number)
  }

  // MARK: Going on

  private mutating func advance(_ notices: inout [Notice]) {
    // A failure that waited for the batch beneath is its own now.
    while let first = batches.first, first.parent == nil, case .failed(let reason) = first.state {
      batches[0].state = .testing("")
      fail(first.id, culprit: nil, reason, &notices)
    }
    if let first = batches.first, case .passed = first.state, merging == nil, freeze == nil,
      let number = first.numbers.first, let entry = entry(number)
    {
      if first.base == base {
        merging = Merging(number: number, head: entry.head, batch: first.id)
      } else {
        discard(from: 0, &notices)
      }
    }
    // A merge whose batch was given up moves the branch: what is built before would be in vain.
    if let merging, batches.first?.id != merging.batch { return }
    while batches.count < (parts.isEmpty ? speculation : 1) {
      if case .failed? = batches.last?.state { break }
      let numbers: [Int]
      if batches.isEmpty, !parts.isEmpty {
        numbers = parts.removeFirst()
      } else {
        numbers = overtaking()
      }
      guard !numbers.isEmpty else { break }
      lastBatch += 1
      batches.append(
        Batch(
          id: lastBatch, numbers: numbers, parent: batches.last?.id, base: nil, state: .building))
    }
  }
}
