import Domain

/// One of our Python programs that reads judged code in the sandbox. The code comes on its standard
/// input and is never run; the answer is checked, for a parser that broke could say anything.
struct LintRun: Sendable {
  /// A claim of a tool about a line.
  struct Finding: Sendable {
    var line: Int?
    var rule: String
    var cwe: Int?
    var severity: EvaluationCriteria.Severity?
    var isSure: Bool
    var message: String
  }

  enum Outcome: Sendable {
    /// What the program reported.
    case told(JSONValue, image: SandboxImage)
    case notRun(String)
  }

  let sandbox: any CodeSandbox
  let subject: EvaluationSubject

  /// Runs in the `test` image, and where that is not prepared in the one that needs none: the
  /// program says which tools it missed.
  func run(
    _ program: [UInt8], modules: [SandboxFile] = [], memory: ByteCount = .mebibytes(512)
  ) async throws(SandboxError) -> Outcome {
    let time = subject.left
    var task = SandboxTask(
      .python(String(decoding: program, as: UTF8.self)), image: .test,
      files: modules + [
        SandboxFile("lint_source.py", PackageResources.lint_source_py),
        SandboxFile("stet_coding.py", PackageResources.stet_coding_py),
      ],
      input: Array(subject.code.utf8),
      limits: SandboxLimits(
        time: time, processorTime: time, memory: memory, output: .mebibytes(1)))
    let result: SandboxResult
    do throws(SandboxError) {
      result = try await sandbox.run(task)
    } catch  where error.code == .imageMissing {
      task.image = .python
      result = try await sandbox.run(task)
    }
    guard let report = result.report else { return .notRun(Self.silence(result)) }
    if let trouble = report["trouble"], trouble != .null {
      return .notRun(Self.unreadable(trouble))
    }
    return .told(report, image: task.image)
  }

  static func unreadable(_ trouble: JSONValue) -> String {
    let message = shown(trouble["message"]?.string ?? "")
    guard let line = trouble["line"]?.integer else { return "The code does not parse: \(message)." }
    return "The code does not parse: line \(line): \(message)."
  }

  private static func silence(_ result: SandboxResult) -> String {
    switch result.end {
    case .timedOut: "It was not known in time."
    case .outOfMemory: "Reading the code took more memory than it may."
    case .exited(let code): "The tool ended with status \(code) and told nothing."
    case .signaled(let signal): "The tool was ended by signal \(signal) and told nothing."
    }
  }

  /// Texts of judged code and of tools, masked and harmless to show.
  static func shown(_ text: String, limit: Int = 400) -> String {
    Defanged.forTerminal(SecretMask.masked(text).text, oneLine: true, limit: limit)
  }

  static func findings(_ report: JSONValue, _ key: String = "findings") -> [Finding] {
    (report[key]?.array ?? []).prefix(mostEvidence).compactMap { each in
      guard let message = each["message"]?.string else { return nil }
      return Finding(
        line: each["line"]?.integer.flatMap { $0 > 0 ? $0 : nil },
        rule: shown(each["rule"]?.string ?? "unnamed", limit: 80), cwe: each["cwe"]?.integer,
        severity: each["severity"]?.string.flatMap(EvaluationCriteria.Severity.init),
        isSure: each["confidence"]?.string != "low", message: shown(message))
    }
  }

  /// What the code says to silence tools, which had no effect.
  static func silencers(_ report: JSONValue) -> [EvaluationAxis.Evidence] {
    findings(report, "silencers").map {
      .init(line: $0.line, rule: $0.rule, message: $0.message, source: .tool, isFailure: false)
    }
  }

  static let mostEvidence = 200
  static let missingImage = "prepare them with `stet sandbox prepare test`"
}

extension EvaluationCriteria.Severity {
  var rank: Int {
    switch self {
    case .low: 0
    case .medium: 1
    case .high: 2
    }
  }
}
