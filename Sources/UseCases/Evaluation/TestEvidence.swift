import Domain

/// Holds what was run against what stands in the text, and puts it into words.
struct TestEvidence {
  private(set) var evidence: [EvaluationAxis.Evidence] = []
  /// Of the tests that decide.
  private(set) var passed = 0
  private(set) var counted = 0
  /// Tests that decide, and that their author marked so.
  private(set) var skipped = 0
  /// Tests that are told and decide nothing.
  private(set) var reported = 0
  private(set) var reportedPassed = 0
  /// The time for all tests was up before all had been run.
  private(set) var isLate = false
  /// True where the results can be believed.
  private(set) var isSound = true

  private static let most = 50

  /// - Parameter isFailure: whether a test of `source` that fails makes the axis fail.
  mutating func add(
    _ text: TestReport.Text, of source: TestPlan.Source, isFailure: Bool
  ) {
    let told = TestText(source: source, isFailure: isFailure)
    for sentence in text.tampered {
      isSound = false
      evidence.append(told.evidence(nil, "The tests cannot be believed: \(sentence).", .tampered))
    }
    let broken = text.broken.sorted { ($0.importing ?? false) && !($1.importing ?? false) }
    for detail in broken.prefix(10) {
      let place = detail.importing == true ? "The code cannot be imported" : source.test.path
      evidence.append(
        told.evidence(nil, "\(place): \(detail.message)", detail.failureKind, detail))
    }
    if let unfinished = text.unfinished {
      var note = told.evidence(
        nil, "Not every test of \(source.test.path) was run: \(unfinished).", .notCollected)
      if text.late == true {
        // Nothing that the code did: a loaded machine, or many tests that are slow and right.
        note.isFailure = false
        isLate = isLate || isFailure
      }
      evidence.append(note)
    }
    var seen: [Int: Int] = [:]
    for result in text.results {
      if let number = result.number { seen[number, default: 0] += 1 }
      judge(result, told)
    }
    let isCutShort = !text.broken.isEmpty || text.unfinished != nil
    compare(seen, text, told, isCutShort: isCutShort)
    if !isCutShort, text.canaries == 0, text.tampered.isEmpty {
      isSound = false
      evidence.append(
        told.evidence(
          nil, "The tests cannot be believed: those that must fail were not run.", .tampered))
    }
  }

  private mutating func judge(_ result: TestReport.One, _ told: TestText) {
    let source = told.source
    let test = result.number.flatMap { source.tests.indices.contains($0) ? source.tests[$0] : nil }
    let name = result.name ?? test?.name ?? "a test"
    guard test != nil else {
      if source.tests.allSatisfy(\.exact) {
        evidence.append(
          told.evidence(name, "\(name) was run and does not stand in the text.", .notCollected))
      } else {
        count(result, name, told, nil)
      }
      return
    }
    count(result, name, told, test)
  }

  private mutating func count(
    _ result: TestReport.One, _ name: String, _ told: TestText, _ test: TestPlan.Counted?
  ) {
    if result.outcome == "skipped", let test, test.marks.contains("skip") {
      // Its author wrote so into the tests, whatever the code is.
      if told.isFailure { skipped += 1 }
      var note = told.evidence(
        name, "\(name) is marked to be skipped and was not run.", .skipped)
      note.isFailure = false
      evidence.append(note)
      return
    }
    let isPassed = result.outcome == "passed"
    if told.isFailure {
      counted += 1
      passed += isPassed ? 1 : 0
    } else {
      reported += 1
      reportedPassed += isPassed ? 1 : 0
    }
    guard !isPassed else { return }
    let detail = result.detail
    let place = (detail?.testLine ?? test?.line).map { ":\($0)" } ?? ""
    evidence.append(
      told.evidence(
        name, "\(name) (\(told.source.test.path)\(place)): \(detail?.message ?? "it failed")",
        detail?.failureKind ?? .exception, detail))
  }

  /// What stands in the text must have been run, each test as often as the text says.
  private mutating func compare(
    _ seen: [Int: Int], _ text: TestReport.Text, _ told: TestText, isCutShort: Bool
  ) {
    for (number, test) in told.source.tests.enumerated() {
      let runs = seen[number] ?? 0
      if runs < test.least {
        if told.isFailure { counted += test.least - runs } else { reported += test.least - runs }
        guard !isCutShort else { continue }
        let much = test.least == 1 ? "was not run" : "was run \(runs) times, not \(test.least)"
        evidence.append(
          told.evidence(
            test.name, "\(test.name) stands in \(told.source.test.path) and \(much).",
            .notCollected))
      } else if runs > test.least, test.exact {
        evidence.append(
          told.evidence(
            test.name, "\(test.name) was run \(runs) times, not \(test.least).", .notCollected))
      }
    }
  }

  /// A text of a user's in which nothing was found to run. It fails nothing, for the code may be
  /// right, and lets nothing pass.
  mutating func addEmpty(_ source: TestPlan.Source) {
    evidence.append(
      TestText(source: source, isFailure: false).evidence(
        nil, "No test was found in \(source.test.path).", .notCollected))
  }

  /// What weighs most first, bounded.
  var sorted: [EvaluationAxis.Evidence] {
    let order: [EvaluationAxis.Evidence.FailureKind] = [.tampered, .syntax, .importing]
    func rank(_ one: EvaluationAxis.Evidence) -> Int {
      (one.isFailure ? 0 : 10) + (one.kind.flatMap(order.firstIndex(of:)) ?? order.count)
    }
    let all = evidence.enumerated().sorted {
      (rank($0.element), $0.offset) < (rank($1.element), $1.offset)
    }.map(\.element)
    guard all.count > Self.most else { return all }
    var shown = Array(all.prefix(Self.most))
    shown.append(
      EvaluationAxis.Evidence(
        message: "\(all.count - Self.most) more are not listed.",
        isFailure: all.dropFirst(Self.most).contains(where: \.isFailure)))
    return shown
  }
}

/// The words for one text of tests.
struct TestText {
  var source: TestPlan.Source
  var isFailure: Bool

  func evidence(
    _ test: String?, _ message: String, _ kind: EvaluationAxis.Evidence.FailureKind,
    _ detail: TestReport.Detail? = nil
  ) -> EvaluationAxis.Evidence {
    // The import fails whatever the tests are worth, and so does code that deceives them.
    let isGrave = kind == .tampered || detail?.importing == true
    return EvaluationAxis.Evidence(
      line: detail?.line.flatMap { $0 > 0 ? $0 : nil },
      rule: Self.shown(test.map { "\(source.test.path)::\($0)" } ?? source.test.path, 300),
      message: Self.shown(message, 900), input: detail?.input.map { Self.shown($0, 400) },
      source: source.test.isUsers ? .user : .generated, isFailure: isFailure || isGrave,
      kind: kind)
  }

  /// Texts of judged code, harmless to show.
  static func shown(_ text: String, _ limit: Int) -> String {
    Defanged.forTerminal(text, oneLine: true, limit: limit)
  }
}
