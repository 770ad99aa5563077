public import Domain

/// Types by mypy, run inside the warm interpreter of the `test` image with our own options. Packages
/// that the image lacks count as untyped. Comments that would silence it are made meaningless first,
/// and reported.
public struct TypesEvaluator: AxisEvaluator {
  public init() {}

  public var names: [EvaluationAxis.Name] { [.types] }

  public func evaluate(
    _ subject: EvaluationSubject, in sandbox: any CodeSandbox
  ) async throws(SandboxError) -> [EvaluationAxis] {
    let lint = LintRun(sandbox: sandbox, subject: subject)
    let report: JSONValue
    switch try await lint.run(PackageResources.lint_types_py, memory: .mebibytes(1_024)) {
    case .notRun(let why): return [.notRun(.types, because: why)]
    case .told(let told, _): report = told
    }
    guard report["missing"]?.array?.isEmpty == true else {
      return [
        .notRun(.types, because: "mypy is not installed here: \(LintRun.missingImage).")
      ]
    }
    if let broken = report["broken"]?.string {
      return [.notRun(.types, because: "mypy gave no answer: \(LintRun.shown(broken))")]
    }
    let findings = LintRun.findings(report)
    let count = max(report["count"]?.integer ?? 0, findings.count)
    let evidence = findings.map {
      EvaluationAxis.Evidence(
        line: $0.line, rule: $0.rule, message: $0.message, source: .tool)
    }
    return [
      EvaluationAxis(
        name: .types, verdict: count == 0 ? .pass : .fail,
        reason: count == 0 ? nil : "\(count) error\(count == 1 ? "" : "s") of type.",
        value: Double(count), threshold: 0,
        tool: LintRun.shown(report["version"]?.string ?? "mypy", limit: 40),
        evidence: Array((evidence + LintRun.silencers(report)).prefix(LintRun.mostEvidence)))
    ]
  }
}
