import Domain
import Testing

@Suite struct MergeGateTests {
  private let gate = MergeGate(
    policy: MergePolicy(
      approvals: 1, checks: [NameGlob("build")], ignoredChecks: [NameGlob("flaky-*")]))

  private static func ready(_ change: (inout PolicyFacts) -> Void = { _ in }) -> PolicyFacts {
    PolicyConditionTests.facts {
      $0.checks = [.init(name: "build", conclusion: .success, commit: "h")]
      $0.findings = []
      $0.dependencies = []
      change(&$0)
    }
  }

  @Test func whatIsReadyPasses() {
    #expect(gate.blockers(Self.ready(), expectedHead: "h") == [])
  }

  private struct Case: Sendable {
    var code: MergeGate.Code
    var change: @Sendable (inout PolicyFacts) -> Void

    init(_ code: MergeGate.Code, _ change: @escaping @Sendable (inout PolicyFacts) -> Void) {
      self.code = code
      self.change = change
    }
  }

  private static let cases: [Case] = [
    Case(.notOpen) { $0.state = .merged }, Case(.notOpen) { $0.state = .closed },
    Case(.draft) { $0.isDraft = true }, Case(.conflict) { $0.mergeability = .conflicted },
    Case(.notKnown) { $0.mergeability = .unknown },
    Case(.checkFailed) { $0.checks?.changeFirst { $0.conclusion = .failure } },
    Case(.checkFailed) { $0.checks?.changeFirst { $0.conclusion = .cancelled } },
    Case(.checkFailed) { $0.checks?.changeFirst { $0.conclusion = .actionRequired } },
    Case(.checkFailed) {
      $0.checks?.append(.init(name: "other", conclusion: .timedOut, commit: "h"))
    },
    Case(.checkPending) { $0.checks?.changeFirst { $0.conclusion = .pending } },
    Case(.checkMissing) { $0.checks = [] },
    Case(.checkMissing) { $0.checks?.changeFirst { $0.commit = "g" } },
    Case(.checkMissing) { $0.protection?.checks = ["deploy"] },
    Case(.notKnown) { $0.checks = nil }, Case(.notKnown) { $0.protection = nil },
    Case(.changesRequested) {
      $0.reviews?.append(
        .init(id: 9, author: .init(login: "dan"), state: .changesRequested, commit: "h"))
    },
    // A program's objection holds as well; its approval does not help.
    Case(.changesRequested) {
      $0.reviews?.append(
        .init(
          id: 9, author: .init(login: "ai[bot]", isBot: true), state: .changesRequested,
          commit: "h"))
    },
    Case(.approvalsMissing) { $0.reviews?.changeFirst { $0.state = .dismissed } },
    Case(.approvalsMissing) { $0.reviews?.changeFirst { $0.commit = "g" } },
    Case(.approvalsMissing) { $0.reviews?.changeFirst { $0.author.permission = .read } },
    Case(.approvalsMissing) { $0.reviews?.changeFirst { $0.author.login = "ANN" } },
    Case(.approvalsMissing) { $0.reviews?.changeFirst { $0.author.isBot = true } },
    Case(.approvalsMissing) { $0.protection?.approvals = 2 },
    Case(.approvalsMissing) {
      $0.protection?.needsCodeOwners = true
      $0.codeOwners = ["zoe"]
    },
    Case(.notKnown) { $0.reviews = nil },
    Case(.notKnown) {
      $0.protection?.needsCodeOwners = true
      $0.codeOwners = nil
    },
    Case(.threadsOpen) { $0.protection?.needsResolvedThreads = true },
    Case(.behind) { $0.protection?.needsUpToDate = true },
    Case(.notKnown) {
      $0.protection?.needsUpToDate = true
      $0.behindBy = nil
    },
    Case(.findings) {
      $0.findings = [.init(severity: .error, category: "bug", isFromModel: true)]
    },
    Case(.dependencies) { $0.dependencies = [.init(reference: "o/r#1", state: nil)] },
    Case(.notKnown) { $0.dependencies = nil },
  ]

  @Test(arguments: cases.indices)
  func holds(_ index: Int) {
    let one = Self.cases[index]
    let blockers = gate.blockers(Self.ready { one.change(&$0) }, expectedHead: "h")
    #expect(blockers.map(\.code) == [one.code])
    #expect(blockers.allSatisfy { !$0.detail.isEmpty })
  }

  @Test(arguments: ["", "g"])
  func onlyTheExpectedHeadPasses(_ head: String) {
    #expect(gate.blockers(Self.ready(), expectedHead: head).map(\.code) == [.headMoved])
  }

  @Test func ignoredChecksMayFailUnlessTheyAreAskedForByName() {
    let facts = Self.ready {
      $0.checks?.append(.init(name: "flaky-net", conclusion: .failure, commit: "h"))
    }
    #expect(gate.blockers(facts, expectedHead: "h") == [])
    var asked = facts
    asked.protection?.checks = ["flaky-net"]
    #expect(gate.blockers(asked, expectedHead: "h").map(\.code) == [.checkFailed])
  }

  @Test func aFreezeHolds() {
    let freeze = MergeFreeze(
      reason: "release", base: [NameGlob("main")], except: [NameGlob("hotfix")])
    let gate = MergeGate(policy: self.gate.policy, freezes: [freeze])
    #expect(gate.blockers(Self.ready(), expectedHead: "h").map(\.code) == [.frozen])
    #expect(gate.blockers(Self.ready { $0.labels = ["hotfix"] }, expectedHead: "h") == [])
    #expect(gate.blockers(Self.ready { $0.base = "next" }, expectedHead: "h") == [])
  }

  /// Whatever a model finds or says, a gate that is closed without it stays closed.
  @Test(arguments: 0..<40)
  func aModelsWordNeverUnblocks(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let facts = Self.ready { facts in
      for _ in 0..<3 { Self.cases.randomElement(using: &random)?.change(&facts) }
    }
    var said = facts
    said.findings = (0..<Int.random(in: 0...3, using: &random)).map { _ in
      .init(
        severity: Severity.allCases.randomElement(using: &random) ?? .note, category: "bug",
        isFromModel: true)
    }
    said.coverage = 100
    said.reviews?.append(
      .init(id: 99, author: .init(login: "ai[bot]", isBot: true), state: .approved, commit: "h"))
    // A model may take back what it said itself: it is silent where none of its words counts.
    var silent = facts
    silent.findings = []
    silent.reviews?.removeAll(where: \.author.isBot)
    let without = Set(gate.blockers(silent, expectedHead: "h").map(\.code))
    let with = Set(gate.blockers(said, expectedHead: "h").map(\.code))
    #expect(with.isSuperset(of: without))
  }
}

extension Array {
  fileprivate mutating func changeFirst(_ change: (inout Element) -> Void) {
    if !isEmpty { change(&self[0]) }
  }
}
