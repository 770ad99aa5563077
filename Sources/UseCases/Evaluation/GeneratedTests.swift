import Domain

/// Calls of annotated functions with values that Stet makes up.
///
/// Nobody has said what such a call has to give, so it fails code only by a crash that is a defect
/// whatever is meant: a name that is not defined, or a value of the very type that the annotation
/// promises to take and that the code cannot handle. What it raises by a statement of its own is
/// meant. A crash counts where two runs show it with the same input.
struct GeneratedTests: Sendable {
  struct Note: Sendable, Decodable {
    var message: String
    var input: String
  }

  struct Crash: Sendable, Hashable, Decodable {
    var message: String
    var input: String
    var line: Int
    var kind: String
  }

  struct Function: Sendable, Decodable {
    var name: String
    var line: Int
    var calls: Int
    var crash: Crash?
    var notes: [Note]
    /// An input for which the version before gave something else.
    var differs: Note?
  }

  private struct Report: Decodable {
    var complete: Bool
    var functions: [Function]
    var broken: TestReport.Detail?
  }

  private(set) var functions: [Function] = []
  /// Why the code cannot be imported.
  private(set) var broken: TestReport.Detail?
  private(set) var tool = ""

  static func outcome(
    _ plan: TestPlan, _ subject: EvaluationSubject, in sandbox: any CodeSandbox
  ) async -> Result<GeneratedTests, SandboxError> {
    do throws(SandboxError) {
      return .success(try await of(plan, subject, in: sandbox))
    } catch {
      return .failure(error)
    }
  }

  private static func of(
    _ plan: TestPlan, _ subject: EvaluationSubject, in sandbox: any CodeSandbox
  ) async throws(SandboxError) -> GeneratedTests {
    var members: [String: JSONValue] = [
      "code": .string(subject.code), "path": .string(subject.path),
    ]
    members["previous"] = subject.previous.map(JSONValue.string)
    let image = TestRun.image([], plan)
    let time = min(max(subject.left - .seconds(1), .milliseconds(500)), .seconds(10))
    let task = PythonHarness.properties.task(
      members, image: image, files: [SandboxFile(subject.path, text: subject.code)],
      limits: SandboxLimits(time: time, processorTime: time, output: ByteCount(4_096)))
    guard let first = report(try await sandbox.run(task)) else { return GeneratedTests() }
    var found = GeneratedTests()
    found.broken = first.broken
    found.functions = first.functions
    guard first.functions.contains(where: { $0.crash != nil || $0.differs != nil }) else {
      return found
    }
    let second = report(try await sandbox.run(task))
    for place in found.functions.indices {
      let again = second?.functions.first { $0.name == found.functions[place].name }
      if again?.crash != found.functions[place].crash { found.functions[place].crash = nil }
      if again?.differs?.input != found.functions[place].differs?.input {
        found.functions[place].differs = nil
      }
    }
    return found
  }

  private static func report(_ result: SandboxResult) -> Report? {
    guard result.succeeded, let report = result.report?.decoded(as: Report.self), report.complete
    else { return nil }
    return report
  }

  var calls: Int { functions.reduce(0) { $0 + $1.calls } }

  /// What was tried, to stand behind another sentence; empty where nothing was.
  var sentence: String {
    guard calls > 0 else { return "" }
    let count = functions.filter { $0.crash != nil }.count
    let found = count == 0 ? "no defect" : "\(count) \(count == 1 ? "defect" : "defects")"
    return " \(calls) generated calls showed \(found)."
  }

  func evidence(_ subject: EvaluationSubject) -> [EvaluationAxis.Evidence] {
    var all: [EvaluationAxis.Evidence] = []
    for function in functions {
      let rule = TestText.shown("generated::\(function.name)", 200)
      func told(
        _ words: String, _ input: String, line: Int?, isFailure: Bool,
        _ kind: EvaluationAxis.Evidence.FailureKind?
      ) -> EvaluationAxis.Evidence {
        EvaluationAxis.Evidence(
          line: line.flatMap { $0 > 0 ? $0 : nil }, rule: rule,
          message: TestText.shown("\(function.name) \(words)", 500),
          input: TestText.shown(input, 400), source: .generated, isFailure: isFailure, kind: kind)
      }
      if let crash = function.crash {
        all.append(
          told(
            "crashes on a value that its annotation allows: \(crash.message)", crash.input,
            line: crash.line, isFailure: true,
            EvaluationAxis.Evidence.FailureKind(rawValue: crash.kind)))
      }
      if let differs = function.differs {
        all.append(
          told(
            differs.message, differs.input, line: function.line,
            isFailure: subject.keepsBehaviour, subject.keepsBehaviour ? .assertion : nil))
      }
      for note in function.notes.prefix(2) {
        all.append(told(note.message, note.input, line: function.line, isFailure: false, nil))
      }
    }
    return Array(all.prefix(30))
  }

  /// What is known where no tests were given.
  func axis(_ subject: EvaluationSubject) -> EvaluationAxis {
    // A program that waits for input, or ends itself, does no wrong.
    if let broken, broken.failureKind != .exited, !broken.message.hasPrefix("EOFError") {
      let sentence = TestText.shown("The code cannot be imported: \(broken.message)", 600)
      return EvaluationAxis(
        name: .correctness, verdict: .fail, reason: sentence, value: 0, threshold: 1,
        tool: "Python",
        evidence: [
          .init(
            line: broken.line.flatMap { $0 > 0 ? $0 : nil }, message: sentence,
            kind: broken.failureKind)
        ])
    }
    guard calls > 0 else { return .notRun(.correctness, because: "No tests were given.") }
    let evidence = evidence(subject)
    return EvaluationAxis(
      name: .correctness, verdict: evidence.contains { $0.isFailure } ? .fail : .pass,
      reason: "No tests were given.\(sentence)", tool: "Python", evidence: evidence)
  }
}
