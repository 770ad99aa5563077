import Domain
import Foundation
import Synchronization

/// What the axes come to together.
enum EvaluationDecision {
  /// An axis that the criteria name and that fails makes the whole fail. Where correctness could not
  /// be known although tests were given, or nothing at all could be, that is an error: silence is no
  /// pass.
  /// - Parameter broken: axes whose evaluator threw or was late.
  static func verdict(
    _ axes: [EvaluationAxis], criteria: EvaluationCriteria, hasTests: Bool,
    broken: Set<EvaluationAxis.Name>
  ) -> Evaluation.Verdict {
    let counted = axes.filter { criteria.axes.contains($0.name) }
    if counted.contains(where: { $0.verdict == .fail }) { return .fail }
    if let correctness = counted.first(where: { $0.name == .correctness }),
      correctness.verdict == .notRun, hasTests || broken.contains(.correctness)
    {
      return .error
    }
    if !counted.isEmpty, counted.allSatisfy({ $0.verdict == .notRun }) { return .error }
    return .pass
  }

  /// What became better, worse or new, one sentence each, the worse first.
  static func changes(from old: Evaluation, to new: Evaluation) -> [String] {
    var worse: [String] = []
    var better: [String] = []
    for axis in new.axes {
      guard let before = old.axis(axis.name) else { continue }
      let name = axis.name.rawValue
      switch (before.verdict, axis.verdict) {
      case (.fail, .pass): better.append("\(name) passes now.")
      case (.pass, .fail): worse.append("\(name) passed before and fails now.")
      case (.notRun, .pass), (.notRun, .fail):
        better.append("\(name) was judged for the first time: \(axis.verdict.rawValue).")
      case (_, .notRun) where before.verdict != .notRun:
        worse.append("\(name) was judged before and could not be now.")
      default: break
      }
      if let a = before.value, let b = axis.value, a != b, before.threshold == axis.threshold {
        let sentence = "\(name) went from \(figure(a)) to \(figure(b))."
        let isHigherBetter = axis.name == .correctness
        if (b > a) == isHigherBetter { better.append(sentence) } else { worse.append(sentence) }
      }
      let known = Dictionary(grouping: before.evidence.filter(\.isFailure), by: Mark.init)
      let found = Dictionary(grouping: axis.evidence.filter(\.isFailure), by: Mark.init)
      // Of several of one rule nobody can tell which was there before: the last stands for them.
      for (mark, evidence) in found.sorted(by: { $0.key.text < $1.key.text }) {
        let more = evidence.count - (known[mark]?.count ?? 0)
        guard more > 0, let last = evidence.last else { continue }
        let others = more == 1 ? "" : " (and \(more - 1) more of the kind)"
        worse.append("New in \(name): \(last.message)\(others)")
      }
      let gone = known.reduce(0) { $0 + max($1.value.count - (found[$1.key]?.count ?? 0), 0) }
      if gone > 0, axis.verdict != .notRun {
        better.append("\(gone) finding\(gone == 1 ? "" : "s") of \(name) gone.")
      }
    }
    return Array((worse + better).prefix(40))
  }

  /// Lines move between rounds, so a finding is known by its rule, or else its words.
  private struct Mark: Hashable {
    var text: String
    init(_ evidence: EvaluationAxis.Evidence) { text = evidence.rule ?? evidence.message }
  }

  static func figure(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e9
      ? String(Int(value)) : String(format: "%.2f", value)
  }

  /// The report with every secret masked.
  static func masked(_ evaluation: Evaluation) -> Evaluation {
    var masked = evaluation
    masked.stdout = SecretMask.masked(evaluation.stdout).text
    masked.stderr = SecretMask.masked(evaluation.stderr).text
    masked.changes = evaluation.changes?.map { SecretMask.masked($0).text }
    masked.axes = evaluation.axes.map { axis in
      var axis = axis
      axis.reason = axis.reason.map { SecretMask.masked($0).text }
      axis.evidence = axis.evidence.map { evidence in
        var evidence = evidence
        evidence.message = SecretMask.masked(evidence.message).text
        evidence.input = evidence.input.map { SecretMask.masked($0).text }
        return evidence
      }
      return axis
    }
    return masked
  }

  /// The report as a run's record keeps it.
  static func kept(_ evaluation: Evaluation) -> JSONValue? {
    (try? JSONEncoder().encode(masked(evaluation))).flatMap {
      try? JSONDecoder().decode(JSONValue.self, from: $0)
    }
  }
}

/// What the tests printed, told by one evaluator while others still run.
final class PrintedText: Sendable {
  private let held = Mutex((output: "", error: ""))

  func set(_ output: String, _ error: String) { held.withLock { $0 = (output, error) } }
  var text: (output: String, error: String) { held.withLock { $0 } }
}
