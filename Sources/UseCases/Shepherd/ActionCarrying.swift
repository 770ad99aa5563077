import Domain
import Foundation
import Jobs

/// Carries out what a policy decided for one pull request.
struct ActionCarrying: Sendable {
  typealias Planned = PolicyDecision.Planned

  let ports: ShepherdPullRequest.Ports
  let forge: any Forge
  let policy: ShepherdPolicy
  let arguments: Work.ShepherdPullRequest
  let place: String
  let job: String?
  /// Since it was asked for; `nil` for what nobody tries again by itself.
  let age: Duration?

  /// So long it is waited for what the forge says soon; then for an event that tells of it.
  private static let patience = Duration.seconds(3_600)

  var reference: PullRequestReference { arguments.reference }

  /// Each action is noted before it is begun: another worker at the same pull request finds out by
  /// the note's version before it does anything.
  func run(_ decision: PolicyDecision, _ facts: PolicyFacts) async throws -> JobOutcome {
    var memory = try await PolicyMemory(
      "ledger \(place)".lowercased(), in: ports.notes, new: PolicyLedger())
    memory.value.keepRefusals(of: facts.headCommit)
    var (done, held, refused) = (0, 0, 0)
    var wait: Duration?
    for plan in decision.actions {
      try Task.checkCancellation()
      if plan.isShadow {
        try await shadow(plan, facts, &memory)
        continue
      }
      // By the rule's own words: what is filled in may change by the hour, as an age does.
      let key = PolicyLedger.key(
        rule: plan.rule, plan.action, head: facts.headCommit,
        text: Self.template(of: plan.action)?.text ?? "")
      let wasBegun = memory.value.deeds[key]?.isPending ?? false
      if try await isSo(plan.action, facts) {
        if wasBegun, Self.isEnd(plan.action, facts.state) {
          try await note(
            "policy.\(plan.action.name)", plan,
            ["head": facts.headCommit, "because": "a try before this one has done it"])
          memory.value.finish(key)
          try await memory.save()
        }
        continue
      }
      if let gate = gate(plan.action, facts) {
        if !gate.isEmpty {
          try await hold(plan, gate, &memory)
          held += 1
          if gate.allSatisfy({ $0.code == .notKnown }) { wait = .seconds(30) }
          continue
        }
      }
      let text = rendered(plan, facts)
      let admission = memory.value.begin(key, plan.action, at: ports.now())
      switch admission {
      case .done: continue
      case .cut(let sentence, let isNew):
        guard isNew else { continue }
        try await memory.save()
        try await note("policy.loop_cut", plan, ["reason": sentence])
        _ = try await forge.comment(
          HiddenMarker.rule("cut-\(key)").text
            + "\nThe rule '\(Defanged.message(plan.rule, limit: 100))' is cut off: \(sentence).",
          on: reference)
        continue
      case .look:
        if try await wasDone(key, plan.action) {
          memory.value.finish(key)
          try await memory.save()
          continue
        }
      case .go: try await memory.save()
      }
      let outcome: Result<[String: String], ForgeError>
      do throws(ForgeError) {
        outcome = .success(try await carryOut(plan, text, key: key, facts, again: wasBegun))
      } catch {
        outcome = .failure(error)
      }
      switch outcome {
      case .success(let more):
        memory.value.finish(key)
        try await memory.save()
        try await note("policy.\(plan.action.name)", plan, more)
        done += 1
      case .failure(let error):
        // An answer that was lost may have been a yes.
        if error.code != .unreachable, error.code != .malformed {
          memory.value.giveBack(key)
          try await memory.save()
        }
        switch error.code {
        // What the forge does not let Stet do, or not now, does not stop the rest.
        case .unauthorized, .rejected, .notFound, .conflict:
          let why = SecretMask.masked(error.detail).text
          refused += 1
          try await note(
            "policy.refused", plan, ["action": plan.action.summary, "because": why])
          if error.code == .conflict {
            if case .merge = plan.action { wait = .seconds(30) }
          } else {
            memory.value.refuse(
              key, head: facts.headCommit, "'\(plan.rule)': \(plan.action.summary): \(why)")
            try await memory.save()
          }
        default: throw error
        }
      }
    }
    try await tellRefusals(facts, &memory)
    if let wait, (age ?? .zero) < Self.patience {
      return .snoozed(wait, because: "the forge does not say yet whether it can be merged")
    }
    if done > 0 { return .completed }
    if refused > 0 {
      return .cancelled(reason: "what is asked for is refused; see the audit trail")
    }
    return .cancelled(
      reason: held > 0 ? "a merge is asked for and held" : "all that is asked for is so already")
  }

  /// What stands in the way of a merge; `nil` for other actions. To wait for the end of a freeze and
  /// for what the base holds is what a queue is for.
  private func gate(_ action: PolicyAction, _ facts: PolicyFacts) -> [MergeGate.Blocker]? {
    let blockers = MergeGate(policy).blockers(facts, expectedHead: facts.headCommit)
    return switch action {
    case .merge: blockers
    case .queue: blockers.filter { $0.code != .frozen && $0.code != .behind }
    default: nil
    }
  }

  // MARK: What is so

  /// What need not be done.
  private func isSo(
    _ action: PolicyAction, _ facts: PolicyFacts
  ) async throws(ForgeError) -> Bool {
    if case .requestReviewers(let reviewers) = action {
      return Self.areAsked(reviewers, facts, own: try await forge.ownAccount().login)
    }
    func lacks(_ wanted: [String], _ there: [String]) -> Bool {
      let there = Set(there.map { $0.lowercased() })
      return wanted.contains { !there.contains($0.lowercased()) }
    }
    let own = facts.opinions ?? []
    return switch action {
    case .assign(let people): !lacks(people, facts.assignees)
    case .close, .approve, .requestChanges, .updateBranch, .queue: facts.state != .open
    case .merge: facts.state != .open
    case .reopen: facts.state != .closed
    case .lock: facts.isLocked
    case .status(let status):
      facts.checks?.contains {
        $0.name == status.name && $0.commit == facts.headCommit
          && $0.conclusion.rawValue == status.state.rawValue
      } ?? false
    case .dismiss(let dismissal): ActionCarrying.dismissed(dismissal, own, facts).isEmpty
    default: false
    }
  }

  /// What a process that ended before it could say so leaves behind.
  private static func isEnd(_ action: PolicyAction, _ state: PullRequest.State) -> Bool {
    switch action {
    case .merge: state == .merged
    case .close: state == .closed
    default: false
    }
  }

  /// Whoever has reviewed is no longer on the forge's list, and was asked all the same. The author
  /// is never asked.
  static func areAsked(
    _ reviewers: PolicyAction.Reviewers, _ facts: PolicyFacts, own: String
  ) -> Bool {
    let (author, stet) = (facts.author.login.lowercased(), own.lowercased())
    var asked = Set(facts.requestedReviewers.map { login($0).lowercased() })
    for person in facts.reviews?.map(\.author) ?? [] where person.login.lowercased() != stet {
      // A program's review is not one that a rule waits for, unless the rule names it.
      if !person.isBot || reviewers.choice == .all { asked.insert(person.login.lowercased()) }
      asked.formUnion(person.teams?.map { $0.lowercased() } ?? [])
    }
    asked.remove(author)
    return reviewers.choice == .all
      ? reviewers.from.allSatisfy {
        let name = login($0).lowercased()
        return name == author || asked.contains(name)
      } : !asked.isEmpty
  }

  static func login(_ word: String) -> String {
    word.hasPrefix("@") ? String(word.dropFirst()) : word
  }

  static func dismissed(
    _ dismissal: PolicyAction.Dismissal, _ opinions: [PolicyFacts.Review], _ facts: PolicyFacts
  ) -> [PolicyFacts.Review] {
    opinions.filter { review in
      let isMeant =
        switch dismissal.which {
        case .approvals: review.state == .approved
        case .changesRequested: review.state == .changesRequested
        case .stale: review.state == .approved && review.commit != facts.headCommit
        }
      return isMeant && dismissal.by.includes(review.author)
    }
  }

  /// A call whose answer was lost may have been heard: what stands there tells.
  private func wasDone(_ key: String, _ action: PolicyAction) async throws(ForgeError) -> Bool {
    let marker = HiddenMarker.rule(key)
    let own = try await forge.ownAccount().login.lowercased()
    switch action {
    case .comment: return try await hasSaid(key)
    case .approve, .requestChanges:
      return try await forge.reviews(of: reference).contains {
        $0.author.login.lowercased() == own && HiddenMarker(of: $0.body) == marker
      }
    // Said once too seldom is better than twice.
    case .notify, .dispatch: return true
    default: return false
    }
  }

  func hasSaid(_ key: String) async throws(ForgeError) -> Bool {
    let own = try await forge.ownAccount()
    return try await forge.comments(on: reference).contains {
      $0.author.isSame(as: own) && HiddenMarker(of: $0.body) == HiddenMarker.rule(key)
    }
  }

  // MARK: Records

  func note(
    _ action: String, _ plan: Planned, _ facts: [String: String] = [:]
  ) async throws(StoreError) {
    var facts = facts
    facts["reason"] = facts["reason"] ?? String(plan.reason.prefix(300))
    try await ports.audit.append(
      AuditEvent(
        actor: arguments.askedBy, action: action, place: place, decidedBy: "rule:\(plan.rule)",
        job: job, facts: facts))
  }

  private func shadow(
    _ plan: Planned, _ facts: PolicyFacts, _ memory: inout PolicyMemory<PolicyLedger>
  ) async throws(StoreError) {
    // As something that is done once for a head.
    let key = PolicyLedger.key(
      rule: plan.rule, .review, head: facts.headCommit, text: "shadow \(plan.action.summary)")
    guard memory.value.begin(key, .review, at: ports.now()) == .go else { return }
    memory.value.finish(key)
    try await memory.save()
    try await note("policy.shadow", plan, ["action": plan.action.summary])
  }

  /// Why a merge waits is recorded when it changes, not at every event.
  private func hold(
    _ plan: Planned, _ gate: [MergeGate.Blocker], _ memory: inout PolicyMemory<PolicyLedger>
  ) async throws(StoreError) {
    let why = gate.map(\.detail).joined(separator: "; ")
    guard memory.value.held != why else { return }
    memory.value.held = why
    try await memory.save()
    try await note("policy.held", plan, ["because": String(why.prefix(500))])
  }

  /// Texts of others in it are made inert.
  func rendered(_ plan: Planned, _ facts: PolicyFacts) -> String? {
    Self.template(of: plan.action)?.rendered(facts, rule: plan.rule, reason: plan.reason) {
      Defanged.message($0, limit: 2_000)
    }
  }

  private static func template(of action: PolicyAction) -> PolicyTemplate? {
    switch action {
    case .comment(let text), .requestChanges(let text): text
    case .approve(let text), .close(let text): text
    case .notify(_, let text): text
    case .dismiss(let dismissal): dismissal.message
    case .status(let status): status.description
    default: nil
    }
  }
}
