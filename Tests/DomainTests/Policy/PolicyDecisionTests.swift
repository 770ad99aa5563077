import Domain
import Foundation
import Testing

@Suite struct PolicyDecisionTests {
  private func template(_ text: String) throws -> PolicyTemplate { try PolicyTemplate(text) }

  private func decision(_ rules: [PolicyRule], _ facts: PolicyFacts) -> PolicyDecision {
    ShepherdPolicy(rules: rules).decision(facts)
  }

  @Test func eachRuleSaysWhy() {
    let facts = PolicyConditionTests.facts()
    let decision = decision(
      [
        PolicyRule(name: "fires", condition: .draft(false), actions: [.label(["x"])]),
        PolicyRule(name: "waits", when: [.closed], actions: [.reopen]),
        PolicyRule(name: "lacks", condition: .draft(true), actions: [.updateBranch]),
        PolicyRule(
          name: "unsure", condition: .association([.owner]), actions: [.updateBranch]),
      ], PolicyConditionTests.facts { $0.author.association = nil })
    #expect(decision.outcomes.map(\.result) == [.fired, .otherEvent, .notMet, .notKnown])
    #expect(decision.actions.map(\.action) == [.label(["x"])])
    #expect(decision.actions.first?.reason == "it is no draft")
    #expect(decision.outcomes[2].missing == ["make it a draft"])
    #expect(facts.event == .pushed)
  }

  @Test func aWordAgainstStandsAboveOneForIt() throws {
    let decision = decision(
      [
        PolicyRule(name: "good", actions: [.approve(nil), .merge(.init()), .queue(.high)]),
        PolicyRule(name: "bad", actions: [.requestChanges(try template("no"))]),
      ], PolicyConditionTests.facts())
    #expect(decision.actions.map(\.action.name) == ["request_changes"])
    #expect(decision.notes.count == 3)
  }

  @Test func theFirstRuleHasTheLabel() {
    let decision = decision(
      [
        PolicyRule(name: "one", actions: [.label(["a", "BUG"])]),
        PolicyRule(name: "two", actions: [.unlabel(["a", "bug"]), .label(["a"])]),
      ], PolicyConditionTests.facts())
    // `bug` is there already, and stays, as the first rule wants it.
    #expect(decision.actions.map(\.action) == [.label(["a"])])
    #expect(decision.notes.count == 2)
  }

  @Test func mergesComeLastAndTheQueueHasTheMerge() throws {
    let decision = decision(
      [
        PolicyRule(name: "one", actions: [.merge(.init()), .comment(try template("x"))]),
        PolicyRule(name: "two", actions: [.queue(.low), .label(["y"])]),
      ], PolicyConditionTests.facts())
    #expect(decision.actions.map(\.action.name) == ["comment", "label", "queue"])
  }

  @Test func shadowsSettleNothing() throws {
    let decision = decision(
      [
        PolicyRule(
          name: "shadow", actions: [.requestChanges(try template("no"))], isShadow: true),
        PolicyRule(name: "real", actions: [.approve(nil)]),
      ], PolicyConditionTests.facts())
    #expect(decision.actions.filter { !$0.isShadow }.map(\.action) == [.approve(nil)])
  }

  @Test func circlesAreFound() throws {
    let policy = ShepherdPolicy(rules: [
      PolicyRule(name: "self", when: [.labeled], actions: [.label(["a"])]),
      PolicyRule(name: "ping", when: [.reopened], actions: [.close(nil)]),
      PolicyRule(name: "pong", when: [.closed], actions: [.reopen]),
      PolicyRule(name: "quiet", actions: [.comment(try template("x"))]),
    ])
    #expect(policy.circles == [["self"], ["ping", "pong"]])
  }

  @Test func whatIsUndoneAgainAndAgainIsLeftAlone() {
    var ledger = PolicyLedger()
    let now = PolicyConditionTests.noon
    let label = PolicyAction.label(["x"])
    let key = PolicyLedger.key(rule: "r", label, head: "h", text: "")
    for turn in 0..<3 {
      #expect(ledger.begin(key, label, at: now.addingTimeInterval(Double(turn))) == .go)
      ledger.finish(key)
    }
    guard case .cut(_, isNew: true) = ledger.begin(key, label, at: now),
      case .cut(_, isNew: false) = ledger.begin(key, label, at: now)
    else {
      Issue.record("a loop is not cut")
      return
    }
    // A day later it may have another reason.
    #expect(ledger.begin(key, label, at: now.addingTimeInterval(90_000)) == .go)
  }

  @Test func anOutageCutsNothingOff() {
    var ledger = PolicyLedger()
    let now = PolicyConditionTests.noon
    let label = PolicyAction.label(["x"])
    let key = PolicyLedger.key(rule: "r", label, head: "h", text: "")
    for turn in 0..<10 {
      #expect(ledger.begin(key, label, at: now.addingTimeInterval(Double(turn))) == .go)
    }
    #expect(ledger.deeds[key]?.times.count == 1)
  }

  @Test func onlyTheLastDayCountsForALoop() {
    var ledger = PolicyLedger()
    let now = PolicyConditionTests.noon
    let label = PolicyAction.label(["x"])
    let key = PolicyLedger.key(rule: "r", label, head: "h", text: "")
    for turn in 0..<6 {
      let time = now.addingTimeInterval(Double(turn) * 36_000)
      #expect(ledger.begin(key, label, at: time) == .go)
      ledger.finish(key)
    }
  }

  @Test func whatIsSaidIsSaidOnceForAHead() throws {
    var ledger = PolicyLedger()
    let now = PolicyConditionTests.noon
    let comment = PolicyAction.comment(try template("x"))
    let key = PolicyLedger.key(rule: "r", comment, head: "h", text: "x")
    #expect(ledger.begin(key, comment, at: now) == .go)
    #expect(ledger.begin(key, comment, at: now) == .look)
    ledger.finish(key)
    #expect(ledger.begin(key, comment, at: now.addingTimeInterval(900_000)) == .done)
    #expect(key != PolicyLedger.key(rule: "r", comment, head: "g", text: "x"))
    #expect(key != PolicyLedger.key(rule: "r", comment, head: "h", text: "y"))
    ledger.giveBack(key)
    #expect(ledger.begin(key, comment, at: now) == .go)
  }

  @Test func aPullRequestGetsNoMoreThanSoMuchInAnHour() {
    var ledger = PolicyLedger()
    let now = PolicyConditionTests.noon
    var gone = 0
    for number in 0..<60 {
      let label = PolicyAction.label(["l\(number)"])
      let key = PolicyLedger.key(rule: "r", label, head: "h", text: "")
      if ledger.begin(key, label, at: now) == .go { gone += 1 }
    }
    #expect(gone == PolicyLedger.mostInAnHour)
  }

  @Test func templatesSayWhatTheyAreTold() throws {
    let facts = PolicyConditionTests.facts { $0.title = "@all `x`" }
    let text = try template("{{{number}}} {title} by {author}: {rule}, {reason}")
      .rendered(facts, rule: "r", reason: "why") { "<\($0)>" }
    #expect(text == "{7} <@all `x`> by Ann: r, <why>")
    for wrong in ["{", "}", "{nmber}", "{ title }"] {
      #expect(throws: PolicyTemplate.Malformed.self) { try PolicyTemplate(wrong) }
    }
  }

  @Test func rolesAndPermissionsBothCount() {
    let roles = PolicyRoles(
      people: [.maintainer: PolicyPeople(["ann"]), .reader: PolicyPeople(["eve", "ann"])],
      commands: ["review": .reader])
    func refusal(_ command: String, _ login: String, _ permission: ForgePermission) -> String? {
      roles.refusal(of: command, by: .init(login: login, permission: permission))
    }
    #expect(refusal("merge", "ann", .write) == nil)
    #expect(refusal("merge", "ann", .read)?.contains("write permission") == true)
    #expect(refusal("merge", "eve", .admin)?.contains("role maintainer") == true)
    #expect(refusal("merge", "dan", .maintain) == nil)
    #expect(refusal("merge", "dan", .write) != nil)
    #expect(refusal("review", "eve", .triage) == nil)
    #expect(refusal("unheard-of", "dan", .maintain) != nil)
  }

  @Test func twoEventsOfOneMomentAreCountedOnce() {
    let policy = ShepherdPolicy(rules: [
      PolicyRule(name: "l", actions: [.label(["x"])]),
      PolicyRule(name: "a", when: [.opened], actions: [.approve(nil)]),
    ])
    var replay = PolicyReplay()
    for number in 1...2 {
      for event in [PolicyEvent.opened, .checks] {
        let facts = PolicyConditionTests.facts {
          $0.number = number
          $0.event = event
        }
        let deeds = PolicyRecord.Deeds(labelled: ["x"], approved: true)
        replay.add(PolicyRecord(facts: facts, deeds: event == .checks ? deeds : nil), policy)
      }
    }
    #expect(replay.labelled == 2)
    #expect(replay.approved == 2)
    #expect(replay.fired == ["l": 2, "a": 2])
    #expect(replay.differing == 0, "\(replay.lines.flatMap(\.differences))")
  }

  @Test func theLastLineOfCodeOwnersCounts() throws {
    let owners = try #require(
      CodeOwners(
        """
        # comment
        *            @all-of-it me@example.com
        /docs/       @org/docs @ann
        *.py         # nobody
        """))
    #expect(owners.owners(of: ["README"]) == ["all-of-it"])
    #expect(owners.owners(of: ["docs/a.md", "x"]) == ["@org/docs", "ann", "all-of-it"])
    #expect(owners.owners(of: ["a.py"]) == [])
    // Of too many lines the last ones would be missing, and they count.
    #expect(CodeOwners(String(repeating: "* @early\n", count: 2_000)) != nil)
    #expect(CodeOwners(String(repeating: "* @early\n", count: 2_001)) == nil)
  }

  @Test func dependenciesAreReadFromSpokenLines() {
    let body = "Depends on #3, o/x#4\n> Depends on #5\n- Blocked by: #6.\nit depends on #7"
    #expect(
      DependencyLines.references(in: body, of: RepositoryName(owner: "o", name: "r"))
        .map(\.description) == ["o/r#3", "o/x#4", "o/r#6"])
  }
}
