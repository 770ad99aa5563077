/// What a policy makes of facts.
public struct PolicyDecision: Sendable, Hashable {
  public enum Result: String, Sendable, Hashable, Codable {
    case fired
    /// It waits for other events.
    case otherEvent = "other_event"
    case notMet = "not_met"
    /// A fact that decides is not known.
    case notKnown = "not_known"
  }

  /// What became of one rule, with a reason for every condition.
  public struct Outcome: Sendable, Hashable {
    public var rule: PolicyRule
    public var result: Result
    public var explanation: PolicyExplanation
    /// The shortest list of what is missing; empty where it fired.
    public var missing: [String]
  }

  /// Something to be done.
  public struct Planned: Sendable, Hashable {
    public var rule: String
    public var action: PolicyAction
    /// Why, in facts.
    public var reason: String
    public var isShadow: Bool

    public init(rule: String, action: PolicyAction, reason: String, isShadow: Bool = false) {
      self.rule = rule
      self.action = action
      self.reason = reason
      self.isShadow = isShadow
    }
  }

  public var outcomes: [Outcome]
  /// In the order in which they are carried out.
  public var actions: [Planned]
  /// What was wanted by a rule and given up for another's sake.
  public var notes: [String]
}

extension ShepherdPolicy {
  /// Same facts, same decision.
  public func decision(_ facts: PolicyFacts) -> PolicyDecision {
    var outcomes: [PolicyDecision.Outcome] = []
    var planned: [PolicyDecision.Planned] = []
    for rule in rules {
      let explanation = rule.condition.explained(facts)
      let isAwaited = rule.when.isEmpty || rule.when.contains(facts.event)
      let result: PolicyDecision.Result =
        switch explanation.truth {
        case _ where !isAwaited: .otherEvent
        case .yes: .fired
        case .no: .notMet
        case .unknown: .notKnown
        }
      var missing = explanation.missing
      if !isAwaited { missing.append("one of the events \(Wording.choice(rule.when))") }
      outcomes.append(
        .init(rule: rule, result: result, explanation: explanation, missing: missing))
      guard result == .fired else { continue }
      let reason = explanation.reason.isEmpty ? "the rule has no conditions" : explanation.reason
      planned += rule.actions.map {
        .init(rule: rule.name, action: $0, reason: reason, isShadow: rule.isShadow)
      }
    }
    var notes: [String] = []
    let kept = Self.agreed(planned, facts, &notes)
    let ordered = kept.enumerated().sorted {
      ($0.element.action.rank, $0.offset) < ($1.element.action.rank, $1.offset)
    }.map(\.element)
    return PolicyDecision(outcomes: outcomes, actions: ordered, notes: notes)
  }

  /// Of contradictions the first rule is heard; but a word against a change stands above one for
  /// it, and what is so already need not be done.
  private static func agreed(
    _ planned: [PolicyDecision.Planned], _ facts: PolicyFacts, _ notes: inout [String]
  ) -> [PolicyDecision.Planned] {
    // What only is recorded settles nothing.
    let live = planned.filter { !$0.isShadow }
    let requests = live.first { if case .requestChanges = $0.action { true } else { false } }
    let ends = live.first { if case .close = $0.action { true } else { false } }
    let queues = live.first { if case .queue = $0.action { true } else { false } }
    var kept: [PolicyDecision.Planned] = []
    var labels: [String: (add: Bool, rule: String)] = [:]
    var seen: Set<PolicyAction> = []
    for var plan in planned {
      if plan.isShadow {
        kept.append(plan)
        continue
      }
      switch plan.action {
      case .approve where requests != nil, .merge where requests != nil,
        .queue where requests != nil:
        notes.append(
          "\(plan.rule): \(plan.action.name) is left out, as \(requests?.rule ?? "") requests changes"
        )
        continue
      case .merge where ends != nil, .queue where ends != nil, .approve where ends != nil:
        notes.append("\(plan.rule): \(plan.action.name) is left out, as \(ends?.rule ?? "") closes")
        continue
      case .merge where queues != nil:
        notes.append("\(plan.rule): merge is left to the queue of \(queues?.rule ?? "")")
        continue
      case .label(let wanted):
        plan.action = .label(
          Self.agreed(wanted, adding: true, plan.rule, facts, &labels, &notes))
      case .unlabel(let wanted):
        plan.action = .unlabel(
          Self.agreed(wanted, adding: false, plan.rule, facts, &labels, &notes))
      default: break
      }
      switch plan.action {
      case .label([]), .unlabel([]): continue
      default: if seen.insert(plan.action).inserted { kept.append(plan) }
      }
    }
    return kept
  }

  private static func agreed(
    _ wanted: [String], adding: Bool, _ rule: String, _ facts: PolicyFacts,
    _ labels: inout [String: (add: Bool, rule: String)], _ notes: inout [String]
  ) -> [String] {
    let present = Set(facts.labels.map { $0.lowercased() })
    return wanted.filter { label in
      let key = label.lowercased()
      if let before = labels[key] {
        if before.add != adding {
          notes.append("\(rule): '\(label)' is left as \(before.rule) has it")
        }
        return false
      }
      labels[key] = (adding, rule)
      return present.contains(key) != adding
    }
  }
}
