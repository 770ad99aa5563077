public import Domain

/// Measures processor time against the version before, growth with the size of the input, and memory.
///
/// Processor time stands in for instructions: the sandbox lets no program read the machine's
/// counters. The two versions run the same tests in turns, so that both meet the same machine.
public struct EfficiencyEvaluator: AxisEvaluator {
  public init() {}

  public var names: [EvaluationAxis.Name] { [.efficiency] }

  public func evaluate(
    _ subject: EvaluationSubject, in sandbox: any CodeSandbox
  ) async throws(SandboxError) -> [EvaluationAxis] {
    guard case .success(let plan) = try await TestPlan.of(subject, in: sandbox),
      plan.problem == nil
    else { return [.notRun(.efficiency, because: "The code cannot be read.")] }
    let growth = try await GrowthMeasure.of(plan, subject, in: sandbox)
    let sources = plan.sources.filter(\.isRun)
    var cost: CostMeasure?
    if !sources.isEmpty {
      cost = try await CostMeasure.of(sources, plan, subject, in: sandbox)
    }
    return [axis(growth, cost, subject)]
  }

  private func axis(
    _ growth: GrowthMeasure, _ cost: CostMeasure?, _ subject: EvaluationSubject
  ) -> EvaluationAxis {
    let criteria = subject.criteria
    var evidence = growth.evidence(criteria)
    var sentences: [String] = []
    var value: Double?
    var threshold: Double?
    if let comparison = cost?.comparison {
      value = comparison.ratio
      threshold = criteria.slowdown
      let sentence = comparison.sentence(criteria)
      sentences.append(sentence)
      if comparison.isSlower(than: criteria.slowdown) {
        evidence.insert(.init(rule: "slowdown", message: sentence), at: 0)
      }
    } else if let highest = growth.highest {
      value = highest
      threshold = criteria.growth
    }
    if let highest = growth.highest {
      sentences.append(
        "The steepest growth has exponent \(EvaluationDecision.figure(highest)).")
    }
    if let peak = cost?.peak {
      let most = criteria.memory.map { ", at most \(EvaluationDecision.figure($0))" } ?? ""
      let sentence = "The tests took \(EvaluationDecision.figure(peak)) MiB at their peak\(most)."
      sentences.append(sentence)
      if let most = criteria.memory, peak > most {
        evidence.append(.init(rule: "memory", message: sentence, kind: .memory))
      }
    }
    guard !sentences.isEmpty else {
      let why = cost?.reason ?? growth.reason ?? "There is nothing to measure."
      return .notRun(.efficiency, because: why)
    }
    if let reason = cost?.reason { sentences.append(reason) }
    return EvaluationAxis(
      name: .efficiency, verdict: evidence.contains { $0.isFailure } ? .fail : .pass,
      reason: sentences.joined(separator: " "), value: value, threshold: threshold,
      tool: cost?.tool ?? "Python", evidence: evidence)
  }
}

/// How processor time grows with the size of the one argument of a function.
struct GrowthMeasure: Sendable {
  private struct Function: Decodable {
    var name: String
    var parameter: String
    var line: Int
    var exponent: Double?
    var atLeast: Bool?
    /// Of size and seconds.
    var points: [[Double]]?
    var reason: String?
  }

  private struct Report: Decodable {
    var complete: Bool
    var functions: [Function]
  }

  private var functions: [Function] = []

  /// Noise of the machine, in the exponent.
  private static let tolerance = 0.2

  static func of(
    _ plan: TestPlan, _ subject: EvaluationSubject, in sandbox: any CodeSandbox
  ) async throws(SandboxError) -> GrowthMeasure {
    let time = min(subject.left / 4, .seconds(1.5))
    let limit = time + .seconds(2)
    let task = PythonHarness.growth.task(
      [
        "code": .string(subject.code), "path": .string(subject.path),
        "tests": .array(subject.tests.map { .string($0.text) }), "time": .number(time.seconds),
      ], image: TestRun.image([], plan),
      files: [SandboxFile(subject.path, text: subject.code)],
      limits: SandboxLimits(time: limit, processorTime: limit, output: ByteCount(4_096)))
    // Where it is cut short, what it had measured by then was measured all the same.
    let report = try await sandbox.run(task).report?.decoded(as: Report.self)
    var measure = GrowthMeasure()
    measure.functions = report?.functions ?? []
    return measure
  }

  var highest: Double? { functions.compactMap(\.exponent).max() }

  /// Why no exponent is known.
  var reason: String? {
    functions.first.map {
      TestText.shown("The growth of \($0.name) is not known: \($0.reason ?? "").", 300)
    }
  }

  func evidence(_ criteria: EvaluationCriteria) -> [EvaluationAxis.Evidence] {
    functions.map { function in
      guard let exponent = function.exponent else {
        return .init(
          line: function.line, rule: "growth",
          message: TestText.shown(
            "The growth of \(function.name) is not known: \(function.reason ?? "").", 400),
          isFailure: false)
      }
      let points = (function.points ?? []).filter { $0.count == 2 }.map {
        "\(EvaluationDecision.figure($0[1] * 1000)) ms at \(EvaluationDecision.figure($0[0]))"
      }.joined(separator: ", ")
      let least = function.atLeast == true ? "at least " : ""
      let figure = EvaluationDecision.figure(exponent)
      let most = criteria.growth.map { ", allowed is \(EvaluationDecision.figure($0))" } ?? ""
      return .init(
        line: function.line, rule: "growth",
        message: TestText.shown(
          "\(function.name) grows with \(function.parameter) to the power of \(least)\(figure)"
            + "\(most): \(points).", 500),
        isFailure: criteria.growth.map { exponent > $0 + Self.tolerance } ?? false)
    }
  }
}

/// What the tests cost, and what they cost with the version before.
struct CostMeasure: Sendable {
  struct Comparison: Sendable {
    /// Processor seconds of the tests that pass with both, the least of several rounds.
    var now: Double
    var before: Double
    var tests: Int

    var ratio: Double { now / max(before, 1e-6) }

    /// A few milliseconds more are within what the machine itself varies by.
    func isSlower(than most: Double) -> Bool { ratio > most && now - before > 0.005 }

    func sentence(_ criteria: EvaluationCriteria) -> String {
      "\(tests) \(tests == 1 ? "test takes" : "tests take") "
        + "\(EvaluationDecision.figure(now * 1000)) ms of processor time, "
        + "\(EvaluationDecision.figure(before * 1000)) ms with the version before: "
        + "\(EvaluationDecision.figure(ratio)) times, at most "
        + "\(EvaluationDecision.figure(criteria.slowdown))."
    }
  }

  private(set) var comparison: Comparison?
  /// MiB.
  private(set) var peak: Double?
  private(set) var tool: String?
  /// Why there is no comparison although there is a version before.
  private(set) var reason: String?

  private struct Key: Hashable {
    var text: Int
    var number: Int
    var name: String?
  }

  static func of(
    _ sources: [TestPlan.Source], _ plan: TestPlan, _ subject: EvaluationSubject,
    in sandbox: any CodeSandbox
  ) async throws(SandboxError) -> CostMeasure {
    var measure = CostMeasure()
    let began = ContinuousClock.now
    let first = try await TestRun.of(sources, plan, code: subject.code, subject, in: sandbox)
    let took = ContinuousClock.now - began
    guard let report = first.counts else {
      measure.reason = "The tests did not come to their end."
      return measure
    }
    measure.peak = (Double(report.peak) / 1024 * 10).rounded() / 10
    measure.tool = first.tool
    guard let previous = subject.previous else { return measure }
    guard took * 4 < subject.left else {
      measure.reason = "There was no time to compare with the version before."
      return measure
    }
    var now = costs(report)
    var before: [Key: Double] = [:]
    for round in 0..<(took < .milliseconds(500) ? 3 : 2) where took < subject.left {
      let old = try await TestRun.of(sources, plan, code: previous, subject, in: sandbox)
      if let report = old.counts { before.merge(costs(report), uniquingKeysWith: min) }
      guard round < 2, took < subject.left else { break }
      let new = try await TestRun.of(sources, plan, code: subject.code, subject, in: sandbox)
      if let report = new.counts { now.merge(costs(report), uniquingKeysWith: min) }
    }
    let both = Set(now.keys).intersection(before.keys)
    guard !both.isEmpty else {
      measure.reason = "No test passes with this version and the one before."
      return measure
    }
    measure.comparison = Comparison(
      now: both.reduce(0) { $0 + (now[$1] ?? 0) },
      before: both.reduce(0) { $0 + (before[$1] ?? 0) }, tests: both.count)
    return measure
  }

  private static func costs(_ report: TestReport) -> [Key: Double] {
    var costs: [Key: Double] = [:]
    for (place, text) in report.texts.enumerated() {
      for result in text.results where result.outcome == "passed" {
        guard let number = result.number, let cpu = result.cpu, cpu >= 0 else { continue }
        costs[Key(text: place, number: number, name: result.name)] = cpu
      }
    }
    return costs
  }
}
