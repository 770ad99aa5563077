import Foundation

extension PolicyCondition {
  /// - Precondition: neither `all`, `any` nor `not`.
  func leaf(_ facts: PolicyFacts) -> PolicyExplanation {
    switch self {
    case .all, .any, .not: explained(facts)
    case .author(let people):
      .leaf(
        "the author is \(people.description)", people.truth(of: facts.author),
        "the author is \(facts.author.login)")
    case .actor(let people):
      if let actor = facts.actor {
        .leaf(
          "caused by \(people.description)", people.truth(of: actor), "caused by \(actor.login)")
      } else {
        .leaf("caused by \(people.description)", .unknown, "nobody is named")
      }
    case .bot(let wanted):
      .leaf(
        wanted ? "the author is a bot" : "the author is a person",
        PolicyTruth(facts.author.isBot == wanted),
        "\(facts.author.login) is a \(facts.author.isBot ? "bot" : "person")")
    case .association(let wanted):
      if let own = facts.author.association {
        .leaf(
          "the author is \(Wording.choice(wanted))", PolicyTruth(wanted.contains(own)),
          "the author is \(own.rawValue)")
      } else {
        .leaf("the author is \(Wording.choice(wanted))", .unknown, "the forge does not tell")
      }
    case .team(let teams):
      .leaf(
        "the author is of \(teams.joined(separator: ", "))",
        PolicyPeople(teams: teams.map { $0.lowercased() }).truth(of: facts.author),
        facts.author.teams.map { "\(facts.author.login) is of \(Wording.list($0))" }
          ?? "the forge does not tell the author's teams")
    case .base(let globs): branch("base", facts.base, globs)
    case .head(let globs): branch("head", facts.head, globs)
    case .fork(let wanted):
      .leaf(
        wanted ? "from a fork" : "from this repository",
        PolicyTruth(facts.isFromFork == wanted),
        facts.isFromFork ? "it comes from a fork" : "it comes from this repository")
    case .draft(let wanted):
      .leaf(
        wanted ? "a draft" : "not a draft", PolicyTruth(facts.isDraft == wanted),
        facts.isDraft ? "it is a draft" : "it is no draft",
        toHold: wanted ? "make it a draft" : "mark it as ready for review",
        toFail: wanted ? "mark it as ready for review" : "make it a draft")
    case .state(let states):
      .leaf(
        "it is \(Wording.choice(states))", PolicyTruth(states.contains(facts.state)),
        "it is \(facts.state.rawValue)")
    case .title(let pattern): text("title", facts.title, pattern)
    case .body(let pattern): text("body", facts.body, pattern)
    case .labels(let labels): Self.explained(labels, facts.labels)
    case .files(let files): Self.explained(files, facts.files)
    case .size(let range): number("lines changed", range, facts.size)
    case .reviewState(let wanted):
      if let state = facts.reviewState {
        .leaf(
          "reviews say \(wanted.rawValue)", PolicyTruth(state == wanted),
          "reviews say \(state.rawValue)")
      } else {
        .leaf("reviews say \(wanted.rawValue)", .unknown, "the reviews are not known")
      }
    case .approvals(let approvals): Self.explained(approvals, facts)
    case .changesRequested(let wanted, let by):
      Self.explained(wanted, by, facts.changeRequests)
    case .unresolvedThreads(let range):
      number("unresolved threads", range, facts.unresolvedThreads)
    case .check(let name, let conclusions): Self.explained(name, conclusions, facts)
    case .findings(let findings): Self.explained(findings, facts.findings)
    case .coverage(let range):
      number("percent of the change reviewed", range, facts.coverage)
    case .age(let range):
      duration("old", range, facts.now.timeIntervalSince(facts.createdAt))
    case .idle(let range):
      duration("idle", range, facts.now.timeIntervalSince(facts.updatedAt))
    case .mergeable(let wanted):
      .leaf(
        wanted ? "mergeable without conflicts" : "in conflict with its base",
        facts.mergeability == .unknown
          ? .unknown : PolicyTruth((facts.mergeability == .clean) == wanted),
        facts.mergeability == .unknown
          ? "the forge does not say whether it can be merged"
          : facts.mergeability == .clean ? "it merges cleanly" : "it conflicts with its base")
    case .behind(let range): number("commits behind its base", range, facts.behindBy)
    case .time(let time):
      .leaf(
        "the time is \(time.description)",
        time.contains(facts.now).map { PolicyTruth($0) } ?? .unknown,
        time.local(facts.now).map {
          let minute = $0.1 % 60
          return "it is \($0.0.rawValue) \($0.1 / 60):\(minute < 10 ? "0" : "")\(minute)"
        } ?? "the zone is not known here")
    case .dependencies(let wanted): Self.explained(wanted, facts.dependencies)
    case .locked(let wanted):
      .leaf(
        wanted ? "locked" : "not locked", PolicyTruth(facts.isLocked == wanted),
        facts.isLocked ? "it is locked" : "it is not locked")
    case .assignees(let range): number("assignees", range, facts.assignees.count)
    case .reviewRequests(let range):
      number("requested reviewers", range, facts.requestedReviewers.count)
    }
  }

  private func branch(
    _ word: String, _ name: String, _ globs: [NameGlob]
  ) -> PolicyExplanation {
    .leaf(
      "the \(word) branch is \(globs.map(\.text).joined(separator: ", "))",
      PolicyTruth(globs.contains { $0.matches(name) }), "the \(word) branch is \(name)")
  }

  private func text(_ word: String, _ text: String, _ pattern: TextPattern) -> PolicyExplanation {
    let isFound = pattern.matches(text)
    return .leaf(
      "the \(word) matches \(pattern)", PolicyTruth(isFound),
      isFound ? "the \(word) matches \(pattern)" : "the \(word) does not match \(pattern)",
      toHold: "a \(word) that matches \(pattern)",
      toFail: "a \(word) that does not match \(pattern)")
  }

  private func number(
    _ word: String, _ range: PolicyRange, _ number: Int?
  ) -> PolicyExplanation {
    let condition = "\(range.described()) \(word)"
    guard let number else { return .leaf(condition, .unknown, "\(word): not known") }
    return .leaf(condition, PolicyTruth(range.contains(number)), "\(number) \(word)")
  }

  private func duration(
    _ word: String, _ range: PolicyRange, _ seconds: Double
  ) -> PolicyExplanation {
    let seconds = Int(max(0, min(seconds, 1e15)))
    return .leaf(
      "\(word) for \(range.described(Wording.span))", PolicyTruth(range.contains(seconds)),
      "\(word) for \(Wording.span(seconds))")
  }
}

extension PolicyFacts {
  /// What all reviews together say; `nil` where they are not known.
  public var reviewState: PolicyCondition.ReviewState? {
    guard let reviews, let changeRequests, let approvals else { return nil }
    if !changeRequests.isEmpty { return .changesRequested }
    if !approvals.isEmpty { return .approved }
    return reviews.contains { $0.state != .pending } ? .commented : PolicyCondition.ReviewState.none
  }
}
