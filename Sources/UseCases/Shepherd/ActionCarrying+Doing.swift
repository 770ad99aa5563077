import Domain
import Foundation
import Jobs

extension ActionCarrying {
  /// - Parameter again: it was begun before, and it is not known what came of it.
  /// - Returns: what the record says of it beside the reason.
  func carryOut(
    _ plan: Planned, _ text: String?, key: String, _ facts: PolicyFacts, again: Bool
  ) async throws(ForgeError) -> [String: String] {
    let marker = HiddenMarker.rule(key).text
    let words = "\(marker)\n\(text ?? "")"
    switch plan.action {
    case .label(let labels):
      // A forge makes a label that it does not have: of a slip of the pen as well.
      let known = Set(try await forge.labels(in: reference.repository).map { $0.lowercased() })
      let missing = labels.filter { !known.contains($0.lowercased()) }
      guard missing.isEmpty else {
        let names = missing.map { "'\($0)'" }.joined(separator: ", ")
        throw ForgeError(
          code: .rejected,
          detail: "the repository has no label \(names); make it there, or mend the rule")
      }
      try await forge.setLabels(add: labels, remove: [], on: reference)
      return ["labels": labels.joined(separator: ", ")]
    case .unlabel(let labels):
      try await forge.setLabels(add: [], remove: labels, on: reference)
      return ["labels": labels.joined(separator: ", ")]
    case .comment:
      let comment = try await forge.comment(words, on: reference)
      return ["comment": "\(comment.id)"]
    case .assign(let people):
      try await forge.assign(people, to: reference)
      return ["people": people.joined(separator: ", ")]
    case .requestReviewers(let reviewers):
      let people = try await chosen(reviewers, facts)
      guard !people.isEmpty else {
        throw ForgeError(code: .rejected, detail: "nobody can be asked for a review")
      }
      try await forge.requestReviews(from: people, on: reference)
      return ["people": people.joined(separator: ", ")]
    case .approve: return try await review(.approve, words, facts)
    case .requestChanges: return try await review(.requestChanges, words, facts)
    case .dismiss(let dismissal):
      let reviews = Self.dismissed(dismissal, facts.opinions ?? [], facts)
      for review in reviews {
        try await forge.dismiss(review: review.id, on: reference, message: text ?? "")
      }
      return ["reviews": reviews.map { "\($0.id)" }.joined(separator: ", ")]
    case .status(let status):
      try await forge.setStatus(
        status.name, status.state, description: text ?? "", on: facts.headCommit,
        in: reference.repository)
      return ["status": "\(status.name) \(status.state.rawValue)"]
    case .updateBranch:
      try await forge.updateBranch(of: reference, expectedHead: facts.headCommit)
      return [:]
    case .merge(let merge): return try await self.merge(merge, plan, facts)
    case .close:
      var isSaid = text == nil
      if !isSaid, again { isSaid = try await hasSaid(key) }
      if !isSaid { _ = try await forge.comment(words, on: reference) }
      try await forge.setOpen(false, reference)
      return [:]
    case .reopen:
      try await forge.setOpen(true, reference)
      return [:]
    case .lock(let reason):
      try await forge.lock(reference, reason: reason)
      return [:]
    case .dispatch(let dispatch):
      let inputs = dispatch.inputs.mapValues {
        $0.rendered(facts, rule: plan.rule, reason: plan.reason)
      }
      try await forge.dispatch(
        workflow: dispatch.workflow, ref: dispatch.ref ?? facts.base, inputs: inputs,
        in: reference.repository)
      return ["workflow": dispatch.workflow]
    case .notify(let channel, _):
      guard let notify = ports.notify else {
        throw ForgeError(code: .rejected, detail: "no channel is set up to tell people by")
      }
      let notice = notice(plan.rule, text ?? "", channel: channel, key: key, facts)
      do { try await notify(notice, arguments.access) } catch {
        throw ForgeError(code: .rejected, detail: "nobody could be told: \(error)")
      }
      return [:]
    case .review, .queue, .enrich, .learn: return try await enqueue(plan.action, facts)
    }
  }

  /// Which routes it takes is up to the `notify:` sections of the repository and of the server.
  private func notice(
    _ rule: String, _ text: String, channel: String?, key: String, _ facts: PolicyFacts
  ) -> Notice {
    let lines = text.split(whereSeparator: \.isNewline).map(String.init)
    return Notice(
      id: "policy-\(ContentHash.of(parts: [place.lowercased(), key]))", event: .policy,
      severity: .warning, forge: arguments.access.forge, repository: reference.repository,
      subject: "\(reference)", subjectTitle: facts.title,
      headline: lines.first ?? "A rule asks to tell of it.",
      facts: [Notice.Fact("rule", rule)] + (channel.map { [Notice.Fact("channel", $0)] } ?? []),
      lines: Array(lines.dropFirst()), at: ports.now())
  }

  private func review(
    _ verdict: Verdict, _ body: String, _ facts: PolicyFacts
  ) async throws(ForgeError) -> [String: String] {
    let posted = try await forge.post(
      ReviewDraft(commit: facts.headCommit, verdict: verdict, body: body, comments: []),
      on: reference)
    return ["review": "\(posted.id)", "commit": facts.headCommit]
  }

  /// The facts are read anew, at once before the call, and the call names the head they are of.
  private func merge(
    _ merge: PolicyAction.Merge, _ plan: Planned, _ decided: PolicyFacts
  ) async throws(ForgeError) -> [String: String] {
    let review: FactGathering.OwnReview?
    do {
      review = try await ports.ownReviews.last(of: reference, on: arguments.access.forge)
    } catch {
      throw ForgeError(
        code: .unreachable, detail: "what the review found cannot be read: \(error.detail)")
    }
    let now = try await FactGathering(forge: forge, needs: PolicyNeeds(policy)).facts(
      of: reference, event: decided.event, review: review, now: ports.now())
    guard now.base == decided.base else {
      throw ForgeError(
        code: .conflict,
        detail: "its base was changed from \(decided.base) to \(now.base) meanwhile")
    }
    let blockers = MergeGate(policy).blockers(now, expectedHead: decided.headCommit)
    guard blockers.isEmpty else {
      throw ForgeError(code: .conflict, detail: blockers.map(\.detail).joined(separator: "; "))
    }
    let commit = try await forge.merge(
      reference, expectedHead: decided.headCommit, method: merge.method ?? policy.merge.method,
      title: merge.title?.rendered(now, rule: plan.rule, reason: plan.reason),
      message: merge.message?.rendered(now, rule: plan.rule, reason: plan.reason))
    // It is merged; whether people can be told is no reason to say otherwise.
    try? await ports.notify?(
      PullRequestNotice.merged(
        reference, title: now.title, url: nil, forge: arguments.access.forge,
        by: "the rule '\(plan.rule)'", at: ports.now()),
      arguments.access)
    return ["head": decided.headCommit, "commit": commit]
  }

  // MARK: Jobs

  private func enqueue(
    _ action: PolicyAction, _ facts: PolicyFacts
  ) async throws(ForgeError) -> [String: String] {
    let access = arguments.access
    let job: NewJob?
    do {
      switch action {
      case .review:
        let work = Work.ReviewPullRequest(
          access: access, reference: reference, askedBy: arguments.askedBy,
          run: TimeOrderedID.next(ports.now()), isAskedFor: true)
        job = NewJob(
          kind: Work.ReviewPullRequest.kind, arguments: try work.json(),
          uniqueKey: "\(work.supersedeKey) \(facts.headCommit) policy",
          supersedeKey: work.supersedeKey, group: WorkLimits.group(access),
          limits: ports.limits.ofReview(access), run: work.run)
      case .queue(let priority):
        try await AdvanceMergeQueue.enqueue(
          facts, priority, policy, notes: ports.notes, forge: access.forge)
        job = try AdvanceMergeQueue.job(access, branch: facts.base, number: facts.number)
      case .enrich:
        let work = Work.EnrichForgeIssue(
          access: access, reference: reference, askedBy: arguments.askedBy,
          run: TimeOrderedID.next(ports.now()), cause: .rule)
        job = NewJob(
          kind: Work.EnrichForgeIssue.kind, arguments: try work.json(),
          uniqueKey: "\(work.supersedeKey) \(facts.headCommit) policy",
          supersedeKey: work.supersedeKey, group: WorkLimits.group(access),
          limits: ports.limits.ofForge(access) + ports.limits.ofModel, run: work.run)
      default: job = nil
      }
    } catch {
      throw ForgeError(code: .unreachable, detail: "\(action.name) could not be stored: \(error)")
    }
    guard let job else {
      throw ForgeError(
        code: .rejected,
        detail: "this version of Stet knows no learned reviewers, so there is nothing to teach")
    }
    do { _ = try await ports.jobs.enqueue([job]) } catch {
      throw ForgeError(code: .unreachable, detail: "\(action.name) could not be stored: \(error)")
    }
    return ["job": job.kind]
  }

  // MARK: Reviewers

  private func chosen(
    _ reviewers: PolicyAction.Reviewers, _ facts: PolicyFacts
  ) async throws(ForgeError) -> [String] {
    let author = facts.author.login.lowercased()
    func others(_ people: [String]) -> [String] {
      people.map(Self.login).filter { $0.lowercased() != author }
    }
    switch reviewers.choice {
    case .all: return others(reviewers.from)
    case .codeOwners: return Array(others(facts.codeOwners ?? []).prefix(15))
    case .leastLoaded:
      let loads = try await forge.reviewLoads(in: reference.repository)
      let sorted = others(reviewers.from).enumerated().sorted {
        let (one, other) = (
          loads[$0.element.lowercased()] ?? 0, loads[$1.element.lowercased()] ?? 0
        )
        return (one, $0.offset) < (other, $1.offset)
      }
      return sorted.prefix(reviewers.count).map(\.element)
    case .roundRobin: return try await inTurn(others(reviewers.from), reviewers.count)
    }
  }

  private func inTurn(_ people: [String], _ count: Int) async throws(ForgeError) -> [String] {
    guard !people.isEmpty else { return [] }
    do {
      var memory = try await PolicyMemory(
        "turns \(arguments.access.forge):\(reference.repository)".lowercased(), in: ports.notes,
        new: [String: Int]())
      let key = people.joined(separator: " ").lowercased()
      let start = memory.value[key] ?? 0
      let chosen = (0..<min(count, people.count)).map { people[(start + $0) % people.count] }
      memory.value[key] = (start + chosen.count) % people.count
      try await memory.save()
      return chosen
    } catch {
      throw ForgeError(code: .unreachable, detail: "whose turn it is cannot be learned: \(error)")
    }
  }
}
