/// What a policy asks that costs calls of the forge, so that nothing is asked in vain.
public struct PolicyNeeds: Sendable, Hashable {
  public var files = false
  public var reviews = false
  public var threads = false
  public var checks = false
  public var findings = false
  public var behind = false
  public var dependencies = false
  public var codeOwners = false
  /// As `ORG/TEAM`, in lower case.
  public var teams: Set<String> = []
  public var protection = false

  public init() {}

  /// Everything that the gate looks at.
  public mutating func addGate(_ policy: MergePolicy) {
    reviews = true
    checks = true
    protection = true
    findings = findings || policy.blocksOn != .none
    dependencies = true
    threads = threads || policy.needsResolvedThreads
    behind = behind || policy.needsUpToDate
    if policy.needsCodeOwners { (codeOwners, files) = (true, true) }
    teams.formUnion(policy.approvalsBy.teams)
  }

  public init(_ policy: ShepherdPolicy) {
    for rule in policy.rules {
      add(rule.condition)
      for action in rule.actions {
        switch action {
        case .merge, .queue: addGate(policy.merge)
        case .status: checks = true
        case .dismiss(let dismissal):
          reviews = true
          teams.formUnion(dismissal.by.teams)
        case .requestReviewers(let reviewers):
          reviews = true
          // A team that was asked is off the forge's list as soon as one of it has reviewed.
          if reviewers.choice == .all {
            teams.formUnion(
              reviewers.from.filter { $0.contains("/") }.map {
                ($0.hasPrefix("@") ? String($0.dropFirst()) : $0).lowercased()
              })
          }
          if reviewers.choice == .codeOwners { (codeOwners, files) = (true, true) }
        default: break
        }
      }
    }
    for people in policy.roles.people.values { teams.formUnion(people.teams) }
  }

  private mutating func add(_ condition: PolicyCondition) {
    switch condition {
    case .all(let parts), .any(let parts): for part in parts { add(part) }
    case .not(let part): add(part)
    case .author(let people), .actor(let people): teams.formUnion(people.teams)
    case .team(let names): teams.formUnion(names.map { $0.lowercased() })
    case .files, .size: files = true
    case .reviewState: reviews = true
    case .approvals(let approvals):
      reviews = true
      teams.formUnion(approvals.by.teams)
      if approvals.byCodeOwners { (codeOwners, files) = (true, true) }
    case .changesRequested(_, let people):
      reviews = true
      teams.formUnion(people.teams)
    case .unresolvedThreads: threads = true
    case .check: checks = true
    case .findings, .coverage: findings = true
    case .behind: behind = true
    case .dependencies: dependencies = true
    default: break
    }
  }
}
