/// When something happens, if this holds, then do that.
public struct PolicyRule: Sendable, Hashable {
  public var name: String
  /// Empty: on every event.
  public var when: [PolicyEvent]
  public var condition: PolicyCondition
  public var actions: [PolicyAction]
  /// Only recorded, not carried out.
  public var isShadow: Bool
  /// Where it stands in the file, 1-based.
  public var line: Int?

  public init(
    name: String, when: [PolicyEvent] = [], condition: PolicyCondition = .all([]),
    actions: [PolicyAction], isShadow: Bool = false, line: Int? = nil
  ) {
    self.name = name
    self.when = when
    self.condition = condition
    self.actions = actions
    self.isShadow = isShadow
    self.line = line
  }
}

/// A repository's policy: what is done by itself, what must hold before a merge, who may command.
public struct ShepherdPolicy: Sendable, Hashable {
  public var rules: [PolicyRule]
  public var merge: MergePolicy
  public var roles: PolicyRoles
  public var queue: QueuePolicy
  public var freezes: [MergeFreeze]
  /// No two are for the same kind of item.
  public var stale: [StalePolicy] = []

  public init(
    rules: [PolicyRule] = [], merge: MergePolicy = MergePolicy(),
    roles: PolicyRoles = PolicyRoles(), queue: QueuePolicy = QueuePolicy(),
    freezes: [MergeFreeze] = []
  ) {
    self.rules = rules
    self.merge = merge
    self.roles = roles
    self.queue = queue
    self.freezes = freezes
  }

  /// Whether it asks for anything to be done when something happens.
  public var isEmpty: Bool { rules.isEmpty }

  /// Whether a rule waits for this. One that names no event waits for every one; the passing of time
  /// it waits for only where it asks for a time.
  public func hears(_ event: PolicyEvent) -> Bool {
    rules.contains { rule in
      if !rule.when.isEmpty { return rule.when.contains(event) }
      return event != .scheduled || rule.condition.asksForTime
    }
  }

  /// Circles of rules of which each causes the next one's event, shortest first; each is named by
  /// its rules in their order. A rule that waits for every event is caused by none in particular.
  public var circles: [[String]] {
    var found: [[String]] = []
    func follows(_ one: PolicyRule, _ other: PolicyRule) -> Bool {
      let caused = Set(one.actions.flatMap(\.causes))
      return other.when.contains { caused.contains($0) }
    }
    for rule in rules where follows(rule, rule) { found.append([rule.name]) }
    for (index, one) in rules.enumerated() {
      for other in rules[(index + 1)...] where follows(one, other) && follows(other, one) {
        found.append([one.name, other.name])
      }
    }
    return found
  }
}

/// What must hold before anything is merged, whatever the rules say.
public struct MergePolicy: Sendable, Hashable {
  public enum Block: String, Sendable, Hashable, CaseIterable { case note, warning, error, none }

  public var method: MergeMethod
  /// By people that may write, beside the author.
  public var approvals: Int
  /// Only theirs count; empty: everybody's.
  public var approvalsBy: PolicyPeople
  public var needsCodeOwners: Bool
  /// Whether an approval of an earlier commit still counts.
  public var countsStaleApprovals: Bool
  /// Checks that must be there and green, beside those of the forge.
  public var checks: [NameGlob]
  /// Checks that need not be green, unless they are asked for by name.
  public var ignoredChecks: [NameGlob]
  public var needsResolvedThreads: Bool
  public var needsUpToDate: Bool
  /// Open findings of this severity and above block. They never unblock.
  public var blocksOn: Block

  public init(
    method: MergeMethod = .merge, approvals: Int = 1, approvalsBy: PolicyPeople = PolicyPeople(),
    needsCodeOwners: Bool = false, countsStaleApprovals: Bool = false, checks: [NameGlob] = [],
    ignoredChecks: [NameGlob] = [], needsResolvedThreads: Bool = false,
    needsUpToDate: Bool = false, blocksOn: Block = .error
  ) {
    self.method = method
    self.approvals = approvals
    self.approvalsBy = approvalsBy
    self.needsCodeOwners = needsCodeOwners
    self.countsStaleApprovals = countsStaleApprovals
    self.checks = checks
    self.ignoredChecks = ignoredChecks
    self.needsResolvedThreads = needsResolvedThreads
    self.needsUpToDate = needsUpToDate
    self.blocksOn = blocksOn
  }
}

/// How pull requests wait for their merge, for each base branch on its own.
public struct QueuePolicy: Sendable, Hashable {
  /// Tried together, at most.
  public var batch: Int
  /// Batches tried at once, each upon the one before.
  public var speculation: Int
  /// The method; `nil`: the policy's.
  public var method: MergeMethod?
  /// Seconds that a trial may take.
  public var timeout: Int

  public init(
    batch: Int = 4, speculation: Int = 2, method: MergeMethod? = nil, timeout: Int = 7_200
  ) {
    self.batch = batch
    self.speculation = speculation
    self.method = method
    self.timeout = timeout
  }
}

/// Nothing is merged into these branches at these times.
public struct MergeFreeze: Sendable, Hashable {
  public var reason: String
  public var base: [NameGlob]
  /// `nil`: always.
  public var time: PolicyTime?
  /// Pull requests with one of these labels pass.
  public var except: [NameGlob]

  public init(
    reason: String, base: [NameGlob] = [], time: PolicyTime? = nil, except: [NameGlob] = []
  ) {
    self.reason = reason
    self.base = base
    self.time = time
    self.except = except
  }

  /// Whether it holds this pull request. A zone that is not known here freezes.
  public func holds(_ facts: PolicyFacts) -> Bool {
    (base.isEmpty || base.contains { $0.matches(facts.base) })
      && (time.map { $0.contains(facts.now) ?? true } ?? true)
      && !facts.labels.contains { label in except.contains { $0.matches(label) } }
  }
}
