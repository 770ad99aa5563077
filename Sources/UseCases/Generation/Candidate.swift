import Domain

/// One answer of the model, and what became of it when it ran.
struct Candidate: Sendable {
  /// Empty where the answer held none.
  var code: String
  /// `nil` where there was nothing to judge.
  var evaluation: Evaluation?
  var feedback: CodeFeedback
  /// What it gave for the inputs that candidates are compared on; `nil` where it was not compared.
  var outputs: [String]?
  /// The round that made it, from 1.
  var round = 0
  /// False where only its tests were run so far.
  var isJudgedWhole = false

  init(noCode fault: CodeFault) {
    code = ""
    feedback = CodeFeedback(.noCode, "the answer cannot be used: \(fault.forModel)")
  }

  init(code: String) {
    self.code = code
    feedback = CodeFeedback([])
  }

  /// Whether every criterion holds, and something has shown that it does what was asked.
  func holds(_ criteria: EvaluationCriteria) -> Bool {
    guard isJudgedWhole, feedback.isEmpty, evaluation?.verdict == .pass else { return false }
    return isTested || !criteria.axes.contains(.correctness)
  }

  /// Tests have passed. Made-up calls that merely do not crash have no share and show nothing.
  var isTested: Bool {
    let axis = evaluation?.axis(.correctness)
    return axis?.verdict == .pass && axis?.value != nil
  }

  /// It ran or could not run, and no test has said anything of it.
  var isUntested: Bool {
    let axis = evaluation?.axis(.correctness)
    return axis?.verdict == .notRun || axis?.verdict == .pass && axis?.value == nil
  }

  /// Its tests could not be run, which no other answer would change: the sandbox, its image or the
  /// tests themselves stand in the way.
  var isBeyondJudging: Bool {
    evaluation?.verdict == .error && evaluation?.axis(.correctness)?.verdict == .notRun
  }

  func verdict(_ criteria: EvaluationCriteria) -> Evaluation.Verdict {
    guard let evaluation else { return .fail }
    if holds(criteria) { return .pass }
    if evaluation.verdict == .error { return .error }
    return evaluation.verdict == .pass && feedback.isEmpty && isUntested ? .error : .fail
  }
}

/// How good a candidate is by what it does when it runs, the better the greater.
struct CandidateRank: Comparable, Sendable {
  private let keys: [Double]

  /// - Parameters:
  ///   - agreement: the share of compared inputs and other candidates with which it agrees.
  ///   - hasUserTests: then the criteria weigh more than what other candidates do.
  init(
    _ candidate: Candidate, agreement: Double, criteria: EvaluationCriteria, hasUserTests: Bool
  ) {
    let axes = candidate.evaluation?.axes ?? []
    let correctness = candidate.evaluation?.axis(.correctness)
    let failures = correctness?.evidence.filter(\.isFailure) ?? []
    let users = failures.count { $0.source != .generated }
    let share = correctness?.value ?? (correctness?.verdict == .pass ? 1 : 0)
    let passes = candidate.evaluation?.verdict == .pass && candidate.feedback.isEmpty ? 1.0 : 0
    let failing = axes.count { criteria.axes.contains($0.name) && $0.verdict == .fail }
    let parses = candidate.feedback.items.contains { $0.kind == .syntax || $0.kind == .noCode }
    keys =
      [
        candidate.code.isEmpty ? 0 : 1, parses ? 0 : 1,
        correctness?.verdict == .pass ? 1 : 0, -Double(users), share,
      ] + (hasUserTests ? [passes, agreement] : [agreement, passes]) + [
        -Double(failing),
        -(candidate.evaluation?.axis(.security)?.value ?? 0),
        -(candidate.evaluation?.axis(.practice)?.value ?? 0),
      ]
  }

  static func < (a: Self, b: Self) -> Bool { a.keys.lexicographicallyPrecedes(b.keys) }
}

/// What candidates give for the same inputs: those that many give are more likely right.
struct Agreement: Sendable {
  private(set) var inputs: [JSONValue] = []
  private var pool: [[String]] = []

  mutating func begin(_ inputs: [JSONValue]) {
    guard self.inputs.isEmpty else { return }
    self.inputs = inputs
  }

  mutating func add(_ outputs: [String]) { pool.append(outputs) }

  /// From 0 to 1; 0 where there is nobody to agree with. An exception or an endless run agrees with
  /// nothing.
  func share(_ outputs: [String]?) -> Double {
    guard let outputs, pool.count > 1, !outputs.isEmpty else { return 0 }
    var agreed = 0
    for other in pool {
      for (mine, theirs) in zip(outputs, other)
      where mine == theirs && mine != "late" && mine != "missing" && !mine.hasPrefix("raises ") {
        agreed += 1
      }
    }
    // One of the pool is itself.
    let own = outputs.count { $0 != "late" && $0 != "missing" && !$0.hasPrefix("raises ") }
    return Double(max(0, agreed - own)) / Double((pool.count - 1) * outputs.count)
  }
}
