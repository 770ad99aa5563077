import Domain
import UseCases

/// A report for people: the verdict, then each axis with what speaks for it.
struct EvaluationText {
  let terminal: Terminal
  let path: String

  func of(_ evaluation: Evaluation) -> String {
    var lines = [heading(evaluation), ""]
    for axis in evaluation.axes { lines += of(axis) }
    if let changes = evaluation.changes, !changes.isEmpty {
      lines += ["", terminal.styled("Since the round before", .bold)]
      lines += changes.map { "  \(shown($0))" }
    }
    let printed = (evaluation.stdout + evaluation.stderr).split(
      separator: "\n", omittingEmptySubsequences: false)
    if printed.contains(where: { !$0.allSatisfy(\.isWhitespace) }) {
      lines += ["", terminal.styled("Printed by the code", .bold)]
      lines += printed.prefix(10).map { "  \(Defanged.forTerminal(String($0), limit: 200))" }
      if printed.count > 10 { lines.append("  … \(printed.count - 10) more lines") }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What trying mutants has added to a report.
  func ofMutation(_ before: Evaluation, _ after: Evaluation) -> String {
    guard let old = before.axis(.correctness), let new = after.axis(.correctness) else { return "" }
    let sentence = String((new.reason ?? "").dropFirst((old.reason ?? "").count))
      .drop { $0 == " " }
    let added = new.evidence.dropFirst(old.evidence.count)
    var lines = ["mutation     \(shown(String(sentence)))"]
    for one in added.prefix(20) { lines += of(one, mark: terminal.styled("·", .faint)) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func heading(_ evaluation: Evaluation) -> String {
    let name = path == "-" ? "standard input" : shown(path)
    let word: String =
      switch evaluation.verdict {
      case .pass: terminal.styled("pass", .green)
      case .fail: terminal.styled("fail", .red)
      case .error: terminal.styled("error: nothing could be said", .yellow)
      }
    let seconds = (evaluation.seconds * 10).rounded() / 10
    return "\(terminal.styled(name, .bold)): \(word) (\(seconds) s, run \(evaluation.run))"
  }

  private func of(_ axis: EvaluationAxis) -> [String] {
    let name = axis.name.rawValue
    let word: (text: String, style: Terminal.Style) =
      switch axis.verdict {
      case .pass: ("pass", .green)
      case .fail: ("fail", .red)
      case .notRun: ("not run", .faint)
      }
    let gap = String(repeating: " ", count: max(1, 13 - name.count))
    let after = String(repeating: " ", count: max(1, 9 - word.text.count))
    var line = name + gap + terminal.styled(word.text, word.style) + after
    if let reason = axis.reason { line += shown(reason) }
    var lines = [line.trimmingTrailingBlanks]
    if !axis.tool.isEmpty, axis.verdict != .notRun {
      lines.append(terminal.styled("             by \(shown(axis.tool))", .faint))
    }
    // What is no failure is told in the JSON; here it would hide what is.
    let failures = axis.evidence.filter(\.isFailure)
    let rest = axis.evidence.filter { !$0.isFailure }
    for one in failures.prefix(20) { lines += of(one, mark: terminal.styled("✗", .red)) }
    if failures.count > 20 { lines.append("  … \(failures.count - 20) more") }
    for one in rest.prefix(8) { lines += of(one, mark: terminal.styled("·", .faint)) }
    if rest.count > 8 { lines.append("  … \(rest.count - 8) more notes: --format json") }
    return lines
  }

  private func of(_ evidence: EvaluationAxis.Evidence, mark: String) -> [String] {
    var line = "  \(mark) "
    if let number = evidence.line { line += "line \(number): " }
    line += shown(evidence.message)
    if evidence.source == .tool, let rule = evidence.rule { line += " [\(shown(rule))]" }
    if let cwe = evidence.cwe { line += " (CWE-\(cwe))" }
    guard let input = evidence.input else { return [line] }
    return [line, "      with \(shown(input))"]
  }

  private func shown(_ text: String) -> String {
    Defanged.forTerminal(text, oneLine: true, limit: 1_000)
  }
}

extension String {
  fileprivate var trimmingTrailingBlanks: String {
    var text = self[...]
    while text.last == " " { text = text.dropLast() }
    return String(text)
  }
}
