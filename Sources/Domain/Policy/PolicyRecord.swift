/// One line of recorded history: what was known, and what people did of it.
public struct PolicyRecord: Sendable, Hashable, Codable {
  /// What became of a pull request by people's hands, after the moment of the facts.
  public struct Deeds: Sendable, Hashable, Codable {
    public var labelled: [String]
    public var unlabelled: [String]
    public var approved: Bool
    public var changesRequested: Bool
    public var merged: Bool
    public var closed: Bool

    public init(
      labelled: [String] = [], unlabelled: [String] = [], approved: Bool = false,
      changesRequested: Bool = false, merged: Bool = false, closed: Bool = false
    ) {
      self.labelled = labelled
      self.unlabelled = unlabelled
      self.approved = approved
      self.changesRequested = changesRequested
      self.merged = merged
      self.closed = closed
    }

    enum CodingKeys: String, CodingKey {
      case labelled, unlabelled, approved
      case changesRequested = "changes_requested"
      case merged, closed
    }
  }

  public var facts: PolicyFacts
  /// `nil` where it is not known.
  public var deeds: Deeds?

  public init(facts: PolicyFacts, deeds: Deeds? = nil) {
    self.facts = facts
    self.deeds = deeds
  }
}

/// What a policy would have done with recorded history, and where people did otherwise.
public struct PolicyReplay: Sendable, Hashable, Codable {
  public struct Line: Sendable, Hashable, Codable {
    public var pullRequest: Int
    public var event: PolicyEvent
    /// Each action with its rule and reason.
    public var wouldDo: [Act]
    /// What would have been held back: merges of which the gate says no.
    public var held: [String]
    /// Each where people did otherwise.
    public var differences: [String]

    enum CodingKeys: String, CodingKey {
      case pullRequest = "pull_request"
      case event
      case wouldDo = "would_do"
      case held, differences
    }
  }

  public struct Act: Sendable, Hashable, Codable {
    public var rule: String
    public var action: String
    public var reason: String
  }

  public private(set) var lines: [Line] = []
  /// How often each rule fired.
  public private(set) var fired: [String: Int] = [:]
  public private(set) var labelled = 0
  public private(set) var approved = 0
  public private(set) var merged = 0
  /// Pull requests of which people would have been reminded.
  public private(set) var stale = 0
  public private(set) var differing = 0

  /// The moment that was judged last, and what was counted of it: further events of the same moment
  /// add only what is new.
  private var moment: PolicyFacts?
  private var counted: Set<String> = []
  private var does = PolicyRecord.Deeds()

  enum CodingKeys: String, CodingKey {
    case lines, fired, labelled, approved, merged, stale, differing
  }

  public init() {}

  /// Holds the policy against one record. Of several events of one moment the last has what people
  /// did.
  public mutating func add(_ record: PolicyRecord, _ policy: ShepherdPolicy) {
    let facts = record.facts
    var moment = facts
    moment.event = .scheduled
    if moment != self.moment { (self.moment, counted, does) = (moment, [], PolicyRecord.Deeds()) }
    let before = does
    let decision = policy.decision(facts)
    for outcome in decision.outcomes
    where outcome.result == .fired && counted.insert("rule \(outcome.rule.name)").inserted {
      fired[outcome.rule.name, default: 0] += 1
    }
    var line = Line(
      pullRequest: facts.number, event: facts.event, wouldDo: [], held: [], differences: [])
    for plan in decision.actions {
      switch plan.action {
      case .label(let labels): does.labelled += labels.filter { !does.labelled.contains($0) }
      case .unlabel(let labels): does.unlabelled += labels.filter { !does.unlabelled.contains($0) }
      case .approve: does.approved = true
      case .requestChanges: does.changesRequested = true
      case .close: does.closed = true
      case .merge, .queue:
        let blockers = MergeGate(policy).blockers(facts, expectedHead: facts.headCommit)
        if blockers.isEmpty {
          does.merged = true
        } else {
          line.held.append("\(plan.rule): \(blockers.map(\.detail).joined(separator: "; "))")
          continue
        }
      default: break
      }
      line.wouldDo.append(
        Act(rule: plan.rule, action: plan.action.summary, reason: plan.reason))
    }
    if let act = policy.staleAct(facts) {
      line.wouldDo.append(act)
      stale += counted.insert("stale").inserted ? 1 : 0
    }
    labelled += does.labelled.count - before.labelled.count
    approved += does.approved && !before.approved ? 1 : 0
    merged += does.merged && !before.merged ? 1 : 0
    if let deeds = record.deeds { line.differences = Self.differences(does, deeds) }
    differing += line.differences.isEmpty ? 0 : 1
    lines.append(line)
  }

  private static func differences(
    _ policy: PolicyRecord.Deeds, _ people: PolicyRecord.Deeds
  ) -> [String] {
    func lower(_ labels: [String]) -> Set<String> { Set(labels.map { $0.lowercased() }) }
    var found: [String] = []
    let added = lower(policy.labelled)
    let theirs = lower(people.labelled)
    for label in added.subtracting(theirs).sorted() {
      found.append("would have labelled '\(label)', people did not")
    }
    for label in theirs.subtracting(added).sorted() {
      found.append("people labelled '\(label)', the policy would not have")
    }
    for label in lower(policy.unlabelled).subtracting(lower(people.unlabelled)).sorted() {
      found.append("would have taken the label '\(label)' away, people did not")
    }
    for (word, own, other) in [
      ("approved", policy.approved, people.approved),
      ("requested changes", policy.changesRequested, people.changesRequested),
      ("merged", policy.merged, people.merged), ("closed", policy.closed, people.closed),
    ] where own != other {
      found.append(
        own ? "would have \(word), people did not" : "people \(word), the policy would not have")
    }
    return found
  }
}

extension ShepherdPolicy {
  /// What the stale part would begin with for a pull request of which nobody was reminded yet.
  public func staleAct(_ facts: PolicyFacts) -> PolicyReplay.Act? {
    guard let item = OpenItem(facts),
      let policy = stale.first(where: { $0.kinds.contains(.pullRequests) }),
      case .remind(let reason) = policy.step(item, nil, now: facts.now)
    else { return nil }
    return PolicyReplay.Act(
      rule: "stale", action: "remind and label '\(policy.label)'", reason: reason)
  }
}
