import Domain
import Foundation
import Testing

@Suite struct PolicyConditionTests {
  static let noon = Date(timeIntervalSince1970: 1_700_000_000)

  static func facts(_ change: (inout PolicyFacts) -> Void = { _ in }) -> PolicyFacts {
    var facts = PolicyFacts(
      event: .pushed, repository: "o/r", number: 7, title: "Fix the lexer", body: "Depends on #3",
      author: .init(login: "Ann", association: .member, teams: ["o/core"]), base: "main",
      head: "fix/lexer", baseCommit: "b", headCommit: "h",
      createdAt: noon.addingTimeInterval(-3 * 86_400), updatedAt: noon.addingTimeInterval(-7_200),
      now: noon)
    facts.labels = ["bug", "Area: Lexer"]
    facts.files = [
      .init(path: "src/lexer.py", additions: 10, deletions: 2),
      .init(path: "docs/lexer.md", additions: 5),
    ]
    facts.reviews = [
      .init(id: 1, author: .init(login: "bob", permission: .write), state: .approved, commit: "h"),
      .init(id: 2, author: .init(login: "eve", permission: .read), state: .approved, commit: "g"),
      .init(id: 3, author: .init(login: "ai[bot]", isBot: true), state: .approved, commit: "h"),
    ]
    facts.checks = [
      .init(name: "build", conclusion: .success, commit: "h"),
      .init(name: "test (3.12)", conclusion: .failure, commit: "h"),
      .init(name: "old", conclusion: .success, commit: "g"),
    ]
    facts.unresolvedThreads = 1
    facts.findings = [.init(severity: .warning, category: "bug", isFromModel: true)]
    facts.coverage = 90
    facts.behindBy = 2
    facts.mergeability = .clean
    facts.dependencies = [.init(reference: "o/r#3", state: .open)]
    facts.codeOwners = ["bob", "@o/docs"]
    facts.protection = .init()
    change(&facts)
    return facts
  }

  private static func path(_ text: String) -> PathPattern {
    (try? PathPattern(text)) ?? { preconditionFailure(text) }()
  }

  private static func pattern(_ text: String) -> TextPattern {
    (try? TextPattern(text)) ?? { preconditionFailure(text) }()
  }

  private static let cases: [(PolicyCondition, PolicyTruth)] = [
    (.author(PolicyPeople(["ann"])), .yes), (.author(PolicyPeople(["b*"])), .no),
    (.author(PolicyPeople(["@o/core"])), .yes), (.author(PolicyPeople(["@o/docs"])), .no),
    (.bot(false), .yes), (.association([.member, .owner]), .yes), (.association([.none]), .no),
    (.team(["O/Core"]), .yes), (.base([NameGlob("main", stopsAtSlash: true)]), .yes),
    (.head([NameGlob("*", stopsAtSlash: true)]), .no),
    (.head([NameGlob("fix/*", stopsAtSlash: true)]), .yes), (.fork(true), .no),
    (.draft(false), .yes), (.state([.open]), .yes), (.title(pattern("^Fix\\b")), .yes),
    (.title(pattern("lex$")), .no), (.body(pattern("(?i)depends ON")), .yes),
    (.labels(.init(all: [NameGlob("bug")])), .yes),
    (.labels(.init(any: [NameGlob("x"), NameGlob("area:*", ignoresCase: true)])), .yes),
    (.labels(.init(none: [NameGlob("bug")])), .no),
    (.files(.init(any: [path("*.py")])), .yes), (.files(.init(only: [path("docs/**")])), .no),
    (.files(.init(only: [path("docs/**"), path("src/**")])), .yes),
    (.files(.init(all: [path("*.py"), path("*.rs")])), .no),
    (.files(.init(none: [path("*.rs")])), .yes),
    (.files(.init(any: [path("*.py")], count: .init(least: 2))), .no),
    (.files(.init(count: .init(most: 2))), .yes), (.size(.init(least: 17, most: 17)), .yes),
    (.reviewState(.approved), .yes), (.approvals(.init(count: .init(least: 2))), .yes),
    (.approvals(.init(count: .init(least: 2), ofHead: true)), .no),
    (.approvals(.init(count: .init(least: 1), by: PolicyPeople(["eve"]))), .yes),
    (.approvals(.init(count: .init(least: 1), byCodeOwners: true)), .yes),
    (.changesRequested(false, by: PolicyPeople()), .yes),
    (.unresolvedThreads(.init(least: 0, most: 0)), .no),
    (.check(name: NameGlob("build"), conclusions: [.success]), .yes),
    (.check(name: NameGlob("test (*)"), conclusions: [.failure]), .yes),
    (.check(name: NameGlob("old"), conclusions: [.success]), .no),
    (.check(name: NameGlob("none"), conclusions: [.success]), .no),
    (.findings(.init(severity: .error, count: .init(least: 0, most: 0))), .yes),
    (.findings(.init(categories: ["bug"], count: .init(least: 1))), .yes),
    (.coverage(.init(least: 91)), .no), (.age(.init(least: 3 * 86_400)), .yes),
    (.idle(.init(least: 7_201)), .no), (.mergeable(true), .yes), (.behind(.init(most: 1)), .no),
    (.dependencies(.open), .yes), (.dependencies(.merged), .no), (.dependencies(.none), .no),
    (.locked(false), .yes), (.assignees(.init(least: 0, most: 0)), .yes),
    // Noon of the data is Tuesday 22:13 in UTC, Wednesday in Berlin.
    (.time(.init(days: [.tuesday], from: 1_320, until: 1_440)), .yes),
    (.time(.init(days: [.tuesday], zone: "Asia/Tokyo")), .no),
    (.time(.init(days: [.tuesday], from: 1_200, until: 60)), .yes),
    (.not(.draft(true)), .yes), (.all([]), .yes), (.any([]), .no),
    (.all([.draft(false), .fork(true)]), .no), (.any([.draft(true), .bot(false)]), .yes),
  ]

  @Test(arguments: cases.indices)
  func holds(_ index: Int) {
    let (condition, truth) = Self.cases[index]
    let explanation = condition.explained(Self.facts())
    #expect(explanation.truth == truth, "\(condition)")
    #expect(explanation.leaves.allSatisfy { !$0.reason.isEmpty && !$0.condition.isEmpty })
    #expect(explanation.missing.isEmpty == (truth == .yes))
    // What negates it has the opposite truth, and the same reason.
    let negated = PolicyCondition.not(condition).explained(Self.facts())
    #expect(negated.truth == (truth == .yes ? .no : .yes))
    #expect(negated.missing.isEmpty == (negated.truth == .yes))
    #expect(negated.leaves.count == explanation.leaves.count)
    for (leaf, turned) in zip(explanation.leaves, negated.leaves) where explanation.kind != .not {
      #expect(turned.condition == "not \(leaf.condition)" && turned.reason == leaf.reason)
      #expect(turned.truth == (leaf.truth == .yes ? .no : .yes))
    }
  }

  @Test func whatIsNotKnownIsNeitherTrueNorFalse() {
    let facts = Self.facts {
      $0.files = nil
      $0.reviews = nil
      $0.checks = nil
      $0.findings = nil
      $0.coverage = nil
      $0.unresolvedThreads = nil
      $0.behindBy = nil
      $0.dependencies = nil
      $0.author.teams = nil
      $0.author.association = nil
      $0.mergeability = .unknown
    }
    let conditions: [PolicyCondition] = [
      .files(.init(count: .init(least: 1))), .size(.init(least: 0)), .reviewState(.none),
      .approvals(.init(count: .init(least: 0))), .changesRequested(false, by: PolicyPeople()),
      .check(name: NameGlob("*"), conclusions: [.success]), .findings(.init(count: .init(most: 0))),
      .coverage(.init(least: 0)), .unresolvedThreads(.init(most: 0)), .behind(.init(most: 0)),
      .dependencies(.none), .team(["o/core"]), .author(PolicyPeople(["@o/core"])),
      .association([.owner]), .mergeable(true), .mergeable(false),
    ]
    for condition in conditions {
      #expect(condition.explained(facts).truth == .unknown, "\(condition)")
      #expect(PolicyCondition.not(condition).explained(facts).truth == .unknown)
      #expect(PolicyCondition.all([condition, .draft(true)]).explained(facts).truth == .no)
      #expect(PolicyCondition.any([condition, .draft(false)]).explained(facts).truth == .yes)
      #expect(!condition.explained(facts).missing.isEmpty)
    }
  }

  @Test func theShortestListIsTold() {
    let long = PolicyCondition.all([.draft(true), .fork(true)])
    let short = PolicyCondition.approvals(.init(count: .init(least: 4)))
    let condition = PolicyCondition.all([.any([long, short]), .draft(false), .fork(false)])
    #expect(condition.explained(Self.facts()).missing == ["2 more approvals"])
    let drafts = PolicyCondition.all([.draft(true), .not(.draft(false))])
    #expect(drafts.explained(Self.facts()).missing == ["make it a draft"])
  }

  @Test func aDismissedApprovalDoesNotCount() {
    let facts = Self.facts {
      $0.reviews?.append(
        .init(
          id: 4, author: .init(login: "BOB", permission: .write), state: .dismissed, commit: "h"))
      $0.reviews?.append(
        .init(id: 5, author: .init(login: "eve"), state: .commented, commit: "h"))
    }
    #expect(facts.approvals?.map(\.author.login) == ["eve"])
  }

  @Test func factsComeBackFromJSONAsTheyWere() throws {
    let facts = Self.facts()
    let data = try JSONEncoder().encode(facts)
    #expect(try JSONDecoder().decode(PolicyFacts.self, from: data) == facts)
  }

  // MARK: At random

  private static func condition(
    _ random: inout SeededGenerator, depth: Int
  ) -> PolicyCondition {
    if depth == 0 || Int.random(in: 0..<4, using: &random) == 0 {
      return cases[Int.random(in: 0..<cases.count, using: &random)].0
    }
    let count = Int.random(in: 1...3, using: &random)
    let parts = (0..<count).map { _ in condition(&random, depth: depth - 1) }
    return switch Int.random(in: 0..<3, using: &random) {
    case 0: .all(parts)
    case 1: .any(parts)
    default: .not(parts[0])
    }
  }

  /// Same facts, same outcome; De Morgan; and nothing is missing where it holds.
  @Test(arguments: 0..<60)
  func logicHolds(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let facts = Self.facts {
      if seed.isMultiple(of: 3) { $0.reviews = nil }
      if seed.isMultiple(of: 5) { $0.files = nil }
    }
    for _ in 0..<50 {
      let one = Self.condition(&random, depth: 4)
      let other = Self.condition(&random, depth: 3)
      let explanation = one.explained(facts)
      #expect(explanation == one.explained(facts))
      #expect((explanation.truth == .yes) == explanation.missing.isEmpty)
      let left = PolicyCondition.not(.all([one, other])).explained(facts)
      let right = PolicyCondition.any([.not(one), .not(other)]).explained(facts)
      #expect(left.truth == right.truth)
      #expect(left.missing.count == right.missing.count)
    }
  }
}
