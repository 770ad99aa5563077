public import Domain

/// Security: a pass of our own that follows input to where it must not arrive unchecked, and bandit
/// where the `test` image is prepared. `nosec` has no effect and is reported.
///
/// A finding fails the axis where its severity reaches that of the criteria and its tool is not
/// unsure of it.
public struct SecurityEvaluator: AxisEvaluator {
  /// The parts of the pass, imported by the program beside it.
  static let modules = [
    SandboxFile("taint.py", PackageResources.taint_py),
    SandboxFile("taint_calls.py", PackageResources.taint_calls_py),
    SandboxFile("taint_expressions.py", PackageResources.taint_expressions_py),
    SandboxFile("taint_flow.py", PackageResources.taint_flow_py),
    SandboxFile("taint_guards.py", PackageResources.taint_guards_py),
    SandboxFile("taint_scopes.py", PackageResources.taint_scopes_py),
    SandboxFile("taint_tables.py", PackageResources.taint_tables_py),
    SandboxFile("taint_values.py", PackageResources.taint_values_py),
  ]
  static let passVersion = "stet-taint 1"

  public init() {}

  public var names: [EvaluationAxis.Name] { [.security] }

  public func evaluate(
    _ subject: EvaluationSubject, in sandbox: any CodeSandbox
  ) async throws(SandboxError) -> [EvaluationAxis] {
    let lint = LintRun(sandbox: sandbox, subject: subject)
    let report: JSONValue
    switch try await lint.run(PackageResources.lint_security_py, modules: Self.modules) {
    case .notRun(let why): return [.notRun(.security, because: why)]
    case .told(let told, _): report = told
    }
    let least = subject.criteria.severity
    let findings = LintRun.findings(report)
    let evidence = findings.map { finding in
      EvaluationAxis.Evidence(
        line: finding.line, rule: finding.rule, cwe: finding.cwe,
        message: "\(finding.severity?.rawValue ?? "low"): \(finding.message)", source: .tool,
        isFailure: finding.isSure && (finding.severity ?? .low).rank >= least.rank)
    }
    let count = evidence.filter(\.isFailure).count
    var reasons: [String] = []
    var isBroken = false
    if count > 0 {
      reasons.append(
        "\(count) finding\(count == 1 ? "" : "s") of severity \(least.rawValue)"
          + (least == .high ? "" : " or more"))
    }
    if report["missing"]?.array?.isEmpty == false {
      reasons.append("bandit is not installed here: \(LintRun.missingImage)")
    } else if let broken = report["broken"]?.string {
      isBroken = true
      reasons.append("bandit gave no answer: \(LintRun.shown(broken, limit: 120))")
    }
    if report["complete"] == .bool(false) {
      reasons.append("the code is too large for every way through it to be followed")
    }
    let tools = [Self.passVersion, report["version"]?.string].compactMap(\.self)
    return [
      EvaluationAxis(
        name: .security, verdict: count > 0 ? .fail : isBroken ? .notRun : .pass,
        reason: reasons.isEmpty ? nil : reasons.joined(separator: "; ") + ".",
        value: Double(count), threshold: 0,
        tool: LintRun.shown(tools.joined(separator: ", "), limit: 80),
        evidence: Array((evidence + LintRun.silencers(report)).prefix(LintRun.mostEvidence)))
    ]
  }
}
