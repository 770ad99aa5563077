import Domain

/// What the run of the tests told.
struct TestReport: Sendable, Decodable {
  struct Detail: Sendable, Decodable {
    var kind: String
    var message: String
    /// Of the judged code.
    var line: Int?
    /// Of the tests.
    var testLine: Int?
    var input: String?
    var importing: Bool?

    var failureKind: EvaluationAxis.Evidence.FailureKind {
      EvaluationAxis.Evidence.FailureKind(rawValue: kind) ?? .exception
    }
  }

  struct One: Sendable, Decodable {
    /// Where the test stands in the plan; `nil` for one that does not stand in the text.
    var number: Int?
    var name: String?
    var outcome: String
    var detail: Detail?
    /// Processor seconds.
    var cpu: Double?
  }

  struct Text: Sendable, Decodable {
    var path: String
    var results: [One]
    /// What kept tests from being run.
    var broken: [Detail]
    var tampered: [String]
    /// Tests that had to fail and did.
    var canaries: Int
    var unfinished: String?
    /// It is unfinished because the time for all tests was up, whoever took it.
    var late: Bool?
  }

  /// False in what was told on the way.
  var complete: Bool
  var texts: [Text]
  var tools: [String: String]
  /// Of the largest process, KiB.
  var peak: Int
}

/// One way to run all tests of a plan.
struct TestRun: Sendable {
  var plan: TestPlan
  var sources: [TestPlan.Source]
  var report: TestReport?
  var result: SandboxResult

  /// Room for Python itself to start and end.
  private static let margin = Duration.milliseconds(700)

  static func of(
    _ sources: [TestPlan.Source], _ plan: TestPlan, code: String, _ subject: EvaluationSubject,
    in sandbox: any CodeSandbox
  ) async throws(SandboxError) -> TestRun {
    let time = max(subject.left - margin, .milliseconds(500))
    let values: [String: JSONValue] = [
      "code": .string(code), "path": .string(subject.path),
      "limit": .number(subject.testLimit.seconds), "time": .number(time.seconds),
      "sources": .array(sources.map(given)),
    ]
    var files = [SandboxFile(subject.path, text: code)]
    files += plan.sources.map { SandboxFile($0.file, text: $0.test.text) }
    let limits = SandboxLimits(
      time: time + margin, processorTime: time + margin, memory: .mebibytes(1024),
      output: ByteCount(256 << 10))
    let task = PythonHarness.tests.task(
      values, image: image(sources, plan), files: files, limits: limits)
    let result = try await sandbox.run(task)
    return TestRun(
      plan: plan, sources: sources, report: result.report?.decoded(as: TestReport.self),
      result: result)
  }

  private static func given(_ source: TestPlan.Source) -> JSONValue {
    var members: [String: JSONValue] = [:]
    if case .object(let planned) = source.given { members = planned }
    members["path"] = .string(source.test.path)
    members["file"] = .string(source.file)
    members["text"] = .string(source.test.text)
    members["tools"] = .array(source.tools.map(JSONValue.string))
    return .object(members)
  }

  /// The smallest image in which the tests can run.
  static func image(_ sources: [TestPlan.Source], _ plan: TestPlan) -> SandboxImage {
    guard !sources.isEmpty else { return needsNumbers(plan.imports) ? .data : .python }
    let byPytest = sources.contains { !$0.tools.isEmpty }
    // What other texts of tests import for them is needed too.
    let imports = plan.testImports(byPytest: byPytest)
    if needsNumbers(plan.imports.union(imports)) { return .data }
    return byPytest || !imports.isDisjoint(with: ["pytest", "hypothesis"]) ? .test : .python
  }

  private static func needsNumbers(_ imports: Set<String>) -> Bool {
    !imports.isDisjoint(with: ["numpy", "pandas"])
  }

  /// A report counts only where the run came to its own end and had told everything.
  var counts: TestReport? {
    guard result.succeeded, let report, report.complete, report.texts.count == sources.count
    else { return nil }
    return report
  }

  /// `NAME VERSION` of what ran the tests.
  var tool: String {
    guard let tools = report?.tools else { return "" }
    let python = tools["Python"].map { "Python \($0)" } ?? "Python"
    let others = tools.filter { $0.key != "Python" }.sorted { $0.key > $1.key }
      .map { "\($0.key) \($0.value)" }
    let isPlain = sources.contains { $0.form == .functions }
    return Defanged.forTerminal(
      ([isPlain && others.isEmpty ? python + " (test functions, without pytest)" : python]
        + others).joined(separator: ", "), oneLine: true, limit: 200)
  }
}
