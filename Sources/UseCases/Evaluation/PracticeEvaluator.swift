public import Domain
import Foundation

/// Good practice: the complexity of each function, measured by our own program, and what ruff finds.
///
/// ruff runs with our choice of rules and none of the code's own settings; comments that would
/// silence it have no effect and are reported. Without the `test` image complexity alone counts.
public struct PracticeEvaluator: AxisEvaluator {
  public init() {}

  public var names: [EvaluationAxis.Name] { [.practice] }

  public func evaluate(
    _ subject: EvaluationSubject, in sandbox: any CodeSandbox
  ) async throws(SandboxError) -> [EvaluationAxis] {
    let lint = LintRun(sandbox: sandbox, subject: subject)
    async let asked = ruff(subject, in: sandbox)
    let outcome: LintRun.Outcome
    do throws(SandboxError) {
      outcome = try await lint.run(PackageResources.lint_practice_py)
    } catch {
      _ = await asked
      throw error
    }
    let found = await asked
    guard case .told(let report, _) = outcome else {
      if case .notRun(let why) = outcome { return [.notRun(.practice, because: why)] }
      return [.notRun(.practice, because: "Nothing was told.")]
    }
    return [axis(report, found, subject.criteria)]
  }

  private func axis(
    _ report: JSONValue, _ found: RuffAnswer, _ criteria: EvaluationCriteria
  ) -> EvaluationAxis {
    let functions = report["functions"]?.array ?? []
    let highest = functions.compactMap { $0["value"]?.integer }.max() ?? 1
    var evidence: [EvaluationAxis.Evidence] = functions.compactMap { each in
      guard let value = each["value"]?.integer, value > criteria.complexity else { return nil }
      let name = LintRun.shown(each["name"]?.string ?? "", limit: 120)
      return .init(
        line: each["line"]?.integer, rule: "complexity",
        message: "\(name) has a cyclomatic complexity of \(value), more than "
          + "\(criteria.complexity): split it.", source: .tool)
    }
    let complex = evidence.count
    evidence += found.evidence + LintRun.silencers(report)
    let failures = found.failures
    var reasons: [String] = []
    if complex > 0 {
      reasons.append(
        "\(complex) function\(complex == 1 ? " is" : "s are") too complex")
    }
    if failures > 0 {
      reasons.append("\(failures) finding\(failures == 1 ? "" : "s") of ruff")
    }
    if let missing = found.missing { reasons.append(missing) }
    // Code that breaks the tool, or floods it, has not shown that there is nothing to find.
    let verdict: EvaluationAxis.Verdict =
      complex + failures > 0 ? .fail : found.isBroken ? .notRun : .pass
    return EvaluationAxis(
      name: .practice, verdict: verdict,
      reason: reasons.isEmpty ? nil : reasons.joined(separator: "; ") + ".",
      value: Double(highest), threshold: Double(criteria.complexity),
      tool: found.version ?? "",
      evidence: Array(
        (evidence.filter(\.isFailure) + evidence.filter { !$0.isFailure })
          .prefix(LintRun.mostEvidence)))
  }

  // MARK: - ruff

  private struct RuffAnswer: Sendable {
    var evidence: [EvaluationAxis.Evidence] = []
    /// Findings that fail the axis, also those that `evidence` has no room for.
    var failures = 0
    var version: String?
    /// Why ruff said nothing, or not all.
    var missing: String?
    /// It is there, and did not come to an end or said more than can be read.
    var isBroken = false
  }

  private func ruff(_ subject: EvaluationSubject, in sandbox: any CodeSandbox) async -> RuffAnswer {
    let time = subject.left
    let command = [
      "ruff", "check", "--isolated", "--no-cache", "--ignore-noqa", "--exit-zero",
      "--output-format", "concise", "--target-version", "py313", "--line-length", "100",
      "--select", RuffRules.selected.joined(separator: ","), "--stdin-filename", "judged.py", "-",
    ]
    let task = SandboxTask(
      .command(command), image: .test, input: Array(subject.code.utf8),
      limits: SandboxLimits(time: time, processorTime: time, output: .mebibytes(8)))
    let result: SandboxResult
    do throws(SandboxError) {
      result = try await sandbox.run(task)
    } catch  where error.code == .imageMissing {
      return RuffAnswer(missing: "ruff is not installed here: \(LintRun.missingImage)")
    } catch {
      return RuffAnswer(missing: "ruff was not run: \(error.detail)", isBroken: true)
    }
    guard result.succeeded else {
      return RuffAnswer(missing: "ruff gave no answer", isBroken: true)
    }
    var lines = result.outputText.split(whereSeparator: \.isNewline)
    let isCut = result.lostOutput > 0
    if isCut { lines = lines.dropLast() }
    let found = lines.compactMap(RuffFinding.init).map { finding in
      EvaluationAxis.Evidence(
        line: finding.line, rule: finding.rule, message: LintRun.shown(finding.message),
        source: .tool, isFailure: RuffRules.fails(finding.rule))
    }
    let failing = found.filter(\.isFailure)
    return RuffAnswer(
      evidence: Array((failing + found.filter { !$0.isFailure }).prefix(LintRun.mostEvidence)),
      failures: failing.count, version: await version(in: sandbox),
      missing: isCut ? "ruff found more than can be read" : nil, isBroken: isCut)
  }

  /// Asked once for each sandbox would need a place to keep it; it costs some milliseconds.
  private func version(in sandbox: any CodeSandbox) async -> String {
    let task = SandboxTask(.command(["ruff", "--version"]), image: .test)
    guard let result = try? await sandbox.run(task), result.succeeded else { return "ruff" }
    return LintRun.shown(
      result.outputText.trimmingCharacters(in: .whitespacesAndNewlines), limit: 40)
  }
}

/// Our choice of ruff's rules: what is wrong, or likely to be, fails; what could be said better is
/// reported. Security has an axis of its own, layout belongs to formatters.
enum RuffRules {
  static let selected = [
    "E4", "E7", "E9", "W605", "F", "B", "PLE", "PLW", "C4", "SIM", "UP", "PIE", "RET", "PERF",
    "ASYNC", "FURB", "N",
  ]

  /// Prefixes of rules of the selection that fail the axis.
  private static let failing = [
    "syntax", "invalid-syntax", "E9", "E711", "E712", "E721", "E722", "F5", "F6", "F7", "F821",
    "F822", "F823", "F402", "F404", "F407", "F811", "PLE", "B002", "B003", "B004", "B005", "B006",
    "B012", "B013", "B014", "B015", "B016", "B017", "B018", "B020", "B021", "B022", "B023",
    "B025", "B026", "B029", "B030", "B031", "B032", "B033", "B035", "B039", "PLW0120", "PLW0127",
    "PLW0128", "PLW0131", "PLW0133", "PLW0177", "PLW0211", "PLW0245", "PLW0711", "PLW1501",
    "PLW2101", "ASYNC2",
  ]
  /// `"%s" % …` and `str.format` with a harmless surplus.
  private static let mild: Set = ["F541", "F504", "F522", "F523"]

  static func fails(_ rule: String) -> Bool {
    !mild.contains(rule) && failing.contains { rule.hasPrefix($0) }
  }
}

/// A line of ruff's concise output: `judged.py:ROW:COLUMN: RULE [*] MESSAGE`.
struct RuffFinding {
  var line: Int
  var rule: String
  var message: String

  /// `nil` for a line that is no finding, such as the count at the end.
  init?(_ text: Substring) {
    let parts = text.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == "judged.py", let line = Int(parts[1]),
      Int(parts[2]) != nil
    else { return nil }
    let words = parts[3].drop(while: \.isWhitespace)
    let end = words.firstIndex(of: " ") ?? words.endIndex
    var name = words[..<end]
    if name.last == ":" { name = name.dropLast() }
    var rest = words[end...].drop(while: \.isWhitespace)
    if rest.hasPrefix("[*] ") { rest = rest.dropFirst(4) }
    self.line = line
    rule = name == "SyntaxError" ? "syntax" : String(name)
    message = String(rest)
  }
}
