/// Whether a pull request may be merged now. Rules and models may ask for a merge; only facts let it
/// through, and what is not known holds it back.
public struct MergeGate: Sendable, Hashable {
  public var policy: MergePolicy
  public var freezes: [MergeFreeze]

  public init(policy: MergePolicy, freezes: [MergeFreeze] = []) {
    self.policy = policy
    self.freezes = freezes
  }

  public init(_ policy: ShepherdPolicy) {
    self.init(policy: policy.merge, freezes: policy.freezes)
  }

  public enum Code: String, Sendable, Hashable, Codable, CaseIterable {
    case notOpen = "not_open"
    case draft, conflict
    case headMoved = "head_moved"
    case checkFailed = "check_failed"
    case checkPending = "check_pending"
    case checkMissing = "check_missing"
    case changesRequested = "changes_requested"
    case approvalsMissing = "approvals_missing"
    case threadsOpen = "threads_open"
    case behind, findings, dependencies, frozen
    case notKnown = "not_known"
  }

  /// One thing that stands in the way, in one sentence without its full stop.
  public struct Blocker: Sendable, Hashable, Codable {
    public var code: Code
    public var detail: String

    public init(_ code: Code, _ detail: String) {
      self.code = code
      self.detail = detail
    }
  }

  /// - Parameter expectedHead: the commit for which the merge was decided.
  /// - Returns: everything that stands in the way; empty: it may be merged, at that commit only.
  public func blockers(_ facts: PolicyFacts, expectedHead: String) -> [Blocker] {
    var blockers: [Blocker] = []
    if facts.state != .open {
      blockers.append(Blocker(.notOpen, "it is \(facts.state.rawValue)"))
    }
    if facts.isDraft { blockers.append(Blocker(.draft, "it is a draft")) }
    if facts.headCommit != expectedHead || expectedHead.isEmpty {
      blockers.append(
        Blocker(
          .headMoved,
          "its head is \(facts.headCommit.prefix(8)) and not \(expectedHead.prefix(8)), for which the merge was decided"
        ))
    }
    switch facts.mergeability {
    case .clean: break
    case .conflicted: blockers.append(Blocker(.conflict, "it conflicts with its base"))
    case .unknown:
      blockers.append(Blocker(.notKnown, "the forge does not say yet whether it can be merged"))
    }
    checks(facts, &blockers)
    reviews(facts, &blockers)
    findings(facts, &blockers)
    rest(facts, &blockers)
    return blockers
  }

  private func checks(_ facts: PolicyFacts, _ blockers: inout [Blocker]) {
    guard let all = facts.checks else {
      blockers.append(Blocker(.notKnown, "its checks are not known"))
      return
    }
    guard let protection = facts.protection else {
      blockers.append(Blocker(.notKnown, "the forge's own conditions are not known"))
      return
    }
    // A check of another commit says nothing of this one.
    let checks = all.filter { $0.commit == facts.headCommit }
    let needed =
      protection.checks.map { (name: $0, glob: nil as NameGlob?) }
      + policy.checks.map { (name: $0.text, glob: $0) }
    func isNeeded(_ check: PolicyFacts.Check) -> Bool {
      needed.contains { $0.glob?.matches(check.name) ?? ($0.name == check.name) }
    }
    for (name, glob) in needed {
      let isThere = checks.contains { glob?.matches($0.name) ?? ($0.name == name) }
      if !isThere {
        blockers.append(Blocker(.checkMissing, "the check '\(name)' has not reported"))
      }
    }
    for check in checks where !check.conclusion.isGreen {
      if !isNeeded(check), policy.ignoredChecks.contains(where: { $0.matches(check.name) }) {
        continue
      }
      let isPending = check.conclusion == .pending
      blockers.append(
        Blocker(
          isPending ? .checkPending : .checkFailed,
          isPending
            ? "the check '\(check.name)' has not ended"
            : "the check '\(check.name)' is \(check.conclusion.rawValue.replacing("_", with: " "))")
      )
    }
  }

  private func reviews(_ facts: PolicyFacts, _ blockers: inout [Blocker]) {
    guard let approvals = facts.approvals, let requests = facts.changeRequests else {
      blockers.append(Blocker(.notKnown, "its reviews are not known"))
      return
    }
    if !requests.isEmpty {
      blockers.append(
        Blocker(
          .changesRequested,
          "changes are requested by \(Wording.list(requests.map(\.author.login)))"))
    }
    // A person's word of this very commit, by somebody that may write.
    let counted = approvals.filter { review in
      (policy.countsStaleApprovals || review.commit == facts.headCommit)
        && (review.author.permission ?? .none) >= .write
        && (policy.approvalsBy.isEmpty || policy.approvalsBy.truth(of: review.author) == .yes)
    }
    let needed = max(policy.approvals, facts.protection?.approvals ?? 0)
    if counted.count < needed {
      let stale = approvals.count { $0.commit != facts.headCommit }
      let aside = stale > 0 && !policy.countsStaleApprovals ? ", \(stale) of an earlier commit" : ""
      blockers.append(
        Blocker(.approvalsMissing, "it has \(counted.count) of \(needed) approvals\(aside)"))
    }
    guard policy.needsCodeOwners || facts.protection?.needsCodeOwners == true else { return }
    guard let owners = facts.codeOwners else {
      blockers.append(Blocker(.notKnown, "the owners of its files are not known"))
      return
    }
    let people = PolicyPeople(owners)
    if !owners.isEmpty, !counted.contains(where: { people.truth(of: $0.author) == .yes }) {
      blockers.append(
        Blocker(.approvalsMissing, "no owner of its files approved (\(Wording.list(owners)))"))
    }
  }

  private func findings(_ facts: PolicyFacts, _ blockers: inout [Blocker]) {
    // A head that was not reviewed has no findings: whether it must be is for a check to say.
    guard let least = Severity(rawValue: policy.blocksOn.rawValue), let findings = facts.findings
    else { return }
    let open = findings.count { $0.severity >= least }
    if open > 0 {
      blockers.append(
        Blocker(
          .findings,
          "\(open) finding\(open == 1 ? "" : "s") of severity \(least.rawValue) or above \(open == 1 ? "is" : "are") open"
        ))
    }
  }

  private func rest(_ facts: PolicyFacts, _ blockers: inout [Blocker]) {
    if policy.needsResolvedThreads || facts.protection?.needsResolvedThreads == true {
      switch facts.unresolvedThreads {
      case nil: blockers.append(Blocker(.notKnown, "its threads are not known"))
      case 0?: break
      case let open?:
        blockers.append(Blocker(.threadsOpen, "\(open) threads are not resolved"))
      }
    }
    if policy.needsUpToDate || facts.protection?.needsUpToDate == true {
      switch facts.behindBy {
      case nil: blockers.append(Blocker(.notKnown, "whether it is up to date is not known"))
      case 0?: break
      case let behind?:
        blockers.append(Blocker(.behind, "it is \(behind) commits behind \(facts.base)"))
      }
    }
    let open = (facts.dependencies ?? []).filter { $0.state != .merged }.map(\.reference)
    if facts.dependencies == nil {
      blockers.append(Blocker(.notKnown, "what it depends on is not known"))
    } else if !open.isEmpty {
      blockers.append(Blocker(.dependencies, "it waits for \(Wording.list(open))"))
    }
    for freeze in freezes where freeze.holds(facts) {
      blockers.append(Blocker(.frozen, "merges into \(facts.base) are frozen: \(freeze.reason)"))
    }
  }
}
